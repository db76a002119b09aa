// Reads segments as an inspector does: every batch, its checksum, its records, its place in the order, and the side files. Finds
// damage without serving it, and prints batches and records as text.
import Bytes
import Platform
package import Quantities
import Synchronization

/// What the inspection of one segment found.
package struct SegmentReport: Hashable, Sendable {
    /// The segment's file.
    package let path: String
    /// Whose segment it is.
    package let topicName: String
    /// Index from 0.
    package let partition: PartitionIndex
    /// Bytes that belong to the log.
    package let byteCount: ByteCount
    /// Batches found.
    package internal(set) var batchCount = 0
    /// Records that the batches' headers count, but for batches that fail their checksum.
    package internal(set) var recordCount = 0
    /// Base offset of the first batch; nil for an empty segment.
    package internal(set) var firstOffset: Offset?
    /// Last offset of the last batch that does not fail its checksum; nil when there is none.
    package internal(set) var lastOffset: Offset?
    /// Damage, one sentence each; empty for a sound segment.
    package internal(set) var problems: [String] = []
    /// Side files that are missing or will be made anew; no harm.
    package internal(set) var remarks: [String] = []
}

/// One line for a record or a batch, and where it comes from.
package struct DumpLine: Hashable, Sendable {
    /// One line, without its end.
    package let text: String
    /// Offset of the record, or base offset of the batch.
    package let offset: Offset
    /// Whether it describes a batch, or damage, rather than a record.
    package let isBatch: Bool
}

extension SegmentedLog {
    /// Inspects all segments of a topic, partition by partition. Takes the time that reading them takes.
    package func verify(_ topic: TopicID) throws(LogError) -> [SegmentReport] {
        guard let known = registry.withLock({ $0.byID[topic] }) else { throw unknown(topic) }
        var reports: [SegmentReport] = []
        for partition in known.partitions {
            let (segments, start) = partition.state.withLock { ($0.segments, $0.start) }
            for (segment, next) in zip(segments, segments.dropFirst().map { Optional($0.baseOffset) } + [nil]) {
                var report = Inspection(segment, partition, next: next).run { _, _, _, _ in true }
                if segment === segments[0], segment.baseOffset > start {
                    report.problems.insert(missingOffsets(start, segment.baseOffset) + " before it", at: 0)
                }
                reports.append(report)
            }
        }
        return reports
    }

    /// Describes a partition's batches and records from `offset` on, line by line in the manner of Kafka's dump tool, until
    /// `receive` returns false. Damage is a line too.
    package func dump(
        _ topic: TopicID, partition index: PartitionIndex, from offset: Offset = .first, receive: (DumpLine) -> Bool
    ) throws(LogError) {
        let partition = try find(topic, index)
        let segments = partition.state.withLock { $0.segments }
        for (segment, next) in zip(segments, segments.dropFirst().map { Optional($0.baseOffset) } + [nil])
        where next.map({ $0 > offset }) ?? true {
            var goesOn = true
            let report = Inspection(segment, partition, next: next).run { header, position, isSound, run in
                if header.lastOffset < offset { return true }
                goesOn = receive(DumpLine(text: line(header, position, isSound), offset: header.baseOffset, isBatch: true))
                guard let run else { return goesOn }
                for record in 0..<run.count where goesOn && run.offset(at: record) >= offset {
                    goesOn = receive(DumpLine(text: line(run, record), offset: run.offset(at: record), isBatch: false))
                }
                return goesOn
            }
            for problem in report.problems where goesOn {
                goesOn = receive(DumpLine(text: "damaged: \(segment.path): \(problem)", offset: segment.baseOffset, isBatch: true))
            }
            if !goesOn { return }
        }
    }

    private func line(_ header: RecordBatchHeader, _ position: Int64, _ isSound: Bool) -> String {
        let codec = Compression(rawValue: header.compressionBits)?.name ?? "unknown"
        return "baseOffset: \(header.baseOffset) lastOffset: \(header.lastOffset) count: \(header.recordCount) "
            + "baseSequence: \(header.baseSequence) producerId: \(header.producerID) producerEpoch: \(header.producerEpoch) "
            + "isTransactional: \(header.isTransactional) isControl: \(header.isControl) position: \(position) "
            + "CreateTime: \(header.maxTimestamp) size: \(header.totalBytes) magic: 2 compresscodec: \(codec) "
            + "crc: \(header.crc) isvalid: \(isSound)"
    }

    private func line(_ run: RecordRun, _ record: Int) -> String {
        func piece(_ range: ByteRange) -> String {
            if range.isNull { return "null" }
            let bytes = run.bytes[Int(range.start)..<Int(range.start + range.length)]
            let isText = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
            if isText, let text = String(validating: bytes, as: UTF8.self) { return text }
            return "0x" + hexadecimal(bytes)
        }
        var names = ""
        if !run.headers.isEmpty, !run.headers[record].isNull {
            let block = run.headers[record]
            let found = headers(in: run.bytes, Int(block.start)..<Int(block.start + block.length)) ?? []
            names = found.map { String(decoding: $0.name, as: UTF8.self) }.joined(separator: ",")
        }
        return "| offset: \(run.offsets[record]) CreateTime: \(run.timestamps[record]) keySize: \(run.keys[record].length) "
            + "valueSize: \(run.values[record].length) headerKeys: [\(names)] key: \(piece(run.keys[record])) "
            + "payload: \(piece(run.values[record]))"
    }
}

/// One pass over one segment.
private struct Inspection {
    let segment: Segment
    let partition: Partition
    /// Base offset of the segment after this one.
    let next: Offset?

    init(_ segment: Segment, _ partition: Partition, next: Offset?) {
        self.segment = segment
        self.partition = partition
        self.next = next
    }

    /// Calls `visit` with each batch, whether it is sound, and its records when they can be read. Stops when `visit` returns false.
    func run(_ visit: (RecordBatchHeader, Int64, Bool, RecordRun?) -> Bool) -> SegmentReport {
        var report = SegmentReport(
            path: segment.path, topicName: partition.topicName, partition: partition.index, byteCount: ByteCount(clamping: segment.size))
        if let damage = segment.state.withLock({ $0.damage }) { report.problems.append(damage) }
        do throws(LogError) { try inspect(&report, visit) } catch { report.problems.append(error.message) }
        return report
    }

    private func inspect(
        _ report: inout SegmentReport, _ visit: (RecordBatchHeader, Int64, Bool, RecordRun?) -> Bool
    ) throws(LogError) {
        let file = try translating { () throws(SystemError) in try segment.files.open(segment.path, .read) }
        defer { file.close() }
        let size = segment.size
        let sideFile = try? segment.files.contents(of: segment.stem + ".batches")
        let ledger = sideFile.flatMap { BatchLedger(file: $0) }
        let covered = ledger?.entries.last?.position ?? -1
        // nil behind a batch that fails its checksum, under which its last offset is: the next batch tells.
        var expected: Offset? = segment.baseOffset
        var goesOn = true
        let loading = SegmentLoading(segment: segment, file: file, size: size)
        let end = try loading.walk(from: 0) { header, position, chunk, start in
            guard goesOn else { return }
            var problem: String?
            if let expected, header.baseOffset != expected {
                problem = "the batch at \(position) has offset \(header.baseOffset) where \(expected) belongs"
            } else if position <= covered, !(ledger?.agrees(position: position, bytes: chunk, at: start) ?? true) {
                problem = "the header of the batch at \(position) is not as it was written"
            }
            let run = records(header, chunk, start)
            let isIntact = header.isIntact(in: chunk, at: start)
            if !isIntact {
                problem = "the batch at \(position), offset \(header.baseOffset), fails its checksum"
            } else if run == nil {
                problem = problem ?? "the records of the batch at \(position), offset \(header.baseOffset), cannot be read"
            }
            if let problem { report.problems.append(problem) }
            expected = isIntact ? header.lastOffset + 1 : nil
            report.batchCount += 1
            report.firstOffset = report.firstOffset ?? header.baseOffset
            if isIntact {
                if !header.isControl { report.recordCount += Int(header.recordCount) }
                report.lastOffset = header.lastOffset
            }
            goesOn = visit(header, position, problem == nil, run)
        }
        if goesOn && end < size { report.problems.append("no whole batch begins at \(end), though the segment goes on to \(size)") }
        if goesOn, end == size, let next, let expected, expected < next {
            report.problems.append(missingOffsets(expected, next) + " behind it")
            _ = segment.gap(from: expected, to: next)
        }
        if ledger == nil && size > 0 { report.remarks.append("it has no side file") }
        if !segment.files.exists(segment.stem + ".index") { report.remarks.append("its index will be made anew") }
    }

    private func records(_ header: RecordBatchHeader, _ chunk: [UInt8], _ start: Int) -> RecordRun? {
        let bytes = Array(chunk[start..<start + header.totalBytes]) + [UInt8](repeating: 0, count: RecordRun.padding)
        var builder = RecordRunBuilder(bytes, from: .first)
        guard builder.addBatch(header, at: 0) else { return nil }
        return builder.finish(nextOffset: header.lastOffset + 1, isAtEnd: false)
    }
}
