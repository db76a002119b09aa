// All functions by name. The table is made when it is first asked for, so that a start without functions pays nothing.

import Values

/// The functions that a statement may call.
package struct FunctionTable: Sendable {
    private var families: [String: FunctionFamily]

    /// The built-in functions.
    package static let builtIn = FunctionTable(numbers + texts + collections + time + aggregates + own)

    package init(_ families: [FunctionFamily]) {
        self.families = Dictionary(families.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// This table with more families; a family of the same name is replaced.
    package func adding(_ more: [FunctionFamily]) -> FunctionTable {
        var table = self
        for family in more { table.families[family.name] = family }
        return table
    }

    /// The family of that name, in any case of letters.
    package subscript(name name: String) -> FunctionFamily? { families[name.uppercased()] }

    /// The family of that name. `withAliases` also knows PostgreSQL's names for the same functions, and functions that ksqlDB has not.
    package func family(named name: String, withAliases: Bool) -> FunctionFamily? {
        if let known = self[name: name] { return known.isOwn && !withAliases ? nil : known }
        return withAliases ? Self.aliases[name.uppercased()].flatMap { self[name: $0] } : nil
    }

    /// PostgreSQL's names of functions that have another one here, with the same arguments and the same result.
    package static let aliases = [
        "UPPER": "UCASE", "LOWER": "LCASE", "LENGTH": "LEN", "CHAR_LENGTH": "LEN", "SUBSTR": "SUBSTRING", "STRPOS": "INSTR",
        "CEILING": "CEIL", "POW": "POWER", "NVL": "IFNULL", "ARRAY_AGG": "COLLECT_LIST", "VARIANCE": "VAR_SAMP", "CHARACTER_LENGTH": "LEN", "ANY_VALUE": "EARLIEST_BY_OFFSET",
        "APPROX_COUNT_DISTINCT": "COUNT_DISTINCT", "EVERY": "BOOL_AND", "CORR": "CORRELATION", "PERCENTILE_CONT": "PERCENTILE",
        "QUANTILE": "PERCENTILE", "CURRENT_TIMESTAMP": "NOW", "LOCALTIMESTAMP": "NOW", "TRANSACTION_TIMESTAMP": "NOW",
        "LOCALTIME": "CURRENT_TIME", "STRING_TO_ARRAY": "SPLIT", "ARRAY_TO_STRING": "ARRAY_JOIN", "CARDINALITY": "ARRAY_LENGTH",
        "ARRAY_CAT": "ARRAY_CONCAT", "UNNEST": "EXPLODE", "GEN_RANDOM_UUID": "UUID", "REGEXP_SPLIT": "REGEXP_SPLIT_TO_ARRAY",
        "GROUP_CONCAT": "STRING_AGG", "LISTAGG": "STRING_AGG", "STRLEN": "LEN", "PREFIX": "STARTS_WITH", "SUFFIX": "ENDS_WITH", "UNICODE": "ASCII",
        "ORD": "ASCII", "STRING_SPLIT": "SPLIT", "STR_SPLIT": "SPLIT", "LIST_CONTAINS": "ARRAY_CONTAINS", "LIST_SORT": "ARRAY_SORT",
        "LIST_DISTINCT": "ARRAY_DISTINCT", "LIST_CONCAT": "ARRAY_CONCAT", "REGEXP_MATCHES": "REGEXP_LIKE", "QUANTILE_CONT": "PERCENTILE",
        "ARG_MAX": "MAX_BY", "ARGMAX": "MAX_BY", "ARG_MIN": "MIN_BY", "ARGMIN": "MIN_BY", "QUANTILE_DISC": "PERCENTILE_DISC", "XOR": "BITXOR",
    ]

    /// What a call may name.
    package func names(withAliases: Bool) -> [String] {
        all.filter { withAliases || !$0.isOwn }.map(\.name) + (withAliases ? Self.aliases.keys.sorted() + Self.written.keys.sorted().filter { !$0.contains(" ") } : [])
    }

    /// All families, by name.
    package var all: [FunctionFamily] { families.values.sorted { $0.name < $1.name } }
}

extension FunctionFamily {
    /// The family's signatures as messages list them: `explode(ARRAY<T> list)`.
    package var alternatives: [String] { signatures.map { text(of: $0) } }

    /// One signature with its name, as in DESCRIBE FUNCTION.
    package func text(of signature: FunctionSignature) -> String {
        let parameters = signature.parameters.map { "\($0.type.description)\($0.isVariadic ? "..." : "") \($0.name)" }
        return (kind == .scalar ? name : declaredName) + "(" + parameters.joined(separator: ", ") + ")"
    }
}

extension TypePattern {
    /// The pattern as signatures show it: INT and VARCHAR, DECIMAL without digits.
    package var description: String {
        switch self {
        case .exactly(.integer): "INT"
        case .exactly(.string): "VARCHAR"
        case .exactly(let type): type.description
        case .anyDecimal, .wholeDecimal, .widestDecimal: "DECIMAL"
        case .variable(let name): name
        case .any: "ANY"
        case .array(let element): "ARRAY<\(element.description)>"
        case .map(let key, let value): "MAP<\(key.description), \(value.description)>"
        case .structure(let fields): "STRUCT<" + fields.map { "\($0.name) \($0.type.description)" }.joined(separator: ", ") + ">"
        case .intervalUnit: "INTERVALUNIT"
        case .lambda(let inputs, let result):
            "LAMBDA" + (inputs.count == 1 ? " \(inputs[0].description)" : " (" + inputs.map(\.description).joined(separator: ", ") + ")")
                + " => \(result.description)"
        case .topEntries: "ARRAY<STRUCT>"
        }
    }
}
