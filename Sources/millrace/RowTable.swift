// Draws small tables of text in the ways that `--output` knows.

import JSONText
import Platform
import Shell

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

    /// The table in the format of `output`.
    func text(_ output: String) -> String {
        guard output != "table" else { return aligned }
        return head(output) + rows.enumerated().map { line($1, output, isFirst: $0 == 0) }.joined() + end(output)
    }

    /// What stands before the rows of a table that is printed row by row, in all forms but `table`.
    func head(_ output: String) -> String {
        switch output {
        case "json": "["
        case "csv", "tsv": line(columns, output)
        case "markdown": line(columns, output) + "|" + columns.map { _ in "---|" }.joined() + "\n"
        default: ""
        }
    }

    /// What stands behind them.
    func end(_ output: String) -> String { output == "json" ? "]\n" : "" }

    /// One row of a table that is printed row by row, with the end of its line.
    func line(_ row: [String], _ output: String, isFirst: Bool = true) -> String {
        output == "json" || output == "ndjson" ? element(json(row), output, isFirst) : line(cells: row, output)
    }

    /// One row as text; nil is NULL, written as the results of statements have it.
    private func line(cells: [String?], _ output: String) -> String {
        switch output {
        case "markdown": "| " + cells.map { $0.map(OutputFormat.markdown) ?? RowTable.null }.joined(separator: " | ") + " |\n"
        case "csv": cells.map { $0.map(OutputFormat.csv) ?? "" }.joined(separator: ",") + "\n"
        case "tsv": cells.map { $0.map(OutputFormat.tsv) ?? "\\N" }.joined(separator: "\t") + "\n"
        case "vertical": zip(columns, cells).map { "\($0): \($1 ?? RowTable.null)\n" }.joined() + "\n"
        default: cells.map { $0 ?? RowTable.null }.joined(separator: " ") + "\n"
        }
    }

    /// What people see of a NULL.
    private static let null = "NULL"

    /// The same of values that have types.
    func line(_ row: [JSONValue], _ output: String, isFirst: Bool) -> String {
        if output == "json" || output == "ndjson" {
            return element(JSONValue.object(zip(columns, row).map { JSONValue.Member($0, $1) }).text, output, isFirst)
        }
        return line(cells: row.map { $0.isNull ? nil : $0.stringValue ?? $0.text }, output)
    }

    /// An object on a line of its own, in an array behind a comma where another one is in front.
    private func element(_ object: String, _ output: String, _ isFirst: Bool) -> String { (output == "json" && !isFirst ? "," : "") + object + "\n" }

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
}
