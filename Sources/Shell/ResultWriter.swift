// Writes the rows of one result in one of the forms. Finished results are measured first and fill just the width they need; rows that
// arrive one by one (push queries) get their widths from the columns and the terminal.

import Bytes
import Diagnostics
import Sessions

/// Draws one result. Text goes to `write` in whole lines.
struct ResultWriter {
    private let columns: [ResultColumn]
    private let kind: ResultKind
    private let format: OutputFormat
    /// Columns of the terminal; nil when the output is no terminal; rows are not cut then.
    private let width: Int?
    private let write: (String) -> Void
    private var widths: [Int] = []
    private var waiting: [(cells: [String?], isDeleted: Bool)] = []
    private(set) var rowCount = 0

    init(_ columns: [ResultColumn], _ kind: ResultKind, format: OutputFormat, width: Int?, write: @escaping (String) -> Void) {
        self.columns = columns
        self.kind = kind
        self.format = format
        self.width = width
        self.write = write
        guard kind != .text else { return }
        switch format {
        case .csv: write(columns.map { csv($0.name) }.joined(separator: ","))
        case .tsv: write(columns.map { OutputFormat.tsv($0.name) }.joined(separator: "\t"))
        case .table where kind == .changes: beginTable(evenWidths)
        case .table, .vertical, .json: break
        }
    }

    /// Rows of a finished result beyond which it is drawn without measuring the rest.
    private static let measured = 1000

    mutating func add(_ block: RowBlock) {
        for index in 0..<block.count {
            rowCount += 1
            let isDeleted = block.isDeleted(index)
            if kind != .text && format == .json {
                writeJSON(block.row(index), isDeleted)
                continue
            }
            let cells = Cells.texts(of: block.row(index))
            if kind == .text {
                write(cells.first.flatMap { $0 } ?? "")
                continue
            }
            switch format {
            case .csv: write(cells.map { $0.map(csv) ?? "" }.joined(separator: ","))
            case .tsv: write(cells.map { $0.map(OutputFormat.tsv) ?? "" }.joined(separator: "\t"))
            case .vertical: writeVertical(cells, isDeleted)
            case .table where kind == .changes || !widths.isEmpty: writeLine(cells, isDeleted)
            case .table:
                waiting.append((cells, isDeleted))
                if waiting.count >= Self.measured { drawWaiting() }
            case .json: break
            }
        }
    }

    /// Draws what is still waiting and the end of the table.
    mutating func finish() {
        guard kind != .text, format == .table else { return }
        if widths.isEmpty { drawWaiting() }
        write(border)
    }

    // MARK: Tables

    private var border: String { "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined() }

    private mutating func beginTable(_ widths: [Int]) {
        self.widths = widths
        write(border)
        writeLine(columns.map(\.name), false)
        write(border)
    }

    private mutating func drawWaiting() {
        var needed = columns.map { displayWidth($0.name) }
        for (cells, _) in waiting {
            for (index, cell) in cells.enumerated() where index < needed.count {
                needed[index] = max(needed[index], displayWidth(Cells.printable(cell ?? "null")))
            }
        }
        beginTable(fitted(needed))
        for (cells, isDeleted) in waiting { writeLine(cells, isDeleted) }
        waiting = []
    }

    /// The widths, the widest taken down until the line fits the terminal.
    private func fitted(_ needed: [Int]) -> [Int] {
        guard let width else { return needed }
        var widths = needed
        func total() -> Int { widths.reduce(1) { $0 + $1 + 3 } }
        while total() > width, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > 8 {
            widths[widest] = max(8, widths[widest] - (total() - width))
        }
        return widths
    }

    private var evenWidths: [Int] {
        let share = max(5, ((width ?? 120) - 1) / max(1, columns.count) - 3)
        return columns.map { max(displayWidth($0.name), min(share, $0.type == "BOOLEAN" ? 5 : share)) }
    }

    private func writeLine(_ cells: [String?], _ isDeleted: Bool) {
        var line = "|"
        for (index, width) in widths.enumerated() {
            let isGone = isDeleted && !columns[index].isKey && (index < cells.count ? cells[index] : nil) == nil
            let text = isGone ? "<TOMBSTONE>" : Cells.printable(index < cells.count ? cells[index] ?? "null" : "")
            line += " " + clipped(text, to: width) + " |"
        }
        write(line)
    }

    private func clipped(_ text: String, to width: Int) -> String {
        let needed = displayWidth(text)
        if needed <= width { return text + String(repeating: " ", count: width - needed) }
        if self.width == nil { return text }
        var short = ""
        var used = 0
        for character in text {
            let more = displayWidth(String(character))
            if used + more > width - 1 { break }
            short.append(character)
            used += more
        }
        return short + "…" + String(repeating: " ", count: max(0, width - 1 - used))
    }

    // MARK: Other forms

    private func writeVertical(_ cells: [String?], _ isDeleted: Bool) {
        write("-[ row \(rowCount)\(isDeleted ? ", deleted" : "") ]" + String(repeating: "-", count: 20))
        let longest = columns.map { displayWidth($0.name) }.max() ?? 0
        for (column, cell) in zip(columns, cells) {
            let padding = String(repeating: " ", count: longest - displayWidth(column.name))
            write("\(column.name)\(padding) | \(Cells.printable(cell ?? "null"))")
        }
    }

    private func writeJSON(_ row: ArraySlice<UInt8>, _ isDeleted: Bool) {
        write((isDeleted ? "{\"deleted\":" : "") + String(decoding: row, as: UTF8.self) + (isDeleted ? "}" : ""))
    }

    private func csv(_ text: String) -> String {
        let isPlain = !text.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 10 || $0 == 13 }
        return isPlain && !text.isEmpty
            ? text : "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

}
