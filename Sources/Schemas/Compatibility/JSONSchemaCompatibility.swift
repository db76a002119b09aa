// Which changes of a JSON Schema keep old documents valid, by the list of differences that Confluent's registry counts as compatible: limits may
// be widened, properties may be added where others were not allowed, and removed where others are.

import JSONText

/// Compares two schemas: documents of the writer must be valid for the reader.
struct JSONSchemaCompatibility {
    private let reader: JSONSchema
    private let writer: JSONSchema
    let roles: SchemaRoles
    /// Objects that are being compared: schemas contain themselves.
    private var open: Set<[JSONValue]> = []
    /// What came of pairs that were compared: a definition may be referred to again and again, by definitions that are, too.
    private var outcomes: [[JSONValue]: [SchemaIncompatibility]] = [:]
    private var steps = 0

    init(reader: JSONSchema, writer: JSONSchema, _ roles: SchemaRoles) {
        self.reader = reader
        self.writer = writer
        self.roles = roles
    }

    /// What stands in the way.
    var problems: [SchemaIncompatibility] {
        mutating get { Array(compare(writer.root, reader.root, "#", depth: 0).prefix(ComparisonLimits.differences)) }
    }

    func problem(_ kind: String, _ path: String, _ message: String) -> [SchemaIncompatibility] {
        [SchemaIncompatibility(kind: kind, path: path, message: message)]
    }

    /// `written` is the writer's schema, `read` the reader's.
    mutating func compare(_ written: JSONValue, _ read: JSONValue, _ path: String, depth: Int) -> [SchemaIncompatibility] {
        steps += 1
        guard steps <= ComparisonLimits.steps, depth < ComparisonLimits.depth else {
            return problem("TOO_LARGE", path, "the schemas are too large, or too deep, to be compared")
        }
        guard let written = writer.behindReferences(written), let read = reader.behindReferences(read) else {
            return problem("REFERENCE_UNKNOWN", path, "a $ref names nothing that is there")
        }
        let pair = [written, read]
        if let known = outcomes[pair] { return known }
        guard open.insert(pair).inserted else { return [] }
        let found = Array(compareNodes(written, read, path, depth: depth).prefix(ComparisonLimits.differences))
        open.remove(pair)
        outcomes[pair] = found
        return found
    }

    /// The same, of what references lead to.
    private mutating func compareNodes(_ written: JSONValue, _ read: JSONValue, _ path: String, depth: Int) -> [SchemaIncompatibility] {
        let (old, new) = (JSONSchemaShape(written), JSONSchemaShape(read))
        if let found = compareChoices(old, new, written, read, path, depth) { return found }
        switch (old, new) {
        case (_, .any), (.never, _): return []
        case (.string, .string): return compareTexts(written, read, path)
        case (.number(let wasWhole), .number(let isWhole)):
            let narrowed = isWhole && !wasWhole
                ? problem("TYPE_NARROWED", path, "\(roles.reader) takes whole numbers only, \(roles.writer) all numbers") : []
            return narrowed + compareNumbers(written, read, path)
        case (.boolean, .boolean), (.null, .null): return []
        case (.enumeration(let values), .enumeration(let now)):
            let missing = values.filter { !now.contains($0) }
            if missing.isEmpty { return [] }
            return problem(
                now.allSatisfy { values.contains($0) } ? "ENUM_ARRAY_NARROWED" : "ENUM_ARRAY_CHANGED", path + "/enum",
                "\(roles.reader) does not take \(missing.prefix(5).map(\.text).joined(separator: ", "))")
        case (.negation(let written), .negation(let read)):
            if compare(read, written, path + "/not", depth: depth + 1).isEmpty { return [] }
            return problem("NOT_TYPE_CHANGED", path + "/not", "\(roles.reader) forbids what \(roles.writer) does not")
        case (.object, .object): return compareObjects(written, read, path, depth)
        case (.array, .array): return compareArrays(written, read, path, depth)
        case (.combined(let criterion, let parts), .combined(let now, let newParts)):
            return compareCombined(criterion, parts, now, newParts, path, depth)
        default: return problem("TYPE_CHANGED", path, "\(roles.reader) has \(new.shown) where \(roles.writer) has \(old.shown)")
        }
    }

    /// One schema against a choice of several; nil where the schemas are to be compared as they are.
    private mutating func compareChoices(
        _ old: JSONSchemaShape, _ new: JSONSchemaShape, _ written: JSONValue, _ read: JSONValue, _ path: String, _ depth: Int
    ) -> [SchemaIncompatibility]? {
        switch (old, new) {
        case (.combined, .combined): return nil
        case (_, .combined(let criterion, let parts)):
            guard parts.count == 1 || criterion != .all else { return nil }
            for part in parts where compare(written, part, path, depth: depth + 1).isEmpty { return [] }
            return nil
        case (.combined(_, let parts), _):
            guard parts.count == 1 else { return nil }
            return compare(parts[0], read, path, depth: depth + 1).isEmpty ? [] : nil
        default: return nil
        }
    }

    private mutating func compareCombined(
        _ old: JSONSchemaShape.Criterion, _ oldParts: [JSONValue], _ new: JSONSchemaShape.Criterion, _ newParts: [JSONValue], _ path: String,
        _ depth: Int
    ) -> [SchemaIncompatibility] {
        let isExtended = old == new || new == .any || oldParts.count == 1 && (new == .one || newParts.count == 1)
        guard isExtended else {
            return problem("COMBINED_TYPE_CHANGED", path, "\(roles.reader) has \(new.rawValue) where \(roles.writer) has \(old.rawValue)")
        }
        var found: [SchemaIncompatibility] = []
        let (before, now) = (unique(oldParts), unique(newParts))
        if new == .all, before.count < now.count {
            found += problem("PRODUCT_TYPE_EXTENDED", path, "\(roles.reader) demands \(now.count) schemas at once, \(roles.writer) \(before.count)")
        } else if new != .all, before.count > now.count {
            found += problem("SUM_TYPE_NARROWED", path, "\(roles.reader) has \(now.count) choices, \(roles.writer) \(before.count)")
        }
        var edges: [[Int]] = []
        for (index, part) in before.enumerated() {
            var fitting: [Int] = []
            for (other, candidate) in now.enumerated() {
                if compare(part, candidate, "\(path)/\(old.rawValue)/\(index)", depth: depth + 1).isEmpty { fitting.append(other) }
            }
            edges.append(fitting)
        }
        if matchingCount(edges, now.count) < min(before.count, now.count) {
            found += problem(
                "COMBINED_TYPE_SUBSCHEMAS_CHANGED", path,
                "the schemas of \(old.rawValue) in \(roles.writer) have no counterparts in \(roles.reader) that take as much")
        }
        return found
    }

    private func unique(_ parts: [JSONValue]) -> [JSONValue] {
        var seen: Set<JSONValue> = []
        return parts.filter { seen.insert($0).inserted }
    }

    /// How many on the left find a partner of their own on the right.
    private func matchingCount(_ edges: [[Int]], _ rightCount: Int) -> Int {
        var partner = [Int?](repeating: nil, count: rightCount)
        func finds(_ left: Int, _ seen: inout Set<Int>) -> Bool {
            for right in edges[left] where seen.insert(right).inserted {
                guard let taken = partner[right] else {
                    partner[right] = left
                    return true
                }
                if finds(taken, &seen) {
                    partner[right] = left
                    return true
                }
            }
            return false
        }
        var count = 0
        for left in edges.indices {
            var seen: Set<Int> = []
            if finds(left, &seen) { count += 1 }
        }
        return count
    }
}

/// What a schema is about, seen from its outermost level.
enum JSONSchemaShape: Equatable {
    /// How several schemas come together, as JSON Schema writes it.
    enum Criterion: String {
        case all = "allOf"
        case any = "anyOf"
        case one = "oneOf"
    }

    /// Takes everything.
    case any
    /// Takes nothing.
    case never
    case string
    case number(isWhole: Bool)
    case boolean
    case null
    case object
    case array
    case enumeration([JSONValue])
    case negation(JSONValue)
    case combined(Criterion, [JSONValue])

    private static let kinds: [(kind: String, words: Set<String>)] = [
        ("object", ["properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties", "dependencies"]),
        ("array", ["items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"]),
        ("string", ["minLength", "maxLength", "pattern"]),
        ("number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ]

    init(_ node: JSONValue) {
        guard let members = node.objectValue else {
            self = node.booleanValue == false ? .never : .any
            return
        }
        // What says several things at once is all of them.
        var parts: [(shape: JSONSchemaShape, node: JSONValue)] = []
        var rest: [JSONValue.Member] = []
        for member in members {
            switch member.name {
            case "allOf", "anyOf", "oneOf":
                guard let criterion = Criterion(rawValue: member.name), let list = member.value.arrayValue, !list.isEmpty else { continue }
                parts.append((.combined(criterion, list), .object([member])))
            case "enum": parts.append((.enumeration(member.value.arrayValue ?? []), .object([member])))
            case "const": parts.append((.enumeration([member.value]), .object([member])))
            case "not": parts.append((.negation(member.value), .object([member])))
            default: rest.append(member)
            }
        }
        let own = JSONValue.object(rest)
        let shape = JSONSchemaShape(plain: own)
        if shape != .any { parts.append((shape, own)) }
        self = parts.count > 1 ? .combined(.all, parts.map(\.node)) : parts.first?.shape ?? .any
    }

    private init(plain node: JSONValue) {
        if let types = node["type"]?.arrayValue {
            let others = (node.objectValue ?? []).filter { $0.name != "type" }
            let nodes = types.map { JSONValue.object([.init("type", $0)] + others) }
            self = nodes.count == 1 ? JSONSchemaShape(plain: nodes[0]) : nodes.isEmpty ? .any : .combined(.any, nodes)
            return
        }
        let names = Set((node.objectValue ?? []).map(\.name))
        switch node["type"]?.stringValue ?? Self.kinds.first(where: { !$0.words.isDisjoint(with: names) })?.kind {
        case "string"?: self = .string
        case "integer"?: self = .number(isWhole: true)
        case "number"?: self = .number(isWhole: false)
        case "boolean"?: self = .boolean
        case "null"?: self = .null
        case "object"?: self = .object
        case "array"?: self = .array
        default: self = .any
        }
    }

    /// As messages name it.
    var shown: String {
        switch self {
        case .any: "anything"
        case .never: "nothing"
        case .string: "a string"
        case .number(let isWhole): isWhole ? "an integer" : "a number"
        case .boolean: "a boolean"
        case .null: "null"
        case .object: "an object"
        case .array: "an array"
        case .enumeration: "an enumeration"
        case .negation: "a negation"
        case .combined(let criterion, _): criterion.rawValue
        }
    }
}

extension JSONSchema {
    /// The schema that a chain of `$ref` ends at; nil where that is nowhere.
    fileprivate func behindReferences(_ node: JSONValue) -> JSONValue? {
        var node = node
        for _ in 0..<SchemaLimits.depth {
            guard let reference = node["$ref"]?.stringValue else { return node }
            guard let target = target(of: reference) else { return nil }
            node = target
        }
        return nil
    }
}
