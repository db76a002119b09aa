// Avro's schema resolution as a question: can a reader with one schema read what was written with another?

/// Compares two schemas of Avro.
struct AvroCompatibility {
    /// Two named types that stand against each other.
    private struct Pair: Hashable {
        let reader: String
        let writer: String
    }

    private let reader: AvroSchema
    private let writer: AvroSchema
    private let roles: SchemaRoles
    /// Whether records fit that were compared already. While they are, they count as fitting: types contain themselves.
    private var known: [Pair: Bool] = [:]
    private var steps = 0

    init(reader: AvroSchema, writer: AvroSchema, _ roles: SchemaRoles) {
        self.reader = reader
        self.writer = writer
        self.roles = roles
    }

    /// What stands in the way.
    var problems: [SchemaIncompatibility] {
        mutating get { Array(compare(reader.root, writer.root, "/", depth: 0).prefix(ComparisonLimits.differences)) }
    }

    private mutating func compare(_ reading: AvroType, _ writing: AvroType, _ path: String, depth: Int) -> [SchemaIncompatibility] {
        steps += 1
        guard steps <= ComparisonLimits.steps, depth < ComparisonLimits.depth else {
            return [SchemaIncompatibility(kind: "TOO_LARGE", path: path, message: "the schemas are too large, or too deep, to be compared")]
        }
        let (read, written) = (reader.resolved(reading), writer.resolved(writing))
        if case .union(let branches) = written {
            // Every branch may come.
            var found: [SchemaIncompatibility] = []
            for branch in branches { found += compare(read, branch, path, depth: depth + 1) }
            return found
        }
        if case .union(let branches) = read {
            for (index, branch) in branches.enumerated() {
                if compare(branch, written, join(path, "\(index)"), depth: depth + 1).isEmpty { return [] }
            }
            return problem("MISSING_UNION_BRANCH", path, "the union in \(roles.reader) has no branch for \(written.shown) of \(roles.writer)")
        }
        switch (read, written) {
        case (.array(let read), .array(let written)): return compare(read, written, join(path, "items"), depth: depth + 1)
        case (.map(let read), .map(let written)): return compare(read, written, join(path, "values"), depth: depth + 1)
        case (.record(let read), .record(let written)): return compare(read, written, path, depth: depth)
        case (.enumeration(let name, let symbols), .enumeration(let other, let written)):
            return compare(enumeration: name, symbols, other, written, path)
        default: return comparePlain(read, written, path)
        }
    }

    private func comparePlain(_ read: AvroType, _ written: AvroType, _ path: String) -> [SchemaIncompatibility] {
        switch (read.fixed, written.fixed) {
        case (let read?, let written?):
            if let mismatch = nameProblem(read.name, written.name, path) { return [mismatch] }
            if read.size == written.size { return [] }
            return problem(
                "FIXED_SIZE_MISMATCH", join(path, "size"),
                "the fixed type \(read.name) has \(read.size) bytes in \(roles.reader) and \(written.size) in \(roles.writer)")
        case (nil, nil):
            let (to, from) = (read.branchName, written.branchName)
            if to == from || AvroCompatibility.promotions[from]?.contains(to) == true { return [] }
        default: break
        }
        return problem(
            "TYPE_MISMATCH", path, "\(roles.reader) has \(read.shown) where \(roles.writer) has \(written.shown), which cannot be read as that")
    }

    /// As what else values of a type can be read.
    private static let promotions: [String: [String]] = [
        "int": ["long", "float", "double"], "long": ["float", "double"], "float": ["double"], "string": ["bytes"], "bytes": ["string"],
    ]

    private func compare(
        enumeration name: String, _ symbols: [String], _ other: String, _ written: [String], _ path: String
    ) -> [SchemaIncompatibility] {
        if let mismatch = nameProblem(name, other, path) { return [mismatch] }
        if reader.defaultedEnumerations.contains(name) { return [] }
        let missing = Set(written).subtracting(symbols).sorted()
        if missing.isEmpty { return [] }
        return problem(
            "MISSING_ENUM_SYMBOLS", join(path, "symbols"),
            "the enum \(name) has no \(missing.joined(separator: ", ")) in \(roles.reader), and no default")
    }

    private mutating func compare(_ read: AvroRecord, _ written: AvroRecord, _ path: String, depth: Int) -> [SchemaIncompatibility] {
        let pair = Pair(reader: read.name, writer: written.name)
        switch known[pair] {
        case true?: return []
        case false?: return problem("TYPE_MISMATCH", path, "the records \(read.name) and \(written.name) differ, as said of another place")
        case nil: break
        }
        known[pair] = true
        var found: [SchemaIncompatibility] = []
        if let mismatch = nameProblem(read.name, written.name, path) { found.append(mismatch) }
        let byName = Dictionary(written.fields.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for (index, field) in read.fields.enumerated() {
            let place = join(path, "fields/\(index)")
            if let other = ([field.name] + field.aliases).lazy.compactMap({ byName[$0] }).first {
                found += compare(field.type, other.type, join(place, "type"), depth: depth + 1)
            } else if field.defaultValue == nil {
                found += problem(
                    "READER_FIELD_MISSING_DEFAULT_VALUE", place,
                    "the field '\(field.name)' in \(roles.reader) has no default value and is missing in \(roles.writer)")
            }
        }
        known[pair] = found.isEmpty
        return found
    }

    /// Names are compared without their namespaces; the reader may know others.
    private func nameProblem(_ read: String, _ written: String, _ path: String) -> SchemaIncompatibility? {
        func simple(_ name: String) -> Substring { name.split(separator: ".").last ?? "" }
        if simple(read) == simple(written) || reader.aliases[read]?.contains(written) == true { return nil }
        return SchemaIncompatibility(
            kind: "NAME_MISMATCH", path: join(path, "name"), message: "\(roles.reader) calls it \(read), and \(roles.writer) \(written)")
    }

    private func problem(_ kind: String, _ path: String, _ message: String) -> [SchemaIncompatibility] {
        [SchemaIncompatibility(kind: kind, path: path, message: message)]
    }

    private func join(_ path: String, _ step: String) -> String { path == "/" ? "/" + step : path + "/" + step }
}

extension AvroType {
    /// The name and the size of a fixed type. Decimals of a fixed size have lost their name; it is not compared then.
    fileprivate var fixed: (name: String, size: Int)? {
        switch self {
        case .fixed(let name, let size): (name, size)
        case .decimal(_, _, let size?): ("", size)
        default: nil
        }
    }

    /// As messages name it.
    fileprivate var shown: String {
        switch self {
        case .record(let record): "the record \(record.name)"
        case .enumeration(let name, _): "the enum \(name)"
        case .fixed(let name, _): "the fixed type \(name)"
        case .decimal(_, _, .some): "a fixed type"
        default: branchName
        }
    }
}
