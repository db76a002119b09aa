// The headers of a record, as RecordBatch v2 frames them: a varint count, then for each header a varint-framed name and a
// varint-framed value, of which a length of -1 means null.

/// One header of a record. Names may repeat.
package struct RecordHeader: Hashable, Sendable {
    /// UTF-8 by convention.
    package var name: [UInt8]
    /// nil is null.
    package var value: [UInt8]?

    /// A header with a value, or with null.
    package init(name: [UInt8], value: [UInt8]?) {
        self.name = name
        self.value = value
    }
}

/// The block that stands for `headers`, to be given to `OutgoingRecords`.
package func headerBlock(_ headers: [RecordHeader]) -> [UInt8] {
    var block: [UInt8] = []
    block.append(varint: Int64(headers.count))
    for header in headers {
        block.append(varint: Int64(header.name.count))
        block.append(contentsOf: header.name)
        block.append(varint: header.value.map { Int64($0.count) } ?? -1)
        if let value = header.value { block.append(contentsOf: value) }
    }
    return block
}

/// Calls `body` with the places in `bytes` of the name and the value of each header in `bytes[range]`. False when that is not exactly one
/// well-formed block; what comes before the fault has been shown then.
package func forEachHeader(in bytes: [UInt8], _ range: Range<Int>, _ body: (_ name: Range<Int>, _ value: Range<Int>?) -> Void) -> Bool {
    var reader = ByteReader(bytes, range)
    guard let count = reader.varint(), count >= 0, count <= Int64(reader.remaining) else { return false }
    for _ in 0..<count {
        guard let nameLength = reader.varint(), let name = reader.skip(Int(clamping: nameLength)),
            let valueLength = reader.varint()
        else { return false }
        if valueLength == -1 {
            body(name, nil)
        } else {
            guard let value = reader.skip(Int(clamping: valueLength)) else { return false }
            body(name, value)
        }
    }
    return reader.isAtEnd
}

/// The headers in `bytes[range]`, or nil when that is not exactly one well-formed block.
package func headers(in bytes: [UInt8], _ range: Range<Int>) -> [RecordHeader]? {
    var result: [RecordHeader] = []
    let isWhole = forEachHeader(in: bytes, range) { name, value in
        result.append(RecordHeader(name: Array(bytes[name]), value: value.map { Array(bytes[$0]) }))
    }
    return isWhole ? result : nil
}
