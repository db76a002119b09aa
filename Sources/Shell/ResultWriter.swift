// Writes the rows of one result in one of the forms. Finished results are measured first and fill just the width they need; rows that
// arrive one by one (push queries) get their widths from the types of the columns and from the terminal.

import Bytes
import Diagnostics
import JSONText
import Sessions

/// Draws one result. Text goes to `write` in whole lines, several at a time.
struct ResultWriter {
    private let columns: [ResultColumn]
    private let kind: ResultKind
    private let drawing: Drawing
    private let write: (String) -> Void
    /// What stands before each value of an object: `{"A":`, `,"B":`.
    private let memberStarts: [[UInt8]]
    private var layout: TableLayout?
    /// A table that is drawn with a line for each value.
    private var isVertical: Bool
    /// A table that is drawn as a list of names with sentences.
    private var isList = false
    private var waiting: [(cells: [String?], isDeleted: Bool)] = []
    /// Lines that are to be written, each with its end.
    private var buffer: [UInt8] = []
    private(set) var rowCount = 0

    init(_ columns: [ResultColumn], _ kind: ResultKind, _ drawing: Drawing, write: @escaping (String) -> Void) {
        self.columns = columns
        self.kind = kind
        self.drawing = drawing
        self.write = write
        isVertical = drawing.format == .vertical || drawing.format == .table && drawing.expansion == .on
        memberStarts = columns.enumerated().map { index, column in
            var start = [index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ",")]
            JSONValue.write(column.name, to: &start)
            return start + [UInt8(ascii: ":")]
        }
        begin()
        flush()
    }

    /// Whether it is text for people, which is shown as it is.
    private var isText: Bool { kind == .text && !drawing.format.isForPrograms }

    private mutating func begin() {
        if isText { return }
        switch drawing.format {
        case .csv: put(columns.map { OutputFormat.csv($0.name) }.joined(separator: ","))
        case .tsv: put(columns.map { OutputFormat.tsv($0.name) }.joined(separator: "\t"))
        case .markdown:
            put("| " + columns.map { OutputFormat.markdown($0.name) }.joined(separator: " | ") + " |")
            put("|" + columns.map { TableLayout.isNumber($0.type) ? "---:|" : "---|" }.joined())
        case .table where kind == .changes && !isVertical: beginTable(needed: columns.map(TableLayout.expected), isElastic: true)
        case .table, .vertical, .json, .ndjson: break
        }
    }

    /// Rows of a finished result beyond which it is drawn without measuring the rest.
    private static let measured = 1000

    mutating func add(_ block: RowBlock) {
        for index in 0..<block.count {
            rowCount += 1
            add(block.row(index), isDeleted: block.isDeleted(index))
        }
        flush()
    }

    private mutating func add(_ row: ArraySlice<UInt8>, isDeleted: Bool) {
        switch drawing.format {
        // The comma begins a line, so that a line is whole before the next row is there.
        case .json: putObject(row, isDeleted, start: rowCount == 1 ? "[" : ",")
        case .ndjson: putObject(row, isDeleted, start: "")
        default: add(Cells.texts(of: row), isDeleted)
        }
    }

    private mutating func add(_ cells: [String?], _ isDeleted: Bool) {
        if isText { return put(cells.first.flatMap { $0 } ?? "") }
        switch drawing.format {
        case .csv: put(cells.map { $0.map(OutputFormat.csv) ?? "" }.joined(separator: ","))
        case .tsv: put(cells.map { $0.map(OutputFormat.tsv) ?? "\\N" }.joined(separator: "\t"))
        case .markdown: put("| " + cells.map { $0.map(OutputFormat.markdown) ?? drawing.null }.joined(separator: " | ") + " |")
        case .json, .ndjson: break
        case .table, .vertical:
            if isVertical { return putVertical(cells, isDeleted) }
            if isList { return putListed(cells) }
            if let layout { return put(layout.line(shown(cells, isDeleted))) }
            waiting.append((cells, isDeleted))
            if waiting.count >= Self.measured { drawWaiting() }
        }
    }

    /// Draws what is still waiting and the end of the result.
    mutating func finish() {
        defer { flush() }
        if isText { return }
        switch drawing.format {
        case .json: put(rowCount == 0 ? "[]" : "]")
        case .table where !isVertical:
            if layout == nil, !isList { drawWaiting() }
            if let layout { put(layout.border) }
        case .table, .vertical, .csv, .tsv, .ndjson, .markdown: break
        }
    }

    // MARK: Lines

    private mutating func put(_ line: String) {
        buffer.append(contentsOf: line.utf8)
        buffer.append(0x0A)
    }

    private mutating func flush() {
        if !buffer.isEmpty { write(String(decoding: buffer.dropLast(), as: UTF8.self)) }
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Tables

    private mutating func beginTable(needed: [Int], cells: [Int]? = nil, isElastic: Bool = false) {
        guard let layout = TableLayout(columns, needed: needed, cells: cells, width: drawing.width, mayExceed: drawing.expansion == .off)
        else {
            isVertical = true
            return
        }
        let spread = isElastic ? TableLayout.spread(layout.widths, columns, over: drawing.width ?? 120) : layout.widths
        let final = isElastic ? TableLayout(columns, needed: spread, width: drawing.width, mayExceed: true) ?? layout : layout
        self.layout = final
        put(final.border)
        put(final.line(columns.map(\.name), isHead: true))
        put(final.border)
    }

    private mutating func drawWaiting() {
        var needed = columns.map { _ in 0 }
        for (cells, isDeleted) in waiting {
            for (index, cell) in shown(cells, isDeleted).enumerated() where index < needed.count {
                needed[index] = max(needed[index], displayWidth(cell))
            }
        }
        let widths = zip(columns, needed).map { max(displayWidth($0.name), $1) }
        let rows = waiting
        waiting = []
        if isExplained, let width = drawing.width, widths.reduce(1, { $0 + $1 + 3 }) > width {
            isList = true
            for (cells, _) in rows { putListed(cells) }
            return
        }
        beginTable(needed: widths, cells: needed)
        for (cells, isDeleted) in rows {
            if let layout { put(layout.line(shown(cells, isDeleted))) } else { putVertical(cells, isDeleted) }
        }
    }

    /// The cells as they are drawn.
    private func shown(_ cells: [String?], _ isDeleted: Bool) -> [String] {
        cells.enumerated().map { index, cell in
            guard let cell else { return isDeleted && !(index < columns.count && columns[index].isKey) ? "<TOMBSTONE>" : drawing.null }
            return shown(cell)
        }
    }

    /// A text that reads like NULL stands in quotes.
    private func shown(_ text: String) -> String { text == drawing.null ? "\"\(text)\"" : Cells.printable(text) }

    private mutating func putVertical(_ cells: [String?], _ isDeleted: Bool) {
        // The number is that of the row, also when the rows before it had to be measured first.
        verticalCount += 1
        put("-[ row \(verticalCount)\(isDeleted ? ", deleted" : "") ]" + String(repeating: "-", count: 20))
        let longest = columns.map { displayWidth($0.name) }.max() ?? 0
        for (column, cell) in zip(columns, cells) {
            let padding = String(repeating: " ", count: longest - displayWidth(column.name))
            let room = drawing.width.map { max(8, $0 - longest - 3) }
            for (index, piece) in ResultWriter.pieces(of: cell.map(shown) ?? drawing.null, room: room).enumerated() {
                put((index == 0 ? column.name + padding : String(repeating: " ", count: longest)) + " | " + piece)
            }
        }
    }

    /// A text in pieces that take so many cells of the terminal at most; whole where there is no limit.
    private static func pieces(of text: String, room: Int?) -> [String] {
        guard let room, displayWidth(text) > room else { return [text] }
        var pieces = [""]
        var used = 0
        for character in text {
            let more = displayWidth(character)
            if used + more > room {
                pieces.append("")
                used = 0
            }
            pieces[pieces.count - 1].append(character)
            used += more
        }
        return pieces
    }

    private var verticalCount = 0

    // MARK: Lists

    /// Whether each row says in a sentence what its first cell means: cut, neither the name nor the sentence would be worth anything.
    private var isExplained: Bool { columns.count > 2 && columns.last?.name == "Meaning" && drawing.expansion != .off }

    /// A row as a line of what it is about, and its sentence below, broken between words.
    private mutating func putListed(_ cells: [String?]) {
        let facts = zip(columns, cells).dropFirst().dropLast().compactMap { column, cell -> String? in
            guard let cell, !cell.isEmpty else { return nil }
            return "\(column.name) \(shown(cell))"
        }
        let name = cells.first.flatMap { $0 }.map(shown) ?? drawing.null
        put(wordWrapped(([name] + facts).joined(separator: "  "), width: drawing.width))
        if let meaning = cells.last.flatMap({ $0 }), !meaning.isEmpty { put(wordWrapped("    " + shown(meaning), width: drawing.width)) }
    }

    // MARK: Objects

    /// The row as an object. Its values are taken over as they are.
    private mutating func putObject(_ row: ArraySlice<UInt8>, _ isDeleted: Bool, start: String) {
        buffer.append(contentsOf: start.utf8)
        if isDeleted { buffer.append(contentsOf: "{\"deleted\":".utf8) }
        let places = Cells.places(in: row)
        for (start, place) in zip(memberStarts, places) {
            buffer.append(contentsOf: start)
            buffer.append(contentsOf: row[place])
        }
        buffer.append(contentsOf: (places.isEmpty || columns.isEmpty ? "{}" : "}").utf8)
        if isDeleted { buffer.append(UInt8(ascii: "}")) }
        buffer.append(0x0A)
    }
}
