// What objects, arrays, texts and numbers are limited to, compared: a limit may be widened or taken away, and no more.

import JSONText

extension JSONSchemaCompatibility {
    // MARK: Objects

    mutating func compareObjects(_ written: JSONValue, _ read: JSONValue, _ path: String, _ depth: Int) -> [SchemaIncompatibility] {
        let (old, new) = (JSONObjectSchema(written), JSONObjectSchema(read))
        var found: [SchemaIncompatibility] = []
        for (name, schema) in old.properties {
            let place = "\(path)/properties/\(name)"
            guard let now = new.byName[name] else {
                found += compareRemoved(name, schema, new, place, depth)
                continue
            }
            if new.required.contains(name), !old.required.contains(name), now["default"] == nil {
                found += problem(
                    "REQUIRED_ATTRIBUTE_ADDED", "\(path)/required/\(name)",
                    "\(roles.reader) requires the property '\(name)', \(roles.writer) does not, and it has no default")
            }
            found += compare(schema, now, place, depth: depth + 1)
        }
        for (name, schema) in new.properties where old.byName[name] == nil {
            found += compareAdded(name, schema, old, isRequired: new.required.contains(name), "\(path)/properties/\(name)", depth)
        }
        found += compareOthers(old.others, new.others, "\(path)/additionalProperties", "ADDITIONAL_PROPERTIES", depth)
        found += compareDependencies(written["dependencies"], read["dependencies"], "\(path)/dependencies", depth)
        return found + compareBounds(written, read, path, lower: ["minProperties"], upper: ["maxProperties"])
    }

    private mutating func compareRemoved(
        _ name: String, _ schema: JSONValue, _ new: JSONObjectSchema, _ path: String, _ depth: Int
    ) -> [SchemaIncompatibility] {
        if new.isOpen { return [] }
        if let covering = new.covering {
            if compare(schema, covering, path, depth: depth + 1).isEmpty { return [] }
            return problem(
                "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", path,
                "the property '\(name)' is missing in \(roles.reader), whose schema for other properties does not take it")
        }
        if JSONSchemaShape(schema) == .never { return [] }
        return problem(
            "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", path,
            "the property '\(name)' is missing in \(roles.reader), which allows no other properties")
    }

    private mutating func compareAdded(
        _ name: String, _ schema: JSONValue, _ old: JSONObjectSchema, isRequired: Bool, _ path: String, _ depth: Int
    ) -> [SchemaIncompatibility] {
        if old.isOpen {
            if JSONSchemaShape(schema) == .any { return [] }
            return problem(
                "PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", path,
                "the property '\(name)' is missing in \(roles.writer), which allows any property, so that '\(name)' may hold anything")
        }
        var found: [SchemaIncompatibility] = []
        if let covering = old.covering, !compare(covering, schema, path, depth: depth + 1).isEmpty {
            found += problem(
                "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", path,
                "the property '\(name)' is missing in \(roles.writer), whose schema for other properties allows more for it")
        }
        if isRequired, schema["default"] == nil {
            found += problem(
                "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", path,
                "\(roles.reader) requires the property '\(name)', which \(roles.writer) does not have, and it has no default")
        }
        return found
    }

    private mutating func compareDependencies(
        _ written: JSONValue?, _ read: JSONValue?, _ path: String, _ depth: Int
    ) -> [SchemaIncompatibility] {
        var found: [SchemaIncompatibility] = []
        for member in read?.objectValue ?? [] {
            let place = "\(path)/\(member.name)"
            guard let old = written?[member.name] else {
                found += problem("DEPENDENCY_ADDED", place, "the property '\(member.name)' demands others in \(roles.reader) only")
                continue
            }
            if let names = member.value.arrayValue, let known = old.arrayValue {
                if !Set(names).isSubset(of: Set(known)) {
                    found += problem("DEPENDENCY_ARRAY_EXTENDED", place, "the property '\(member.name)' demands more others in \(roles.reader)")
                }
            } else {
                found += compare(old, member.value, place, depth: depth + 1)
            }
        }
        return found
    }

    /// What is said of properties or items that have no schema of their own.
    private mutating func compareOthers(
        _ old: JSONValue?, _ new: JSONValue?, _ path: String, _ name: String, _ depth: Int
    ) -> [SchemaIncompatibility] {
        let (wasForbidden, isForbidden) = (old?.booleanValue == false, new?.booleanValue == false)
        if isForbidden { return wasForbidden ? [] : problem(name + "_REMOVED", path, "\(roles.reader) allows no others, \(roles.writer) does") }
        if wasForbidden { return [] }
        switch (old?.objectValue == nil ? nil : old, new?.objectValue == nil ? nil : new) {
        case (_, nil): return []
        case (nil, .some): return problem(name + "_NARROWED", path, "\(roles.reader) has a schema for others, \(roles.writer) takes any")
        case (let old?, let new?): return compare(old, new, path, depth: depth + 1)
        }
    }

    // MARK: Arrays

    mutating func compareArrays(_ written: JSONValue, _ read: JSONValue, _ path: String, _ depth: Int) -> [SchemaIncompatibility] {
        var found: [SchemaIncompatibility] = []
        let place = path + "/items"
        switch (written["items"], read["items"]) {
        case (nil, let new?) where new.arrayValue == nil:
            if JSONSchemaShape(new) != .any { found += problem("SCHEMA_ADDED", place, "\(roles.reader) has a schema for items, \(roles.writer) takes any") }
        case (let old?, let new?) where old.arrayValue == nil && new.arrayValue == nil: found += compare(old, new, place, depth: depth + 1)
        case (let old, let new): found += compareTuples(old?.arrayValue ?? [], new?.arrayValue ?? [], written, read, place, depth)
        }
        found += compareOthers(written["additionalItems"], read["additionalItems"], path + "/additionalItems", "ADDITIONAL_ITEMS", depth)
        if read["uniqueItems"]?.booleanValue == true, written["uniqueItems"]?.booleanValue != true {
            found += problem("UNIQUE_ITEMS_ADDED", path + "/uniqueItems", "only \(roles.reader) demands that no item comes twice")
        }
        return found + compareBounds(written, read, path, lower: ["minItems"], upper: ["maxItems"])
    }

    private mutating func compareTuples(
        _ old: [JSONValue], _ new: [JSONValue], _ written: JSONValue, _ read: JSONValue, _ path: String, _ depth: Int
    ) -> [SchemaIncompatibility] {
        var found: [SchemaIncompatibility] = []
        for index in 0..<max(old.count, new.count) {
            let place = "\(path)/\(index)"
            if index < min(old.count, new.count) {
                found += compare(old[index], new[index], place, depth: depth + 1)
            } else if index < old.count {
                let others = read["additionalItems"] ?? .boolean(true)
                if !compare(old[index], others, place, depth: depth + 1).isEmpty {
                    found += problem("ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", place, "\(roles.reader) does not take this item")
                }
            } else {
                let others = written["additionalItems"] ?? .boolean(true)
                if !compare(others, new[index], place, depth: depth + 1).isEmpty {
                    found += problem("ITEM_ADDED_TO_OPEN_CONTENT_MODEL", place, "\(roles.writer) allows other items here than \(roles.reader)")
                }
            }
        }
        return found
    }

    // MARK: Texts and numbers

    func compareTexts(_ written: JSONValue, _ read: JSONValue, _ path: String) -> [SchemaIncompatibility] {
        var found = compareBounds(written, read, path, lower: ["minLength"], upper: ["maxLength"])
        if let pattern = read["pattern"], pattern != written["pattern"] {
            found += problem(
                written["pattern"] == nil ? "PATTERN_ADDED" : "PATTERN_CHANGED", path + "/pattern", "\(roles.reader) demands the pattern \(pattern.text)")
        }
        return found
    }

    func compareNumbers(_ written: JSONValue, _ read: JSONValue, _ path: String) -> [SchemaIncompatibility] {
        var found = compareBounds(
            written, read, path, lower: ["minimum", "exclusiveMinimum"], upper: ["maximum", "exclusiveMaximum"])
        if let new = read["multipleOf"]?.doubleValue, new != 0 {
            let old = written["multipleOf"]?.doubleValue
            if old.map({ $0.truncatingRemainder(dividingBy: new) == 0 }) != true {
                found += problem(
                    old == nil ? "MULTIPLE_OF_ADDED" : "MULTIPLE_OF_CHANGED", path + "/multipleOf", "\(roles.reader) takes multiples of \(new) only")
            }
        }
        return found
    }

    private func compareBounds(
        _ written: JSONValue, _ read: JSONValue, _ path: String, lower: [String], upper: [String]
    ) -> [SchemaIncompatibility] {
        var found: [SchemaIncompatibility] = []
        for (name, isLower) in lower.map({ ($0, true) }) + upper.map({ ($0, false) }) {
            guard let new = read[name]?.doubleValue else { continue }
            let old = written[name]?.doubleValue
            if let old, isLower ? new <= old : new >= old { continue }
            let word = name.reduce(into: "") { $0 += $1.isUppercase ? "_" + String($1) : $1.uppercased() }
            let kind = old == nil ? "_ADDED" : isLower ? "_INCREASED" : "_DECREASED"
            found += problem(
                word + kind, "\(path)/\(name)",
                "\(name) is \(read[name]?.text ?? "") in \(roles.reader) and \(written[name]?.text ?? "not set") in \(roles.writer)")
        }
        return found
    }
}

/// What a schema says of objects.
private struct JSONObjectSchema {
    let properties: [(name: String, schema: JSONValue)]
    let byName: [String: JSONValue]
    let required: Set<String>
    /// What is said of properties that are not named.
    let others: JSONValue?
    let hasPatterns: Bool
    /// Whether others may be anything.
    var isOpen: Bool { !hasPatterns && others?.objectValue == nil && others?.booleanValue != false }
    /// The schema of others where they have one.
    var covering: JSONValue? { others?.objectValue == nil ? nil : others }

    init(_ node: JSONValue) {
        properties = (node["properties"]?.objectValue ?? []).map { ($0.name, $0.value) }
        byName = Dictionary(properties.map { ($0.name, $0.schema) }, uniquingKeysWith: { first, _ in first })
        required = Set((node["required"]?.arrayValue ?? []).compactMap(\.stringValue))
        others = node["additionalProperties"]
        hasPatterns = node["patternProperties"]?.objectValue?.isEmpty == false
    }
}
