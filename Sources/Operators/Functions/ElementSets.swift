// Membership among the elements of collections: linear while they are few, hashed when they are many.

import Bytes
import Values

/// Equality and order of elements, in which NULL equals NULL, NaN equals NaN and stands after all numbers, and -0.0 stands before 0.0.
enum ElementOrder {
    /// Elements of two columns of one type.
    static func same(_ a: Column, _ i: Int, as b: Column, _ j: Int) -> Bool {
        let isNull = a.isNull(i)
        if isNull || b.isNull(j) { return isNull && b.isNull(j) }
        switch a.lane {
        case .word: return a.words[i] == b.words[j]
        case .double: return a.doubles[i].bitPattern == b.doubles[j].bitPattern || (a.doubles[i].isNaN && b.doubles[j].isNaN)
        case .wide: return a.wides[i] == b.wides[j]
        case .text: return a.text(i) == b.text(j)
        case .list, .map, .structure: return a.value(i) == b.value(j)
        }
    }

    /// A hash that is equal for elements that are the same. It is seeded, so that no client can choose elements that collide.
    static func hash(_ column: Column, _ row: Int) -> Int {
        if column.isNull(row) { return 0 }
        switch column.lane {
        case .word: return hash(UInt64(bitPattern: column.words[row]))
        case .double: return hash(column.doubles[row].isNaN ? 1 : column.doubles[row].bitPattern)
        case .wide: return hash(UInt64(truncatingIfNeeded: column.wides[row]) ^ UInt64(truncatingIfNeeded: column.wides[row] >> 64))
        case .text:
            let text = column.text(row)
            return Int(truncatingIfNeeded: hash64(column.bytes, text.startIndex..<text.endIndex, seed: seed))
        case .list, .map, .structure: return column.value(row).hashValue
        }
    }

    private static func hash(_ word: UInt64) -> Int { Int(truncatingIfNeeded: hash64(word, seed: seed)) }

    /// Chosen once by the process.
    private static let seed = UInt64.random(in: .min ... .max)

    static func compare(_ a: Double, _ b: Double) -> Int {
        if a.isNaN || b.isNaN { return a.isNaN && b.isNaN ? 0 : a.isNaN ? 1 : -1 }
        if a == b { return a.sign == b.sign ? 0 : a.sign == .minus ? -1 : 1 }
        return a < b ? -1 : 1
    }

    /// Neither element is NULL; arrays, maps and structs have no order.
    static func compare(_ a: Column, _ i: Int, with b: Column, _ j: Int) -> Int {
        a.lane == .double ? compare(a.doubles[i], b.doubles[j]) : RowOrder.compare(a, i, with: b, j) ?? 0
    }
}

/// A set of elements that stand in columns of one type. It holds where they stand, so that a large one allocates nothing for each.
struct ElementSet {
    private static let linearLimit = 16
    /// An element, by its column's index in `columns` and its row there.
    private struct Member {
        let row: Int
        let column: Int
        /// 0 while members are few and compared one by one.
        var hash: Int
    }

    private var columns: [Column] = []
    private var members: [Member] = []
    /// Open addressing with linear probing, as many as a power of two: 1 + the index of a member, or 0. None while members are few.
    private var places: [UInt32] = []

    init() {}

    /// The elements in these rows, or some of them when `cancel` is set meanwhile.
    init(_ column: Column, _ rows: Range<Int>, unless cancel: CancelFlag) {
        for row in rows {
            if cancel.isSet(at: row) { return }
            _ = insert(column, row)
        }
    }

    func contains(_ column: Column, _ row: Int) -> Bool {
        if places.isEmpty { return members.contains { has($0, column, row) } }
        let hash = ElementOrder.hash(column, row)
        return places[place(of: hash) { has($0, column, row) }] != 0
    }

    /// Whether the element is new.
    mutating func insert(_ column: Column, _ row: Int) -> Bool {
        if places.isEmpty {
            if contains(column, row) { return false }
            members.append(Member(row: row, column: index(of: column), hash: 0))
            if members.count > ElementSet.linearLimit { beginHashing() }
            return true
        }
        let hash = ElementOrder.hash(column, row)
        let place = place(of: hash) { has($0, column, row) }
        if places[place] != 0 { return false }
        members.append(Member(row: row, column: index(of: column), hash: hash))
        places[place] = UInt32(truncatingIfNeeded: members.count)
        if members.count * 2 > places.count { spread(over: places.count * 2) }
        return true
    }

    private func has(_ member: Member, _ column: Column, _ row: Int) -> Bool {
        ElementOrder.same(columns[member.column], member.row, as: column, row)
    }

    /// The place of the member with this hash that `isWanted`, or the free one where it would be.
    private func place(of hash: Int, _ isWanted: (Member) -> Bool) -> Int {
        let mask = places.count - 1
        var place = hash & mask
        while places[place] != 0 {
            let member = members[Int(places[place]) - 1]
            if member.hash == hash, isWanted(member) { break }
            place = (place + 1) & mask
        }
        return place
    }

    private mutating func index(of column: Column) -> Int {
        // From the end, because it is almost always the column of the element before.
        if let known = columns.lastIndex(where: { $0 === column }) { return known }
        columns.append(column)
        return columns.count - 1
    }

    private mutating func beginHashing() {
        for index in members.indices { members[index].hash = ElementOrder.hash(columns[members[index].column], members[index].row) }
        spread(over: ElementSet.linearLimit * 4)
    }

    private mutating func spread(over count: Int) {
        places = [UInt32](repeating: 0, count: count)
        for (index, member) in members.enumerated() {
            places[place(of: member.hash) { _ in false }] = UInt32(truncatingIfNeeded: index + 1)
        }
    }
}

/// The places of the STRING keys of one map under construction, whose first key stands at the end of `keys` when this is made.
struct KeyIndex {
    private static let linearLimit = 16
    private let keys: Column
    private let start: Int
    private var hashed: [[UInt8]?: Int] = [:]

    init(_ keys: Column) {
        self.keys = keys
        start = keys.count
    }

    /// The place of a key, nil standing for NULL; `insert` appends a key that is not there yet and gives its place.
    mutating func place(ofText text: ArraySlice<UInt8>?, _ insert: () -> Int) -> Int {
        if keys.count - start <= KeyIndex.linearLimit {
            for place in start..<keys.count where keys.isNull(place) ? text == nil : text.map({ $0 == keys.text(place) }) ?? false {
                return place
            }
            return insert()
        }
        if hashed.isEmpty { for place in start..<keys.count { hashed[keys.isNull(place) ? nil : Array(keys.text(place))] = place } }
        let key = text.map { Array($0) }
        if let known = hashed[key] { return known }
        let place = insert()
        hashed[key] = place
        return place
    }
}
