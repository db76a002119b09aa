// The door by which a harness brings functions of its own, bodies included. They work on boxed values, one row at a time; nothing that a
// user can reach adds any.

package import Values

/// Functions beyond the built-in ones, by upper-case name. A name that is built in keeps its built-in body.
package struct AddedFunctions: Sendable {
    /// Takes all arguments of a row, NULLs included.
    package typealias Scalar = (_ arguments: [Value]) throws(EvaluationError) -> Value
    /// As `Scalar`, but gives any number of rows.
    package typealias Table = (_ arguments: [Value]) throws(EvaluationError) -> [Value]

    /// Called once for each call in a query with the types of its arguments.
    package var scalars: [String: @Sendable (_ arguments: [SQLType]) -> Scalar] = [:]
    /// Called once for each call in a query with the types of its arguments.
    package var tables: [String: @Sendable (_ arguments: [SQLType]) -> Table] = [:]
    /// Called for each aggregation with the types of the arguments over rows, the literal options after them, and the result's type.
    package var aggregates: [String: @Sendable (_ arguments: [SQLType], _ options: [Value], _ result: SQLType) -> AddedAggregate] = [:]

    package init() {}
}

/// An aggregate function over one boxed state a group.
package struct AddedAggregate: Sendable {
    package typealias Change = @Sendable (_ state: Value, _ arguments: [Value]) throws(EvaluationError) -> Value
    /// The type of `initial` and of all later states.
    package var stateType: SQLType
    package var initial: Value
    /// The state with a row more.
    package var add: Change
    /// The state with a row less; nil for aggregates of streams alone.
    package var undo: Change?
    /// One state of two, the second being the later one.
    package var merge: @Sendable (_ earlier: Value, _ later: Value) -> Value
    /// The aggregate's value.
    package var result: @Sendable (_ state: Value) -> Value

    package init(
        stateType: SQLType, initial: Value, add: @escaping Change, undo: Change? = nil,
        merge: @escaping @Sendable (_ earlier: Value, _ later: Value) -> Value,
        result: @escaping @Sendable (_ state: Value) -> Value = { $0 }
    ) {
        self.stateType = stateType
        self.initial = initial
        self.add = add
        self.undo = undo
        self.merge = merge
        self.result = result
    }
}

/// The state of one group of an added aggregate.
struct AddedState: BoxedState {
    private let function: AddedAggregate
    private var state: Value

    init(_ function: AddedAggregate) {
        self.function = function
        state = function.initial
    }

    mutating func add(_ arguments: [Value]) throws(EvaluationError) { state = try function.add(state, arguments) }
    mutating func undo(_ arguments: [Value]) throws(EvaluationError) {
        guard let undo = function.undo else { throw EvaluationError("the aggregate cannot be applied to a table source") }
        state = try undo(state, arguments)
    }
    mutating func merge(_ other: AddedState) throws(EvaluationError) { state = function.merge(state, other.state) }
    var result: Value { function.result(state) }
    var stored: Value { state }
    mutating func load(_ stored: Value) { state = stored }
}

/// A call of a function that is not built in. Which body it has is known only to the environment.
final class AddedCallKernel: Kernel {
    private let name: String
    private let arguments: [Kernel]
    private let isTable: Bool
    private var body: AddedFunctions.Scalar?

    /// With `isTable` the function gives rows, which this kernel gives as one array of type `type`.
    init(_ name: String, _ arguments: [Kernel], _ type: SQLType, isTable: Bool = false) {
        self.name = name
        self.arguments = arguments
        self.isTable = isTable
        super.init(type)
    }

    private func makeBody(_ added: AddedFunctions) -> AddedFunctions.Scalar {
        let types = arguments.map(\.type)
        if isTable, let make = added.tables[name] {
            let table = make(types)
            return { arguments throws(EvaluationError) in .array(try table(arguments)) }
        }
        if !isTable, let make = added.scalars[name] { return make(types) }
        let message = "function \(name)(\(types.map(\.description).joined(separator: ", "))) has no body"
        return { _ throws(EvaluationError) in throw EvaluationError(message) }
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let columns = arguments.map { $0.evaluate(frame, rows) }
        let body = body ?? makeBody(frame.environment.added)
        self.body = body
        result.reset(frame.count)
        unfailed(rows, columns).forEach { row in
            do throws(EvaluationError) {
                result.set(row, try body(columns.map { $0.value(row) }))
            } catch {
                fail(frame, row, error.message)
            }
        }
        return result
    }
}
