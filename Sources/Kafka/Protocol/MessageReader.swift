// Reads the fields of Kafka's messages (kafka.apache.org/protocol#protocol_types). All numbers are big-endian. A message of a *flexible* version
// has varint lengths that are one larger than what they count (0 stands for null), and tagged fields at the end of each structure; one of
// another version has lengths of 16 or 32 bits, of which -1 stands for null.
//
// A length is held against the bytes that are there before anything is made of it.

import Bytes

/// Why a message cannot be read.
struct MessageError: Error, Equatable {
    let reason: String

    static let ended = MessageError(reason: "the message ends too soon")
}

/// Sixteen bytes that identify a topic.
struct MessageUUID: Hashable, Sendable {
    var high: UInt64 = 0
    var low: UInt64 = 0
}

/// Reads one message.
struct MessageReader {
    private let buffer: [UInt8]
    private(set) var position: Int
    private let end: Int
    let isFlexible: Bool

    init(_ bytes: [UInt8], _ range: Range<Int>, isFlexible: Bool) {
        buffer = bytes
        position = range.lowerBound
        end = min(range.upperBound, bytes.count)
        self.isFlexible = isFlexible
    }

    /// Bytes that are left.
    var remaining: Int { end - position }

    private mutating func take(_ count: Int) throws(MessageError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw .ended }
        defer { position += count }
        return buffer[position..<position + count]
    }

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(MessageError) -> Number {
        try take(MemoryLayout<Number>.size).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    // MARK: Numbers

    mutating func int8() throws(MessageError) -> Int8 {
        guard let byte = try take(1).first else { throw .ended }
        return Int8(bitPattern: byte)
    }

    mutating func bool() throws(MessageError) -> Bool { try int8() != 0 }
    mutating func int16() throws(MessageError) -> Int16 { try number(Int16.self) }
    mutating func int32() throws(MessageError) -> Int32 { try number(Int32.self) }
    mutating func int64() throws(MessageError) -> Int64 { try number(Int64.self) }

    mutating func uuid() throws(MessageError) -> MessageUUID {
        MessageUUID(high: try number(UInt64.self), low: try number(UInt64.self))
    }

    /// An unsigned varint of at most 32 bits.
    mutating func varint() throws(MessageError) -> Int {
        var value = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            let byte = Int(UInt8(bitPattern: try int8()))
            value |= (byte & 0x7f) << shift
            if byte < 0x80 {
                guard value <= Int(UInt32.max) else { break }
                return value
            }
        }
        throw MessageError(reason: "a varint has more than 32 bits")
    }

    // MARK: Texts and bytes

    /// A length in the form of the version, whose other form has 16 bits, or 32; nil for null.
    private mutating func length(isShort: Bool) throws(MessageError) -> Int? {
        let length = isFlexible ? try varint() - 1 : isShort ? Int(try int16()) : Int(try int32())
        guard length >= -1 else { throw MessageError(reason: "a length is \(length)") }
        return length < 0 ? nil : length
    }

    private mutating func present<Value>(_ value: Value?) throws(MessageError) -> Value {
        guard let value else { throw MessageError(reason: "a field is null that may not be") }
        return value
    }

    mutating func string() throws(MessageError) -> String { try present(nullableString(isNullable: true)) }

    mutating func nullableString(isNullable: Bool) throws(MessageError) -> String? {
        guard let length = try length(isShort: true) else {
            if isNullable { return nil }
            throw MessageError(reason: "a text is null that may not be")
        }
        guard let text = String(validating: try take(length), as: UTF8.self) else { throw MessageError(reason: "a text is not UTF-8") }
        return text
    }

    mutating func bytes() throws(MessageError) -> [UInt8] { try present(nullableBytes(isNullable: true)) }

    mutating func nullableBytes(isNullable: Bool) throws(MessageError) -> [UInt8]? {
        try nullableRecords(isNullable: isNullable).map { Array($0) }
    }

    /// Record batches, which stay where they are.
    mutating func nullableRecords(isNullable: Bool) throws(MessageError) -> ArraySlice<UInt8>? {
        guard let length = try length(isShort: false) else {
            if isNullable { return nil }
            throw MessageError(reason: "bytes are null that may not be")
        }
        return try take(length)
    }

    // MARK: Arrays

    mutating func array<Element>(
        _ read: (inout MessageReader) throws(MessageError) -> Element
    ) throws(MessageError) -> [Element] {
        guard let elements = try nullableArray(isNullable: true, read) else { throw MessageError(reason: "an array is null that may not be") }
        return elements
    }

    mutating func nullableArray<Element>(
        isNullable: Bool, _ read: (inout MessageReader) throws(MessageError) -> Element
    ) throws(MessageError) -> [Element]? {
        guard let count = try length(isShort: false) else {
            if isNullable { return nil }
            throw MessageError(reason: "an array is null that may not be")
        }
        // Every element has a byte at least.
        guard count <= remaining else { throw .ended }
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    // MARK: Tagged fields

    /// Where the tagged fields of a structure are.
    struct TagSection {
        fileprivate var left: Int
        fileprivate var last: Int64 = -1
        /// Where the value of the current field ends; nil in front of the first.
        fileprivate var end: Int?
    }

    /// Begins to read the tagged fields of a structure, of which a version that is not flexible has none.
    mutating func tagSection() throws(MessageError) -> TagSection {
        guard isFlexible else { return TagSection(left: 0) }
        let count = try varint()
        guard count <= remaining else { throw .ended }
        return TagSection(left: count)
    }

    /// The tag of the next field; nil behind the last. The value of the one before has been read, or gone past.
    mutating func nextTag(_ section: inout TagSection) throws(MessageError) -> Int? {
        if let end = section.end, end != position { throw MessageError(reason: "a tagged field has another length") }
        guard section.left > 0 else { return nil }
        let tag = Int64(try varint())
        guard tag > section.last else { throw MessageError(reason: "tagged fields do not ascend") }
        let length = try varint()
        guard length <= remaining else { throw .ended }
        section = TagSection(left: section.left - 1, last: tag, end: position + length)
        return Int(tag)
    }

    /// Goes past the value of the current field.
    mutating func skip(_ section: TagSection) { position = section.end ?? position }

    /// Goes past all tagged fields of a structure.
    mutating func skipTags() throws(MessageError) {
        var section = try tagSection()
        while try nextTag(&section) != nil { skip(section) }
    }
}
