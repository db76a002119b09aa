// The records behind `.put`: lines up to `.end`. Whole pieces of input are cut at their line ends at once; a line that is not complete
// waits for the next piece. A record that begins with two dots stands for the one without the first, so that any line can be sent.

import Bytes
import Diagnostics

extension RequestReader {
    /// Takes all complete lines, or what is left as the beginning of one.
    mutating func takeRecords(_ rest: inout ArraySlice<UInt8>) {
        let piece = rest.prefix(recordRoom)
        recordRoom = min(recordRoom * 2, RequestReader.mostRecordRoom)
        guard let lastEnd = piece.lastIndex(of: UInt8(ascii: "\n")) else {
            buffer.append(contentsOf: piece)
            rest = rest.dropFirst(piece.count)
            // A carriage return that belongs to the line end is not counted.
            let length = buffer.last == 0x0D ? buffer.count - 1 : buffer.count
            if length > WireLimits.lineBytes { abortLongLine(isUnfinished: true) }
            return
        }
        // The unfinished line of the last piece and the lines of this one, as one buffer.
        var batch = RecordLines(firstLine: putLines + 1)
        let searchFrom = buffer.count
        // With room for the padding that decoders want behind the last record.
        batch.bytes.reserveCapacity(searchFrom + piece.count + RecordRun.padding)
        batch.bytes.append(contentsOf: buffer)
        batch.bytes.append(contentsOf: rest[...lastEnd])
        buffer.removeAll(keepingCapacity: true)
        let consumed = cut(&batch, searchFrom: searchFrom)
        insert(batch)
        if mode == .put || mode == .discardingPut {
            rest = rest[(lastEnd + 1)...]
        } else {
            // `.end` was among the lines; what follows it is no record.
            rest = rest.dropFirst(consumed - searchFrom)
        }
    }

    /// Cuts the buffer of a batch into records; the number of bytes used. Ends early at `.end`.
    private mutating func cut(_ batch: inout RecordLines, searchFrom: Int) -> Int {
        var start = 0
        var search = searchFrom
        while start < batch.bytes.count {
            if mode == .put {
                // All lines that are nothing but records, at once.
                let before = batch.records.count
                start = cutLines(
                    batch.bytes, from: start, searched: search, mark: UInt8(ascii: "."), longest: WireLimits.lineBytes, into: &batch.records)
                putLines += batch.records.count - before
            }
            guard let end = lineEnd(in: batch.bytes, from: max(start, search)) else { break }
            var stop = end
            if stop > start, batch.bytes[stop - 1] == 0x0D { stop -= 1 }
            if stop - start == 4, batch.bytes[start..<stop].elementsEqual(".end".utf8) {
                endPut(&batch)
                return end + 1
            }
            if mode == .put { append(start..<stop, to: &batch) }
            start = end + 1
            search = start
        }
        return batch.bytes.count
    }

    private mutating func append(_ line: Range<Int>, to batch: inout RecordLines) {
        guard line.count <= WireLimits.lineBytes else {
            insert(batch)
            batch.records.removeAll()
            abortLongLine(isUnfinished: false)
            return
        }
        putLines += 1
        let isStuffed = line.count >= 2 && batch.bytes[line.lowerBound] == UInt8(ascii: ".")
            && batch.bytes[line.lowerBound + 1] == UInt8(ascii: ".")
        let start = isStuffed ? line.lowerBound + 1 : line.lowerBound
        batch.records.append(ByteRange(start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: line.upperBound - start)))
    }

    private mutating func insert(_ batch: RecordLines) {
        if !batch.isEmpty { events.append(.putRecords(batch)) }
    }

    private mutating func endPut(_ batch: inout RecordLines) {
        let wasRefused = mode == .discardingPut
        insert(batch)
        batch.records.removeAll()
        if !wasRefused { events.append(.putEnded) }
        reset()
    }

    private mutating func abortLongLine(isUnfinished: Bool) {
        // Of a refused line nothing is needed but that its rest cannot be taken for `.end`.
        if isUnfinished { buffer = Array("too long".utf8) }
        guard mode == .put else { return }
        mode = .discardingPut
        events.append(
            .putAborted(
                Diagnostic(
                    .lineTooLong, "a record is longer than \(WireLimits.lineBytes) bytes", category: .general,
                    hint: "It is line \(putLines + 1) of this .put; the records before it were taken.")))
    }
}
