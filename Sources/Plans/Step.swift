// The dataflow of a query as a tree of steps, from its sources up to the one step whose rows go to the sink.
//
// A row of any step is: the columns of the step's `RowSchema` (key columns first), a timestamp, whether the row has a value (a
// tombstone of a table, or an event with a null value, has none: then only its key columns mean something), and, below a windowed
// source or aggregate, the window's bounds. A step of a table may be asked to give the row's old version beside the new one.

package import Formats
package import Quantities
package import Values

/// The columns of a step's rows: key columns first, then value columns (header columns among them).
package struct RowSchema: Hashable, Sendable, Codable {
    package var columns: [ColumnDefinition]
    package var keyCount: Int

    package init(columns: [ColumnDefinition], keyCount: Int) {
        self.columns = columns
        self.keyCount = keyCount
    }

    package var key: ArraySlice<ColumnDefinition> { columns[..<keyCount] }
    package var value: ArraySlice<ColumnDefinition> { columns[keyCount...] }
}

/// A topic of the query's own: `name` as users see it in topic lists, e.g. `…query_CTAS_T_1-Aggregate-GroupBy-repartition`.
package struct InternalTopic: Hashable, Sendable, Codable {
    package var name: String
    /// The format in which the partitioning key is written, so that repartition, state and sink partition agree.
    package var keyFormat: FormatSpec
    package init(name: String, keyFormat: FormatSpec) {
        self.name = name
        self.keyFormat = keyFormat
    }
}

/// A state store: `name` is stable over restarts and names its changelog topic `<name>-changelog`.
package struct StoreDescription: Hashable, Sendable, Codable {
    package var name: String
    package init(name: String) { self.name = name }
}

/// Where event time comes from when it is not the record's own timestamp.
package struct TimestampColumn: Hashable, Sendable, Codable {
    /// Index into the row's columns.
    package var column: Int
    /// The Java date-time pattern of a STRING column; nil for BIGINT and TIMESTAMP columns.
    package var pattern: String?
    /// Whether a value that cannot be read fails the query instead of skipping the row.
    package var failsQuery: Bool
    package init(column: Int, pattern: String?, failsQuery: Bool) {
        self.column = column
        self.pattern = pattern
        self.failsQuery = failsQuery
    }
}

/// Reads a topic and decodes its records.
package struct SourceStep: Hashable, Sendable, Codable {
    package var sourceName: String
    package var topic: String
    package var kind: SourceKind
    package var keyFormat: FormatSpec
    package var valueFormat: FormatSpec
    /// The declared columns: `schema.key`, `schema.value`, `schema.headers`; rows hold them in the order of `schema.columns`.
    package var schema: SourceSchema
    package var timestamp: TimestampColumn?
    package var window: KeyWindow?
    /// Which columns (by row index) the query reads; the others need not be decoded and must not be looked at.
    package var needed: [Bool]
    /// Set when the step must know the old version of each row: a table that is filtered, aggregated or joined. Keeps the last row a key.
    package var store: StoreDescription?

    package init(
        sourceName: String, topic: String, kind: SourceKind, keyFormat: FormatSpec, valueFormat: FormatSpec, schema: SourceSchema,
        timestamp: TimestampColumn?, window: KeyWindow?, needed: [Bool], store: StoreDescription?
    ) {
        self.sourceName = sourceName
        self.topic = topic
        self.kind = kind
        self.keyFormat = keyFormat
        self.valueFormat = valueFormat
        self.schema = schema
        self.timestamp = timestamp
        self.window = window
        self.needed = needed
        self.store = store
    }

    /// The rows that the step gives.
    package var output: RowSchema { RowSchema(columns: schema.columns, keyCount: schema.key.count) }
}

/// Keeps the rows for which `predicate` is true. Of a table (`isTable`), a row that stops passing becomes a tombstone, and a row whose
/// old version did not pass either gives nothing.
package struct FilterStep: Hashable, Sendable, Codable {
    package var input: Step
    package var predicate: TypedExpression
    package var isTable: Bool
    /// Every change that does not pass becomes a tombstone: the old version is not looked at.
    package var ignoresOld: Bool
    package init(input: Step, predicate: TypedExpression, isTable: Bool, ignoresOld: Bool = false) {
        self.input = input
        self.predicate = predicate
        self.isTable = isTable
        self.ignoresOld = ignoresOld
    }
}

/// Computes `expressions`, one for each column of `output`. Rows without a value pass with their key columns.
package struct ProjectStep: Hashable, Sendable, Codable {
    package var input: Step
    package var expressions: [TypedExpression]
    package var output: RowSchema
    package var isTable: Bool
    package init(input: Step, expressions: [TypedExpression], output: RowSchema, isTable: Bool) {
        self.input = input
        self.expressions = expressions
        self.output = output
        self.isTable = isTable
    }
}

/// PARTITION BY: gives a stream new key columns. The rows that leave hold the new key columns, then all columns of the input.
package struct RekeyStep: Hashable, Sendable, Codable {
    package var input: Step
    /// Empty for PARTITION BY NULL.
    package var keys: [TypedExpression]
    package var output: RowSchema
    /// Where rows change partitions; unused while the input has one partition.
    package var repartition: InternalTopic
    package init(input: Step, keys: [TypedExpression], output: RowSchema, repartition: InternalTopic) {
        self.input = input
        self.keys = keys
        self.output = output
        self.repartition = repartition
    }
}

/// A call of a table function.
package struct TableFunctionCall: Hashable, Sendable, Codable {
    package var function: String
    package var arguments: [TypedExpression]
    package var result: SQLType
    package init(function: String, arguments: [TypedExpression], result: SQLType) {
        self.function = function
        self.arguments = arguments
        self.result = result
    }
}

/// EXPLODE and its kind: each input row becomes as many rows as the longest result; results stand after the input's columns.
package struct ExplodeStep: Hashable, Sendable, Codable {
    package var input: Step
    package var functions: [TableFunctionCall]
    package var output: RowSchema
    package init(input: Step, functions: [TableFunctionCall], output: RowSchema) {
        self.input = input
        self.functions = functions
        self.output = output
    }
}

/// One aggregate of an aggregation: `function` upper case, `arguments` over the input row, `options` the literal arguments after them.
package struct AggregateCall: Hashable, Sendable, Codable {
    package var function: String
    package var arguments: [TypedExpression]
    package var options: [Value]
    package var result: SQLType
    /// The cap of COLLECT_LIST and COLLECT_SET from the properties, nil for none.
    package var limit: Int?
    /// What a function of a user does; nil for the server's own. It is part of the plan: another function of that name later is another matter.
    package var definition: AggregateDefinition?
    /// Whether AVG adds whole numbers up exactly, rather than wrapping in their type; nil, as in the plans of older servers, says no.
    package var isExact: Bool?

    package init(
        function: String, arguments: [TypedExpression], options: [Value], result: SQLType, limit: Int? = nil,
        definition: AggregateDefinition? = nil, isExact: Bool? = nil
    ) {
        self.function = function
        self.arguments = arguments
        self.options = options
        self.result = result
        self.limit = limit
        self.definition = definition
        self.isExact = isExact
    }
}

/// An aggregate function of a user: a state, and expressions over it.
package struct AggregateDefinition: Hashable, Sendable, Codable {
    /// The type of the state.
    package var state: SQLType
    /// The state of no rows.
    package var initial: TypedExpression
    /// The state with a row more: over the state and the arguments.
    package var step: TypedExpression
    /// One state of two, the first one being the earlier: over both. Sessions need it.
    package var merge: TypedExpression?
    /// What the function gives: over the state.
    package var result: TypedExpression
    /// The statement that defined it, by which states of different definitions are told apart.
    package var text: String

    package init(
        state: SQLType, initial: TypedExpression, step: TypedExpression, merge: TypedExpression?, result: TypedExpression, text: String
    ) {
        self.state = state
        self.initial = initial
        self.step = step
        self.merge = merge
        self.result = result
        self.text = text
    }
}

/// The WINDOW clause.
package struct WindowDescription: Hashable, Sendable, Codable {
    package enum Shape: Hashable, Sendable, Codable {
        case tumbling(size: Milliseconds)
        case hopping(size: Milliseconds, advance: Milliseconds)
        case session(gap: Milliseconds)
    }
    /// Windows that one row may be in. Each is a row of state and an output row for every event: 10,000 are a day by steps of ten seconds,
    /// and already cost an event 10 ms.
    package static let windowsPerRow: Int64 = 10_000
    package var shape: Shape
    package var grace: Milliseconds
    package var retention: Milliseconds
    /// Where tumbling windows lie that follow a calendar; their size is then one that none of them exceeds.
    package var calendar: WindowCalendar?
    package init(shape: Shape, grace: Milliseconds, retention: Milliseconds, calendar: WindowCalendar? = nil) {
        self.shape = shape
        self.grace = grace
        self.retention = retention
        self.calendar = calendar
    }

    /// How the keys of the result carry their window: those of windows that differ in length both bounds, as the keys of sessions do.
    package var keyWindow: KeyWindow {
        if calendar?.varies == true { return .session }
        return switch shape {
        case .tumbling(let size): .time(kind: .tumbling, size: size)
        case .hopping(let size, _): .time(kind: .hopping, size: size)
        case .session: .session
        }
    }
}

/// LATE ROWS INTO: where rows go whose window is closed.
package struct LateRows: Hashable, Sendable, Codable {
    /// The stream; its columns are those of `columns`, the bounds of the window, and how late the row was.
    package var sink: SinkDescription
    /// The columns of the input that make the row, key columns first.
    package var columns: [TypedExpression]
    /// The columns of the stream.
    package var output: RowSchema
    /// Columns of the stream that are not the row's.
    package static let added = 3
    package init(sink: SinkDescription, columns: [TypedExpression], output: RowSchema) {
        self.sink = sink
        self.columns = columns
        self.output = output
    }
}

/// GROUP BY: rows of the result are the grouping columns (the key), then one column an aggregate.
package struct AggregateStep: Hashable, Sendable, Codable {
    package var input: Step
    package var grouping: [TypedExpression]
    package var aggregates: [AggregateCall]
    package var window: WindowDescription?
    /// EMIT FINAL: a window's row leaves once, when the window is closed.
    package var isFinal: Bool
    /// The input is a table: changes undo their old version.
    package var isTableInput: Bool
    package var output: RowSchema
    /// Where rows change partitions; nil when the grouping is the input's key already.
    package var repartition: InternalTopic?
    package var store: StoreDescription
    /// The format in which state and repartition keys are written.
    package var keyFormat: FormatSpec
    /// A step above needs the old version of each row (HAVING).
    package var sendsOld: Bool
    /// The rows keep their key, which may be there with NULL in it: a column of several, or an empty text where that means NULL.
    package var keepsNullKeys = false
    /// Keys pass through a format that does not tell an empty text from NULL.
    package var emptyIsNull = false
    /// Where rows go whose window is closed; they are only reported where this is nil.
    package var late: LateRows?

    package init(
        input: Step, grouping: [TypedExpression], aggregates: [AggregateCall], window: WindowDescription?, isFinal: Bool,
        isTableInput: Bool, output: RowSchema, repartition: InternalTopic?, store: StoreDescription, keyFormat: FormatSpec, sendsOld: Bool
    ) {
        self.input = input
        self.grouping = grouping
        self.aggregates = aggregates
        self.window = window
        self.isFinal = isFinal
        self.isTableInput = isTableInput
        self.output = output
        self.repartition = repartition
        self.store = store
        self.keyFormat = keyFormat
        self.sendsOld = sendsOld
    }
}

/// How two inputs meet.
package enum JoinType: String, Hashable, Sendable, Codable {
    case inner = "INNER"
    case left = "LEFT OUTER"
    case right = "RIGHT OUTER"
    case full = "FULL OUTER"
}

/// WITHIN of a stream–stream join; `hasGrace` tells whether the statement names a grace period.
package struct JoinWindow: Hashable, Sendable, Codable {
    package var before: Milliseconds
    package var after: Milliseconds
    package var grace: Milliseconds
    package var hasGrace: Bool
    /// ASOF: each left row meets the last right row that is not later than `after` beyond it, once none can come any more; nil for no.
    package var asof: Bool?
    package init(before: Milliseconds, after: Milliseconds, grace: Milliseconds, hasGrace: Bool) {
        self.before = before
        self.after = after
        self.grace = grace
        self.hasGrace = hasGrace
    }
}

extension JoinWindow {
    /// Whether a left row meets one right row only.
    package var isAsof: Bool { asof == true }
    /// How far stream time must have passed an ASOF row before it leaves.
    package var patience: Milliseconds { hasGrace ? grace : 0 }
}

/// What stands on either side of a join.
package enum JoinKind: Hashable, Sendable, Codable {
    case streamStream(JoinWindow)
    case streamTable
    case tableTable
    /// The foreign key is an expression over the left row.
    case foreignKey(TypedExpression)
}

/// A join of two inputs that are keyed by the join's expression (foreign-key joins aside, which are keyed by the left table's key).
/// The rows that leave hold the key column(s), then all columns of the left input, then all of the right.
package struct JoinStep: Hashable, Sendable, Codable {
    package var left: Step
    package var right: Step
    package var type: JoinType
    package var kind: JoinKind
    package var output: RowSchema
    package var leftStore: StoreDescription
    package var rightStore: StoreDescription
    package var keyFormat: FormatSpec
    /// Where rows of a side change partitions; nil when they are partitioned by the join's key already.
    package var leftRepartition: InternalTopic?
    package var rightRepartition: InternalTopic?
    /// Of joins of tables: a row of the side for which this is not true makes nothing that the steps above let through. While only the last
    /// of several changes counts, such a row is as good as deleted, so that the join need not keep it.
    package var leftCondition: TypedExpression?
    package var rightCondition: TypedExpression?
    package init(
        left: Step, right: Step, type: JoinType, kind: JoinKind, output: RowSchema, leftStore: StoreDescription,
        rightStore: StoreDescription, keyFormat: FormatSpec, leftRepartition: InternalTopic? = nil, rightRepartition: InternalTopic? = nil
    ) {
        self.left = left
        self.right = right
        self.type = type
        self.kind = kind
        self.output = output
        self.leftStore = leftStore
        self.rightStore = rightStore
        self.keyFormat = keyFormat
        self.leftRepartition = leftRepartition
        self.rightRepartition = rightRepartition
    }

    /// The stores that the join keeps: a stream that looks up a table is not stored.
    package var stores: [StoreDescription] { kind == .streamTable ? [rightStore] : [leftStore, rightStore] }

    /// Whether the rows that leave are those of a table.
    package var isTable: Bool {
        switch kind {
        case .tableTable, .foreignKey: true
        case .streamStream, .streamTable: false
        }
    }
}

/// Reads back the rows that another pipeline of the same query wrote to an internal topic, in the compact row format of the hot room.
package struct ExchangeStep: Hashable, Sendable, Codable {
    package var topic: InternalTopic
    package var output: RowSchema
    /// Rows are changes of a table: each record is an old version to undo or a new one to add.
    package var isTable: Bool
    package init(topic: InternalTopic, output: RowSchema, isTable: Bool) {
        self.topic = topic
        self.output = output
        self.isTable = isTable
    }
}

/// A step of a query's dataflow.
package indirect enum Step: Hashable, Sendable, Codable {
    case source(SourceStep)
    case exchange(ExchangeStep)
    case filter(FilterStep)
    case project(ProjectStep)
    case rekey(RekeyStep)
    case explode(ExplodeStep)
    case aggregate(AggregateStep)
    case join(JoinStep)
    case keyed(KeyedStep)

    /// The rows that leave the step.
    package var output: RowSchema {
        switch self {
        case .source(let step): step.output
        case .exchange(let step): step.output
        case .filter(let step): step.input.output
        case .project(let step): step.output
        case .rekey(let step): step.output
        case .explode(let step): step.output
        case .aggregate(let step): step.output
        case .join(let step): step.output
        case .keyed(let step): step.output
        }
    }

    /// Whether a row without a value deletes its key; of a stream it is an event whose value was null.
    package var givesTable: Bool {
        switch self {
        case .source(let step): step.kind == .table
        case .aggregate, .exchange: true
        case .rekey, .explode: false
        case .filter(let step): step.input.givesTable
        case .project(let step): step.input.givesTable
        case .join(let step): step.left.givesTable
        case .keyed(let step): step.isTable
        }
    }

    /// The steps whose rows this one takes.
    package var inputs: [Step] {
        switch self {
        case .source, .exchange: []
        case .filter(let step): [step.input]
        case .project(let step): [step.input]
        case .rekey(let step): [step.input]
        case .explode(let step): [step.input]
        case .aggregate(let step): [step.input]
        case .join(let step): [step.left, step.right]
        case .keyed(let step): [step.input]
        }
    }
}

extension Step {
    /// Where this step or one below puts rows whose window is closed.
    package var lateRows: LateRows? {
        if case .aggregate(let step) = self, let late = step.late { return late }
        return inputs.lazy.compactMap(\.lateRows).first
    }
}
