// One value of one type for each group of an aggregate, typed: numbers in arrays, texts in an arena that takes back what was replaced.

import Bytes
import Values

/// Values by group. Types whose values are nested have none; see `holds`.
@safe final class GroupValues {
    private static let absent: UInt8 = 0, null: UInt8 = 1, present: UInt8 = 2

    let type: SQLType
    private let lane: Lane
    /// By group: `absent`, `null` or `present`.
    private var marks: [UInt8] = []
    private var words: [Int64] = []
    private var doubles: [Double] = []
    private var wides: [Int128] = []
    private var places: [RowPlace] = []
    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    private let arena: UnsafeMutablePointer<RowArena>
    private let scratch: Column

    /// Whether values of `type` can be held.
    static func holds(_ type: SQLType) -> Bool {
        switch Lane(type) {
        case .word, .double, .wide, .text: true
        case .list, .map, .structure: false
        }
    }

    init(_ type: SQLType) {
        self.type = type
        lane = Lane(type)
        scratch = Column(type)
        let arena = UnsafeMutablePointer<RowArena>.allocate(capacity: 1)
        unsafe arena.initialize(to: RowArena())
        unsafe self.arena = unsafe arena
    }

    deinit {
        unsafe arena.deinitialize(count: 1)
        unsafe arena.deallocate()
    }

    /// Bytes of memory.
    var memory: Int {
        marks.capacity + words.capacity * 8 + doubles.capacity * 8 + wides.capacity * 16 + places.capacity * 8 + (unsafe arena.pointee.memory)
    }

    /// Makes room for groups below `count`; new ones have no value.
    func grow(to count: Int) {
        func extend<T>(_ array: inout [T], _ filler: T) {
            if array.count < count { array.append(contentsOf: repeatElement(filler, count: count - array.count)) }
        }
        extend(&marks, GroupValues.absent)
        switch lane {
        case .word: extend(&words, 0)
        case .double: extend(&doubles, 0)
        case .wide: extend(&wides, 0)
        case .text, .list, .map, .structure: extend(&places, .missing)
        }
    }

    /// Whether the group has a value, be it a NULL.
    @inline(__always) func isSet(_ group: Int) -> Bool { marks[group] != GroupValues.absent }

    /// Takes the group's value away.
    func clear(_ group: Int) {
        free(group)
        marks[group] = GroupValues.absent
    }

    /// Takes the group's value away if it is NULL.
    func dropNull(_ group: Int) { if marks[group] == GroupValues.null { marks[group] = GroupValues.absent } }

    /// Gives the group the value at `row` of `column`, which has the same type.
    @inline(__always) func set(_ group: Int, _ column: Column, _ row: Int) {
        if !column.nulls.isEmpty, column.nulls[row] {
            free(group)
            marks[group] = GroupValues.null
            return
        }
        switch lane {
        case .word: words[group] = column.words[row]
        case .double: doubles[group] = column.doubles[row]
        case .wide: wides[group] = column.wides[row]
        case .text, .list, .map, .structure: setText(group, column.text(row))
        }
        marks[group] = GroupValues.present
    }

    private func setText(_ group: Int, _ text: ArraySlice<UInt8>) {
        free(group)
        places[group] = StoredBytes.with(text) { unsafe arena.pointee.add(key: StoredBytes($0.base, 0), row: $0, owner: group) }
    }

    private func free(_ group: Int) {
        guard !places.isEmpty, !places[group].isMissing else { return }
        unsafe arena.pointee.free(places[group])
        places[group] = .missing
    }

    /// Frees the memory of texts that were replaced. What `order` was given stays valid until then.
    func reclaim() {
        guard !places.isEmpty else { return }
        unsafe arena.pointee.reclaim { group, place in places[group] = place }
    }

    /// Writes the group's value into `row` of `column`; NULL where it has none.
    func put(_ group: Int, into column: Column, _ row: Int) {
        guard marks[group] == GroupValues.present else { return column.setNull(row) }
        column.setPresent(row)
        switch lane {
        case .word: column.words[row] = words[group]
        case .double: column.doubles[row] = doubles[group]
        case .wide: column.wides[row] = wides[group]
        case .text, .list, .map, .structure:
            let text = places[group].row
            let start = column.bytes.count
            unsafe column.bytes.append(contentsOf: UnsafeRawBufferPointer(start: text.base, count: text.count))
            column.setRange(row, from: start)
        }
    }

    /// Gives `group` the value of `other`.
    func copy(_ other: Int, to group: Int) {
        take(other)
        set(group, scratch, 0)
    }

    /// Where the value of a group that has one stands beside that at `row` of `column`, neither being NULL: negative before it, 0 at the same
    /// place, positive behind it. In the order of MIN and MAX.
    func order(_ group: Int, _ column: Column, _ row: Int) -> Int {
        switch lane {
        case .word: return words[group] < column.words[row] ? -1 : words[group] == column.words[row] ? 0 : 1
        case .wide: return wides[group] < column.wides[row] ? -1 : wides[group] == column.wides[row] ? 0 : 1
        case .double, .text, .list, .map, .structure:
            take(group)
            return RowOrder.compare(scratch, 0, with: column, row) ?? 0
        }
    }

    /// As `order`, of two groups.
    func order(_ group: Int, _ other: Int) -> Int {
        let value = Column(type)
        value.reset(1)
        put(other, into: value, 0)
        return order(group, value, 0)
    }

    private func take(_ group: Int) {
        scratch.reset(1)
        put(group, into: scratch, 0)
    }

    /// Appends the group's value in the compact row format, NULL where it has none.
    func write(_ group: Int, to bytes: inout [UInt8]) {
        take(group)
        RowWriter.put(scratch, 0, to: &bytes)
    }

    /// Reads a value back; false when the bytes are damaged.
    func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        scratch.reset(1)
        guard reader.read(into: scratch, 0) else { return false }
        set(group, scratch, 0)
        return true
    }
}
