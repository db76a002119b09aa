// The client's writing end: requests to bytes. Statements go counted, so that no text of a user can be mistaken for protocol.

import Bytes
package import Sessions

/// Requests as bytes.
package enum RequestEncoder {
    /// One or more statements.
    package static func statement(_ text: String, tag: String? = nil, positions: PositionWish = .none) -> [UInt8] {
        let body = Array(text.utf8)
        let wish =
            switch positions {
            case .none: ""
            case .told: " positions"
            case .after(let position): " after \(position)"
            }
        return Array("\(prefix(tag)).sql \(body.count)\(wish)\n".utf8) + body + [0x0A]
    }

    /// A dot command without its line end, such as `.ping`. Line ends inside it are made blanks.
    package static func command(_ line: String, tag: String? = nil) -> [UInt8] {
        Array((prefix(tag) + String(line.map { $0.isNewline ? " " : $0 }) + "\n").utf8)
    }

    /// The beginning of a bulk load; `records` and `endOfRecords` follow.
    package static func beginRecords(stream: String, format: String, tag: String? = nil) -> [UInt8] {
        command(".put \(stream) \(format)", tag: tag)
    }

    /// Records of a bulk load, one a line; those that begin with a dot get a second one.
    package static func records(_ lines: RecordLines) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(lines.bytes.count + lines.records.count)
        for index in lines.records.indices {
            let record = lines[index]
            if record.first == UInt8(ascii: ".") { bytes.append(UInt8(ascii: ".")) }
            bytes.append(contentsOf: record)
            bytes.append(0x0A)
        }
        return bytes
    }

    /// The end of a bulk load.
    package static let endOfRecords = Array(".end\n".utf8)

    private static func prefix(_ tag: String?) -> String { tag.map { "#\($0) " } ?? "" }
}
