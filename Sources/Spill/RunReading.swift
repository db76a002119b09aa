// Looks into the runs of a table as they were at one moment.

import Bytes

/// The runs that a table had.
final class RunReading: DiskTableReading {
    private let places: [RunPlace]
    private let sectionBytes: Int
    /// The block of each run that was last looked into: neighbours among the keys lie in the same one.
    private var blocks: [(number: Int, block: RunBlock)?]

    init(_ places: [RunPlace], sectionBytes: Int) {
        self.places = places
        self.sectionBytes = sectionBytes
        blocks = [(number: Int, block: RunBlock)?](repeating: nil, count: places.count)
    }

    func find(_ entries: inout EntryList, from first: Int) throws(DiskTableError) -> Int {
        var size = 0
        for place in first..<entries.count {
            let key = entries.keys[place].indexes
            let hash = keyHash(entries.bytes, key)
            for number in places.indices where mayHave(number, entries.bytes, key, hash) {
                guard let (block, value) = try find(entries.bytes, key, in: number) else { continue }
                let start = entries.bytes.count
                entries.bytes += block.bytes[value]
                entries.setValue(place, from: start)
                size += value.count
                break
            }
            if size > DiskTableLimits.sliceBytes { return place + 1 }
        }
        return entries.count
    }

    private func mayHave(_ number: Int, _ bytes: [UInt8], _ key: Range<Int>, _ hash: UInt64) -> Bool {
        let place = places[number]
        guard place.run.index.filter.mayContain(hash) else { return false }
        return place.removed.isEmpty || !place.removed.contains(section(bytes, key, of: sectionBytes))
    }

    private func find(_ bytes: [UInt8], _ key: Range<Int>, in number: Int) throws(DiskTableError) -> (block: RunBlock, value: Range<Int>)? {
        let run = places[number].run
        let blockNumber = run.index.block(of: bytes, key)
        let block: RunBlock
        if let known = blocks[number], known.number == blockNumber {
            block = known.block
        } else {
            block = try run.block(blockNumber)
            blocks[number] = (blockNumber, block)
        }
        let place = block.firstPlace(notBefore: bytes, key)
        guard place < block.count else { return nil }
        let entry = block.entry(place)
        return compare(block.bytes, entry.key, with: bytes, key) == 0 ? (block, entry.value) : nil
    }

    func append(to entries: inout EntryList, prefix: [UInt8], after key: [UInt8]?, atMost count: Int) throws(DiskTableError) -> Bool {
        var merged = try MergedRuns(places, sectionBytes: sectionBytes, from: key ?? prefix)
        var (size, added, isOver) = (0, 0, false)
        while !merged.isAtEnd {
            let isFull = added >= count || size > DiskTableLimits.sliceBytes
            try merged.withEntry { (bytes, found, value) throws(DiskTableError) in
                let begin = found.prefix(prefix.count)
                guard compare(bytes, begin, with: prefix, 0..<prefix.count) == 0 else { return isOver = true }
                if let key, added == 0, compare(bytes, found, with: key, 0..<key.count) == 0 { return }
                if isFull { return }
                let start = entries.bytes.count
                entries.bytes += bytes[found]
                let middle = entries.bytes.count
                entries.bytes += bytes[value]
                entries.append(keyFrom: start, valueFrom: middle)
                size += value.count
                added += 1
            }
            if isOver { return false }
            if isFull { return true }
            try merged.advance()
        }
        return false
    }

    func lastKey() -> [UInt8]? { places.map(\.run.index.lastKey).max { $0.lexicographicallyPrecedes($1) } }
}
