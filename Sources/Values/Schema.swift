// Schemas: what columns a stream or table has, and which of them live in the key of a record.

/// A column of a stream, table or query result.
package struct ColumnDefinition: Hashable, Sendable, Codable {
    package var name: String
    package var type: SQLType
    package init(_ name: String, _ type: SQLType) {
        self.name = name
        self.type = type
    }
}

/// A value column that is filled from the record's headers, not from its value.
package struct HeaderColumn: Hashable, Sendable, Codable {
    package var name: String
    /// The one header it shows (`HEADER('k')`), or nil for all of them (`HEADERS`).
    package var key: String?
    package init(name: String, key: String?) {
        self.name = name
        self.key = key
    }
    /// `BYTES` for one header, an array of key–value structs for all.
    package var type: SQLType {
        key == nil ? .array(.structure([StructField("KEY", .string), StructField("VALUE", .bytes)])) : .bytes
    }
}

/// The columns of a source: key columns, value columns and header columns, each in declared order.
///
/// `value` holds the columns that are stored in the record's value; header columns are listed separately, and `columns` gives all in the
/// order in which rows of the engine hold them: key, value, headers.
package struct SourceSchema: Hashable, Sendable, Codable {
    package var key: [ColumnDefinition]
    package var value: [ColumnDefinition]
    package var headers: [HeaderColumn]

    package init(key: [ColumnDefinition], value: [ColumnDefinition], headers: [HeaderColumn] = []) {
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// All columns in row order: key columns, value columns, header columns.
    package var columns: [ColumnDefinition] { key + value + headers.map { ColumnDefinition($0.name, $0.type) } }

    /// `` `ID` BIGINT KEY, `V` STRING ``, as messages show schemas.
    package var description: String {
        (key.map { "`\($0.name)` \($0.type) KEY" } + value.map { "`\($0.name)` \($0.type)" }
            + headers.map { "`\($0.name)` \($0.type) " + ($0.key.map { "HEADER('\($0)')" } ?? "HEADERS") }).joined(separator: ", ")
    }
}

/// Whether a source is a stream of events or a table of current rows.
package enum SourceKind: String, Hashable, Sendable, Codable {
    case stream = "STREAM"
    case table = "TABLE"
}

/// The columns that every row has besides its own.
package enum PseudoColumn: String, Hashable, Sendable, Codable, CaseIterable {
    case rowtime = "ROWTIME"
    case rowpartition = "ROWPARTITION"
    case rowoffset = "ROWOFFSET"
    case windowstart = "WINDOWSTART"
    case windowend = "WINDOWEND"

    /// Whether it is part of the key of a row with a window.
    package var isWindowBound: Bool { self == .windowstart || self == .windowend }

    /// BIGINT for all but ROWPARTITION, which is INTEGER.
    package var type: SQLType { self == .rowpartition ? .integer : .bigint }
}
