// One setting: what it may be, who may set it, and what becomes of it.

package import Diagnostics

/// An entry of the table.
package struct SettingEntry: Hashable, Sendable {
    /// Who may set it.
    package enum Scope: Hashable, Sendable {
        /// The server's flags, environment and file.
        case server
        /// These, and each session with SET.
        case session
    }

    /// What becomes of it.
    package enum Treatment: Hashable, Sendable {
        /// Code reads it.
        case read
        /// Taken for the sake of files and scripts that were written for ksqlDB, and answered with the reason why it changes nothing: a
        /// sentence that goes on from "Millrace".
        case noted(String)
        /// Refused, because a server without it would not be what the operator asked for.
        case refused(String)
    }

    /// The name in files and in SET. A name that ends with `*` stands for all names that begin so.
    package let name: String
    /// What its value may be.
    package let kind: ValueKind
    /// The default as text, when there is one.
    package let defaultText: String?
    /// Who may set it.
    package let scope: Scope
    /// What becomes of it.
    package let treatment: Treatment
    /// What it decides.
    package let summary: String

    init(
        _ name: String, _ kind: ValueKind, default defaultText: String? = nil, _ scope: Scope, _ treatment: Treatment = .read,
        _ summary: String
    ) {
        self.name = name
        self.kind = kind
        self.defaultText = defaultText
        self.scope = scope
        self.treatment = treatment
        self.summary = summary
    }

    /// The default; nil where there is none. A test checks that it is a value of its kind.
    package var defaultValue: SettingContent? { defaultText.flatMap { try? kind.value(of: $0) } }

    /// Whether code reads it.
    package var isRead: Bool { treatment == .read }

    /// What it means here, for listings.
    package var meaning: String {
        switch treatment {
        case .read: summary
        case .noted(let reason): "accepted for ksqlDB's sake; Millrace \(reason)"
        case .refused(let reason): "refused: \(reason)"
        }
    }

    /// The notice for a client that sets it without effect; nil when it is read.
    package func notice(_ written: String) -> String? {
        guard case .noted(let reason) = treatment else { return isRead ? nil : "\(written) asks for nothing and is ignored" }
        return "\(written) is accepted for ksqlDB's sake and changes nothing: Millrace \(reason)"
    }
}

/// A setting that the table took.
package struct AcceptedSetting: Hashable, Sendable {
    /// The name under which it is kept: without prefix, and the same for all names that mean the same.
    package var name: String
    /// The text as written.
    package var text: String
    /// What it means.
    package var value: SettingContent
    /// The notice for a client that sets it without effect.
    package var notice: String?
}

extension SettingTable {
    /// Checks what a session wants to SET. `denied` are the names that the server does not let sessions change.
    ///
    /// Errors, all with the code `invalidSetting`: no such setting, one of the server's, one that is denied, no such value.
    package static func accept(_ name: String, value text: String, denied: Set<String> = []) throws(Diagnostic) -> AcceptedSetting {
        let entry = try settable(name, denied: denied)
        return try entry.accept(name, text)
    }

    /// Checks what a file or the environment says. Errors as of `accept`, but for whose setting it is.
    package static func listed(_ name: String, _ text: String) throws(Diagnostic) -> AcceptedSetting {
        guard let entry = entry(name) else {
            _ = try unknownSecuritySetting(name)?.accept(name, text)
            let similar = closestMatch(to: shortened(name), among: entries.lazy.filter(\.isRead).map(\.name))
            throw Diagnostic(
                .invalidSetting, "unknown setting '\(shortened(name))'", category: .general,
                hint: similar.map { "Did you mean \($0)?" } ?? "SHOW PROPERTIES lists the settings.")
        }
        return try entry.accept(name, text)
    }

    /// The setting of that name, if a session may change it.
    package static func settable(_ name: String, denied: Set<String> = []) throws(Diagnostic) -> SettingEntry {
        guard let entry = entry(name) else {
            throw Diagnostic(
                .invalidSetting, "Not recognizable as ksql, streams, consumer, or producer property: '\(shortened(name))'",
                hint: closestMatch(to: shortened(bareName(name)), among: entries.lazy.filter(\.isRead).map(\.name)).map {
                    "Did you mean '\($0)'?"
                })
        }
        if entry.scope == .server || denied.contains(entry.name) || denied.contains(name) {
            throw Diagnostic(
                .invalidSetting, "Cannot override property '\(shortened(name))'", hint: "It belongs to the server's configuration.")
        }
        return entry
    }
}

extension SettingEntry {
    /// Checks a value; `written` is the name as it was given. Errors: no such value, or the setting is refused whatever its value.
    func accept(_ written: String, _ text: String) throws(Diagnostic) -> AcceptedSetting {
        let value: SettingContent
        do throws(ValueProblem) { value = try kind.value(of: text) } catch {
            throw Diagnostic(.invalidSetting, "\(shortened(written)) \(error.reason)", category: .general)
        }
        // A file that says that there is none of it asks for nothing.
        let asksForNothing = ["", "none", "plaintext", "false"].contains(text.lowercased())
        if case .refused(let reason) = treatment, !asksForNothing {
            throw Diagnostic(.invalidSetting, "\(shortened(written)) cannot be honoured: \(reason)", category: .general, hint: refusalHint)
        }
        let kept = name.hasSuffix("*") ? SettingTable.bareName(written) : name
        return AcceptedSetting(name: kept, text: text, value: value, notice: notice(shortened(written)))
    }

    private var refusalHint: String { "Take it out of the configuration, so that nobody relies on it." }
}
