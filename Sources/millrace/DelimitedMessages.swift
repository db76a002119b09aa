// Files of messages of Protocol Buffers, each behind its length as a varint, as `writeDelimitedTo` of the public libraries writes them.

import Bytes
import Diagnostics

/// The messages of a file as lines of base64.
struct DelimitedMessages: LineShaper {
    private var buffer: [UInt8] = []
    /// Where the buffer begins in the file, in bytes.
    private var start = 0
    /// Messages so far.
    private var count = 0
    private(set) var damage: Diagnostic?
    var remark: String? { nil }

    /// The most bytes of a message: a record of a topic is no longer.
    private static let longest: UInt64 = 64 << 20
    /// The most bytes of a length.
    private static let longestLength = 10

    mutating func take(_ bytes: [UInt8], into lines: inout [UInt8]) {
        buffer += bytes
        var reader = ByteReader(buffer)
        var end = 0
        while damage == nil, let length = length(&reader, at: end) {
            guard length <= DelimitedMessages.longest else {
                damage = wrong("message \(count + 1), at byte \(start + end), claims \(length) bytes; at most \(DelimitedMessages.longest) are read")
                break
            }
            guard let message = reader.skip(Int(truncatingIfNeeded: length)) else { break }
            Base64.append(buffer[message], to: &lines)
            // A message without any field is a blank line.
            lines.append(UInt8(ascii: "\n"))
            count += 1
            end = message.upperBound
        }
        buffer.removeFirst(end)
        start += end
    }

    mutating func finish(into lines: inout [UInt8]) {
        if !buffer.isEmpty, damage == nil { damage = wrong("it ends at byte \(start + buffer.count), within message \(count + 1)") }
    }

    /// Nil where more bytes are needed, or there is no length.
    private mutating func length(_ reader: inout ByteReader, at place: Int) -> UInt64? {
        if let length = reader.unsignedVarint() { return length }
        if buffer.count - place >= DelimitedMessages.longestLength {
            damage = wrong("at byte \(start + place), where the length of message \(count + 1) should be, is none")
        }
        return nil
    }

    private func wrong(_ message: String) -> Diagnostic { Diagnostic(.dataError, "the input cannot be loaded: \(message)", category: .general) }
}
