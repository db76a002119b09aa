// The contract of tables on disk, on the machine's files and on simulated ones.

import Bytes
import Foundation
import Platform
import Spill
import Testing

/// Where a table lies.
private enum Kind: CaseIterable {
    case disk, memory
}

/// A directory of a test, which goes with this.
private final class Place {
    let directory = FileManager.default.temporaryDirectory.path + "/spill-\(UUID().uuidString)"
    /// Whether nothing can be written.
    let isFull = Monitor(false)

    func make(_ kind: Kind, sectionBytes: Int = 0) throws -> any DiskTable {
        let base: any FileSystem = kind == .disk ? HostFileSystem() : MemoryFileSystem()
        let files = FaultyFileSystem(base) { [isFull] in $0.kind == .write && isFull.withLock { $0 } ? .fail(.noSpace) : nil }
        return try SpillFolder(files: files, directory: directory).table(for: "store", sectionBytes: sectionBytes)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }
}

private func entries(_ pairs: [(key: [UInt8], value: [UInt8])]) -> EntryList {
    var list = EntryList()
    for pair in pairs {
        let start = list.bytes.count
        list.bytes += pair.key
        let middle = list.bytes.count
        list.bytes += pair.value
        list.append(keyFrom: start, valueFrom: middle)
    }
    return list
}

private func keys(_ keys: [[UInt8]]) -> EntryList {
    var list = EntryList()
    for key in keys {
        let start = list.bytes.count
        list.bytes += key
        list.append(keyFrom: start)
    }
    return list
}

extension DiskTableReading {
    fileprivate func values(_ wanted: [[UInt8]]) throws -> [[UInt8]?] {
        var list = keys(wanted)
        var next = 0
        while next < list.count { next = try find(&list, from: next) }
        return (0..<list.count).map { list.value($0).map(Array.init) }
    }

    fileprivate func all(prefix: [UInt8] = [], atMost count: Int = 7) throws -> [[UInt8]: [UInt8]] {
        var result: [[UInt8]: [UInt8]] = [:]
        var last: [UInt8]?
        while true {
            var list = EntryList()
            let hasMore = try append(to: &list, prefix: prefix, after: last, atMost: count)
            for place in 0..<list.count {
                let key = Array(list.key(place))
                if let last { #expect(last.lexicographicallyPrecedes(key)) }
                last = key
                #expect(result.updateValue(Array(list.value(place) ?? []), forKey: key) == nil)
            }
            if !hasMore { return result }
            #expect(list.count > 0)
        }
    }
}

@Suite struct DiskTableTests {
    @Test(arguments: Kind.allCases) fileprivate func whatIsPutIsFound(_ kind: Kind) throws {
        let place = Place()
        let table = try place.make(kind)
        #expect(try table.read().values([[1], [0]]) == [nil, nil])
        #expect(try table.read().all().isEmpty && table.read().lastKey() == nil)
        try table.put(entries([([1], [10]), ([1, 2], []), ([2], [20, 21])]))
        try table.put(entries([([1], [11, 12, 13])]))
        #expect(try table.read().values([[2], [1], [0], [1, 2], [3]]) == [[20, 21], [11, 12, 13], nil, [], nil])
        #expect(table.byteCount > 0 && table.memory > 0)
    }

    /// Random puts, removals and merges, against a dictionary; a reader sees what was there when it began.
    @Test(arguments: Kind.allCases) fileprivate func itIsADictionary(_ kind: Kind) throws {
        let random = SeededRandom(seed: 7)
        let place = Place()
        let table = try place.make(kind, sectionBytes: 2)
        var model: [[UInt8]: [UInt8]] = [:]
        var earlier: (reading: any DiskTableReading, model: [[UInt8]: [UInt8]])?
        var works = 0
        func key() -> [UInt8] {
            let section = [UInt8(random.next() % 3), UInt8(random.next() % 4)]
            return section + (0..<random.next() % 4).map { _ in UInt8(random.next() % 5) * 60 }
        }
        for round in 0..<120 {
            if round % 7 == 3 {
                let section = Array(key().prefix(2))
                table.remove(section: section)
                for key in model.keys where key.starts(with: section) { model[key] = nil }
            } else {
                var batch: [[UInt8]: [UInt8]] = [:]
                for _ in 0..<random.next() % 40 { batch[key()] = (0..<random.next() % 900).map { UInt8(truncatingIfNeeded: $0 ^ UInt64(round)) } }
                try table.put(entries(batch.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }))
                model.merge(batch) { $1 }
            }
            if round % 5 == 2, table.hasWork {
                try table.doWork()
                works += 1
            }
            let reading = table.read()
            let wanted = (0..<50).map { _ in key() }
            #expect(try reading.values(wanted) == wanted.map { model[$0] })
            #expect(try reading.all() == model)
            if let last = model.keys.max(by: { $0.lexicographicallyPrecedes($1) }) {
                #expect(reading.lastKey().map { !$0.lexicographicallyPrecedes(last) } == true)
            }
            for prefix in [[0], [1, 2], [2, 3, 0]] as [[UInt8]] {
                #expect(try reading.all(prefix: prefix) == model.filter { $0.key.starts(with: prefix) })
            }
            if let earlier { #expect(try earlier.reading.all(atMost: 100) == earlier.model) }
            if round % 10 == 0 { earlier = (reading, model) }
        }
        #expect(works > 5)
    }

    /// A merge goes on piece by piece, while entries come and sections go, and leaves less than there was.
    @Test(arguments: Kind.allCases) fileprivate func runsAreMerged(_ kind: Kind) throws {
        let place = Place()
        let table = try place.make(kind, sectionBytes: 1)
        func list(_ round: Int) -> [(key: [UInt8], value: [UInt8])] {
            (0..<800).map { number in
                let key = [UInt8(number / 200), UInt8(number / 50 % 4), UInt8(number % 50)]
                return (key, [UInt8](repeating: UInt8(round), count: 2_500))
            }
        }
        for round in 0..<8 { try table.put(entries(list(round))) }
        let before = table.byteCount
        #expect(table.hasWork)
        try table.doWork()
        try table.put(entries([([0, 0, 1], [100]), ([1, 0, 0], [101])]))
        table.remove(section: [1])
        try table.put(entries([([1, 0, 2], [102])]))
        table.remove(section: [3])
        var works = 0
        while table.hasWork {
            try table.doWork()
            works += 1
        }
        #expect(works > 0 && table.byteCount < before / 6)
        var expected = Dictionary(uniqueKeysWithValues: list(7).filter { $0.key[0] == 0 || $0.key[0] == 2 }.map { ($0.key, $0.value) })
        expected[[0, 0, 1]] = [100]
        expected[[1, 0, 2]] = [102]
        #expect(try table.read().all(atMost: 500) == expected)
        for section in [0, 1, 2] as [UInt8] { table.remove(section: [section]) }
        #expect(try table.read().all().isEmpty && table.byteCount == 0)
    }

    /// Large values come in slices, and keys may be long.
    @Test(arguments: Kind.allCases) fileprivate func largeEntries(_ kind: Kind) throws {
        let place = Place()
        let table = try place.make(kind)
        let size = DiskTableLimits.sliceBytes / 2 + 1
        for number in 0..<4 { try table.put(entries([([UInt8(number)], [UInt8](repeating: UInt8(number), count: size))])) }
        let reading = table.read()
        var list = keys([[0], [1], [2], [9]])
        #expect(try reading.find(&list, from: 0) == 2 && list.value(1)?.count == size && list.value(2) == nil)
        #expect(try reading.find(&list, from: 2) == 4 && list.value(2)?.last == 2 && list.value(3) == nil)
        list.removeAll()
        #expect(try reading.append(to: &list, prefix: [], after: nil, atMost: 100) && list.count == 2)
        #expect(try !reading.append(to: &list, prefix: [], after: [1], atMost: 100) && list.count == 4)
        let long = (0..<20).map { [UInt8](repeating: 7, count: 5_000) + [UInt8($0)] }
        let memory = table.memory
        try table.put(entries(long.map { ($0, [$0[5_000]]) }))
        let values: [[UInt8]?] = long.map { [$0[5_000]] }
        #expect(try table.read().values(long + [Array(long[0].dropLast())]) == values + [nil])
        // What divides blocks is short, unless the keys have so much in common.
        try table.put(entries((0..<20).map { ([UInt8($0 + 100)] + [UInt8](repeating: 7, count: 5_000), [1]) }))
        #expect(table.memory - memory < 2 * 20 * 5_001 + 20_000)
    }

    /// No room is an error, and leaves the table as it was; runs that cannot be merged are read as they are.
    @Test(arguments: Kind.allCases) fileprivate func fullIsAnError(_ kind: Kind) throws {
        let place = Place()
        let table = try place.make(kind)
        for number in 0..<8 { try table.put(entries([([1], [UInt8(number)])])) }
        place.isFull.update { $0 = true }
        do throws(DiskTableError) {
            try table.put(entries([([2], [20]), ([3], [UInt8](repeating: 7, count: 2 << 20))]))
            Issue.record("it took what there is no room for")
        } catch {
            #expect(error.isFull && error.message.contains("No space left"))
        }
        #expect(table.hasWork)
        try table.doWork()
        #expect(!table.hasWork)
        #expect(try table.read().all() == [[1]: [7]])
        place.isFull.update { $0 = false }
        try table.put(entries([([2], [21])]))
        #expect(table.hasWork)
        while table.hasWork { try table.doWork() }
        #expect(try table.read().values([[1], [2], [3]]) == [[7], [21], nil])
    }

    @Test func aTableThatCannotBeMadeSaysWhy() {
        do {
            try RunTable(path: "/nowhere/at/all/table", sectionBytes: 0, files: HostFileSystem()).put(entries([([1], [1])]))
            Issue.record("it was made")
        } catch {
            #expect("\(error)".contains("/nowhere/at/all/table") && "\(error)".contains("No such file"))
        }
    }

    /// Nothing of a table has a name, and what another process has left goes at the start.
    @Test func nothingIsLeft() throws {
        let place = Place()
        let folder = SpillFolder(files: HostFileSystem(), directory: place.directory)
        try folder.clear()
        var table: (any DiskTable)? = try folder.table(for: "store", sectionBytes: 0)
        try table?.put(entries([([1], [1])]))
        let reading = table?.read()
        table = nil
        #expect(try reading?.values([[1]]) == [[1]])
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.directory).isEmpty)
        try Data([1]).write(to: URL(filePath: place.directory + "/9-store"))
        try folder.clear()
        #expect(!FileManager.default.fileExists(atPath: place.directory))
    }

    /// Readers on other threads, while entries come and go and runs are merged.
    @Test(arguments: Kind.allCases) fileprivate func manyReaders(_ kind: Kind) throws {
        let place = Place()
        let table = try place.make(kind)
        let isOver = Monitor(false)
        let readers = try (0..<3).map { number in
            try WorkerThread.start("reader-\(number)") {
                while !isOver.withLock({ $0 }) {
                    let all = (try? table.read().all(atMost: 1000)) ?? [:]
                    // Each round puts a value under all keys in one go.
                    if Set(all.values).count > 1 { Issue.record("half of a change was seen") }
                }
            }
        }
        for round in 0..<200 {
            try table.put(entries((0..<50).map { ([UInt8($0)], [UInt8(truncatingIfNeeded: round)]) }))
            if table.hasWork { try table.doWork() }
        }
        isOver.update { $0 = true }
        for reader in readers { reader.join() }
    }
}
