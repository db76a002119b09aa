// Record batches: the bytes written by hand, the way back, and every kind of damage.
import Bytes
import Quantities
import TestSupport
import Testing

@Suite struct RecordBatchTests {
    /// One record: key "k", value "vv", one header "h" = "x".
    static let record: [UInt8] = [
        0x1a,  // 13 bytes
        0,  // attributes
        0, 0,  // deltas of timestamp and offset
        2, 0x6b,  // key
        4, 0x76, 0x76,  // value
        2, 2, 0x68, 2, 0x78,  // headers
    ]
    /// Null key, empty value, 5 ms later.
    static let second: [UInt8] = [0x0c, 0, 10, 2, 1, 0, 0]

    static let header: [UInt8] = [
        0, 0, 0, 0, 0, 0, 0, 42,  // base offset
        0, 0, 0, 70,  // length
        0, 0, 0, 0,  // leader epoch
        2,  // magic
        0, 0, 0, 0,  // checksum, set below
        0, 0,  // attributes
        0, 0, 0, 1,  // last offset delta
        0, 0, 0, 0, 0, 0, 3, 232,  // base timestamp 1000
        0, 0, 0, 0, 0, 0, 3, 237,  // largest timestamp 1005
        0, 0, 0, 0, 0, 0, 0, 9,  // producer
        0, 1,  // epoch
        0, 0, 0, 7,  // base sequence
        0, 0, 0, 2,  // records
    ]

    static var batch: [UInt8] {
        var bytes = header + record + second
        bytes.put(uint32: crc32c(bytes, 21..<bytes.count), at: 17)
        return bytes
    }

    static var outgoing: OutgoingRecords {
        var records = OutgoingRecords()
        records.append(
            key: [0x6b], value: [0x76, 0x76], timestamp: 1000,
            headers: headerBlock([RecordHeader(name: [0x68], value: [0x78])]))
        records.append(key: nil, value: [], timestamp: 1005)
        return records
    }

    @Test func framingWritesTheBytesOfTheSpecification() throws {
        let framing = BatchFraming(batchBytes: 1000, producer: BatchProducer(id: 9, epoch: 1, baseSequence: 7))
        var framed = try #require(framing.frameUncompressed(Self.outgoing))
        framed.setBaseOffset(42)
        #expect(Array(framed.bytes[..<framed.byteCount]) == Self.batch)
        #expect(framed.bytes[framed.byteCount...].elementsEqual(repeatElement(0, count: RecordRun.padding)))
        #expect(framed.batches.map(\.start) == [0] && framed.batches.map(\.byteCount) == [82])
        #expect(framed.batches.map(\.recordCount) == [2] && framed.batches.map(\.maxTimestamp) == [1005])
    }

    @Test func theHeaderReadsBack() throws {
        let header = try #require(RecordBatchHeader(Self.batch, at: 0))
        #expect(header.baseOffset == 42 && header.lastOffset == 43 && header.totalBytes == 82)
        #expect(header.producerID == 9 && header.producerEpoch == 1 && header.baseSequence == 7)
        #expect(header.isIntact(in: Self.batch, at: 0))
        for length in 0..<61 { #expect(RecordBatchHeader(Self.batch, at: 0, end: length) == nil) }
    }

    func scan(_ bytes: [UInt8], from offset: Offset = 0) -> RecordRun? {
        guard let header = RecordBatchHeader(bytes, at: 0), header.totalBytes <= bytes.count else { return nil }
        var builder = RecordRunBuilder(bytes + [UInt8](repeating: 0, count: RecordRun.padding), from: offset)
        guard builder.add(header, section: 61..<header.totalBytes) else { return nil }
        return builder.finish(nextOffset: header.lastOffset + 1, isAtEnd: true)
    }

    @Test func scanningGivesTheRecords() throws {
        let run = try #require(scan(Self.batch))
        #expect(run.offsets == [42, 43] && run.timestamps == [1000, 1005] && run.nextOffset == 44)
        #expect(run.keys == [ByteRange(start: 66, length: 1), .null])
        #expect(run.values[0] == ByteRange(start: 68, length: 2) && run.values[1].length == 0)
        #expect(run.headers == [ByteRange(start: 70, length: 5), .null])
        let rest = try #require(scan(Self.batch, from: 43))
        #expect(rest.offsets == [43] && rest.headers.isEmpty)
    }

    @Test func noDamageGetsPastTheChecksumOrTheBounds() {
        for position in 0..<Self.batch.count {
            for bit in 0..<8 {
                var bytes = Self.batch
                bytes[position] ^= 1 << UInt8(bit)
                // Scanning alone must bear it; the checksum must notice it, from attributes on.
                let run = scan(bytes)
                for range in (run?.keys ?? []) + (run?.values ?? []) where !range.isNull {
                    #expect(Int(range.start) + Int(range.length) <= bytes.count)
                }
                if position >= 17, let header = RecordBatchHeader(bytes, at: 0) { #expect(!header.isIntact(in: bytes, at: 0)) }
            }
        }
    }

    @Test func manyRecordsAreCutIntoBatches() throws {
        var records = OutgoingRecords()
        for number in 0..<1000 {
            records.append(
                key: number % 3 == 0 ? nil : Array("key \(number)".utf8), value: Array(repeating: 1, count: number % 300),
                timestamp: Int64(number * 7 % 100) - 50)
        }
        for limit in [1, 100, 4096, 1 << 20] {
            var framed = try #require(BatchFraming(batchBytes: limit).frameUncompressed(records))
            framed.setBaseOffset(5)
            #expect(framed.recordCount == 1000)
            var builder = RecordRunBuilder(framed.bytes, from: 0)
            for batch in framed.batches {
                let header = try #require(RecordBatchHeader(framed.bytes, at: batch.start))
                #expect(header.isIntact(in: framed.bytes, at: batch.start) && header.totalBytes == batch.byteCount)
                let isAdded = builder.add(header, section: batch.start + 61..<batch.start + batch.byteCount)
                #expect(isAdded)
            }
            let run = builder.finish(nextOffset: 1005, isAtEnd: true)
            #expect(run.offsets == Array(5..<1005) && run.timestamps == records.timestamps)
            #expect(run.keys.map(\.length) == records.keys.map(\.length))
            for index in 0..<1000 {
                let (read, written) = (run.values[index], records.values[index])
                #expect(
                    run.bytes[Int(read.start)..<Int(read.start + read.length)]
                        == records.bytes[Int(written.start)..<Int(written.start + written.length)])
            }
        }
    }

    @Test func controlBatchesHoldNoRecordsForReaders() {
        var bytes = Self.batch
        bytes[22] = 0x20
        #expect(scan(bytes)?.count == 0)
    }

    @Test func timestampsOfAppending() {
        var bytes = Self.batch
        bytes[22] = 0x08
        #expect(scan(bytes)?.timestamps == [1005, 1005])
    }
}
