// Reads a snapshot slice by slice, so that a large one needs no more memory than a small one. It is read twice: first to check all of it,
// then to take its records, since half of a snapshot is worse than none.

package import Bytes
import LogStore
package import Platform
package import Quantities

/// A snapshot that is being read, by one thread at a time.
package final class SnapshotReader {
    /// The outcome of reading the next slice.
    package enum Check {
        case more
        case whole
        case damaged(String)
    }

    let path: String
    /// The changelog that it belongs to, and where replaying that goes on.
    let topic: TopicID
    package let offset: Offset
    private let file: any File
    private var position = Int64(SnapshotFile.headerBytes)
    private var slices = 0

    /// Nil when the file does not begin as a snapshot.
    init?(_ files: any FileSystem, path: String) throws(SystemError) {
        self.path = path
        file = try files.open(path, .read)
        let header = try file.read(at: 0, count: SnapshotFile.headerBytes, padding: 0)
        let sumAt = SnapshotFile.headerBytes - 4
        guard header.count == SnapshotFile.headerBytes, header.starts(with: SnapshotFile.magic) else { return nil }
        var reader = ByteReader(header, SnapshotFile.magic.count..<header.count)
        guard let high = reader.uint64(), let low = reader.uint64(), let offset = reader.offset(), let sum = reader.int32(),
            UInt32(bitPattern: sum) == crc32c(header, 0..<sumAt)
        else { return nil }
        topic = TopicID(high: high, low: low)
        self.offset = offset
    }

    /// Checks the next slice. After the last, reading begins again from the first.
    package func checkSlice() -> Check {
        do throws(SystemError) {
            guard let slice = try readSlice() else { return .damaged("it ends before its end mark") }
            guard slice.isEnd else {
                slices += 1
                return .more
            }
            guard slice.count == slices else { return .damaged("it lacks slices") }
            let size = try file.size()
            if position != size { return .damaged("something follows its end mark") }
            position = Int64(SnapshotFile.headerBytes)
            return .whole
        } catch {
            return .damaged("\(error)")
        }
    }

    /// The records of the next slice; nil at the end. Errors: the file has changed since it was checked.
    package func nextSlice() throws(SystemError) -> RecordRun? {
        guard let slice = try readSlice() else { throw unreadable }
        if slice.isEnd { return nil }
        guard let run = slice.run else { throw unreadable }
        return run
    }

    private var unreadable: SystemError {
        SystemError(kind: .other, number: 0, attempt: "read", path: path, reason: "it has changed since it was checked")
    }

    /// The next slice, whose checksum is right. Nil when there is no such thing.
    private func readSlice() throws(SystemError) -> SnapshotSlice? {
        let head = try file.read(at: position, count: SnapshotFile.sliceHeaderBytes, padding: 0)
        guard head.count == SnapshotFile.sliceHeaderBytes else { return nil }
        var reader = ByteReader(head, 0..<head.count)
        guard let length = reader.int32(), let count = reader.int32(), let sum = reader.int32(), length >= 0, count >= 0 else { return nil }
        // Before anything of that size is allocated: what the file says of itself may be wrong.
        guard position + Int64(head.count) + Int64(length) <= (try file.size()) else { return nil }
        let start = position + Int64(head.count)
        let body = length == 0 ? [] : try file.read(at: start, count: Int(length), padding: RecordRun.padding)
        let slice = SnapshotSlice(body: body, length: Int(length), count: Int(count))
        guard length == 0 || body.count == Int(length) + RecordRun.padding, slice.checksum(of: head) == UInt32(bitPattern: sum) else {
            return nil
        }
        position = start + Int64(length)
        return slice
    }
}

/// A slice of a snapshot as it stands in the file, with the padding of a run behind it.
private struct SnapshotSlice {
    let body: [UInt8]
    /// Bytes of the body.
    let length: Int
    /// Records; in the end mark, slices.
    let count: Int

    var isEnd: Bool { length == 0 }

    /// Of its length and count, as they stand in its head, and of its body.
    func checksum(of head: [UInt8]) -> UInt32 { crc32c(body, 0..<length, continuing: crc32c(head, 0..<8)) }

    /// Its records, which stay where they are; nil when it holds something else.
    var run: RecordRun? {
        // A record takes at least 16 bytes, so a wild count cannot make the arrays wild.
        guard count <= length / 16 else { return nil }
        var reader = ByteReader(body, 0..<length)
        var (keys, values, timestamps) = ([ByteRange](), [ByteRange](), [Int64]())
        keys.reserveCapacity(count)
        values.reserveCapacity(count)
        timestamps.reserveCapacity(count)
        for _ in 0..<count {
            guard let timestamp = reader.int64(), let key = SnapshotSlice.side(&reader), let value = SnapshotSlice.side(&reader) else {
                return nil
            }
            timestamps.append(timestamp)
            keys.append(key)
            values.append(value)
        }
        return RecordRun(
            bytes: body, keys: keys, values: values, headers: [], timestamps: timestamps, offsets: Array(0..<Int64(count)),
            nextOffset: Offset(clamping: Int64(count)), isAtEnd: true)
    }

    private static func side(_ reader: inout ByteReader) -> ByteRange? {
        guard let length = reader.int32() else { return nil }
        if length < 0 { return .null }
        return reader.skip(Int(length)).flatMap { ByteRange(exactly: $0.lowerBound, count: $0.count) }
    }
}
