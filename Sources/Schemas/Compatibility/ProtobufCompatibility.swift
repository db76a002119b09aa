// Which changes of a `.proto` file keep old records readable. Fields are known by their numbers, so that most changes do; what does not is a
// field whose bytes mean something else.

/// Compares two files.
struct ProtobufCompatibility {
    private let reader: ProtobufSchema
    private let writer: ProtobufSchema
    private let roles: SchemaRoles
    /// Messages that were compared already, or are about to be, by their paths.
    private var known: Set<String> = []
    /// Messages from other files that are about to be compared, and the fields that are of each of them.
    private var imported: [(read: ProtobufMessage, written: ProtobufMessage, path: String)] = []
    private var users: [String: [String]] = [:]

    init(reader: ProtobufSchema, writer: ProtobufSchema, _ roles: SchemaRoles) {
        self.reader = reader
        self.writer = writer
        self.roles = roles
    }

    /// What stands in the way.
    var problems: [SchemaIncompatibility] {
        mutating get {
            var found: [SchemaIncompatibility] = []
            if reader.packageName != writer.packageName {
                found += problem(
                    "PACKAGE_CHANGED", "/",
                    "the package is '\(reader.packageName)' in \(roles.reader) and '\(writer.packageName)' in \(roles.writer)")
            }
            for name in writer.own {
                guard let written = writer.messages[name] else { continue }
                let local = writer.local(name)
                guard let read = reader.messages[reader.full(local)], reader.own.contains(read.name) else {
                    found += problem("MESSAGE_REMOVED", "/" + local, "the message \(local) of \(roles.writer) is missing in \(roles.reader)")
                    continue
                }
                if known.insert("/" + local).inserted { found += compare(read, written, "/" + local) }
            }
            // Not by recursion: files from outside may have messages within messages to any depth.
            while found.count < ComparisonLimits.differences, let next = imported.popLast() {
                let changes = compare(next.read, next.written, next.path)
                if changes.isEmpty { continue }
                found += changes
                for path in users[next.path] ?? [] {
                    found += problem("FIELD_NAMED_TYPE_CHANGED", path, "the message \(next.read.name) has changed")
                }
            }
            return Array(found.prefix(ComparisonLimits.differences))
        }
    }

    private mutating func compare(_ read: ProtobufMessage, _ written: ProtobufMessage, _ path: String) -> [SchemaIncompatibility] {
        var found: [SchemaIncompatibility] = []
        let old = Dictionary(written.fields.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        let new = Dictionary(read.fields.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        for field in read.fields where field.label == .required && old[field.number] == nil {
            found += problem(
                "REQUIRED_FIELD_ADDED", place(path, field), "\(roles.reader) requires the field '\(field.name)', which \(roles.writer) does not have")
        }
        for field in written.fields {
            if let now = new[field.number] {
                let changes = compareTypes(now.type, field.type, place(path, field))
                found += changes.isEmpty ? compareLabels(now, field, place(path, field)) : changes
            } else if field.label == .required {
                found += problem(
                    "REQUIRED_FIELD_REMOVED", place(path, field), "the required field '\(field.name)' of \(roles.writer) is missing in \(roles.reader)")
            }
        }
        return found + compareOneofs(read, written, old, new, path)
    }

    /// Numbers that repeat are written packed, which others are not. As Confluent's registry has it, fields without a label of their own are
    /// left alone.
    private func compareLabels(_ read: ProtobufField, _ written: ProtobufField, _ path: String) -> [SchemaIncompatibility] {
        func label(_ field: ProtobufField) -> ProtobufLabel { field.oneof == nil ? field.label : .plain }
        guard label(read) != label(written), label(read) != .plain, label(written) != .plain, let group = read.type.group, group != "text"
        else { return [] }
        return problem(
            "FIELD_NUMERIC_LABEL_CHANGED", path,
            "the number '\(read.name)' is \(label(read)) in \(roles.reader) and \(label(written)) in \(roles.writer)")
    }

    private func compareOneofs(
        _ read: ProtobufMessage, _ written: ProtobufMessage, _ old: [Int32: ProtobufField], _ new: [Int32: ProtobufField], _ path: String
    ) -> [SchemaIncompatibility] {
        var found: [SchemaIncompatibility] = []
        for (index, name) in read.oneofs.enumerated() {
            // Fields that could be set together, of which now only one can.
            let moved = read.fields.filter { $0.oneof == index && old[$0.number] != nil && old[$0.number]?.oneof == nil }
            let hasOthers = read.fields.contains { $0.oneof == index && old[$0.number]?.oneof != nil }
            if moved.count > 1 {
                let names = moved.map { "'\($0.name)'" }.joined(separator: ", ")
                found += problem("MULTIPLE_FIELDS_MOVED_TO_ONEOF", path + "/" + name, "the fields \(names) are moved into the oneof '\(name)'")
            } else if let field = moved.first, hasOthers {
                found += problem(
                    "FIELD_MOVED_TO_EXISTING_ONEOF", place(path, field),
                    "the field '\(field.name)' is moved into the oneof '\(name)', which has fields of an earlier oneof")
            }
            guard let wasThere = written.oneofs.firstIndex(of: name) else { continue }
            for field in written.fields where field.oneof == wasThere && new[field.number] == nil {
                found += problem(
                    "ONEOF_FIELD_REMOVED", path + "/" + name + "/\(field.number)",
                    "the field '\(field.name)' of the oneof '\(name)' in \(roles.writer) is missing in \(roles.reader)")
            }
        }
        return found
    }

    private mutating func compareTypes(_ read: ProtobufType, _ written: ProtobufType, _ path: String) -> [SchemaIncompatibility] {
        switch (read, written) {
        case (.map(let key, let value), .map(let oldKey, let oldValue)):
            return compareTypes(key, oldKey, path) + compareTypes(value, oldValue, path)
        case (.message(let name), .message(let other)):
            let (local, old) = (reader.local(name), writer.local(other))
            guard local == old else {
                return problem("FIELD_NAMED_TYPE_CHANGED", path, "\(roles.reader) has \(name) where \(roles.writer) has \(other)")
            }
            // Those of the file itself are compared anyway.
            guard !reader.own.contains(name), !writer.own.contains(other), let now = reader.messages[name],
                let before = writer.messages[other]
            else { return [] }
            users["/" + local, default: []].append(path)
            if known.insert("/" + local).inserted { imported.append((now, before, "/" + local)) }
            return []
        default:
            guard let group = read.group, let old = written.group else {
                return problem("FIELD_KIND_CHANGED", path, "\(roles.reader) has \(read.shown) where \(roles.writer) has \(written.shown)")
            }
            if group == old { return [] }
            return problem(
                "FIELD_SCALAR_KIND_CHANGED", path,
                "\(roles.reader) has \(read.shown) where \(roles.writer) has \(written.shown), which is written otherwise")
        }
    }

    private func place(_ path: String, _ field: ProtobufField) -> String { path + "/\(field.number)" }

    private func problem(_ kind: String, _ path: String, _ message: String) -> [SchemaIncompatibility] {
        [SchemaIncompatibility(kind: kind, path: "#" + path, message: message)]
    }
}

extension ProtobufSchema {
    /// The name without the package of this file.
    fileprivate func local(_ name: String) -> String {
        !packageName.isEmpty && name.hasPrefix(packageName + ".") ? String(name.dropFirst(packageName.utf8.count + 1)) : name
    }

    fileprivate func full(_ local: String) -> String { packageName.isEmpty ? local : packageName + "." + local }
}

extension ProtobufType {
    /// Types of one group are written alike, as Protocol Buffers promise; nil for messages and maps.
    fileprivate var group: String? {
        switch self {
        case .int32, .int64, .uint32, .uint64, .bool, .enumeration: "varint"
        case .sint32, .sint64: "zigzag"
        case .string, .bytes: "text"
        case .fixed32, .sfixed32: "fixed32"
        case .fixed64, .sfixed64: "fixed64"
        case .float: "float"
        case .double: "double"
        case .message, .map: nil
        }
    }

    /// As the language calls it.
    package var shown: String {
        switch self {
        case .message(let name), .enumeration(let name): name
        case .map(let key, let value): "map<\(key.shown), \(value.shown)>"
        default: "\(self)"
        }
    }
}
