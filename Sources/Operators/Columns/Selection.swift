// Which rows of a batch are meant: all of them, or those that an index vector lists in ascending order.

/// The rows that an operator passes on or a kernel must compute.
struct Selection {
    /// The rows, ascending; unused when `isDense`.
    var rows: [Int32]
    /// Rows 0..<count, all of them.
    var isDense: Bool
    var count: Int

    static func all(_ count: Int) -> Selection { Selection(rows: [], isDense: true, count: count) }
    static func only(_ rows: [Int32]) -> Selection { Selection(rows: rows, isDense: false, count: rows.count) }

    var isEmpty: Bool { count == 0 }

    @inline(__always) func forEach(_ body: (Int) -> Void) {
        if isDense {
            for row in 0..<count { body(row) }
        } else {
            for row in rows { body(Int(row)) }
        }
    }

    @inline(__always) subscript(index: Int) -> Int { isDense ? index : Int(rows[index]) }

    /// The rows of this selection for which `keep` holds; the same selection when it holds for all.
    @inline(__always) func filtered(_ keep: (Int) -> Bool) -> Selection {
        // Every row is written down, and the next one over it where it does not count: no branch that could be guessed wrong.
        let kept = unsafe [Int32](unsafeUninitializedCapacity: count) { places, kept in
            forEach { row in
                unsafe places[kept] = Int32(truncatingIfNeeded: row)
                kept &+= keep(row) ? 1 : 0
            }
        }
        return kept.count == count ? self : .only(kept)
    }

    /// The first rows, `count` at most.
    func prefix(_ count: Int) -> Selection {
        if count >= self.count { return self }
        return isDense ? .all(count) : .only(Array(rows.prefix(count)))
    }

    /// The first half of the rows and the others.
    var halves: (first: Selection, second: Selection) {
        let all = isDense ? (0..<count).map { Int32(truncatingIfNeeded: $0) } : rows
        let middle = count / 2
        return (.only(Array(all[..<middle])), .only(Array(all[middle...])))
    }

    /// The rows of this selection that have no NULL in `column`.
    func withoutNulls(_ column: Column) -> Selection {
        column.nulls.isEmpty ? self : filtered { !column.nulls[$0] }
    }
}
