// Types as they stand in column lists and casts.

import Diagnostics

extension Parser {
    /// type = … | type 'ARRAY'
    mutating func type() throws(ParseFailure) -> TypeName { try typeWithLength().type }

    /// A type, and the length of a text type, which no value is held to but that of a cast.
    mutating func typeWithLength() throws(ParseFailure) -> (type: TypeName, length: Int64?) {
        try enter()
        let first = current
        var length: Int64?
        var type = try prefixType(&length)
        while accept(.array) {
            type = TypeName(.array(type), span: span(from: first))
            guard type.depth <= SyntaxLimits.maximumDepth else { throw tooDeep() }
        }
        leave()
        if case .primitive(.string) = type.node { return (type, length) }
        return (type, nil)
    }

    private mutating func prefixType(_ length: inout Int64?) throws(ParseFailure) -> TypeName {
        let first = current
        let node: TypeName.Node
        switch (current.kind, peek().kind) {
        case (.keyword(.array), .symbol(.less)): node = try arrayType()
        case (.keyword(.map), .symbol(.less)): node = try mapType()
        case (.keyword(.struct), .symbol(.less)), (.keyword(.struct), .symbol(.notEqual)): node = try structureType()
        case (.keyword(.decimal), _): node = try decimalType()
        case (.word, _) where options.isFull && (isWord(current, "NUMERIC") || isWord(current, "DEC")): node = try decimalType()
        case (.word, _) where options.isFull && isWord(current, "DOUBLE") && isWord(peek(), "PRECISION"):
            advance()
            advance()
            node = .primitive(.double)
        default: node = try namedType(&length)
        }
        return TypeName(node, span: span(from: first))
    }

    private mutating func arrayType() throws(ParseFailure) -> TypeName.Node {
        try expect(.array)
        try expect(.less)
        let element = try type()
        try expect(.greater)
        return .array(element)
    }

    private mutating func mapType() throws(ParseFailure) -> TypeName.Node {
        try expect(.map)
        try expect(.less)
        let key = try type()
        try expect(.comma)
        let value = try type()
        try expect(.greater)
        return .map(key: key, value: value)
    }

    private mutating func structureType() throws(ParseFailure) -> TypeName.Node {
        let first = current
        try expect(.struct)
        // `STRUCT<>` reads as one operator.
        if accept(.notEqual) { return .structure([]) }
        try expect(.less)
        if accept(.greater) { return .structure([]) }
        let fields = try list { (parser) throws(ParseFailure) in try parser.field() }
        try expect(.greater)
        var seen = Set<String>()
        for field in fields where !seen.insert(field.name.text).inserted {
            throw ParseFailure(
                .duplicateColumn, "Duplicate field names found in STRUCT: '\(field.name.text)'", category: .statement,
                at: field.name.span.range ?? first.range)
        }
        return .structure(fields)
    }

    /// field = identifier type
    mutating func field() throws(ParseFailure) -> TypeName.Field {
        let name = try name()
        return TypeName.Field(name: name, type: try type())
    }

    private mutating func decimalType() throws(ParseFailure) -> TypeName.Node {
        let word = text(current).uppercased()
        if options.isFull, acceptWord("NUMERIC") || acceptWord("DEC") {} else { try expect(.decimal) }
        if options.isFull, !at(.leftParenthesis) {
            // DuckDB's, whose products still have no more than 38 digits.
            notices.append("\(word) without digits is DECIMAL(18, 3)")
            return .decimal(precision: 18, scale: 3)
        }
        try expect(.leftParenthesis)
        let precision = Int(try integer())
        if options.isFull, accept(.rightParenthesis) { return .decimal(precision: precision, scale: 0) }
        try expect(.comma)
        let scale = Int(try integer())
        try expect(.rightParenthesis)
        return .decimal(precision: precision, scale: scale)
    }

    /// A type by name. `VARCHAR(STRING)` is tolerated, as ksqlDB does; ksqlDB has no lengths.
    private mutating func namedType(_ length: inout Int64?) throws(ParseFailure) -> TypeName.Node {
        guard isName(current) else { throw noAlternative() }
        let name = try name()
        if options.isFull, !name.isQuoted {
            if name.text == "CHARACTER", acceptWord("VARYING") {}
            if ["VARCHAR", "CHAR", "CHARACTER", "BPCHAR", "NVARCHAR", "NCHAR"].contains(name.text), at(.leftParenthesis), peek().kind == .integer {
                try expect(.leftParenthesis)
                length = try integer()
                try expect(.rightParenthesis)
                return .primitive(.string)
            }
            if name.text == "TIME" || name.text == "TIMESTAMP" { try zoneOfType() }
        }
        if at(.leftParenthesis) {
            let open = current
            advance()
            while true {
                if !accept(.string) {
                    guard current.kind == .integer else {
                        tried.append(.integer)
                        throw unexpected()
                    }
                    throw ParseFailure(
                        .invalidProperty, "line \(open.line):\(open.column): type \(name.text) takes no parameter",
                        hint: "Texts have no declared length; write \(name.text) alone.", at: current.range)
                }
                guard accept(.comma) else { break }
            }
            try expect(.rightParenthesis)
        }
        return TypeName.builtIn(name.text).map { .primitive($0) } ?? .custom(name)
    }
}

extension Parser {
    /// `WITHOUT TIME ZONE` and `WITH TIME ZONE` behind TIME and TIMESTAMP: all times are UTC.
    private mutating func zoneOfType() throws(ParseFailure) {
        let isWithout = isWord(current, "WITHOUT")
        guard isWithout || at(.with), peek().isKeyword(.time), peek(2).isKeyword(.zone) else { return }
        for _ in 0..<3 { advance() }
    }
}

extension TypeName {
    /// Every word that names a type of the language, for suggestions.
    package static let builtInNames = Primitive.allCases.map(\.rawValue) + ["INT", "VARCHAR", "DECIMAL", "ARRAY", "MAP", "STRUCT"]

    /// The built-in type of a name in upper case, with its synonyms.
    package static func builtIn(_ name: String) -> Primitive? {
        switch name {
        case "INT": .integer
        case "VARCHAR": .string
        default: Primitive(rawValue: name)
        }
    }
}
