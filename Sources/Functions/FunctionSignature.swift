// What a built-in function takes and gives: parameter types with type variables, literal options, lambdas, and a result rule.

package import Values

/// Whether a function works on a row, on a group of rows, or turns one row into many.
package enum FunctionKind: String, Hashable, Sendable {
    case scalar = "SCALAR"
    case aggregate = "AGGREGATE"
    case table = "TABLE"
}

/// The heading under which SHOW FUNCTIONS lists a function.
package enum FunctionCategory: String, Hashable, Sendable, CaseIterable {
    case aggregate = "AGGREGATE"
    case table = "TABLE"
    case array = "ARRAY"
    case map = "MAP"
    case lambda = "LAMBDA"
    case conditional = "CONDITIONAL"
    case conversions = "CONVERSIONS"
    case dateTime = "DATE / TIME"
    case json = "JSON"
    case mathematical = "MATHEMATICAL"
    case regularExpression = "REGULAR EXPRESSION"
    case string = "STRING"
    case url = "URL"
    case other = "OTHER"
}

/// The type of a parameter or of a result, possibly with type variables in it.
package indirect enum TypePattern: Hashable, Sendable {
    case exactly(SQLType)
    /// Any DECIMAL; precision and scale are bound for the result when the pattern is the first of its signature.
    case anyDecimal
    /// DECIMAL(p - s, 0), only in results.
    case wholeDecimal
    /// The DECIMAL that holds all DECIMAL arguments, only in results.
    case widestDecimal
    /// A type variable such as `T`: binds to exactly one type in a call.
    case variable(String)
    /// Any type, bound to nothing.
    case any
    case array(TypePattern)
    case map(TypePattern, TypePattern)
    case structure([PatternField])
    /// DAYS, HOURS, …: a keyword, not a value.
    case intervalUnit
    case lambda([TypePattern], TypePattern)
    /// TOPK's list: of the sort column alone, or of structs of all columns.
    case topEntries
}

/// A field of a STRUCT pattern.
package struct PatternField: Hashable, Sendable {
    package var name: String
    package var type: TypePattern
}

/// A parameter of a signature.
package struct FunctionParameter: Hashable, Sendable {
    package var name: String
    package var type: TypePattern
    package var isVariadic: Bool
    /// An option of an aggregate that must be a literal.
    package var isLiteral: Bool
}

/// One way to call a function.
package struct FunctionSignature: Hashable, Sendable {
    package var parameters: [FunctionParameter]
    package var result: TypePattern

    package var variadicIndex: Int? { parameters.firstIndex { $0.isVariadic } }
    /// How many of `count` arguments are literal options; they stand at the end.
    package func optionCount(ofArguments count: Int) -> Int {
        (0..<count).count { parameterIndex(ofArgument: $0, count: count).map { parameters[$0].isLiteral } ?? false }
    }

    /// Which parameter the argument at `index` of `count` arguments belongs to; nil when there is none.
    package func parameterIndex(ofArgument index: Int, count: Int) -> Int? {
        guard let variadic = variadicIndex else { return count == parameters.count && index < count ? index : nil }
        let fixed = parameters.count - 1
        guard count >= fixed else { return nil }
        let repeats = count - fixed
        if index < variadic { return index }
        return index < variadic + repeats ? variadic : index - repeats + 1
    }

    /// Whether `count` arguments can be given.
    package func accepts(count: Int) -> Bool { variadicIndex == nil ? count == parameters.count : count >= parameters.count - 1 }
}

/// All signatures of one function name.
package struct FunctionFamily: Hashable, Sendable {
    /// The spelling of messages (`Abs`, `collect_list`); lookup ignores case.
    package var declaredName: String
    package var kind: FunctionKind
    package var category: FunctionCategory
    package var summary: String
    package var signatures: [FunctionSignature]
    /// Whether an aggregate can take back a row, as aggregation over a table must.
    package var canUndo: Bool
    /// Whether ksqlDB does not have it.
    package var isOwn = false

    package var name: String { declaredName.uppercased() }

    /// Declares a family from signature texts such as `"(ARRAY<T> left, T... others) ARRAY<T>"`; a text that cannot be read is a
    /// mistake in the table and stops the program in its tests.
    package init(
        _ declaredName: String, _ category: FunctionCategory, _ summary: String, undo: Bool = false, _ signatures: [String]
    ) {
        self.declaredName = declaredName
        self.category = category
        self.summary = summary
        self.canUndo = undo
        kind = category == .aggregate ? .aggregate : category == .table ? .table : .scalar
        self.signatures = signatures.map { text in
            var reader = SignatureReader(text)
            guard let signature = reader.signature() else { preconditionFailure("unreadable signature of \(declaredName): \(text)") }
            return signature
        }
    }
}
