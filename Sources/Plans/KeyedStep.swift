// Steps that keep rows by a key: continuous Top-N, what came before in a key's rows, and the different rows of a window.

package import Values

/// One column that rows are ordered by.
package struct SortColumn: Hashable, Sendable, Codable {
    /// Index into the input's columns.
    package var column: Int
    package var isDescending: Bool
    package var nullsFirst: Bool
    package init(column: Int, isDescending: Bool, nullsFirst: Bool) {
        self.column = column
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}

/// A value that follows from the rows of a key up to the current one, or a given number of rows behind it.
package struct RunningCall: Hashable, Sendable, Codable {
    package enum Function: Hashable, Sendable, Codable {
        /// Of the row so many rows before.
        case lag(distance: Int)
        /// Of the row so many rows after.
        case lead(distance: Int)
        case firstValue
        /// How many rows there have been, this one included.
        case rowNumber
    }
    package var function: Function
    /// Index into the input's columns of the value; none for ROW_NUMBER.
    package var value: Int?
    /// Index into the input's columns of what stands for a row that is not there; NULL where there is none.
    package var otherwise: Int?
    package var result: SQLType
    /// How many more rows must come before the value is known.
    package var rowsAhead: Int { if case .lead(let distance) = function { distance } else { 0 } }

    package init(function: Function, value: Int?, otherwise: Int?, result: SQLType) {
        self.function = function
        self.value = value
        self.otherwise = otherwise
        self.result = result
    }
}

/// Keeps rows by their first columns.
package struct KeyedStep: Hashable, Sendable, Codable {
    package enum Kind: Hashable, Sendable, Codable {
        /// The first rows of each key in an order, as a table: the key columns, the number of the row, and the other columns.
        case top([SortColumn], count: Int)
        /// Each row with what the calls say of it, behind its columns.
        case running([RunningCall])
        /// Each different row of a window once. All columns are key columns.
        case distinct(WindowDescription)
    }
    package var input: Step
    /// How many of the input's columns, from the first on, are the key.
    package var keyCount: Int
    package var kind: Kind
    package var output: RowSchema
    /// Where rows change partitions; nil when those of one key lie in one partition already.
    package var repartition: InternalTopic?
    package var store: StoreDescription
    package init(
        input: Step, keyCount: Int, kind: Kind, output: RowSchema, repartition: InternalTopic?, store: StoreDescription
    ) {
        self.input = input
        self.keyCount = keyCount
        self.kind = kind
        self.output = output
        self.repartition = repartition
        self.store = store
    }

    /// Whether the rows that leave are those of a table.
    package var isTable: Bool { if case .top = kind { true } else { false } }

    /// What EXPLAIN shows.
    var headline: String {
        func name(_ index: Int?) -> String { index.map { input.output.columns[$0].name } ?? "" }
        let keys = (0..<keyCount).map { name($0) }.joined(separator: ", ")
        let by = keyCount == 0 ? "" : " BY " + keys
        let what: String =
            switch kind {
            case .top(let order, let count):
                "TOP \(count)" + by + " ORDER BY " + order.map { name($0.column) + ($0.isDescending ? " DESC" : "") }.joined(separator: ", ")
            case .running(let calls):
                "RUNNING " + calls.map { call in
                    switch call.function {
                    case .lag(let distance): "LAG(\(name(call.value)), \(distance))"
                    case .lead(let distance): "LEAD(\(name(call.value)), \(distance))"
                    case .firstValue: "FIRST_VALUE(\(name(call.value)))"
                    case .rowNumber: "ROW_NUMBER()"
                    }
                }.joined(separator: ", ") + by
            case .distinct(let window): "DISTINCT " + keys + " " + window.text
            }
        return what + " STORE \(store.name)" + (repartition.map { " REPARTITION \($0.name)" } ?? "")
    }

    /// What determines how the state is written.
    var layoutText: String {
        let types = input.output.columns.map(\.type.description).joined(separator: ",")
        let kind: String =
            switch self.kind {
            case .top(let order, _): "top " + order.map { "\($0.column)\($0.isDescending ? "d" : "a")\($0.nullsFirst ? "f" : "l")" }.joined(separator: ",")
            case .running(let calls): "running " + calls.map { "\($0.function) \($0.value ?? -1)" }.joined(separator: ",")
            case .distinct(let window): "distinct \(window.text)"
            }
        return "keyed/1 \(keyCount) of (\(types)) \(kind)"
    }
}
