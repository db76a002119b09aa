// SHOW SCHEMAS, DESCRIBE SCHEMA and ASSERT SCHEMA: what the registry has.

import Catalog
import Diagnostics
import Formats
import JSONText
import Platform
import Quantities
import Schemas
import Sessions
import Settings
import Syntax
import Values

extension StatementExecution {
    /// Errors: the registry does not answer.
    private func asking<Result>(_ body: () throws(RegistryError) -> Result) throws(Diagnostic) -> Result {
        do throws(RegistryError) { return try body() } catch {
            throw Diagnostic(.ioError, "the schema registry does not answer: \(error.message)", category: .general)
        }
    }

    /// Deletes the subjects of a source's topic, which is gone, softly. The statement is carried out by then: what goes wrong is a notice.
    func deleteSchemas(of source: SourceDefinition) {
        for (format, subject) in [
            (source.keyFormat, SchemaSubject.key(of: source.topic)), (source.valueFormat, SchemaSubject.value(of: source.topic)),
        ] where format.name.usesRegistry {
            do throws(RegistryError) { try engine.registry.delete(subject) } catch {
                sink.emit(.notice("the schema registry keeps the subject \(subject): \(error.message)"))
            }
        }
    }

    /// A row for the latest version of each subject.
    func schemas() throws(Diagnostic) -> Listing {
        var listing = Listing([("Subject", "STRING"), ("Version", "INTEGER"), ("Schema ID", "INTEGER"), ("Type", "STRING")])
        for latest in try asking({ () throws(RegistryError) in try engine.registry.summaries() }) {
            listing.add([.string(latest.subject), .integer(latest.version), .integer(latest.id.number), .string(latest.kind.rawValue)])
        }
        return listing
    }

    /// The latest version of a subject, with the columns that it comes to.
    func describeSchema(_ name: Name) throws(Diagnostic) -> AnswerSummary {
        guard let latest = try asking({ () throws(RegistryError) in try engine.registry.latest(of: name.text) }) else {
            let known = try asking { () throws(RegistryError) in try engine.registry.subjectNames() }
            throw Diagnostic(
                .unknownSource, "the schema registry has no subject '\(name.text)'", hint: nameSuggestion(for: name.text, among: known),
                at: name.span.range)
        }
        var lines = [
            "Subject              : \(latest.subject)", "Version              : \(latest.version)", "Schema ID            : \(latest.id)",
            "Type                 : \(latest.document.kind.rawValue)",
        ]
        for reference in latest.document.references {
            lines.append("Reference            : \(reference.name) (\(reference.subject), version \(reference.version))")
        }
        if let rules = latest.document.ruleNames { lines.append("Rules                : \(rules); Millrace does not carry them out") }
        lines += ["Schema               :"] + latest.document.text.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
        do throws(SchemaError) {
            let found = try InferredColumns(latest.document, naming: .upperCased, whole: WholeColumn(name: "ROWVAL", takesRecords: false))
            lines += ["Columns              :"] + found.columns.map { "  \($0.name) \($0.type)" } + found.dropped.map { "  without \($0)" }
        } catch {
            lines.append("Columns              : none, \(error.description)")
        }
        return answer(text: lines)
    }

    /// Why what ASSERT SCHEMA says does not hold; nil when it does.
    func schemaProblem(_ subject: String?, id: SchemaID?, exists: Bool) -> String? {
        let what = [subject.map { "subject name: \($0)" }, id.map { "id: \($0)" }].compactMap(\.self).joined(separator: ", ")
        let isThere: Bool
        do throws(RegistryError) {
            switch (subject, id) {
            case (let subject?, let id?):
                let versions = try engine.registry.subjects().first { $0.subject == subject }?.versions ?? []
                var isFound = false
                for version in versions where try engine.registry.version(version, of: subject)?.id == id { isFound = true }
                isThere = isFound
            case (let subject?, nil): isThere = try engine.registry.latest(of: subject) != nil
            case (nil, let id?): isThere = try engine.registry.schema(id) != nil
            case (nil, nil): return "ASSERT SCHEMA needs a SUBJECT or an ID"
            }
        } catch {
            return "Cannot check schema existence: \(error.message)"
        }
        if isThere == exists { return nil }
        return exists ? "Schema with \(what) does not exist" : "Schema with \(what) exists"
    }
}

extension Statement {
    /// Whether it asks the registry of schemas, which may be outside, and changes nothing.
    var asksRegistry: Bool {
        switch self {
        case .show(.schemas), .describe(.schema), .explainStatement(.createSource, _), .explainStatement(.createAs, _): true
        default: false
        }
    }
}
