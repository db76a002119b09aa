// Where the records of an Avro file end. In a file they lie one behind the other, without header or length, so that only who steps over a
// record by its schema knows where the next one begins.

package import Bytes
package import Schemas

/// Cuts blocks of a file into records. The schema is compiled once.
package struct AvroDatums {
    private let node: AvroNode

    /// For records of the root of a schema.
    package init(_ schema: AvroSchema) {
        var compiler = AvroCompiler(schema)
        node = compiler.skipping(schema.root)
    }

    /// The places of `count` records that fill `bytes`, in order. Errors: they do not fill them; the offset is where the record begins that
    /// is to blame.
    package func ranges(in bytes: [UInt8], count: Int) throws(SchemaError) -> [ByteRange] {
        // A record of nothing takes no byte, but no file has reason to count many of these.
        guard count >= 0, count <= bytes.count + BinaryCursor.emptyElements else {
            throw SchemaError("it counts \(count) records in \(bytes.count) bytes", at: 0)
        }
        let (ranges, problem) = unsafe bytes.withUnsafeBufferPointer { buffer -> ([ByteRange], SchemaError?) in
            var ranges: [ByteRange] = []
            guard let base = buffer.baseAddress else { return (ranges, nil) }
            ranges.reserveCapacity(count)
            var cursor = unsafe BinaryCursor(base, start: 0, end: buffer.count)
            for _ in 0..<count {
                let start = cursor.at
                guard node.skip(&cursor), let range = ByteRange(exactly: start, count: cursor.at - start) else {
                    return (ranges, SchemaError(cursor.problem ?? "it is longer than 2 GiB", at: start))
                }
                ranges.append(range)
            }
            if cursor.isAtEnd { return (ranges, nil) }
            return (ranges, SchemaError("bytes follow behind the last of \(count) records", at: cursor.at))
        }
        if let problem { throw problem }
        guard ranges.count == count else { throw SchemaError("it counts \(count) records and has none", at: 0) }
        return ranges
    }
}
