// Avro's object container files, specification 1.11: a magic, metadata with the schema and the codec, a marker of 16 bytes; then blocks,
// each with the number of its records, its size in bytes, that many bytes and the marker again. Read in pieces as they come.

import Bytes
import Diagnostics
import LogStore
import Schemas

/// Takes a file apart. Bytes go in as they are read, blocks come out when they are whole.
struct AvroFile {
    /// A decompressed block.
    struct Block {
        /// How many records it holds.
        var count: Int
        var bytes: [UInt8]
        /// Where it begins, in bytes from the beginning of the file.
        var place: Int
    }

    /// What stands at the beginning.
    struct Header {
        var document: SchemaDocument
        var codec: BlockCodec
        var marker: [UInt8]
    }

    /// The most bytes of a block, compressed or not. Usual blocks have 16 KiB to 16 MiB.
    static let largestBlock = 64 << 20
    /// The most bytes of the header: a schema, and what else a program notes in it.
    private static let largestHeader = SchemaLimits.textBytes * 2
    private static let magic: [UInt8] = [0x4F, 0x62, 0x6A, 0x01]
    private static let markerBytes = 16
    /// The most bytes of a number.
    private static let longestNumber = 10

    private var buffer: [UInt8] = []
    /// Up to where the buffer has been taken apart.
    private var at = 0
    /// Where the buffer begins in the file.
    private var start = 0
    private(set) var header: Header?

    /// Takes the next bytes of the file.
    mutating func append(_ piece: [UInt8]) {
        start += at
        if at == buffer.count {
            buffer = piece
        } else {
            buffer.removeFirst(at)
            buffer += piece
        }
        at = 0
    }

    /// The next whole block; nil where more bytes are needed. Errors: the file is damaged, or beyond the limits.
    mutating func next() throws(Diagnostic) -> Block? {
        if header == nil { try readHeader() }
        guard let header else { return nil }
        let place = start + at
        var reader = ByteReader(buffer, at..<buffer.count)
        guard let count = try number(&reader, "the block at byte \(place)"), let size = try number(&reader, "the block at byte \(place)") else {
            return nil
        }
        guard count >= 0, size >= 0, size <= Int64(AvroFile.largestBlock) else {
            throw AvroFile.damage("the block at byte \(place) claims \(count) records in \(size) bytes; at most \(AvroFile.largestBlock) are read")
        }
        guard let range = reader.skip(Int(size)), let end = reader.skip(AvroFile.markerBytes) else { return nil }
        guard buffer[end].elementsEqual(header.marker) else {
            throw AvroFile.damage("the block at byte \(place) does not end with the marker of the file")
        }
        guard let bytes = header.codec.decompress(buffer, range, limit: AvroFile.largestBlock) else {
            throw AvroFile.damage(
                "the block at byte \(place) is not what \(header.codec.rawValue) writes, or holds more than \(AvroFile.largestBlock) bytes")
        }
        at = end.upperBound
        return Block(count: Int(count), bytes: bytes, place: place)
    }

    /// To be asked at the end of the input. Errors: something is missing there.
    func finish() throws(Diagnostic) {
        let end = start + buffer.count
        if header == nil { throw AvroFile.damage("it ends at byte \(end), within the header of an Avro file") }
        if at < buffer.count { throw AvroFile.damage("it ends at byte \(end), within the block at byte \(start + at)") }
    }

    static func damage(_ message: String) -> Diagnostic {
        Diagnostic(.dataError, "the input cannot be loaded: \(message)", category: .general)
    }

    /// A number of Avro's; nil where more bytes are needed.
    private func number(_ reader: inout ByteReader, _ place: @autoclosure () -> String) throws(Diagnostic) -> Int64? {
        let begin = reader.position
        if let number = reader.varint() { return number }
        if buffer.count - begin < AvroFile.longestNumber { return nil }
        throw AvroFile.damage("\(place()) has a number of more than 64 bits")
    }

    // MARK: The header

    private mutating func readHeader() throws(Diagnostic) {
        let count = min(buffer.count, AvroFile.magic.count)
        guard buffer[..<count].elementsEqual(AvroFile.magic[..<count]) else {
            throw AvroFile.damage("it does not begin as Avro's object container files do, with Obj and a byte 1")
        }
        var reader = ByteReader(buffer)
        guard reader.skip(AvroFile.magic.count) != nil, let metadata = try metadata(&reader), let marker = reader.take(AvroFile.markerBytes) else {
            if buffer.count > AvroFile.largestHeader { throw AvroFile.damage("its header is longer than \(AvroFile.largestHeader) bytes") }
            return
        }
        guard let schema = metadata["avro.schema"] else { throw AvroFile.damage("its header has no avro.schema") }
        guard let text = String(validating: schema, as: UTF8.self) else { throw AvroFile.damage("its schema is not UTF-8") }
        let name = metadata["avro.codec"].map { String(decoding: $0.prefix(40), as: UTF8.self) } ?? BlockCodec.null.rawValue
        guard let codec = BlockCodec(rawValue: name) else {
            let known = BlockCodec.allCases.map(\.rawValue).joined(separator: ", ")
            throw Diagnostic(
                .featureNotSupported, "the input cannot be loaded: its blocks are compressed by \(name)", category: .general,
                hint: "Avro files with the codecs \(known) are read.")
        }
        header = Header(document: SchemaDocument(.avro, text), codec: codec, marker: marker)
        at = reader.position
    }

    /// A map of bytes by text; nil where more bytes are needed.
    private func metadata(_ reader: inout ByteReader) throws(Diagnostic) -> [String: [UInt8]]? {
        var found: [String: [UInt8]] = [:]
        while true {
            guard let count = try number(&reader, "the header") else { return nil }
            if count == 0 { return found }
            // A negative count is followed by the size of the entries in bytes.
            if count < 0, try number(&reader, "the header") == nil { return nil }
            guard count.magnitude <= UInt64(AvroFile.largestHeader) else { throw AvroFile.damage("its header claims \(count) entries") }
            for _ in 0..<count.magnitude {
                guard let key = try text(&reader), let value = try text(&reader) else { return nil }
                found[String(decoding: key, as: UTF8.self)] = value
            }
        }
    }

    private func text(_ reader: inout ByteReader) throws(Diagnostic) -> [UInt8]? {
        guard let length = try number(&reader, "the header") else { return nil }
        guard length >= 0, length <= Int64(AvroFile.largestHeader) else { throw AvroFile.damage("its header has an entry of \(length) bytes") }
        return reader.take(Int(length))
    }
}
