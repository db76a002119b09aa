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

/// A set of elements that stand in columns of one type.
struct ElementSet {
    private static let linearLimit = 16
    private struct Member {
        let column: Column
        let row: Int
    }

    private var members: [Member] = []
    private var hashed: Set<Value> = []

    init() {}

    /// The elements in these rows, or some of them when `cancel` is set meanwhile.
    init(_ column: Column, _ rows: Range<Int>, unless cancel: CancelFlag) {
        for row in rows {
            if cancel.isSet(at: row) { return }
            _ = insert(column, row)
        }
    }

    func contains(_ column: Column, _ row: Int) -> Bool {
        if !hashed.isEmpty { return hashed.contains(column.value(row)) }
        return members.contains { ElementOrder.same($0.column, $0.row, as: column, row) }
    }

    /// Whether the element is new.
    mutating func insert(_ column: Column, _ row: Int) -> Bool {
        if !hashed.isEmpty { return hashed.insert(column.value(row)).inserted }
        if contains(column, row) { return false }
        members.append(Member(column: column, row: row))
        if members.count > ElementSet.linearLimit {
            for member in members { hashed.insert(member.column.value(member.row)) }
        }
        return true
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
