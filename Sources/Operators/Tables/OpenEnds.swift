// The ends of sessions, least first: a binary heap.

/// Ends with the group of each. One that has passed by is found when it comes up, not before.
struct OpenEnds {
    /// An end and the group of its session.
    struct Item {
        var end: Int64
        var group: Int
    }

    private var items: [Item] = []

    /// The least end; the largest number when there is none.
    var least: Int64 { items.first?.end ?? .max }

    var memory: Int { items.capacity * MemoryLayout<Item>.stride }

    mutating func add(_ end: Int64, _ group: Int) {
        var place = items.count
        items.append(Item(end: end, group: group))
        while place > 0, items[(place - 1) / 2].end > end {
            items.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func removeLeast() -> Item? {
        guard let least = items.first else { return nil }
        let last = items.removeLast()
        if items.isEmpty { return least }
        var place = 0
        while true {
            var child = place * 2 + 1
            guard child < items.count else { break }
            if child + 1 < items.count, items[child + 1].end < items[child].end { child += 1 }
            if items[child].end >= last.end { break }
            items[place] = items[child]
            place = child
        }
        items[place] = last
        return least
    }
}
