// Which signature a call means, by the rules of overload resolution: first without casts, then (scalar and table functions only)
// with implicit ones; among the candidates the most specific, and an error when two are equally good.

package import Values

/// What is known of an argument before the call is resolved.
package enum ArgumentShape: Hashable, Sendable {
    case typed(SQLType)
    /// The literal NULL, which every parameter accepts.
    case null
    /// DAYS, HOURS, …
    case intervalUnit(String)
    case lambda(parameterCount: Int)

    /// The argument's type in messages.
    package var description: String {
        switch self {
        case .typed(let type): type.description
        case .null: "null"
        case .intervalUnit(let unit): unit
        case .lambda: "LAMBDA"
        }
    }
}

/// A call whose signature is known. Type variables that only a lambda's body decides are bound later by `bindLambda`.
package struct ResolvedCall: Hashable, Sendable {
    package let signature: FunctionSignature
    package let arguments: [ArgumentShape]
    var bindings: [String: SQLType]
    var decimals: [(precision: Int, scale: Int)] = []

    package static func == (left: ResolvedCall, right: ResolvedCall) -> Bool {
        left.signature == right.signature && left.arguments == right.arguments && left.bindings == right.bindings
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(signature) }

    /// The pattern of the parameter that takes argument `index`.
    package func pattern(ofArgument index: Int) -> TypePattern {
        guard let place = signature.parameterIndex(ofArgument: index, count: arguments.count) else { return .any }
        return signature.parameters[place].type
    }

    /// The type that argument `index` is cast to, or nil when it is taken as it is (or nothing is known, as for a NULL).
    package func targetType(ofArgument index: Int) -> SQLType? {
        let pattern = pattern(ofArgument: index)
        if case .anyDecimal = pattern, case .typed(let type) = arguments[index] {
            return type.asDecimal.map { .decimal(precision: $0.precision, scale: $0.scale) }
        }
        return concrete(pattern)
    }

    /// The parameter types of the lambda at `index`, once everything before it is bound.
    package func lambdaInputs(ofArgument index: Int) -> [SQLType]? {
        guard case .lambda(let inputs, _) = pattern(ofArgument: index) else { return nil }
        var types: [SQLType] = []
        for input in inputs {
            guard let type = concrete(input) else { return nil }
            types.append(type)
        }
        return types
    }

    /// Tells the call the type of a lambda's body; false when the function needs another one.
    package mutating func bindLambda(argument index: Int, body: SQLType?) -> Bool {
        guard case .lambda(_, let result) = pattern(ofArgument: index) else { return false }
        guard let body else { return true }
        if case .variable(let name) = result {
            if let bound = bindings[name] { return bound == body }
            bindings[name] = body
            return true
        }
        return concrete(result) == body
    }

    /// Gives a type to each NULL for which the signature leaves it open: STRING, or DECIMAL(1, 0), for what no other argument decides. What
    /// a lambda is to work on stays open, for nothing says how its parameters may be used.
    package mutating func settleNulls() {
        if arguments.contains(where: { if case .lambda = $0 { true } else { false } }) { return }
        for (index, argument) in arguments.enumerated() where argument == .null { settle(pattern(ofArgument: index)) }
    }

    private mutating func settle(_ pattern: TypePattern) {
        switch pattern {
        case .variable(let name): bindings[name] = bindings[name] ?? .string
        case .anyDecimal: if decimals.isEmpty { decimals.append((precision: 1, scale: 0)) }
        case .array(let element): settle(element)
        case .map(let key, let value):
            settle(key)
            settle(value)
        case .structure(let fields): for field in fields { settle(field.type) }
        case .exactly, .any, .wholeDecimal, .widestDecimal, .intervalUnit, .lambda, .topEntries: break
        }
    }

    /// The type of the call's value; nil when a type variable is still open (only NULLs stood for it).
    package var resultType: SQLType? { concrete(signature.result) }

    func concrete(_ pattern: TypePattern) -> SQLType? {
        switch pattern {
        case .exactly(let type): return type
        case .variable(let name): return bindings[name]
        case .anyDecimal: return decimals.first.map { .decimal(precision: $0.precision, scale: $0.scale) }
        case .wholeDecimal: return decimals.first.map { .decimal(precision: $0.precision - $0.scale, scale: 0) }
        case .widestDecimal:
            guard let whole = decimals.map({ $0.precision - $0.scale }).max(), let scale = decimals.map(\.scale).max() else { return nil }
            return .decimal(precision: whole + scale, scale: scale)
        case .any, .intervalUnit, .lambda: return nil
        case .array(let element): return concrete(element).map { .array($0) }
        case .map(let key, let value):
            guard let key = concrete(key), let value = concrete(value) else { return nil }
            return .map(key: key, value: value)
        case .structure(let fields):
            var typed: [StructField] = []
            for field in fields {
                guard let type = concrete(field.type) else { return nil }
                typed.append(StructField(field.name, type))
            }
            return .structure(typed)
        case .topEntries: return topEntriesType
        }
    }

    private var topEntriesType: SQLType? {
        guard case .exactly(let sort)? = signature.parameters.first?.type else { return nil }
        let others = arguments.dropFirst().dropLast()
        guard !others.isEmpty else { return .array(sort) }
        var fields = [StructField("sort_col", sort)]
        for (index, other) in others.enumerated() {
            if case .typed(let type) = other { fields.append(StructField("col\(index)", type)) } else { return nil }
        }
        return .array(.structure(fields))
    }
}

/// Why no single signature fits.
package enum ResolutionFailure: Error, Hashable, Sendable {
    case noSuchSignature
    case ambiguous([FunctionSignature])
}

extension FunctionFamily {
    /// The signature that a call with these arguments means. Aggregates take no other types than their own, unless `castsAggregates`.
    package func resolve(_ arguments: [ArgumentShape], castsAggregates: Bool = false) throws(ResolutionFailure) -> ResolvedCall {
        for allowsCasts in kind == .aggregate && !castsAggregates ? [false] : [false, true] {
            let candidates = signatures.compactMap { match($0, arguments, allowsCasts: allowsCasts) }
            guard let best = candidates.max(by: { rank($0.signature) < rank($1.signature) }) else { continue }
            let equals = candidates.filter { rank($0.signature) == rank(best.signature) }
            if equals.count > 1 { throw .ambiguous(equals.map(\.signature)) }
            return best
        }
        throw .noSuchSignature
    }

    /// The call when NULLs alone leave open which of the signatures is meant: the first of those that take a text there, or a number, or anything.
    /// NULL gives the same in all of them. Where numbers of several types leave it open, it is the one with the narrowest types. Nil when something
    /// else is open.
    package func settled(_ arguments: [ArgumentShape], among candidates: [FunctionSignature]) -> ResolvedCall? {
        if let widened = widened(arguments, among: candidates) { return widened }
        func type(at index: Int, _ signature: FunctionSignature) -> SQLType? {
            guard let place = signature.parameterIndex(ofArgument: index, count: arguments.count),
                case .exactly(let type) = signature.parameters[place].type
            else { return nil }
            return type
        }
        let order: [SQLType] = [.string, .bigint, .double]
        func rank(_ signature: FunctionSignature) -> Int {
            let types = arguments.indices.filter { arguments[$0] == .null }.compactMap { type(at: $0, signature) }
            return types.map { order.firstIndex(of: $0) ?? order.count }.max() ?? order.count + 1
        }
        guard arguments.contains(.null), let chosen = candidates.min(by: { rank($0) < rank($1) }) else { return nil }
        let settled = arguments.enumerated().map { index, argument in
            argument == .null ? type(at: index, chosen).map { .typed($0) } ?? .null : argument
        }
        return settled == arguments ? nil : try? resolve(settled, castsAggregates: true)
    }

    private func widened(_ arguments: [ArgumentShape], among candidates: [FunctionSignature]) -> ResolvedCall? {
        let given = arguments.compactMap { if case .typed(let type) = $0 { type.numericRank } else { nil } }
        guard given.count == arguments.count else { return nil }
        let types = candidates.compactMap { signature -> [SQLType]? in
            let types = signature.parameters.compactMap { if case .exactly(let type) = $0.type, type.isNumeric { type } else { nil } }
            return types.count == arguments.count ? types : nil
        }
        func width(_ types: [SQLType]) -> Int { types.reduce(0) { $0 + ($1.numericRank ?? 0) } }
        guard let narrowest = types.min(by: { width($0) < width($1) }) else { return nil }
        let widened = narrowest.map { ArgumentShape.typed($0) }
        return widened == arguments ? nil : try? resolve(widened, castsAggregates: true)
    }

    /// Higher is better, compared field by field: not variadic, many parameters, few generic ones, no ANY variadic, variadic far right.
    private func rank(_ signature: FunctionSignature) -> SignatureRank {
        let variadic = signature.variadicIndex
        return SignatureRank(fields: [
            variadic == nil ? 1 : 0,
            signature.parameters.count,
            -signature.parameters.count { $0.type.hasVariable || $0.type == .any },
            variadic.map { signature.parameters[$0].type == .any ? 0 : 1 } ?? 1,
            variadic ?? 0,
        ])
    }

    private func match(_ signature: FunctionSignature, _ arguments: [ArgumentShape], allowsCasts: Bool) -> ResolvedCall? {
        guard signature.accepts(count: arguments.count) else { return nil }
        var call = ResolvedCall(signature: signature, arguments: arguments, bindings: [:])
        for (index, argument) in arguments.enumerated() {
            guard let place = signature.parameterIndex(ofArgument: index, count: arguments.count) else { return nil }
            guard accept(argument, as: signature.parameters[place].type, &call, allowsCasts: allowsCasts) else { return nil }
        }
        return call
    }

    private func accept(_ argument: ArgumentShape, as pattern: TypePattern, _ call: inout ResolvedCall, allowsCasts: Bool) -> Bool {
        switch (argument, pattern) {
        case (.null, .lambda), (.null, .intervalUnit): return false
        case (.null, _): return true
        case (.intervalUnit, .intervalUnit): return true
        case (.lambda(let count), .lambda(let inputs, _)): return count == inputs.count
        case (.typed(let type), _): return bind(type, to: pattern, &call, allowsCasts: allowsCasts)
        case (.intervalUnit, _), (.lambda, _): return false
        }
    }

    private func bind(_ type: SQLType, to pattern: TypePattern, _ call: inout ResolvedCall, allowsCasts: Bool) -> Bool {
        switch pattern {
        case .any: return true
        case .exactly(let wanted): return type == wanted || (allowsCasts && type.castsImplicitly(to: wanted))
        case .anyDecimal:
            guard let decimal = type.asDecimal else { return false }
            if case .decimal = type {} else if !allowsCasts { return false }
            call.decimals.append(decimal)
            return true
        case .variable(let name):
            if let bound = call.bindings[name] { return bound == type }
            call.bindings[name] = type
            return true
        case .array(let element):
            guard case .array(let actual) = type else { return false }
            return bind(actual, to: element, &call, allowsCasts: allowsCasts && !pattern.hasVariable)
        case .map(let key, let value):
            guard case .map(let actualKey, let actualValue) = type else { return false }
            let casts = allowsCasts && !pattern.hasVariable
            return bind(actualKey, to: key, &call, allowsCasts: casts) && bind(actualValue, to: value, &call, allowsCasts: casts)
        case .structure(let fields):
            guard case .structure(let actual) = type, actual.count == fields.count else { return false }
            return zip(actual, fields).allSatisfy { $0.name == $1.name && bind($0.type, to: $1.type, &call, allowsCasts: false) }
        case .intervalUnit, .lambda, .wholeDecimal, .widestDecimal, .topEntries: return false
        }
    }
}

/// A rank, compared field by field.
private struct SignatureRank: Comparable {
    let fields: [Int]
    static func < (left: SignatureRank, right: SignatureRank) -> Bool { left.fields.lexicographicallyPrecedes(right.fields) }
}

extension TypePattern {
    /// Whether a type variable occurs here or inside.
    var hasVariable: Bool {
        switch self {
        case .variable: true
        case .array(let element): element.hasVariable
        case .map(let key, let value): key.hasVariable || value.hasVariable
        case .structure(let fields): fields.contains { $0.type.hasVariable }
        case .lambda(let inputs, let result): inputs.contains { $0.hasVariable } || result.hasVariable
        case .exactly, .anyDecimal, .wholeDecimal, .widestDecimal, .any, .intervalUnit, .topEntries: false
        }
    }
}

extension SQLType {
    /// The strict implicit casts: numbers to wider numbers, text to time types and BYTES, element-wise inside ARRAY and MAP.
    package func castsImplicitly(to wanted: SQLType) -> Bool {
        if self == wanted { return true }
        if let mine = numericRank, let other = wanted.numericRank { return mine < other || (mine == other && mine == 2) }
        switch (self, wanted) {
        case (.string, .time), (.string, .date), (.string, .timestamp), (.string, .bytes): return true
        case (.array(let a), .array(let b)): return a.castsImplicitly(to: b)
        case (.map(let k1, let v1), .map(let k2, let v2)): return k1.castsImplicitly(to: k2) && v1.castsImplicitly(to: v2)
        default: return false
        }
    }
}
