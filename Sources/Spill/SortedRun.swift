// A sorted run: entries in the order of their keys in a file that never changes, with an index and a filter of them in memory.

import Bytes
import Platform

/// What is known of the keys of a run.
struct RunIndex: Sendable {
    /// What divides the keys of each block from those before: one byte string for each, as short as it can be. A key is in the last block whose
    /// string does not come after it.
    private var separators: [UInt8] = []
    private var separatorEnds: [Int] = []
    /// Where each block ends in the file, and the sum of its bytes.
    private var blockEnds: [Int64] = []
    private var checksums: [UInt32] = []
    var filter: KeyFilter
    /// How many entries each section has.
    var sections: [UInt64: Int] = [:]
    var lastKey: [UInt8] = []
    var entryCount = 0

    init(atMost count: Int) { filter = KeyFilter(atMost: count) }

    var blockCount: Int { blockEnds.count }
    var byteCount: Int64 { blockEnds.last ?? 0 }

    /// Bytes of memory.
    var memory: Int {
        separators.capacity + separatorEnds.capacity * 8 + blockEnds.capacity * 8 + checksums.capacity * 4 + filter.memory + sections.capacity * 16
    }

    /// A block has been added, whose first key follows `lastKey`.
    mutating func addBlock(firstKey: ArraySlice<UInt8>, after lastKey: ArraySlice<UInt8>, byteCount: Int, checksum: UInt32) {
        let shared = zip(firstKey, lastKey).prefix { $0 == $1 }.count
        separators += firstKey.prefix(blockCount == 0 ? 0 : shared + 1)
        separatorEnds.append(separators.count)
        blockEnds.append(self.byteCount + Int64(byteCount))
        checksums.append(checksum)
    }

    /// Where a block stands in the file, and the sum of its bytes.
    func block(_ number: Int) -> (start: Int64, count: Int, checksum: UInt32) {
        let start = number == 0 ? 0 : blockEnds[number - 1]
        return (start, Int(blockEnds[number] - start), checksums[number])
    }

    /// The block that has the key `key[range]` if the run has it, and otherwise the one whose end or whose successor's begin is next to it.
    func block(of key: [UInt8], _ range: Range<Int>) -> Int {
        var (low, high) = (0, blockCount)
        while high - low > 1 {
            let middle = (low + high) / 2
            let separator = separatorEnds[middle - 1]..<separatorEnds[middle]
            if compare(separators, separator, with: key, range) <= 0 { low = middle } else { high = middle }
        }
        return low
    }
}

/// A run. Any thread may read it; its file, which has no name, goes with the last reference to it.
final class SortedRun: Sendable {
    let file: any File
    let index: RunIndex

    init(file: any File, index: RunIndex) {
        self.file = file
        self.index = index
    }

    /// Reads a block. Errors: the disk fails, or gives other bytes than were written.
    func block(_ number: Int) throws(DiskTableError) -> RunBlock {
        let (start, count, checksum) = index.block(number)
        do throws(SystemError) {
            let bytes = try file.read(at: start, count: count, padding: 0)
            if bytes.count == count, crc32c(bytes) == checksum { return RunBlock(bytes) }
        } catch {
            throw DiskTableError("cannot read from \(file.path): \(error)")
        }
        throw DiskTableError("the disk gives other bytes for \(file.path) than it was given")
    }
}

/// The section of a key: its first bytes as a number, which begins with them where there are fewer.
func section(_ bytes: [UInt8], _ range: Range<Int>, of count: Int) -> UInt64 {
    var result: UInt64 = 0
    for place in 0..<count { result = result << 8 | (place < range.count ? UInt64(bytes[range.lowerBound + place]) : 0) }
    return result
}
