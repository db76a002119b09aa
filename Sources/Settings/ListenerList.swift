// `listeners` of ksqlDB's server file: URLs with commas between them. Here they are addresses of the line protocol, without TLS.

package import Diagnostics

extension SettingTable {
    /// The addresses of a list such as `http://0.0.0.0:8088,http://[::1]:8089`.
    ///
    /// Errors, with the code `invalidSetting`: a URL that is none, `https`, which needs TLS, or no URL at all.
    package static func listenerAddresses(_ text: String) throws(Diagnostic) -> [NetworkAddress] {
        var addresses: [NetworkAddress] = []
        for part in text.split(separator: ",") {
            let url = String(part.drop { $0 == " " }.reversed().drop { $0 == " " || $0 == "/" }.reversed())
            guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { throw wrong(url) }
            let rest = String(url[url.index(colon, offsetBy: 3)...])
            switch url[..<colon].lowercased() {
            case "http": break
            case "https":
                throw Diagnostic(
                    .invalidSetting, "listeners cannot be honoured: no URL makes TLS: '\(shortened(url))'", category: .general,
                    hint: "An address with http is one of the line protocol, which speaks TLS where millrace.tls.certificate and millrace.tls.key say so.")
            default: throw wrong(url)
            }
            guard let address = NetworkAddress(rest, allowsZero: true) else { throw wrong(url) }
            addresses.append(address)
        }
        guard !addresses.isEmpty else { throw wrong(text) }
        return addresses
    }

    private static func wrong(_ url: String) -> Diagnostic {
        Diagnostic(
            .invalidSetting, "listeners takes URLs such as http://127.0.0.1:\(defaultPort), not '\(shortened(url))'", category: .general)
    }
}
