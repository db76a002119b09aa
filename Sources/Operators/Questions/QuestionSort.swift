// ORDER BY: rows as bytes that compare in their order, and the first ones only where a LIMIT stands behind.

import Bytes
import Plans
import Values

/// The sort keys of rows as bytes: what `ResultOrder` writes, with NULLs first or last, turned for DESC.
struct SortKeyWriter {
    fileprivate let keys: [RelationalSortKey]

    init(_ keys: [RelationalSortKey]) { self.keys = keys }

    /// Appends the bytes of `row`, whose values stand in `columns`, one a key.
    func append(_ columns: [Column], _ row: Int, to bytes: inout [UInt8]) {
        for (key, column) in zip(keys, columns) {
            if column.isNull(row) {
                bytes.append(key.nullsFirst ? 0 : 0xFF)
                continue
            }
            let start = bytes.count
            ResultOrder.append(column, row, to: &bytes)
            if key.isDescending { for place in start + 1..<bytes.count { bytes[place] = ~bytes[place] } }
        }
    }
}

/// Many rows' sort keys. One or two numbers without NULLs are one number of 128 bits a row, everything else bytes, one row behind the other.
struct SortKeys {
    private let writer: SortKeyWriter
    /// While every key is one or two numbers: those, the first one above the second.
    private var numbers: [UInt128]?
    private var bytes: [UInt8] = []
    private var ends: [Int] = [0]

    init(_ writer: SortKeyWriter) {
        self.writer = writer
        numbers = writer.hasNumbers ? [] : nil
    }

    var count: Int { numbers?.count ?? ends.count - 1 }
    var memory: Int { (numbers?.capacity ?? 0) * 16 + bytes.capacity + ends.capacity * 8 }

    /// Appends the keys of the first `count` rows of a chunk, whose values stand in `columns`. `check` is asked now and then whether to go on.
    mutating func append(
        _ columns: [Column], _ count: Int, _ check: () throws(DataflowError) -> Void = {}
    ) throws(DataflowError) {
        if var known = numbers {
            guard columns.allSatisfy({ $0.nulls.isEmpty }) else {
                spellOut()
                return try append(columns, count, check)
            }
            // Held by nothing else while it grows.
            numbers = nil
            writer.append(numbersOf: columns, count, to: &known)
            numbers = known
            return
        }
        for row in 0..<count {
            if row & 0xFFFF == 0xFFFF { try check() }
            writer.append(columns, row, to: &bytes)
            ends.append(bytes.count)
        }
    }

    /// Goes over from numbers to bytes.
    private mutating func spellOut() {
        for number in numbers ?? [] {
            writer.append(spelled: number, to: &bytes)
            ends.append(bytes.count)
        }
        numbers = nil
    }

    /// Appends the key of a row as bytes that compare with those of other rows.
    func append(_ row: Int, to bytes: inout [UInt8]) {
        if let numbers { writer.append(spelled: numbers[row], to: &bytes) } else { bytes.append(contentsOf: self.bytes[range(row)]) }
    }

    /// Forgets all keys.
    mutating func removeAll() { self = SortKeys(writer) }

    /// Keeps the keys of these rows only, in this order.
    mutating func keep(_ rows: [Int32]) {
        if let known = numbers {
            numbers = rows.map { known[Int($0)] }
            return
        }
        var (kept, ends): ([UInt8], [Int]) = ([], [0])
        for row in rows {
            kept.append(contentsOf: bytes[range(Int(row))])
            ends.append(kept.count)
        }
        (bytes, self.ends) = (kept, ends)
    }

    /// Keeps the first `first` keys, and of those behind them these.
    mutating func keep(_ rows: [Int32], behind first: Int) {
        if let known = numbers {
            numbers = known[..<first] + rows.map { known[Int($0)] }
            return
        }
        let kept = rows.map { Array(bytes[range(Int($0))]) }
        bytes.removeSubrange(ends[first]...)
        ends.removeSubrange((first + 1)...)
        for key in kept {
            bytes.append(contentsOf: key)
            ends.append(bytes.count)
        }
    }

    private func range(_ row: Int) -> Range<Int> { ends[row]..<ends[row + 1] }

    func areEqual(_ a: Int, _ b: Int) -> Bool {
        if let numbers { return numbers[a] == numbers[b] }
        return bytes[range(a)].elementsEqual(bytes[range(b)])
    }

    /// Which of the rows from `first` on stand before row `row`.
    func rows(from first: Int, before row: Int) -> [Int32] {
        if let numbers {
            let border = numbers[row]
            return (first..<numbers.count).compactMap { numbers[$0] < border ? Int32(truncatingIfNeeded: $0) : nil }
        }
        let border = bytes[range(row)]
        return (first..<count).compactMap { bytes[range($0)].lexicographicallyPrecedes(border) ? Int32(truncatingIfNeeded: $0) : nil }
    }

    /// The rows in order with their keys, where those are numbers that fit 64 bits together; nil elsewhere.
    func packedOrder(_ check: () throws(DataflowError) -> Void) throws(DataflowError) -> PackedOrder? {
        guard let numbers else { return nil }
        return try PackedOrder(numbers, check)
    }

    /// All rows in order; equal ones as they came. `check` is asked now and then whether to go on.
    func sorted(_ check: () throws(DataflowError) -> Void) throws(DataflowError) -> [Int32] {
        if let packed = try packedOrder(check) { return packed.rows }
        if let numbers {
            var order: [(number: UInt128, row: Int32)] = []
            order.reserveCapacity(numbers.count)
            for (row, number) in numbers.enumerated() { order.append((number, Int32(truncatingIfNeeded: row))) }
            try order.sort(check) { $0.number != $1.number ? $0.number < $1.number : $0.row < $1.row }
            return order.map(\.row)
        }
        var order: [(prefix: UInt64, row: Int32)] = []
        order.reserveCapacity(count)
        for row in 0..<count {
            var prefix: UInt64 = 0
            let range = range(row)
            for place in 0..<8 { prefix = prefix << 8 | (place < range.count ? UInt64(bytes[range.lowerBound + place]) : 0) }
            order.append((prefix, Int32(truncatingIfNeeded: row)))
        }
        let bytes = bytes
        try order.sort(check) { a, b in
            if a.prefix != b.prefix { return a.prefix < b.prefix }
            let (first, second) = (range(Int(a.row)), range(Int(b.row)))
            if first.count > 8 || second.count > 8 {
                for place in 0..<min(first.count, second.count) {
                    let (x, y) = (bytes[first.lowerBound + place], bytes[second.lowerBound + place])
                    if x != y { return x < y }
                }
                if first.count != second.count { return first.count < second.count }
            }
            return a.row < b.row
        }
        return order.map(\.row)
    }
}

extension Array {
    /// Sorts, and asks `check` now and then whether to go on.
    mutating func sort(
        _ check: () throws(DataflowError) -> Void, by areInOrder: (Element, Element) -> Bool
    ) throws(DataflowError) {
        var comparisons = 0
        do {
            try sort { a, b in
                comparisons &+= 1
                if comparisons & 0x3FFF == 0 { try check() }
                return areInOrder(a, b)
            }
        } catch {
            throw error as? DataflowError ?? DataflowError("\(error)")
        }
    }
}

extension SortKeyWriter {
    /// Whether all keys together fit 128 bits.
    var hasNumbers: Bool {
        (1...2).contains(keys.count) && keys.allSatisfy { [.word, .double].contains(Lane($0.expression.type)) }
    }

    /// Appends the keys of `count` rows in which nothing is NULL.
    fileprivate func append(numbersOf columns: [Column], _ count: Int, to numbers: inout [UInt128]) {
        let start = numbers.count
        numbers.append(contentsOf: repeatElement(0, count: count))
        for (place, (key, column)) in zip(keys, columns).enumerated() {
            let shift: UInt128 = place == 0 ? 64 : 0
            for row in 0..<count {
                let bits = column.lane == .word ? UInt64(bitPattern: column.words[row]) ^ 1 << 63 : Self.bits(of: column.doubles[row])
                numbers[start + row] |= UInt128(key.isDescending ? ~bits : bits) << shift
            }
        }
    }

    /// Bits that compare as the numbers do; all NaNs are one, above everything.
    private static func bits(of value: Double) -> UInt64 {
        let bits = value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern
        return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }

    /// Appends a number's keys as `append` writes them.
    fileprivate func append(spelled number: UInt128, to bytes: inout [UInt8]) {
        for place in keys.indices {
            bytes.append(1)
            let bits = UInt64(truncatingIfNeeded: number >> (place == 0 ? 64 : 0))
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
        }
    }
}

/// Sorts its rows. With a limit it never keeps many more than those that will be left; what the question cannot hold goes to disk, sorted.
final class QuestionSort: QuestionStage {
    private let kernels: [Kernel]
    private let rows: QuestionRows
    private let limit: Int
    private let frame: Frame
    private var keys: SortKeys
    private var accounted = 0
    /// What has been sorted and does not fit the memory.
    private let runs: SortedRuns
    /// Whether the first `limit` rows are those that are in for now, in order: a row behind the last of them is not looked at again.
    private var isPruned = false
    /// Of more keys than make a number: the first one, where it is a number, and where the last of the rows that are in for now has it. Rows
    /// that are behind it by that key alone need no others.
    private let leading: SortKeyWriter?
    private var border: UInt128?
    /// Rows that are kept beyond the limit before they are sorted out.
    private static let slack = 8192

    init(
        _ sortKeys: [RelationalSortKey], limit: Int?, _ types: [SQLType], _ context: QuestionContext, next: QuestionStage
    ) throws(DataflowError) {
        kernels = try KernelCompiler.compileAll(sortKeys.map(\.expression), context.environment.added)
        keys = SortKeys(SortKeyWriter(sortKeys))
        let first = SortKeyWriter(Array(sortKeys.prefix(1)))
        leading = first.hasNumbers && !SortKeyWriter(sortKeys).hasNumbers ? first : nil
        rows = QuestionRows(types, context, for: .sorted)
        runs = SortedRuns(types, context)
        self.limit = limit ?? .max
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        context.show(chunk, in: frame)
        var columns = kernels.map { $0.evaluate(frame, chunk.selection) }
        try context.checkCancelled()
        var chunk = chunk
        if let border, let candidates = candidates(columns, chunk.rowCount, border), candidates.count < chunk.rowCount {
            if candidates.isEmpty { return }
            columns = columns.map { QuestionRows.gathered($0, candidates) }
            chunk = chunk.picked(candidates)
        }
        let first = keys.count
        try keys.append(columns, chunk.rowCount)
        if isPruned, limit > 0 {
            let passing = keys.rows(from: first, before: limit - 1)
            if passing.count < chunk.rowCount { keys.keep(passing, behind: first) }
            if passing.isEmpty { return }
            try rows.append(chunk, passing.map { $0 - Int32(truncatingIfNeeded: first) })
        } else {
            try rows.append(chunk)
        }
        try prune()
        if context.mustSpill(rows.memory + accounted) { try spill() }
    }

    /// Puts the rows on disk, in order.
    private func spill() throws(DataflowError) {
        let order = try keys.sorted(context.checkCancelled).prefix(limit)
        guard try runs.add(rows, keys, order) else { return }
        keys.removeAll()
        try rows.removeAll()
        try context.hold(-accounted, for: .sorted)
        accounted = 0
        isPruned = false
    }

    /// The rows whose first key is not behind the border; nil where that is no number.
    private func candidates(_ columns: [Column], _ count: Int, _ border: UInt128) -> [Int32]? {
        guard let leading, let column = columns.first, column.nulls.isEmpty else { return nil }
        var numbers: [UInt128] = []
        leading.append(numbersOf: [column], count, to: &numbers)
        return numbers.indices.compactMap { numbers[$0] <= border ? Int32(truncatingIfNeeded: $0) : nil }
    }

    /// Where the last of the first rows has its first key; nil where that is no number.
    private func newBorder() -> UInt128? {
        guard let leading, limit > 0, rows.count >= limit, let kernel = kernels.first else { return nil }
        let last = rows.chunk([Int32(truncatingIfNeeded: limit - 1)])
        context.show(last, in: frame)
        let column = kernel.evaluate(frame, last.selection)
        guard column.nulls.isEmpty else { return nil }
        var numbers: [UInt128] = []
        leading.append(numbersOf: [column], 1, to: &numbers)
        return numbers.first
    }

    private func prune() throws(DataflowError) {
        try context.hold(keys.memory - accounted, for: .sorted)
        accounted = keys.memory
        guard limit < Int.max / 2, rows.count >= limit * 2 + QuestionSort.slack else { return }
        let first = Array(try keys.sorted(context.checkCancelled).prefix(limit))
        keys.keep(first)
        try rows.keep(first)
        isPruned = true
        border = newBorder()
    }

    override func end() throws(DataflowError) {
        if !runs.isEmpty {
            try spill()
            try runs.merge(limit: limit) { chunk throws(DataflowError) in
                if !isDone { try next?.push(chunk) }
                return !isDone
            }
            return try super.end()
        }
        // Places, and what is sorted beside the keys.
        try context.hold(keys.count * 24, for: .sorted)
        let order = try keys.sorted(context.checkCancelled)
        try emit(rows, limit < order.count ? Array(order.prefix(limit)) : order)
        try super.end()
    }
}
