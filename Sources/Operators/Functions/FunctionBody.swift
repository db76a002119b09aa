// How the body of a scalar function is written down: its upper-case name, the argument types it takes, and what computes it.
//
// Two shapes. `vectorised` and `prepared` bodies get whole argument columns and fill the result column for the rows of `call.rows`; they
// are the rule. `perRow` bodies get boxed values and are for rare functions over nested types. Types have been chosen and arguments
// coerced by the planner, so a body never converts; what it cannot compute it reports with `call.fail` or throws, which makes the call
// fail for that row.

package import Values

/// One overload of a scalar function.
struct FunctionBody: Sendable {
    /// What happens to rows with a NULL argument before the body sees them.
    enum NullPolicy: Sendable {
        /// The result is NULL and the body never sees the row.
        case strict
        /// The body looks at NULLs itself.
        case seen
    }

    enum Shape: Sendable {
        case vectorised(@Sendable (FunctionCall) -> Void)
        /// Made once a query from the argument expressions, so that literals (patterns, units) can be compiled beforehand.
        case prepared(@Sendable (_ arguments: [TypedArgument], _ result: SQLType) -> (FunctionCall) -> Void)
        case perRow(@Sendable (_ arguments: [Value], _ call: FunctionCall) throws(EvaluationError) -> Value)
    }

    let name: String
    let nulls: NullPolicy
    let accepts: @Sendable (_ arguments: [SQLType]) -> Bool
    let shape: Shape

    init(
        _ name: String, nulls: NullPolicy = .strict, accepts: @escaping @Sendable ([SQLType]) -> Bool = { _ in true }, _ shape: Shape
    ) {
        self.name = name
        self.nulls = nulls
        self.accepts = accepts
        self.shape = shape
    }

    /// An overload with exactly these argument types; decimals of any precision and scale match a decimal.
    init(_ name: String, _ types: [SQLType], nulls: NullPolicy = .strict, _ shape: Shape) {
        self.init(name, nulls: nulls, accepts: { FunctionBody.matches($0, types) }, shape)
    }

    private static func matches(_ arguments: [SQLType], _ types: [SQLType]) -> Bool {
        guard arguments.count == types.count else { return false }
        return zip(arguments, types).allSatisfy { argument, type in
            if case .decimal = argument, case .decimal = type { return true }
            return argument == type
        }
    }
}

/// An argument as a `prepared` body sees it when the query is made.
struct TypedArgument {
    let type: SQLType
    /// The value, when the argument is a literal.
    let literal: Value?
}

/// What a function body works on for one batch.
struct FunctionCall {
    let arguments: [Column]
    /// The rows to compute; with the `strict` policy none of them has a NULL argument.
    let rows: Selection
    /// Filled by the body: already reset to the frame's row count, nothing NULL.
    let result: Column
    let frame: Frame

    /// Says that the function has no value for `row`.
    func fail(_ row: Int, _ message: String) {
        result.setFailed(row)
        frame.onFailure?(row, message)
    }
}

/// All bodies, by name.
enum FunctionLibrary {
    /// Every file of bodies adds its list here.
    private static let lists: [[FunctionBody]] = [
        strings, stringSearch, stringShaping, masks, encodings, digests, numbers, conditionals, extremes, mathematics, geography, arrays,
        maps,
        patterns, dateTexts, dateArithmetic, calendarWindows, json, jsonArrays, urls, ownTexts, bits, ownTimes, numberTexts,
    ]

    private static let byName: [String: [FunctionBody]] = Dictionary(grouping: lists.joined(), by: \.name)

    /// The first body of that name which takes these types.
    static func body(_ name: String, _ arguments: [SQLType]) -> FunctionBody? {
        byName[name]?.first { $0.accepts(arguments) }
    }
}

/// Whether a scalar function of that name has a body here for these argument types; lambdas' functions aside.
package func hasScalarFunction(_ name: String, _ arguments: [SQLType]) -> Bool {
    FunctionLibrary.body(name, arguments) != nil
}

/// `F(a, b)`.
final class CallKernel: Kernel {
    private let arguments: [Kernel]
    private let nulls: FunctionBody.NullPolicy
    private let run: (FunctionCall) -> Void
    /// The result is of fixed size and an argument need not be, so that large arguments are no reason for a smaller batch.
    private let absorbs: Bool

    init(_ body: FunctionBody, _ arguments: [Kernel], _ typed: [TypedArgument], _ type: SQLType) {
        self.arguments = arguments
        nulls = body.nulls
        absorbs = Lane(type).isFixed && arguments.contains { !$0.result.lane.isFixed && !($0 is ColumnKernel) && !($0 is LiteralKernel) }
        switch body.shape {
        case .vectorised(let function): run = function
        case .prepared(let make): run = make(typed, type)
        case .perRow(let function): run = { call in CallKernel.bridge(function, call) }
        }
        super.init(type)
    }

    private static func bridge(_ function: @Sendable ([Value], FunctionCall) throws(EvaluationError) -> Value, _ call: FunctionCall) {
        let cancel = call.frame.pressure.cancel
        call.rows.forEach { row in
            if cancel.isSet { return call.result.setFailed(row) }
            do throws(EvaluationError) {
                call.result.set(row, try function(call.arguments.map { $0.value(row) }, call))
            } catch {
                call.fail(row, error.message)
            }
        }
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        result.reset(frame.count)
        if frame.pressure.isCancelled {
            rows.forEach { result.setFailed($0) }
        } else if absorbs {
            computeInParts(frame, rows)
        } else {
            compute(frame, rows, arguments.map { $0.evaluate(frame, rows) })
        }
        return result
    }

    private func compute(_ frame: Frame, _ rows: Selection, _ columns: [Column]) {
        let computable = nulls == .strict ? computable(rows, columns) : unfailed(rows, columns)
        if !computable.isEmpty { run(FunctionCall(arguments: columns, rows: computable, result: result, frame: frame)) }
    }

    /// Computes the rows at once when their arguments fit a batch, else first one half of them and then the other, so that what a row gives
    /// does not depend on the rows beside it.
    private func computeInParts(_ frame: Frame, _ rows: Selection) {
        let pressure = frame.pressure
        let (wasOverfull, limit) = (pressure.isOverfull, pressure.limit)
        let report = frame.onFailure
        var failures: [(row: Int, message: String)] = []
        pressure.isOverfull = false
        if rows.count > 1 { pressure.limit = ValueLimit.partBytes }
        if report != nil { frame.onFailure = { failures.append(($0, $1)) } }
        let columns = arguments.map { $0.evaluate(frame, rows) }
        frame.onFailure = report
        pressure.limit = limit
        if pressure.isOverfull, rows.count > 1, !pressure.isCancelled {
            pressure.isOverfull = wasOverfull
            let (first, second) = rows.halves
            computeInParts(frame, first)
            computeInParts(frame, second)
        } else {
            pressure.isOverfull = pressure.isOverfull || wasOverfull
            for failure in failures { report?(failure.row, failure.message) }
            compute(frame, rows, columns)
        }
    }
}
