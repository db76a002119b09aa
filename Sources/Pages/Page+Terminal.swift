// A page on a terminal: Markdown's marks are taken away, paragraphs and lists are wrapped, tables drawn, and what is meant to be typed stays as it is.

import Diagnostics

extension Page {
    /// The page in lines of at most `width` cells, where its words allow that.
    package func rendered(width: Int) -> String {
        let width = max(width, 20)
        var lines: [String] = []
        var rest = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = rest.popFirst() {
            if line.hasPrefix("```") {
                while let code = rest.popFirst(), !code.hasPrefix("```") { lines.append(code.isEmpty ? "" : "    " + code) }
            } else if line.hasPrefix("# ") {
                lines.append(line.dropFirst(2).uppercased())
            } else if line.hasPrefix("#") {
                lines.append(Page.plain(line.drop { $0 == "#" || $0 == " " }))
                lines.append(String(repeating: "-", count: displayWidth(lines[lines.count - 1])))
            } else if line.hasPrefix("|") {
                var table = [line]
                while let next = rest.first, next.hasPrefix("|") { table.append(rest.removeFirst()) }
                lines += Page.drawn(table, width)
            } else if line.isEmpty {
                if lines.last?.isEmpty == false { lines.append("") }
            } else {
                var paragraph = line.drop { $0 == " " }
                // Lines go together up to a blank one, a mark, or the next item of a list.
                while let next = rest.first, !next.isEmpty, !next.hasPrefix("- "), !next.hasPrefix("|"), !next.hasPrefix("#"), !next.hasPrefix("```") {
                    paragraph += " " + rest.removeFirst().drop { $0 == " " }
                }
                let isItem = paragraph.hasPrefix("- ")
                lines += Page.wrapped(Page.plain(isItem ? paragraph.dropFirst(2) : paragraph), width, first: isItem ? "- " : "", next: isItem ? "  " : "")
            }
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A text without Markdown's marks of code and emphasis.
    private static func plain(_ text: some StringProtocol) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, part in
            index % 2 == 1 ? String(part) : part.split(separator: "**", omittingEmptySubsequences: false).joined()
        }.joined()
    }

    private static func wrapped(_ text: String, _ width: Int, first: String = "", next: String = "") -> [String] {
        wordWrapped(first + text, width: width, margin: next).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The cells of a line of a table; `\|` stands for the bar itself.
    private static func cells(_ line: Substring) -> [String] {
        var cells = [""]
        var isEscaped = false
        for character in line.dropFirst() {
            switch character {
            case "\\" where !isEscaped: isEscaped = true
            case "|" where !isEscaped: cells.append("")
            default:
                if isEscaped, character != "|" { cells[cells.count - 1] += "\\" }
                isEscaped = false
                cells[cells.count - 1].append(character)
            }
        }
        if cells.count > 1, cells[cells.count - 1].allSatisfy({ $0 == " " }) { cells.removeLast() }
        return cells.map { plain($0.drop { $0 == " " }).trimmingTrailingBlanks }
    }

    /// A table in columns, whose cells are wrapped where that is needed; where words are too long for that, the first cell of each row with the
    /// others below it.
    private static func drawn(_ table: [Substring], _ width: Int) -> [String] {
        let rows = table.filter { !$0.allSatisfy { "|-: ".contains($0) } }.map(cells)
        guard let widths = columnWidths(rows, width) else { return stacked(rows, width) }
        return rows.flatMap { row -> [String] in
            let cells = zip(row, widths).map { wrapped($0, $1) }
            return (0..<(cells.map(\.count).max() ?? 0)).map { index in
                var line = ""
                for (cell, width) in zip(cells, widths) {
                    let piece = index < cell.count ? cell[index] : ""
                    line += piece + String(repeating: " ", count: max(0, width - displayWidth(piece)) + 2)
                }
                return line.trimmingTrailingBlanks
            }
        }
    }

    /// How wide columns are so that all of them fit: the widest are made narrower, but not than their longest word. Nil where they do not fit.
    private static func columnWidths(_ rows: [[String]], _ width: Int) -> [Int]? {
        let count = rows.map(\.count).max() ?? 0
        func greatest(_ measure: (String) -> Int) -> [Int] {
            (0..<count).map { column in rows.map { column < $0.count ? measure($0[column]) : 0 }.max() ?? 0 }
        }
        var widths = greatest { displayWidth($0) }
        let least = greatest { $0.split(separator: " ").map { displayWidth($0) }.max() ?? 0 }
        var surplus = widths.reduce(2 * (count - 1), +) - width
        while surplus > 0 {
            guard let widest = widths.indices.filter({ widths[$0] > max(least[$0], 12) }).max(by: { widths[$0] < widths[$1] }) else { return nil }
            widths[widest] -= 1
            surplus -= 1
        }
        return widths
    }

    private static func stacked(_ rows: [[String]], _ width: Int) -> [String] {
        rows.dropFirst().flatMap { row in
            wrapped(row[0], width) + zip(rows[0], row).dropFirst().filter { !$0.1.isEmpty }.flatMap { head, cell in
                wrapped(head.isEmpty ? cell : "\(head): \(cell)", width, first: "    ", next: "      ")
            }
        }
    }
}

extension String {
    fileprivate var trimmingTrailingBlanks: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
