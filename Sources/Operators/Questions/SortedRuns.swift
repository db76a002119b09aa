// External sort: what was sorted in memory goes to disk as a run, and the runs are merged. Keys are bytes that compare as the rows do, so
// that a merge looks at no row. Of equal rows those of an earlier run come first, which keeps them as they came.

import Values

/// Runs of rows on disk, each in order.
final class SortedRuns {
    private let types: [SQLType]
    private let context: QuestionContext
    private var runs: [SpilledRows] = []

    /// Runs that are merged at once: of each a piece is in memory.
    private static let mergedRuns = 32

    init(_ types: [SQLType], _ context: QuestionContext) {
        self.types = types
        self.context = context
    }

    var isEmpty: Bool { runs.isEmpty }

    /// Writes rows as a run; false where nothing may go to disk.
    func add(_ rows: QuestionRows, _ keys: SortKeys, _ order: ArraySlice<Int32>) throws(DataflowError) -> Bool {
        guard let run = context.makeSpilledRows(types) else { return false }
        var first = order.startIndex
        while first < order.endIndex {
            try context.checkCancelled()
            let last = min(first + OutputLimits.chunkRows, order.endIndex)
            let places = Array(order[first..<last])
            // Not ascending, unlike other selections; who packs rows does not mind.
            try run.append(rows.batch, .only(places)) { place, bytes in keys.append(Int(places[place]), to: &bytes) }
            first = last
        }
        try run.finish()
        if run.count > 0 { runs.append(run) }
        return true
    }

    /// Hands the first `limit` rows of all runs to `take` in chunks, in order, until that gives false.
    func merge(limit: Int, _ take: (Batch) throws(DataflowError) -> Bool) throws(DataflowError) {
        while runs.count > SortedRuns.mergedRuns { try mergeSome(limit: limit) }
        guard let first = runs.first else { return }
        var merge = try RunMerge(runs, context)
        runs = []
        var left = limit
        var (bytes, places): ([UInt8], [Range<Int>]) = ([], [])
        while left > 0, let (entry, source) = try merge.next() {
            let start = bytes.count
            bytes.append(contentsOf: source[entry.row])
            places.append(start..<bytes.count)
            left -= 1
            if places.count == OutputLimits.chunkRows || bytes.count >= OutputLimits.chunkBytes {
                try context.checkCancelled()
                guard try take(first.chunk(of: bytes, places[...])) else { return }
                bytes.removeAll(keepingCapacity: true)
                places.removeAll(keepingCapacity: true)
            }
        }
        if !places.isEmpty { _ = try take(first.chunk(of: bytes, places[...])) }
    }

    /// Makes one run of each few neighbours.
    private func mergeSome(limit: Int) throws(DataflowError) {
        var merged: [SpilledRows] = []
        for first in stride(from: 0, to: runs.count, by: SortedRuns.mergedRuns) {
            let some = Array(runs[first..<min(first + SortedRuns.mergedRuns, runs.count)])
            guard let run = context.makeSpilledRows(types) else { return }
            var merge = try RunMerge(some, context)
            while run.count < limit, let (entry, source) = try merge.next() { try run.append(entry, of: source, filled: some[0].filled) }
            try run.finish()
            merged.append(run)
        }
        runs = merged
    }
}

/// The entries of several runs in the order of their keys.
private struct RunMerge {
    /// Where the reading of a run stands.
    private struct Cursor {
        let run: SpilledRows
        var piece = 0
        var entries: SpilledEntries
        var place = 0
        /// The first bytes of the key at `place`, which decide most comparisons.
        var prefix: UInt64 = 0

        mutating func notePrefix() {
            let key = entries.keys[place]
            prefix = 0
            for offset in 0..<8 { prefix = prefix << 8 | (offset < key.count ? UInt64(entries.bytes[key.lowerBound + offset]) : 0) }
        }
    }

    private var cursors: [Cursor] = []
    /// A heap of the cursors that have entries: none is behind those at twice its place and one or two more.
    private var heap: [Int] = []
    /// The entry that was given last has not been stepped over yet.
    private var isOnEntry = false
    private let context: QuestionContext

    init(_ runs: [SpilledRows], _ context: QuestionContext) throws(DataflowError) {
        self.context = context
        for run in runs where run.pieceCount > 0 {
            var cursor = Cursor(run: run, entries: try run.piece(0))
            cursor.notePrefix()
            cursors.append(cursor)
        }
        heap = Array(cursors.indices)
        for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(place) }
    }

    /// The next entry and the bytes that it stands in; nil behind the last one.
    mutating func next() throws(DataflowError) -> (SpilledEntry, [UInt8])? {
        if isOnEntry { try step() }
        guard let first = heap.first else { return nil }
        isOnEntry = true
        let (place, entries) = (cursors[first].place, cursors[first].entries)
        return (SpilledEntry(key: entries.keys[place], row: entries.rows[place]), entries.bytes)
    }

    private mutating func step() throws(DataflowError) {
        let first = heap[0]
        cursors[first].place += 1
        if cursors[first].place == cursors[first].entries.keys.count {
            try context.checkCancelled()
            cursors[first].piece += 1
            if cursors[first].piece == cursors[first].run.pieceCount {
                heap[0] = heap[heap.count - 1]
                heap.removeLast()
                if !heap.isEmpty { sink(0) }
                return
            }
            cursors[first].entries = try cursors[first].run.piece(cursors[first].piece)
            cursors[first].place = 0
        }
        cursors[first].notePrefix()
        sink(0)
    }

    /// Puts the cursor at a place of the heap where it belongs below that.
    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count && precedes(heap[child], heap[least]) { least = child }
            if least == place { return }
            heap.swapAt(place, least)
            place = least
        }
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        if cursors[a].prefix != cursors[b].prefix { return cursors[a].prefix < cursors[b].prefix }
        let (keyA, keyB) = (cursors[a].entries.keys[cursors[a].place], cursors[b].entries.keys[cursors[b].place])
        for offset in 0..<min(keyA.count, keyB.count) {
            let (x, y) = (cursors[a].entries.bytes[keyA.lowerBound + offset], cursors[b].entries.bytes[keyB.lowerBound + offset])
            if x != y { return x < y }
        }
        return keyA.count != keyB.count ? keyA.count < keyB.count : a < b
    }
}
