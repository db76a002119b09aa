// Writes the fields of Kafka's messages: see MessageReader.swift for their forms.

import Bytes

/// Writes one message.
struct MessageWriter {
    private(set) var bytes: [UInt8] = []
    /// Error codes other than 0 among what was written.
    private(set) var errors = 0
    let isFlexible: Bool

    init(isFlexible: Bool) { self.isFlexible = isFlexible }

    private mutating func put(number value: some FixedWidthInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// What has been written, as a frame: its first four bytes become its length. The writer is empty afterwards, so that nothing is copied.
    mutating func takeFrame() -> ResponseFrame {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        taken.put(uint32: UInt32(truncatingIfNeeded: taken.count - 4), at: 0)
        return ResponseFrame(bytes: taken, errors: errors)
    }

    // MARK: Numbers

    mutating func put(int8 value: Int8) { bytes.append(UInt8(bitPattern: value)) }
    mutating func put(bool value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func put(int16 value: Int16) { put(number: UInt16(bitPattern: value)) }

    mutating func put(error code: Int16) {
        if code != 0 { errors += 1 }
        put(int16: code)
    }

    mutating func put(int32 value: Int32) { put(number: UInt32(bitPattern: value)) }
    mutating func put(int64 value: Int64) { put(number: UInt64(bitPattern: value)) }

    mutating func put(uuid value: MessageUUID) {
        put(number: value.high)
        put(number: value.low)
    }

    mutating func put(varint value: Int) { bytes.append(unsignedVarint: UInt64(clamping: value)) }

    // MARK: Texts and bytes

    /// A length in the form of the version, whose other form has 16 bits, or 32; nil for null.
    private mutating func put(length: Int?, isShort: Bool) {
        if isFlexible {
            put(varint: (length ?? -1) + 1)
        } else if isShort {
            put(int16: Int16(clamping: length ?? -1))
        } else {
            put(int32: Int32(clamping: length ?? -1))
        }
    }

    /// A text; of one that is too long for its length, what fits.
    mutating func put(string value: String) {
        let text = Array(value.utf8.prefix(isFlexible ? .max : Int(Int16.max)))
        put(length: text.count, isShort: true)
        bytes += text
    }

    /// A null where there may be none is an empty text.
    mutating func put(string value: String?, isNullable: Bool) {
        guard value == nil, isNullable else { return put(string: value ?? "") }
        put(length: nil, isShort: true)
    }

    mutating func put(bytes value: [UInt8]) {
        put(length: value.count, isShort: false)
        bytes += value
    }

    mutating func put(records value: ArraySlice<UInt8>?, isNullable: Bool) {
        guard value == nil, isNullable else {
            put(length: value?.count ?? 0, isShort: false)
            return bytes += value ?? []
        }
        put(length: nil, isShort: false)
    }

    // MARK: Arrays

    mutating func put<Element>(_ elements: [Element], _ write: (Element, inout MessageWriter) -> Void) {
        put(length: elements.count, isShort: false)
        for element in elements { write(element, &self) }
    }

    mutating func put<Element>(_ elements: [Element]?, isNullable: Bool, _ write: (Element, inout MessageWriter) -> Void) {
        guard elements == nil, isNullable else { return put(elements ?? [], write) }
        put(length: nil, isShort: false)
    }

    // MARK: Tagged fields

    /// Ends a structure.
    mutating func put(_ tags: MessageTags) {
        guard isFlexible else { return }
        put(varint: tags.fields.count)
        for (tag, value) in tags.fields {
            put(varint: tag)
            put(varint: value.count)
            bytes += value
        }
    }
}

/// The tagged fields of a structure, in the order of their tags.
struct MessageTags {
    fileprivate var fields: [(tag: Int, value: [UInt8])] = []

    /// Adds a field, whose value `write` writes.
    mutating func put(_ tag: Int, _ write: (inout MessageWriter) -> Void) {
        var writer = MessageWriter(isFlexible: true)
        write(&writer)
        fields.append((tag, writer.bytes))
    }
}
