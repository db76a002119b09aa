// Writes a sorted run, block by block.

import Bytes
import Platform

/// A run that is being written. It is gone unless it is finished.
final class RunWriter {
    /// Bytes that are written together.
    private static let flushBytes = 1 << 20

    private let file: any File
    private let room: DiskRoom
    private let sectionBytes: Int
    private var index: RunIndex
    /// Blocks that are not in the file yet; the last one is being made.
    private var buffer: [UInt8] = []
    private var blockStart = 0
    private var starts: [UInt32] = []
    /// The first key of the block being made.
    private var firstKey: [UInt8] = []
    /// The last key of the block before.
    private var keyBefore: [UInt8] = []
    private(set) var byteCount: Int64 = 0
    private var countedSection: (section: UInt64, count: Int) = (0, 0)

    /// A run of at most so many entries in a new file. The file loses its name at once, so nothing is left of it whatever happens.
    init(files: any FileSystem, path: String, room: DiskRoom, atMost count: Int, sectionBytes: Int) throws(DiskTableError) {
        do throws(SystemError) {
            file = try files.openToKeep(path)
            try files.removeFile(path)
        } catch {
            throw DiskTableError("cannot make the file \(path): \(error)", isFull: error.kind == .noSpace)
        }
        self.room = room
        self.sectionBytes = sectionBytes
        index = RunIndex(atMost: count)
    }

    var memory: Int { index.memory + buffer.capacity }

    /// Appends an entry whose key comes after all that are there.
    func put(_ bytes: [UInt8], key: Range<Int>, value: Range<Int>) throws(DiskTableError) {
        precondition(
            index.entryCount == 0 || compare(bytes, key, with: index.lastKey, 0..<index.lastKey.count) > 0, "the keys of a run ascend")
        if buffer.count - blockStart >= RunBlock.usualBytes { try endBlock() }
        if starts.isEmpty { firstKey = Array(bytes[key]) }
        RunBlock.append(bytes, key: key, value: value, to: &buffer, blockStart: blockStart, starts: &starts)
        index.lastKey.removeAll(keepingCapacity: true)
        index.lastKey += bytes[key]
        index.entryCount += 1
        index.filter.insert(keyHash(bytes, key))
        count(section(bytes, key, of: sectionBytes))
    }

    private func count(_ section: UInt64) {
        if section != countedSection.section { flushCount() }
        countedSection = (section, countedSection.count + 1)
    }

    private func flushCount() {
        if countedSection.count > 0 { index.sections[countedSection.section, default: 0] += countedSection.count }
        countedSection.count = 0
    }

    private func endBlock() throws(DiskTableError) {
        guard !starts.isEmpty else { return }
        RunBlock.end(starts, to: &buffer)
        starts.removeAll(keepingCapacity: true)
        let checksum = crc32c(buffer, blockStart..<buffer.count)
        index.addBlock(firstKey: firstKey[...], after: keyBefore[...], byteCount: buffer.count - blockStart, checksum: checksum)
        keyBefore = index.lastKey
        blockStart = buffer.count
        if buffer.count >= RunWriter.flushBytes { try flush() }
    }

    private func flush() throws(DiskTableError) {
        do throws(SystemError) {
            try room.take(Int64(buffer.count))
            try file.write(buffer, at: byteCount)
        } catch {
            throw DiskTableError("cannot write to \(file.path): \(error)", isFull: error.kind == .noSpace)
        }
        byteCount += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: buffer.capacity <= 2 * RunWriter.flushBytes)
        blockStart = 0
    }

    /// The run; nil where it has no entries.
    func finish() throws(DiskTableError) -> SortedRun? {
        try endBlock()
        if !buffer.isEmpty { try flush() }
        flushCount()
        return index.entryCount == 0 ? nil : SortedRun(file: file, index: index)
    }
}

/// The hash of a key for the filters of runs.
func keyHash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 { hash64(bytes, range, seed: 0) }
