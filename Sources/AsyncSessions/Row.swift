// A row of an answer, and its columns.

import Diagnostics
package import JSONText
package import Sessions

/// A column of an answer.
public struct Column: Hashable, Sendable {
    /// Its name as SQL has it: in upper case unless it was quoted.
    public let name: String
    /// Its type in SQL: `BIGINT`, `ARRAY<STRING>`.
    public let type: String
    /// Whether it is part of the key of the rows.
    public let isKey: Bool

    /// The column of an answer, for others.
    package init(_ column: ResultColumn) {
        name = column.name
        type = column.type
        isKey = column.isKey
    }
}

/// A row of an answer.
public struct Row: Hashable, Sendable {
    /// The columns of all rows of the answer.
    public let columns: [Column]
    /// Whether it is the end of a key of a table: then only its key columns are filled.
    public let isDeleted: Bool
    /// One cell for each column.
    private let cells: [JSONValue]

    /// A row of these cells. Cells that are missing are NULL.
    package init(_ columns: [Column], _ cells: [JSONValue], isDeleted: Bool = false) {
        self.columns = columns
        self.isDeleted = isDeleted
        self.cells = Array((cells + Array(repeating: .null, count: max(0, columns.count - cells.count))).prefix(columns.count))
    }

    /// The values of all columns, in order.
    public var values: [Value] { zip(columns, cells).map { Value($1, type: $0.type) } }

    /// The value of a column by its name, in any case unless two columns differ in that alone; nil where there is no such column.
    public subscript(name: String) -> Value? {
        let index = columns.firstIndex { $0.name == name } ?? columns.firstIndex { $0.name == name.uppercased() }
        return index.map { Value(cells[$0], type: columns[$0].type) }
    }

    /// The value of the column at a place, from 0; nil where there is none.
    public subscript(index: Int) -> Value? {
        columns.indices.contains(index) ? Value(cells[index], type: columns[index].type) : nil
    }

    /// The row as a value of a type of the program: columns are its members, by their names as they are or in lower case.
    ///
    /// Errors: `22000` where a column is missing, or does not fit its member.
    public func decoded<Record: Decodable>(as type: Record.Type = Record.self) throws(MillraceError) -> Record {
        var members: [JSONValue.Member] = []
        for (column, cell) in zip(columns, cells) {
            let lower = column.name.lowercased()
            if lower != column.name { members.append(JSONValue.Member(lower, cell)) }
        }
        // The last member of a name counts: a column of exactly that name comes before one in another case.
        for (column, cell) in zip(columns, cells) { members.append(JSONValue.Member(column.name, cell)) }
        do throws(JSONCodingError) { return try JSONValue.object(members).decoded(as: type) } catch {
            throw MillraceError(.init(.dataError, "the row is no \(type): \(error)", category: .general))
        }
    }
}
