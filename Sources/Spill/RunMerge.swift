// Several runs as one: in the order of the keys, and of each key the entry of the newest run that has it.

import Bytes

/// A run of a table, and the sections of it that were removed since it was written.
struct RunPlace: Sendable {
    let run: SortedRun
    /// How often runs were merged to make it.
    let tier: Int
    private(set) var removed: Set<UInt64> = []
    /// Entries that are in no removed section.
    private(set) var liveCount: Int

    init(_ run: SortedRun, tier: Int) {
        self.run = run
        self.tier = tier
        liveCount = run.index.entryCount
    }

    mutating func remove(_ section: UInt64) {
        guard let count = run.index.sections[section], removed.insert(section).inserted else { return }
        liveCount -= count
    }

    /// Whether more than half of it was removed.
    var isMostlyRemoved: Bool { liveCount < run.index.entryCount / 2 }
}

/// An entry of a run, and how to come to the next.
struct RunCursor {
    private let place: RunPlace
    private let sectionBytes: Int
    private var blockNumber: Int
    private var block = RunBlock([])
    private var next = 0
    private(set) var key = 0..<0
    private(set) var value = 0..<0
    private(set) var isAtEnd = false

    /// The first entry whose key is `key` or comes after it.
    init(_ place: RunPlace, sectionBytes: Int, from key: [UInt8]) throws(DiskTableError) {
        self.place = place
        self.sectionBytes = sectionBytes
        blockNumber = place.run.index.block(of: key, 0..<key.count)
        block = try place.run.block(blockNumber)
        next = block.firstPlace(notBefore: key, 0..<key.count)
        try advance()
    }

    var bytes: [UInt8] { block.bytes }

    mutating func advance() throws(DiskTableError) {
        repeat {
            if next == block.count {
                blockNumber += 1
                guard blockNumber < place.run.index.blockCount else {
                    isAtEnd = true
                    return
                }
                block = try place.run.block(blockNumber)
                next = 0
            }
            (key, value) = block.entry(next)
            next += 1
        } while !place.removed.isEmpty && place.removed.contains(section(block.bytes, key, of: sectionBytes))
    }
}

/// Goes through several runs as if they were one.
struct MergedRuns {
    /// From the newest run to the oldest, those that are not at their ends. There are few: looking at each of them costs less than a heap.
    private var cursors: [RunCursor] = []
    private var least = 0

    /// The first entry whose key is `key` or comes after it. The runs stand from the newest to the oldest.
    init(_ places: [RunPlace], sectionBytes: Int, from key: [UInt8]) throws(DiskTableError) {
        for place in places {
            let cursor = try RunCursor(place, sectionBytes: sectionBytes, from: key)
            if !cursor.isAtEnd { cursors.append(cursor) }
        }
        findLeast()
    }

    var isAtEnd: Bool { cursors.isEmpty }

    /// The entry, in the bytes that `body` gets.
    func withEntry<Result>(_ body: ([UInt8], Range<Int>, Range<Int>) throws(DiskTableError) -> Result) throws(DiskTableError) -> Result {
        try body(cursors[least].bytes, cursors[least].key, cursors[least].value)
    }

    private mutating func findLeast() {
        least = 0
        for other in cursors.indices.dropFirst() where order(other, least) < 0 { least = other }
    }

    private func order(_ left: Int, _ right: Int) -> Int {
        compare(cursors[left].bytes, cursors[left].key, with: cursors[right].bytes, cursors[right].key)
    }

    mutating func advance() throws(DiskTableError) {
        // Older runs' entries of the same key are behind it in the array.
        var other = cursors.count - 1
        while other > least {
            if order(other, least) == 0 { try step(other) }
            other -= 1
        }
        try step(least)
        findLeast()
    }

    private mutating func step(_ place: Int) throws(DiskTableError) {
        try cursors[place].advance()
        if cursors[place].isAtEnd { cursors.remove(at: place) }
    }
}
