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
            guard let (head, body, count) = try readSlice() else { return .damaged("it ends before its end mark") }
            if body.isEmpty {
                guard count == slices else { return .damaged("it lacks slices") }
                let size = try file.size()
                if position != size { return .damaged("something follows its end mark") }
                position = Int64(SnapshotFile.headerBytes)
                return .whole
            }
            guard !head.isEmpty, records(of: body, count) != nil else { return .damaged("a slice of it cannot be read") }
            slices += 1
            return .more
        } catch {
            return .damaged("\(error)")
        }
    }

    /// The records of the next slice; nil at the end. Errors: the file has changed since it was checked.
    package func nextSlice() throws(SystemError) -> RecordRun? {
        guard let (_, body, count) = try readSlice(), let records = records(of: body, count) else {
            throw SystemError(kind: .other, number: 0, attempt: "read", path: path, reason: "it has changed since it was checked")
        }
        return body.isEmpty ? nil : records.asRun
    }

    /// The next slice, whose checksum is right; the end mark has an empty body. Nil when there is no such thing.
    private func readSlice() throws(SystemError) -> (head: [UInt8], body: [UInt8], count: Int)? {
        let head = try file.read(at: position, count: SnapshotFile.sliceHeaderBytes, padding: 0)
        guard head.count == SnapshotFile.sliceHeaderBytes else { return nil }
        var reader = ByteReader(head, 0..<head.count)
        guard let length = reader.int32(), let count = reader.int32(), let sum = reader.int32(), length >= 0, count >= 0 else { return nil }
        // Before anything of that size is allocated: what the file says of itself may be wrong.
        guard position + Int64(head.count) + Int64(length) <= (try file.size()) else { return nil }
        let body = length == 0 ? [] : try file.read(at: position + Int64(head.count), count: Int(length), padding: 0)
        guard body.count == Int(length), crc32c(Array(head[..<8]) + body) == UInt32(bitPattern: sum) else { return nil }
        position += Int64(head.count + body.count)
        return (head, body, Int(count))
    }

    private func records(of body: [UInt8], _ count: Int) -> OutgoingRecords? {
        var reader = ByteReader(body, 0..<body.count)
        var records = OutgoingRecords()
        if body.isEmpty { return records }
        for _ in 0..<count {
            guard let timestamp = reader.int64(), let key = side(&reader), let value = side(&reader) else { return nil }
            records.append(key: key.bytes, value: value.bytes, timestamp: timestamp)
        }
        return records
    }

    private struct Side { var bytes: [UInt8]? }

    private func side(_ reader: inout ByteReader) -> Side? {
        guard let length = reader.int32() else { return nil }
        if length < 0 { return Side(bytes: nil) }
        return reader.take(Int(length)).map { Side(bytes: Array($0)) }
    }
}
