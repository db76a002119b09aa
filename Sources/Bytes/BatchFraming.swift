// Turns outgoing records into record batches: cuts them into batches of a limited size, frames the records (each a varint
// length, attributes, varint deltas of timestamp and offset, varint-framed key, value and headers), and seals each batch with
// its header and checksum. Base offsets are left at zero: they lie outside the checksum and are set when the log knows them.
package import Quantities

/// A record batch within `FramedBatches.bytes`.
package struct FramedBatch: Hashable, Sendable {
    /// Where it starts, in bytes.
    package let start: Int
    /// Bytes of header and records.
    package let byteCount: Int
    /// How many records it holds, and so how many offsets it takes.
    package let recordCount: Int
    /// Largest timestamp, milliseconds since the epoch.
    package let maxTimestamp: Int64

    /// A batch as it lies in its bytes.
    package init(start: Int, byteCount: Int, recordCount: Int, maxTimestamp: Int64) {
        self.start = start
        self.byteCount = byteCount
        self.recordCount = recordCount
        self.maxTimestamp = maxTimestamp
    }
}

/// Batches one after the other, ready for a file once they have their offsets.
package struct FramedBatches: Sendable {
    /// The batches, then `RecordRun.padding` zero bytes.
    package internal(set) var bytes: [UInt8]
    /// Where the batches lie, in order.
    package internal(set) var batches: [FramedBatch]

    /// Batches that lie in `bytes`, which end with the padding.
    package init(bytes: [UInt8], batches: [FramedBatch]) {
        self.bytes = bytes
        self.batches = batches
    }

    /// Bytes of the batches, without the padding.
    package var byteCount: Int { bytes.count - RecordRun.padding }
    /// Records of all batches.
    package var recordCount: Int { batches.reduce(0) { $0 + $1.recordCount } }

    /// Gives consecutive offsets to all records, from `offset` on.
    package mutating func setBaseOffset(_ offset: Offset) {
        var next = offset
        for batch in batches {
            bytes.put(int64: next.count, at: batch.start)
            next = next + Int64(batch.recordCount)
        }
    }
}

extension FramedBatches {
    /// Gives all records the time at which they are appended, milliseconds since the epoch (`message.timestamp.type=LogAppendTime`): the
    /// headers say it, and the records stay as they are.
    package mutating func stamp(appendTime: Int64) {
        for index in batches.indices {
            let batch = batches[index]
            guard let header = RecordBatchHeader(bytes, at: batch.start) else { continue }
            // The low byte of the attributes.
            bytes[batch.start + 22] = UInt8(truncatingIfNeeded: header.attributes) | 8
            bytes.put(int64: appendTime, at: batch.start + 35)
            let checked = batch.start + RecordBatchHeader.checkedFrom..<batch.start + batch.byteCount
            bytes.put(uint32: crc32c(bytes, checked), at: batch.start + 17)
            batches[index] = FramedBatch(
                start: batch.start, byteCount: batch.byteCount, recordCount: batch.recordCount, maxTimestamp: appendTime)
        }
    }
}

/// Which producer wrote a batch, as its header says it.
package struct BatchProducer: Hashable, Sendable {
    /// Producer id, not negative.
    package var id: Int64
    /// Which life of the producer it is.
    package var epoch: Int16
    /// Sequence of the first record; batches cut from one append count on.
    package var baseSequence: Int32

    /// A producer as headers name it.
    package init(id: Int64, epoch: Int16, baseSequence: Int32) {
        self.id = id
        self.epoch = epoch
        self.baseSequence = baseSequence
    }
}

/// Cuts and frames records.
package struct BatchFraming {
    /// Framed bytes after which a batch is closed; a larger record gets a batch of its own.
    package var batchBytes: Int
    /// Bits of the codec, for the attributes.
    package var compressionBits: UInt8
    /// Further attribute bits (control, transactional).
    package var attributes: Int16 = 0
    /// nil writes -1 for all three fields.
    package var producer: BatchProducer?

    /// Framing for batches of about `batchBytes`.
    package init(batchBytes: Int, compressionBits: UInt8 = 0, producer: BatchProducer? = nil) {
        self.batchBytes = batchBytes
        self.compressionBits = compressionBits
        self.producer = producer
    }

    /// Frames all of `records`. `compress` turns the record section of a batch into what is written, and is called when
    /// `compressionBits` are not 0. The ranges of `records` must lie within its bytes. nil when a record is larger than a batch
    /// may be (`RecordBatchHeader.largestBatch`).
    package func frame<Failure: Error>(
        _ records: OutgoingRecords, compress: (_ section: [UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) -> FramedBatches? {
        guard let cuts = cut(records) else { return nil }
        if compressionBits == 0 { return frameUncompressed(records, cuts) }
        var framed = FramedBatches(bytes: [], batches: [])
        for cut in cuts {
            let section = unsafe [UInt8](unsafeUninitializedCapacity: cut.sectionBytes) { buffer, count in
                guard let base = buffer.baseAddress else { return }
                unsafe writeRecords(records, cut, to: base)
                count = cut.sectionBytes
            }
            let compressed = try compress(section)
            let start = framed.bytes.count
            framed.bytes.append(contentsOf: repeatElement(0, count: RecordBatchHeader.byteCount))
            framed.bytes.append(contentsOf: compressed)
            let byteCount = framed.bytes.count - start
            unsafe framed.bytes.withUnsafeMutableBytes { buffer in
                guard let base = buffer.baseAddress else { return }
                unsafe seal(base + start, byteCount, cut)
            }
            framed.batches.append(cut.framed(start: start, byteCount: byteCount))
        }
        framed.bytes.append(contentsOf: repeatElement(0, count: RecordRun.padding))
        return framed
    }

    /// Frames without compression, whatever `compressionBits` say.
    package func frameUncompressed(_ records: OutgoingRecords) -> FramedBatches? {
        cut(records).map { frameUncompressed(records, $0) }
    }

    private func frameUncompressed(_ records: OutgoingRecords, _ cuts: [Cut]) -> FramedBatches {
        let total = cuts.reduce(0) { $0 + $1.sectionBytes + RecordBatchHeader.byteCount }
        var batches: [FramedBatch] = []
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: total + RecordRun.padding) { buffer, count in
            guard let base = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            var start = 0
            for cut in cuts {
                let byteCount = cut.sectionBytes + RecordBatchHeader.byteCount
                unsafe writeRecords(records, cut, to: base + start + RecordBatchHeader.byteCount)
                unsafe seal(base + start, byteCount, cut)
                batches.append(cut.framed(start: start, byteCount: byteCount))
                start += byteCount
            }
            unsafe (base + start).initializeMemory(as: UInt8.self, repeating: 0, count: RecordRun.padding)
            count = total + RecordRun.padding
        }
        return FramedBatches(bytes: bytes, batches: batches)
    }

    // MARK: Cutting

    private struct Cut {
        var records: Range<Int>
        var sectionBytes: Int
        var baseTimestamp: Int64
        var maxTimestamp: Int64

        func framed(start: Int, byteCount: Int) -> FramedBatch {
            FramedBatch(start: start, byteCount: byteCount, recordCount: records.count, maxTimestamp: maxTimestamp)
        }
    }

    private func cut(_ records: OutgoingRecords) -> [Cut]? {
        var cuts: [Cut] = []
        var now = Cut(records: 0..<0, sectionBytes: 0, baseTimestamp: records.timestamps.first ?? 0, maxTimestamp: .min)
        for index in 0..<records.count {
            checkRanges(of: records, index)
            var body = bodyBytes(records, index, now)
            if now.sectionBytes + body > batchBytes && !now.records.isEmpty {
                cuts.append(now)
                now = Cut(
                    records: index..<index, sectionBytes: 0, baseTimestamp: records.timestamps[index], maxTimestamp: .min)
                body = bodyBytes(records, index, now)
            }
            guard body < RecordBatchHeader.largestBatch - 1024 else { return nil }
            now.sectionBytes += body + varintLength(Int64(body))
            now.records = now.records.lowerBound..<index + 1
            now.maxTimestamp = max(now.maxTimestamp, records.timestamps[index])
        }
        if !now.records.isEmpty { cuts.append(now) }
        return cuts
    }

    /// The producer of the records is trusted; the ranges are checked once here and not again below.
    @inline(__always) private func checkRanges(of records: OutgoingRecords, _ index: Int) {
        let limit = records.bytes.count
        func isInside(_ range: ByteRange) -> Bool {
            range.length < 0 || range.start >= 0 && Int(range.start) + Int(range.length) <= limit
        }
        precondition(isInside(records.keys[index]) && isInside(records.values[index]), "ranges lie within the bytes")
        precondition(records.headers.isEmpty || isInside(records.headers[index]), "ranges lie within the bytes")
    }

    /// Bytes of a record after its length.
    @inline(__always) private func bodyBytes(_ records: OutgoingRecords, _ index: Int, _ cut: Cut) -> Int {
        let key = Int64(records.keys[index].length)
        let value = Int64(records.values[index].length)
        let headerLength = records.headers.isEmpty ? -1 : Int(records.headers[index].length)
        var count = 1 + varintLength(records.timestamps[index] &- cut.baseTimestamp)
        count += varintLength(Int64(index - cut.records.lowerBound)) + varintLength(max(key, -1)) + varintLength(max(value, -1))
        return count + Int(max(key, 0) + max(value, 0)) + (headerLength < 0 ? 1 : headerLength)
    }

    // MARK: Writing

    private func writeRecords(_ records: OutgoingRecords, _ cut: Cut, to start: UnsafeMutableRawPointer) {
        var out = unsafe start
        unsafe records.bytes.withUnsafeBytes { source in
            for index in cut.records {
                unsafe writeVarint(Int64(bodyBytes(records, index, cut)), &out)
                unsafe out.storeBytes(of: 0, as: UInt8.self)
                unsafe out += 1
                unsafe writeVarint(records.timestamps[index] &- cut.baseTimestamp, &out)
                unsafe writeVarint(Int64(index - cut.records.lowerBound), &out)
                unsafe writePiece(records.keys[index], source, &out)
                unsafe writePiece(records.values[index], source, &out)
                if records.headers.isEmpty || records.headers[index].isNull {
                    unsafe out.storeBytes(of: 0, as: UInt8.self)
                    unsafe out += 1
                } else {
                    unsafe writeBytes(records.headers[index], source, &out)
                }
            }
        }
        precondition(unsafe out - start == cut.sectionBytes, "a batch is as long as it was measured to be")
    }

    private func seal(_ start: UnsafeMutableRawPointer, _ byteCount: Int, _ cut: Cut) {
        var header = RecordBatchHeader()
        header.totalBytes = byteCount
        header.attributes = attributes | Int16(compressionBits)
        header.lastOffsetDelta = Int32(cut.records.count - 1)
        header.baseTimestamp = cut.baseTimestamp
        header.maxTimestamp = cut.maxTimestamp
        header.recordCount = Int32(cut.records.count)
        if let producer {
            header.producerID = producer.id
            header.producerEpoch = producer.epoch
            header.baseSequence = sequence(producer.baseSequence, advancedBy: cut.records.lowerBound)
        }
        unsafe header.write(to: start)
        let checked = RecordBatchHeader.checkedFrom
        let crc = unsafe crc32c(UnsafeRawPointer(start + checked), count: byteCount - checked)
        unsafe start.storeBytes(of: crc.bigEndian, toByteOffset: 17, as: UInt32.self)
    }
}

/// A producer's sequence number after `count` more records; wraps from the largest to 0.
package func sequence(_ base: Int32, advancedBy count: Int) -> Int32 {
    Int32(truncatingIfNeeded: (Int64(base) + Int64(count)) & 0x7fff_ffff)
}

@inline(__always) private func writeVarint(_ value: Int64, _ out: inout UnsafeMutableRawPointer) {
    var rest = zigzag(value)
    while rest >= 0x80 {
        unsafe out.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
        unsafe out += 1
        rest >>= 7
    }
    unsafe out.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
    unsafe out += 1
}

@inline(__always) private func writePiece(
    _ range: ByteRange, _ source: UnsafeRawBufferPointer, _ out: inout UnsafeMutableRawPointer
) {
    unsafe writeVarint(range.isNull ? -1 : Int64(range.length), &out)
    unsafe writeBytes(range, source, &out)
}

@inline(__always) private func writeBytes(
    _ range: ByteRange, _ source: UnsafeRawBufferPointer, _ out: inout UnsafeMutableRawPointer
) {
    guard range.length > 0, let base = source.baseAddress else { return }
    unsafe out.copyMemory(from: base + Int(range.start), byteCount: Int(range.length))
    unsafe out += Int(range.length)
}
