// Bodies of the URL functions.

import Values

extension FunctionLibrary {
    static let urls: [FunctionBody] = [
        FunctionBody("URL_ENCODE_PARAM", [.string], .vectorised(encodeParameter)),
        FunctionBody("URL_DECODE_PARAM", [.string], .vectorised(decodeParameter)),
        FunctionBody("URL_EXTRACT_PROTOCOL", [.string], .vectorised { call in extract(call, isEscaped: false) { $0.scheme } }),
        FunctionBody("URL_EXTRACT_HOST", [.string], .vectorised { call in extract(call, isEscaped: false) { $0.host } }),
        FunctionBody("URL_EXTRACT_PATH", [.string], .vectorised { call in extract(call, isEscaped: true) { $0.path } }),
        FunctionBody("URL_EXTRACT_QUERY", [.string], .vectorised { call in extract(call, isEscaped: true) { $0.query } }),
        FunctionBody("URL_EXTRACT_FRAGMENT", [.string], .vectorised { call in extract(call, isEscaped: true) { $0.fragment } }),
        FunctionBody(
            "URL_EXTRACT_PORT", [.string],
            .vectorised { call in
                call.words { row throws(EvaluationError) in try URIReference(call.arguments[0].text(row)).port.map(Int64.init) }
            }),
        FunctionBody("URL_EXTRACT_PARAMETER", [.string, .string], .vectorised(extractParameter)),
    ]

    private static func encodeParameter(_ call: FunctionCall) {
        call.texts { row, bytes in
            for byte in call.arguments[0].text(row) {
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x2E, 0x2A: bytes.append(byte)
                case 0x20: bytes.append(UInt8(ascii: "+"))
                default:
                    bytes.append(UInt8(ascii: "%"))
                    TextEncoding.hex.append(CollectionOfOne(byte), hexLetter: UInt8(ascii: "A"), to: &bytes)
                }
            }
            return true
        }
    }

    private static func decodeParameter(_ call: FunctionCall) {
        call.texts { row, bytes throws(EvaluationError) in
            let text = call.arguments[0].text(row)
            guard let decoded = URIReference.decoded(text, plusIsSpace: true) else {
                throw EvaluationError("'\(string(text))' has a broken escape")
            }
            bytes.append(contentsOf: decoded.utf8)
            return true
        }
    }

    private static func extract(_ call: FunctionCall, isEscaped: Bool, _ part: (URIReference) -> ArraySlice<UInt8>?) {
        call.texts { row, bytes throws(EvaluationError) in
            guard let part = part(try URIReference(call.arguments[0].text(row))) else { return false }
            if isEscaped { bytes.append(contentsOf: (URIReference.decoded(part) ?? "").utf8) } else { bytes.append(contentsOf: part) }
            return true
        }
    }

    /// The query is decoded as a whole before it is cut at `&` and `=`.
    private static func extractParameter(_ call: FunctionCall) {
        call.texts { row, bytes throws(EvaluationError) in
            guard let query = try URIReference(call.arguments[0].text(row)).query else { return false }
            let wanted = call.arguments[1].text(row)
            for pair in Array((URIReference.decoded(query) ?? "").utf8).split(separator: UInt8(ascii: "&")) {
                let name = pair.prefix { $0 != UInt8(ascii: "=") }
                guard name == wanted else { continue }
                bytes.append(contentsOf: pair[name.endIndex...].dropFirst())
                return true
            }
            return false
        }
    }
}
