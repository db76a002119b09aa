// What editors write in front of a text to say how it is encoded. Text files that are read here are UTF-8; a byte order mark in front
// of one is no part of it, and the marks of other encodings tell what is wrong with a file better than its first bad byte would.

/// A byte order mark.
package enum ByteOrderMark: CaseIterable, Sendable {
    // Those of UTF-32 first: the little-endian one begins as that of UTF-16 does.
    case utf8, utf32Little, utf32Big, utf16Little, utf16Big

    /// The bytes of the mark.
    package var bytes: [UInt8] {
        switch self {
        case .utf8: [0xEF, 0xBB, 0xBF]
        case .utf32Little: [0xFF, 0xFE, 0x00, 0x00]
        case .utf32Big: [0x00, 0x00, 0xFE, 0xFF]
        case .utf16Little: [0xFF, 0xFE]
        case .utf16Big: [0xFE, 0xFF]
        }
    }

    /// The name of the encoding.
    package var encoding: String {
        switch self {
        case .utf8: "UTF-8"
        case .utf32Little, .utf32Big: "UTF-32"
        case .utf16Little, .utf16Big: "UTF-16"
        }
    }

    /// The mark that bytes begin with; nil when there is none.
    package static func first(of bytes: some Collection<UInt8>) -> ByteOrderMark? {
        allCases.first { bytes.starts(with: $0.bytes) }
    }

    /// Whether bytes that are too few to tell may be the beginning of a mark.
    package static func mayBegin(_ bytes: some Collection<UInt8>) -> Bool {
        allCases.contains { bytes.count < $0.bytes.count && $0.bytes.starts(with: bytes) }
    }
}

/// Why bytes are no text that is read here.
package enum TextProblem: Error, Hashable, CustomStringConvertible {
    /// A text in the encoding of that name.
    case otherEncoding(String)
    /// Bytes that are not UTF-8.
    case notUTF8

    /// The reason as the end of a sentence about a file: `it is UTF-16 text; save it as UTF-8`.
    package var description: String {
        switch self {
        case .otherEncoding(let name): "it is \(name) text; save it as UTF-8"
        case .notUTF8: "it is not UTF-8"
        }
    }
}

/// The bytes of a text behind its byte order mark, if it has one. Errors: it is in another encoding than UTF-8, as its mark says. Whether
/// the rest is UTF-8 is not looked at.
package func utf8Bytes(of bytes: [UInt8]) throws(TextProblem) -> ArraySlice<UInt8> {
    guard let mark = ByteOrderMark.first(of: bytes) else { return bytes[...] }
    guard mark == .utf8 else { throw .otherEncoding(mark.encoding) }
    return bytes.dropFirst(mark.bytes.count)
}

/// A text without its byte order mark. Errors: it is not UTF-8.
package func utf8Text(of bytes: [UInt8]) throws(TextProblem) -> String {
    guard let text = String(validating: try utf8Bytes(of: bytes), as: UTF8.self) else { throw .notUTF8 }
    return text
}
