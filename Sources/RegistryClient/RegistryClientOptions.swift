// How an outside registry is reached, from settings that have the names and meanings of ksqlDB's.

package import Diagnostics
package import Quantities

/// How an outside registry is reached, and how patiently.
package struct RegistryClientOptions: Hashable, Sendable {
    /// Addresses without a user and without a slash at the end; the servers behind them have the same schemas.
    package var urls: [String]
    /// Basic authentication, as `name:password`.
    package var user: String?
    /// A file of the certificates (PEM) of the authorities that are trusted; nil for those of the system.
    package var authorities: String?
    /// The pause after all servers have failed; it doubles each time, up to a second.
    package var firstPause: Milliseconds = 100
    /// After that much time no request is tried again.
    package var patience: Milliseconds = 5_000
    /// How long it is believed that there is no such schema.
    package var missTime: Milliseconds = 1_000

    /// `urls` are addresses with commas between them. A user may stand in the first, or in `userInfo`; `source` says which of them counts:
    /// `URL`, or `USER_INFO`, which also counts where it is left out and there is a `userInfo`.
    ///
    /// Errors, with the code `invalidSetting`: no URL, or none of HTTP; a source of credentials that is not known, or has none.
    package init(urls text: String, source: String?, userInfo: String?, authorities: String?) throws(Diagnostic) {
        var urls: [String] = []
        var userOfURL: String?
        for part in text.split(separator: ",") {
            let (url, user) = try RegistryClientOptions.parts(of: part.trimmingBlanks)
            urls.append(url)
            userOfURL = userOfURL ?? user
        }
        guard !urls.isEmpty else { throw RegistryClientOptions.wrong("takes one URL or more, with commas between them") }
        self.urls = urls
        self.authorities = authorities
        switch source?.uppercased() {
        case nil: user = userInfo ?? userOfURL
        case "URL"?: user = userOfURL
        case "USER_INFO"?:
            guard let userInfo else {
                throw Diagnostic(
                    .invalidSetting, "the credentials of the schema registry are to come from USER_INFO, and there is none", category: .general,
                    hint: "Set ksql.schema.registry.basic.auth.user.info to name:password.")
            }
            user = userInfo
        case let other?:
            throw Diagnostic(
                .invalidSetting, "the credentials of the schema registry can come from URL or USER_INFO, not from \(other)", category: .general)
        }
    }

    /// Addresses as they can be shown: without users and passwords. What is no address is left out.
    package static func withoutLogin(_ urls: String) -> String {
        urls.split(separator: ",").compactMap { try? parts(of: $0.trimmingBlanks).url }.joined(separator: ",")
    }

    /// The address without the user, and the user, decoded.
    private static func parts(of url: String) throws(Diagnostic) -> (url: String, user: String?) {
        guard let scheme = ["http://", "https://"].first(where: { url.lowercased().hasPrefix($0) }) else {
            throw wrong("takes URLs that begin with http:// or https://")
        }
        var rest = url.dropFirst(scheme.count)
        while rest.last == "/" { rest.removeLast() }
        let end = rest.firstIndex { $0 == "/" } ?? rest.endIndex
        var user: String?
        if let at = rest[..<end].lastIndex(of: "@") {
            user = decoded(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        guard let first = rest.first, first != "/", !rest.contains(where: { $0.isWhitespace || $0 == "?" || $0 == "#" }) else {
            throw wrong("takes URLs with a host and without parameters")
        }
        return (scheme + rest, user)
    }

    // The text is not repeated: it may have a password in it.
    private static func wrong(_ problem: String) -> Diagnostic {
        Diagnostic(
            .invalidSetting, "ksql.schema.registry.url \(problem)", category: .general, hint: "An example: http://registry.example:8081")
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String { String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()) }
}
