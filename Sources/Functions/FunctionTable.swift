// All functions by name. The table is made when it is first asked for, so that a start without functions pays nothing.

import Values

/// The functions that a statement may call.
package struct FunctionTable: Sendable {
    private var families: [String: FunctionFamily]

    /// The built-in functions.
    package static let builtIn = FunctionTable(numbers + texts + collections + time + aggregates)

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

    /// The family of that name or, `withAliases`, of PostgreSQL's name for the same function.
    package func family(named name: String, withAliases: Bool) -> FunctionFamily? {
        if let own = self[name: name] { return own }
        return withAliases ? Self.aliases[name.uppercased()].flatMap { self[name: $0] } : nil
    }

    /// PostgreSQL's names of functions that ksqlDB has under another one, with the same arguments and the same result.
    private static let aliases = [
        "UPPER": "UCASE", "LOWER": "LCASE", "LENGTH": "LEN", "CHAR_LENGTH": "LEN", "SUBSTR": "SUBSTRING", "STRPOS": "INSTR",
        "CEILING": "CEIL", "POW": "POWER", "NVL": "IFNULL", "ARRAY_AGG": "COLLECT_LIST", "VAR_SAMP": "STDDEV_SAMP",
        "VARIANCE": "STDDEV_SAMP", "STDDEV": "STDDEV_SAMPLE",
    ]

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
