// The contract of tables on disk, for that on disk and for its twin in memory.

import Bytes
import Foundation
import Platform
import Spill
import Testing

/// Which table is tested.
private enum Kind: CaseIterable {
    case disk, memory
}

/// A table in a directory of its own, which goes with this.
private final class Place {
    let directory = FileManager.default.temporaryDirectory.path + "/spill-\(UUID().uuidString)"

    func make(_ kind: Kind, mostBytes: Int? = nil) throws -> any DiskTable {
        switch kind {
        case .disk:
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            return try LMDBTable(path: directory + "/table", mostBytes: mostBytes ?? LMDBTable.mostBytes)
        case .memory: return MemoryTable(byteLimit: mostBytes ?? .max)
        }
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
        #expect(try table.read().all().isEmpty)
        try table.put(entries([([2], [20, 21]), ([1], [10]), ([1, 2], [])]))
        try table.put(entries([([1], [11, 12, 13])]))
        #expect(try table.read().values([[2], [1], [0], [1, 2], [3]]) == [[20, 21], [11, 12, 13], nil, [], nil])
        #expect(table.byteCount > 0)
    }

    /// Random puts and removals, against a dictionary; a reader sees what was there when it began.
    @Test(arguments: Kind.allCases) fileprivate func itIsADictionary(_ kind: Kind) throws {
        let random = SeededRandom(seed: 7)
        let place = Place()
        let table = try place.make(kind)
        var model: [[UInt8]: [UInt8]] = [:]
        var earlier: (reading: any DiskTableReading, model: [[UInt8]: [UInt8]])?
        func key() -> [UInt8] { [UInt8(random.next() % 3)] + (0..<random.next() % 4).map { _ in UInt8(random.next() % 5) * 60 } }
        for round in 0..<60 {
            if round % 7 == 3 {
                let prefix = Array(key().prefix(2))
                var rounds = 0
                while try table.remove(prefix: prefix, atMost: 5) { rounds += 1 }
                let gone = model.keys.filter { $0.starts(with: prefix) }
                #expect(rounds <= gone.count / 5)
                for key in gone { model[key] = nil }
            } else {
                var batch: [[UInt8]: [UInt8]] = [:]
                for _ in 0..<random.next() % 40 { batch[key()] = (0..<random.next() % 900).map { UInt8(truncatingIfNeeded: $0 ^ UInt64(round)) } }
                try table.put(entries(batch.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }))
                model.merge(batch) { $1 }
            }
            let reading = try table.read()
            let wanted = (0..<50).map { _ in key() }
            #expect(try reading.values(wanted) == wanted.map { model[$0] })
            #expect(try reading.all() == model)
            #expect(try reading.lastKey() == model.keys.max { $0.lexicographicallyPrecedes($1) })
            for prefix in [[0], [1, 60], [2, 240, 0]] as [[UInt8]] {
                #expect(try reading.all(prefix: prefix) == model.filter { $0.key.starts(with: prefix) })
            }
            if let earlier { #expect(try earlier.reading.all(atMost: 100) == earlier.model) }
            if round % 10 == 0 { earlier = (reading, model) }
        }
    }

    /// Large values come in slices.
    @Test(arguments: Kind.allCases) fileprivate func largeValues(_ kind: Kind) throws {
        let place = Place()
        let table = try place.make(kind)
        let size = DiskTableLimits.sliceBytes / 2 + 1
        for number in 0..<4 { try table.put(entries([([UInt8(number)], [UInt8](repeating: UInt8(number), count: size))])) }
        let reading = try table.read()
        var list = keys([[0], [1], [2], [9]])
        #expect(try reading.find(&list, from: 0) == 2 && list.value(1)?.count == size && list.value(2) == nil)
        #expect(try reading.find(&list, from: 2) == 4 && list.value(2)?.last == 2 && list.value(3) == nil)
        list.removeAll()
        #expect(try reading.append(to: &list, prefix: [], after: nil, atMost: 100) && list.count == 2)
        #expect(try !reading.append(to: &list, prefix: [], after: [1], atMost: 100) && list.count == 4)
    }

    /// No room is an error, and leaves the table as it was.
    @Test(arguments: Kind.allCases) fileprivate func fullIsAnError(_ kind: Kind) throws {
        let place = Place()
        let table = try place.make(kind, mostBytes: 1 << 20)
        try table.put(entries([([1], [10])]))
        let large = [UInt8](repeating: 7, count: 2 << 20)
        do throws(DiskTableError) {
            try table.put(entries([([2], [20]), ([3], large)]))
            Issue.record("it took more than it may have")
        } catch {
            #expect(error.isFull && !error.message.isEmpty)
        }
        #expect(try table.read().all() == [[1]: [10]])
        try table.put(entries([([2], [21])]))
        #expect(try table.read().values([[1], [2], [3]]) == [[10], [21], nil])
    }

    @Test func aTableThatCannotBeMadeSaysWhy() {
        do {
            _ = try LMDBTable(path: "/nowhere/at/all/table")
            Issue.record("it was made")
        } catch {
            #expect(error.message.contains("/nowhere/at/all/table") && error.message.contains("No such file") && !error.isFull)
        }
    }

    /// The files go with the table, also when a reading outlives it, and what another process has left goes at the start.
    @Test func nothingIsLeft() throws {
        let place = Place()
        let folder = SpillFolder(files: HostFileSystem(), directory: place.directory)
        try folder.clear()
        var (first, second): ((any DiskTable)?, (any DiskTable)?) = (try folder.table(for: "store"), try folder.table(for: "store"))
        try first?.put(entries([([1], [1])]))
        #expect(try second?.read().all().isEmpty == true)
        var reading = try first?.read()
        first = nil
        #expect(try reading?.values([[1]]) == [[1]])
        reading = nil
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.directory).allSatisfy { $0.hasPrefix("2-store") })
        second = nil
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.directory).isEmpty && reading == nil && second == nil)
        try Data([1]).write(to: URL(filePath: place.directory + "/9-store"))
        try folder.clear()
        #expect(!FileManager.default.fileExists(atPath: place.directory))
    }

    /// Readers on other threads, while entries come and go.
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
        for round in 0..<200 { try table.put(entries((0..<50).map { ([UInt8($0)], [UInt8(truncatingIfNeeded: round)]) })) }
        isOver.update { $0 = true }
        for reader in readers { reader.join() }
    }
}
