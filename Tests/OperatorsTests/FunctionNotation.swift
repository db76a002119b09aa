// The notation of the function tests: `call("LPAD", "foo", 7, "Bar") == "BarBfoo"`. Swift literals stand for STRING, INTEGER, DOUBLE, BOOLEAN,
// ARRAY and MAP<STRING, …>, nil for NULL; a failed call equals `.failure`.

import Functions
import Operators
import Plans
import Values

/// A value with its type, when that is known.
struct Cell: Equatable, CustomStringConvertible {
    var value: Values.Value
    var type: SQLType?
    var problem: String?

    init(_ value: Values.Value, _ type: SQLType?) {
        self.value = value
        self.type = type
    }

    static let failure: Cell = {
        var cell = Cell(.null, nil)
        cell.problem = ""
        return cell
    }()

    static func == (left: Cell, right: Cell) -> Bool { left.value == right.value && (left.problem == nil) == (right.problem == nil) }
    var description: String { problem.map { "failure: \($0)" } ?? "\(value)" }
}

extension Cell: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self.init(.string(value), .string) }
    init(integerLiteral value: Int32) { self.init(.integer(value), .integer) }
    init(floatLiteral value: Double) { self.init(.double(value), .double) }
    init(booleanLiteral value: Bool) { self.init(.boolean(value), .boolean) }
    init(nilLiteral: ()) { self.init(.null, nil) }
    init(arrayLiteral elements: Cell...) { self.init(array: elements) }
    init(array elements: [Cell], of type: SQLType? = nil) {
        self.init(.array(elements.map(\.value)), (type ?? elements.lazy.compactMap(\.type).first).map { .array($0) })
    }
    init(dictionaryLiteral entries: (Cell, Cell)...) {
        self.init(
            .map(entries.map { MapEntry($0.0.value, $0.1.value) }),
            entries.lazy.compactMap(\.1.type).first.map { .map(key: .string, value: $0) })
    }
}

func big(_ value: Int64) -> Cell { Cell(.bigint(value), .bigint) }
func bytes(_ values: UInt8...) -> Cell { Cell(.bytes(values), .bytes) }
func bytes(of text: String) -> Cell { Cell(.bytes(Array(text.utf8)), .bytes) }
func date(_ days: Int32) -> Cell { Cell(.date(days), .date) }
func time(_ milliseconds: Int32) -> Cell { Cell(.time(milliseconds), .time) }
func timestamp(_ milliseconds: Int64) -> Cell { Cell(.timestamp(milliseconds), .timestamp) }
func decimal(_ text: String, _ precision: Int, _ scale: Int) -> Cell {
    Cell(
        Decimal(text: text.utf8)?.rescaled(to: scale, .exact).map { .decimal($0) } ?? .null, .decimal(precision: precision, scale: scale))
}
/// An interval unit.
func unit(_ name: String) -> Cell {
    var cell = Cell(.string(name), .string)
    cell.problem = "unit"
    return cell
}
func structure(_ fields: (String, Cell)...) -> Cell {
    Cell(.structure(fields.map(\.1.value)), .structure(fields.map { StructField($0.0, $0.1.type ?? .string) }))
}

/// The value of a call, resolved by the function table.
func call(_ name: String, _ arguments: Cell..., environment: DataflowEnvironment = DataflowEnvironment()) -> Cell {
    call(name, arguments: arguments, environment: environment)
}

func call(_ name: String, arguments: [Cell], environment: DataflowEnvironment = DataflowEnvironment()) -> Cell {
    func problem(_ text: String) -> Cell {
        var cell = Cell(.null, nil)
        cell.problem = text
        return cell
    }
    let shapes = arguments.map { cell -> ArgumentShape in
        if cell.problem != nil, case .string(let unit) = cell.value { return .intervalUnit(unit) }
        return cell.type.map { .typed($0) } ?? .null
    }
    guard let family = FunctionTable.builtIn[name: name], let resolved = try? family.resolve(shapes) else {
        return Cell(.string("no signature of \(name) takes \(arguments)"), nil)
    }
    let expressions = arguments.enumerated().map { index, cell in
        let type = cell.type ?? resolved.targetType(ofArgument: index) ?? .string
        return TypedExpression(.literal(cell.value), type)
    }
    let result = resolved.resultType ?? .string
    do {
        let evaluator = try ExpressionEvaluator([TypedExpression(.call(family.name, expressions), result)], environment: environment)
        return Cell(try evaluator.evaluate()[0], result)
    } catch let error as EvaluationError {
        return problem(error.message)
    } catch {
        return Cell(.string("\(error)"), nil)
    }
}
