// The columns of a drawn table: how wide each is, and how a cell is put into it.

import Diagnostics
import Sessions

/// The widths of a table's columns, in cells of the terminal.
struct TableLayout {
    let widths: [Int]
    /// Numbers stand at the right end of their columns, and are never cut: half a number looks like a number.
    private let areNumbers: [Bool]
    /// Whether a cell that is wider than its column is cut.
    private let cuts: Bool

    /// The fewest cells that texts are cut to where there is another way, and where there is none.
    private static let readable = 8, least = 3

    private init(_ columns: [ResultColumn], _ widths: [Int], cuts: Bool) {
        self.widths = widths
        self.cuts = cuts
        areNumbers = columns.map { TableLayout.isNumber($0.type) }
    }

    /// The layout for cells and names that need so much, and for cells without names. Nil where it would not fit `width`, and `mayExceed` is false: texts would have to be
    /// cut to less than what can be read.
    init?(_ columns: [ResultColumn], needed: [Int], cells: [Int]? = nil, width: Int?, mayExceed: Bool) {
        guard let width else {
            self.init(columns, needed, cuts: false)
            return
        }
        let floor = mayExceed ? TableLayout.least : TableLayout.readable
        // A name may be cut, a number not.
        let least = columns.indices.map { index in
            let cells = cells.map { max(TableLayout.least, $0[index]) } ?? needed[index]
            let isWhole = !TableLayout.mayBeCut(columns[index].type) || TableLayout.isID(columns[index].name) && cells <= TableLayout.longestID
            return isWhole ? min(needed[index], max(floor, cells)) : min(needed[index], max(floor, min(cells, floor)))
        }
        // A text may be as long as it likes; more than the terminal is never shown of it.
        var widths = zip(needed, least).map { max($1, min($0, width)) }
        func surplus() -> Int { widths.reduce(1) { $0 + $1 + 3 } - width }
        // Cell by cell from the widest one, so that wide columns share what there is.
        while surplus() > 0 {
            let shrinking = widths.indices.filter { widths[$0] > least[$0] }
            guard let widest = shrinking.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        if surplus() > 0, !mayExceed { return nil }
        self.init(columns, widths, cuts: true)
    }

    /// What the cells of a column need that are not known yet.
    static func expected(_ column: ResultColumn) -> Int {
        let usual = switch column.type {
        case "BOOLEAN": 5
        case "INTEGER", "DATE": 10
        // Milliseconds since 1970 have thirteen digits.
        case "BIGINT": 13
        case "TIME", "DOUBLE": 12
        case "TIMESTAMP": 23
        default: column.type.hasPrefix("DECIMAL") ? 14 : 24
        }
        return max(displayWidth(column.name), usual)
    }

    /// Gives what is left of the terminal to the columns that may need it.
    static func spread(_ needed: [Int], _ columns: [ResultColumn], over width: Int) -> [Int] {
        let elastic = columns.indices.filter { mayBeCut(columns[$0].type) }
        let left = width - needed.reduce(1) { $0 + $1 + 3 }
        guard left > 0, !elastic.isEmpty else { return needed }
        var widths = needed
        for index in elastic { widths[index] += left / elastic.count }
        return widths
    }

    static func isNumber(_ type: String) -> Bool {
        ["INTEGER", "BIGINT", "DOUBLE"].contains(type) || type.hasPrefix("DECIMAL")
    }

    /// Half an id names nothing. Those of queries are meant, and what calls itself so.
    private static func isID(_ name: String) -> Bool { ["ID", "QUERY ID"].contains(name.uppercased()) }
    /// The most cells that an id gets whatever else there is.
    private static let longestID = 64

    private static func mayBeCut(_ type: String) -> Bool {
        !isNumber(type) && !["BOOLEAN", "DATE", "TIME", "TIMESTAMP"].contains(type)
    }

    var border: String { "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined() }

    /// A line of cells. Those without a column are left out, columns without a cell stay empty. A number that is wider than its column takes
    /// the room that cells behind it do not need.
    func line(_ cells: [String], isHead: Bool = false) -> String {
        var line = "|"
        var excess = 0
        for (index, width) in widths.enumerated() {
            let cell = index < cells.count ? cells[index] : ""
            let needed = displayWidth(cell)
            let mayCut = isHead || !areNumbers[index]
            let given = min(excess, max(0, width - needed))
            excess -= given
            if !cuts || !mayCut { excess += max(0, needed - width) }
            line += " " + fitted(cell, to: width - given, isNumber: areNumbers[index], mayCut: mayCut) + " |"
        }
        return line
    }

    private func fitted(_ text: String, to width: Int, isNumber: Bool, mayCut: Bool) -> String {
        let needed = displayWidth(text)
        if needed <= width {
            let padding = String(repeating: " ", count: width - needed)
            return isNumber ? padding + text : text + padding
        }
        if !cuts || !mayCut { return text }
        var short = ""
        var used = 0
        for character in text {
            let more = displayWidth(character)
            if used + more > width - 1 { break }
            short.append(character)
            used += more
        }
        return short + "…" + String(repeating: " ", count: max(0, width - 1 - used))
    }
}
