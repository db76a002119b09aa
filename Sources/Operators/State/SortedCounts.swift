// Different numbers in their order, each with how often it is there. They lie in chunks, so that a new one moves few of the others, however
// many there are.

import Bytes
import Quantities

/// A multiset of numbers. NaN is one number, larger than all others.
struct SortedCounts {
    /// A number, and how often it is there, which is at least once.
    struct Entry {
        var value: Double
        var count: Int64
    }

    private static let chunkLimit = 512

    /// Ascending; none is empty.
    private var chunks: [[Entry]] = []
    /// Of each chunk: how many numbers it has, those that are there twice counted twice.
    private var totals: [Int64] = []
    /// How many numbers there are.
    private(set) var total: Int64 = 0
    /// How many different ones.
    private(set) var entryCount = 0

    /// Bytes of memory, about.
    var memory: Int { entryCount * MemoryLayout<Entry>.stride * 3 / 2 + chunks.count * 48 }

    static func isLess(_ a: Double, _ b: Double) -> Bool { a < b || !a.isNaN && b.isNaN }

    /// Where `value` is, or would be.
    private func place(of value: Double) -> (chunk: Int, entry: Int, isThere: Bool) {
        // The first chunk that begins with a larger number: the one before it has the place.
        let next = chunks.indices.firstPlace { SortedCounts.isLess(value, chunks[$0][0].value) }
        guard next > 0 else { return (0, 0, false) }
        let chunk = chunks[next - 1]
        let entry = chunk.indices.firstPlace { !SortedCounts.isLess(chunk[$0].value, value) }
        return (next - 1, entry, entry < chunk.count && !SortedCounts.isLess(value, chunk[entry].value))
    }

    /// How often `value` is there.
    func count(of value: Double) -> Int64 {
        let place = place(of: value)
        return place.isThere ? chunks[place.chunk][place.entry].count : 0
    }

    /// Has `value` there `difference` times more often, or less often; never less often than not at all.
    mutating func change(_ value: Double, by difference: Int64) {
        let place = place(of: value)
        if place.isThere {
            let old = chunks[place.chunk][place.entry].count
            let new = max(0, old.addingSaturated(difference))
            totals[place.chunk] += new - old
            total += new - old
            if new > 0 { chunks[place.chunk][place.entry].count = new } else { remove(place.chunk, place.entry) }
        } else if difference > 0 {
            insert(Entry(value: value, count: difference), place.chunk, place.entry)
        }
    }

    private mutating func insert(_ entry: Entry, _ chunk: Int, _ place: Int) {
        total += entry.count
        entryCount += 1
        if chunks.isEmpty {
            chunks.append([entry])
            totals.append(entry.count)
            return
        }
        chunks[chunk].insert(entry, at: place)
        totals[chunk] += entry.count
        guard chunks[chunk].count > SortedCounts.chunkLimit else { return }
        let upper = Array(chunks[chunk][(SortedCounts.chunkLimit / 2)...])
        chunks[chunk].removeSubrange((SortedCounts.chunkLimit / 2)...)
        let moved = upper.reduce(0) { $0 + $1.count }
        totals[chunk] -= moved
        chunks.insert(upper, at: chunk + 1)
        totals.insert(moved, at: chunk + 1)
    }

    private mutating func remove(_ chunk: Int, _ place: Int) {
        entryCount -= 1
        chunks[chunk].remove(at: place)
        guard chunks[chunk].isEmpty else { return }
        chunks.remove(at: chunk)
        totals.remove(at: chunk)
    }

    /// The number at a place of their order, of which there are more than `place`.
    func value(at place: Int64) -> Double {
        var left = place
        for (chunk, total) in zip(chunks, totals) {
            if left >= total {
                left -= total
                continue
            }
            for entry in chunk {
                if left < entry.count { return entry.value }
                left -= entry.count
            }
        }
        return .nan
    }

    /// Calls `body` with each different number, in order.
    func forEach(_ body: (Entry) -> Void) { for chunk in chunks { chunk.forEach(body) } }
}
