// Copying rows between columns: one row, or many rows at once by an index vector.

import Bytes

extension Column {
    /// Makes `row` a copy of `source`'s row `from`; both columns have one type. Texts and elements are appended to this column's own.
    func copy(_ source: Column, _ from: Int, to row: Int) {
        if source.isNull(from) {
            setNull(row)
            return
        }
        setPresent(row)
        switch lane {
        case .word: words[row] = source.words[from]
        case .double: doubles[row] = source.doubles[from]
        case .wide: wides[row] = source.wides[from]
        case .text: setText(row, source.text(from))
        case .list, .map:
            let range = source.ranges[from]
            let start = children[0].count
            for (child, other) in zip(children, source.children) {
                child.grow(to: start + Int(range.length))
                for index in 0..<Int(range.length) { child.copy(other, Int(range.start) + index, to: start + index) }
            }
            setRange(row, start: start, count: Int(range.length))
        case .structure:
            for (child, other) in zip(children, source.children) { child.copy(other, from, to: row) }
        }
    }

    /// Becomes `source` under this column's own type, which has the same lane; nothing is copied.
    func share(_ source: Column) {
        reset(0)
        words = source.words
        doubles = source.doubles
        wides = source.wides
        ranges = source.ranges
        bytes = source.bytes
        children = source.children
        nulls = source.nulls
        failed = source.failed
        adopt(count: source.count)
        isView = true
    }

    /// Makes this column the same rows as `source`, which may be filled anew before this one is.
    func repeatRows(of source: Column) {
        guard case .word = lane, source.nulls.isEmpty else { return share(source) }
        reset(source.count)
        words.replaceSubrange(0..<source.count, with: source.words[..<source.count])
    }

    /// Appends a copy of one row.
    func append(_ source: Column, _ from: Int) {
        copy(source, from, to: appendRow())
    }

    /// Appends copies of many rows.
    func append(_ source: Column, _ rows: [Int32]) {
        let start = count
        grow(to: start + rows.count)
        switch lane {
        case .word where source.nulls.isEmpty && nulls.isEmpty: Self.fill(&words, from: start, source.words, rows)
        case .double where source.nulls.isEmpty && nulls.isEmpty: Self.fill(&doubles, from: start, source.doubles, rows)
        default: for (place, row) in rows.enumerated() { copy(source, Int(row), to: start + place) }
        }
    }

    /// Makes this column the rows `indices` of `source`, in that order; a negative index gives NULL. Texts and elements are shared, not
    /// copied, so this column must not be appended to afterwards.
    func gather(_ source: Column, _ indices: [Int32]) {
        reset(indices.count)
        isView = true
        switch lane {
        case .word: Self.fill(&words, from: 0, source.words, indices)
        case .double: Self.fill(&doubles, from: 0, source.doubles, indices)
        case .wide: Self.fill(&wides, from: 0, source.wides, indices)
        case .text:
            bytes = source.bytes
            Self.fill(&ranges, from: 0, source.ranges, indices)
        case .list, .map:
            children = source.children
            Self.fill(&ranges, from: 0, source.ranges, indices)
        case .structure:
            children = zip(children, source.children).map { own, other in
                let child = Column(own.type)
                child.gather(other, indices)
                return child
            }
        }
        if source.nulls.isEmpty, !indices.contains(where: { $0 < 0 }) { return }
        for (row, index) in indices.enumerated() where index < 0 || source.isNull(Int(index)) { setNull(row) }
    }

    /// Puts the entries `indices` of one array into another one, from place `start` on; a negative index leaves its place. The array is held
    /// by nothing else meanwhile, so that it is not looked at again for every entry whether it may be changed.
    private static func fill<Entry>(_ entries: inout [Entry], from start: Int, _ source: [Entry], _ indices: [Int32]) {
        var own: [Entry] = []
        swap(&own, &entries)
        var place = start
        for index in indices {
            if index >= 0 { own[place] = source[Int(index)] }
            place &+= 1
        }
        swap(&own, &entries)
    }
}

extension Column {
    /// Makes this column copies of the rows `indices` of `source`, which may go on growing afterwards.
    func copyRows(of source: Column, _ indices: [Int32]) {
        reset(indices.count)
        if case .word = lane, source.nulls.isEmpty {
            var words: [Int64] = []
            swap(&words, &self.words)
            let known = source.words
            for (row, index) in indices.enumerated() { words[row] = known[Int(index)] }
            swap(&words, &self.words)
        } else {
            for (row, index) in indices.enumerated() { copy(source, Int(index), to: row) }
        }
    }
}
