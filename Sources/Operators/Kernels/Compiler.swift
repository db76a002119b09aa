// From typed expressions to kernels. The planner has coerced all operands; this file only chooses kernels and puts guards
// around the pieces that may fail alone.

import Plans
import Values

/// Makes kernels.
enum KernelCompiler {
    /// Throws when a node does not fit its operands (a mistake of the planner).
    static func compile(_ expression: TypedExpression) throws(DataflowError) -> Kernel {
        let type = expression.type
        switch expression.node {
        case .literal(let value): return LiteralKernel(value, type)
        case .column(let index): return ColumnKernel(index, type)
        case .pseudo(let pseudo): return PseudoKernel(pseudo)
        case .lambdaParameter(let slot): return ParameterKernel(slot, type)
        case .arithmetic(let operation, let a, let b): return try arithmetic(operation, a, b, type)
        case .negate(let a): return NegateKernel(try compile(a))
        case .compare(let operation, let a, let b): return CompareKernel(operation, try compile(a), try compile(b))
        case .isDistinct(let a, let b, let negated): return DistinctKernel(try compile(a), try compile(b), negated: negated)
        case .and(let a, let b): return LogicKernel(and: try compile(a), try compile(b))
        case .or(let a, let b): return LogicKernel(or: try compile(a), try compile(b))
        case .not(let a): return NotKernel(try compile(a))
        case .isNull(let a, let negated): return IsNullKernel(try compile(a), negated: negated)
        case .between(let x, let a, let b, let negated):
            return BetweenKernel(try compile(x), try compile(a), try compile(b), negated: negated)
        case .isIn(let x, let items, let negated): return InKernel(try compile(x), try compileAll(items), negated: negated)
        case .like(let x, let pattern, let escape, let negated):
            return LikeKernel(try compile(x), try compile(pattern), escape: escape?.unicodeScalars.first, negated: negated)
        case .searchedCase(let branches, let otherwise):
            var kernels: [CaseKernel.Branch] = []
            for branch in branches {
                kernels.append(CaseKernel.Branch(condition: try compile(branch.condition), result: try compile(branch.result)))
            }
            return CaseKernel(kernels, otherwise: try compile(otherwise), type)
        case .cast(let a): return try cast(a, type)
        case .subscripted(let base, let index): return SubscriptKernel(try compile(base), try compile(index), type)
        case .field(let base, let index): return FieldKernel(try compile(base), index, type)
        case .makeArray(let items): return MakeArrayKernel(try pieces(items), type)
        case .makeMap(let items):
            var kernels: [MakeMapKernel.Item] = []
            for item in items {
                kernels.append(MakeMapKernel.Item(key: try piece(item.key), value: try piece(item.value)))
            }
            return MakeMapKernel(kernels, type)
        case .makeStruct(let items): return MakeStructKernel(try pieces(items), type)
        case .call(let name, let arguments): return try call(name, arguments, type)
        case .lambda: throw DataflowError("a lambda stands where no function takes it")
        }
    }

    /// Kernels of whole expressions; every function that they call is built in or among `added`.
    static func compileAll(_ expressions: [TypedExpression], _ added: AddedFunctions) throws(DataflowError) -> [Kernel] {
        for expression in expressions { try checkFunctions(of: expression, added) }
        return try compileAll(expressions)
    }

    static func compile(_ expression: TypedExpression, _ added: AddedFunctions) throws(DataflowError) -> Kernel {
        try checkFunctions(of: expression, added)
        return try compile(expression)
    }

    private static func checkFunctions(of expression: TypedExpression, _ added: AddedFunctions) throws(DataflowError) {
        var missing: String?
        _ = expression.replacing { part in
            guard case .call(let name, let arguments) = part.node, added.scalars[name] == nil else { return nil }
            let takesLambda = arguments.contains { if case .lambda = $0.node { true } else { false } }
            if !takesLambda, FunctionLibrary.body(name, arguments.map(\.type)) == nil {
                missing = "\(name)(\(arguments.map(\.type.description).joined(separator: ", ")))"
            }
            return nil
        }
        if let missing { throw DataflowError("function \(missing) has no body") }
    }

    static func compileAll(_ expressions: [TypedExpression]) throws(DataflowError) -> [Kernel] {
        var kernels: [Kernel] = []
        for expression in expressions { kernels.append(try compile(expression)) }
        return kernels
    }

    private static func arithmetic(
        _ operation: ArithmeticOperator, _ a: TypedExpression, _ b: TypedExpression, _ type: SQLType
    ) throws(DataflowError) -> Kernel {
        let left = try compile(a)
        let right = try compile(b)
        switch type {
        case .integer, .bigint: return WordArithmeticKernel(operation, left, right, type)
        case .double: return DoubleArithmeticKernel(operation, left, right)
        case .decimal(let precision, let scale): return DecimalArithmeticKernel(operation, left, right, precision: precision, scale: scale)
        case .string, .bytes: return TextConcatenationKernel(left, right, type)
        case .boolean, .time, .date, .timestamp, .array, .map, .structure:
            throw DataflowError("no arithmetic of type \(type)")
        }
    }

    private static func cast(_ operand: TypedExpression, _ type: SQLType) throws(DataflowError) -> Kernel {
        if case .literal(.null) = operand.node { return LiteralKernel(.null, type) }
        guard let conversion = Conversion(operand.type, type) else { throw DataflowError("no cast from \(operand.type) to \(type)") }
        let inside = try compile(operand)
        if onlyWidens(operand.type, type) { return CastKernel(GuardKernel(inside), conversion, type) }
        return GuardKernel(CastKernel(inside, conversion, type))
    }

    /// Whether a cast is one that brings exact numbers to the DECIMAL that they have in common: it loses nothing, and fails but where there are
    /// more digits than a decimal can have. Then what is around has no value either: the other operand of a COALESCE, say, is another number.
    private static func onlyWidens(_ from: SQLType, _ to: SQLType) -> Bool {
        guard case .decimal(let precision, let scale) = to, let known = from.asDecimal else { return false }
        return precision >= SQLType.mostDecimalDigits && scale >= known.scale
    }

    private static func pieces(_ expressions: [TypedExpression]) throws(DataflowError) -> [Kernel] {
        var kernels: [Kernel] = []
        for expression in expressions { kernels.append(try piece(expression)) }
        return kernels
    }

    /// An element of a constructor: it fails alone and is NULL, unless it is a constructor itself, or is only widened to the DECIMAL of all
    /// elements; then the whole fails.
    private static func piece(_ expression: TypedExpression) throws(DataflowError) -> Kernel {
        let kernel = try compile(expression)
        switch expression.node {
        case .cast(let operand) where onlyWidens(operand.type, expression.type): return kernel
        case .makeArray, .makeMap, .makeStruct: return kernel
        default: return GuardKernel(kernel)
        }
    }

    /// An argument that is itself a call or a dereference fails alone.
    static func argument(_ expression: TypedExpression) throws(DataflowError) -> Kernel {
        let kernel = try compile(expression)
        switch expression.node {
        case .call, .field: return GuardKernel(kernel)
        default: return kernel
        }
    }

    private static func call(_ name: String, _ arguments: [TypedExpression], _ type: SQLType) throws(DataflowError) -> Kernel {
        if let lambdaCall = try LambdaCall.compile(name, arguments, type) { return lambdaCall }
        var kernels: [Kernel] = []
        for expression in arguments { kernels.append(try argument(expression)) }
        guard let body = FunctionLibrary.body(name, arguments.map(\.type)) else { return AddedCallKernel(name, kernels, type) }
        let typed = arguments.map { expression in
            if case .literal(let value) = expression.node { return TypedArgument(type: expression.type, literal: value) }
            return TypedArgument(type: expression.type, literal: nil)
        }
        let call = CallKernel(body, kernels, typed, type)
        let isLazy = (name == "COALESCE" || name == "IFNULL") && arguments.allSatisfy { $0.type == type }
        return isLazy ? CoalesceKernel(kernels, asCall: call, type) : call
    }
}
