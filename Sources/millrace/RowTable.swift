// Draws small tables of text in the ways that `--output` knows.

import JSONText
import Platform

/// Rows under named columns.
struct RowTable {
    let columns: [String]
    private(set) var rows: [[String]] = []

    init(_ columns: String...) { self.columns = columns }

    init(_ columns: [String], _ rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    mutating func add(_ cells: String...) { rows.append(cells) }

    /// The table as `output` wants it.
    func text(_ output: String) -> String {
        switch output {
        case "json": rows.map { json($0) + "\n" }.joined()
        case "csv": ([columns] + rows).map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
        case "tsv": ([columns] + rows).map { $0.joined(separator: "\t") + "\n" }.joined()
        case "vertical": rows.map { row in zip(columns, row).map { "\($0): \($1)\n" }.joined() + "\n" }.joined()
        default: aligned
        }
    }

    private var aligned: String {
        let lines = [columns] + rows
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            var line = ""
            for (cell, width) in zip(cells, widths) { line += cell + String(repeating: " ", count: width - cell.count + 2) }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private func json(_ row: [String]) -> String {
        JSONValue.object(
            zip(columns, row).map { name, cell in JSONValue.Member(name, Int64(cell).map { .integer($0) } ?? .string(cell)) }
        ).text
    }

    private func quoted(_ cell: String) -> String {
        guard cell.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" }) else { return cell }
        return "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
