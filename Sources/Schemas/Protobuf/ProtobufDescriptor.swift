// Files of Protocol Buffers as their compiler hands them on: a serialised `FileDescriptorProto` (google/protobuf/descriptor.proto), in base64.
// Clients of Confluent's registry in languages other than Java register schemas so, and ask for them so.

import Bytes

/// Descriptors of files.
package enum ProtobufDescriptor {
    /// The `.proto` text of a descriptor; nil where the text is no base64 of one. Errors: it is beyond the limits.
    package static func text(ofBase64 text: String) throws(SchemaError) -> String? {
        guard text.utf8.count <= SchemaLimits.textBytes else { throw SchemaError("the schema is longer than \(SchemaLimits.textBytes) bytes") }
        guard let bytes = Base64.decode(Array(text.utf8)[...]), let file = DescriptorNode(bytes) else { return nil }
        var printing = DescriptorPrinting()
        try printing.print(file)
        return printing.text
    }

    /// The descriptor of a file. Errors: its text is none.
    package static func base64(of document: SchemaDocument) throws(SchemaError) -> String {
        let file = try ProtobufParser.file(document.text)
        return Base64.text(of: DescriptorEncoding(file, try ProtobufSchema(document)).bytes)
    }

    /// The types of fields by their numbers in descriptors; 10 is a group, 11 a message and 14 an enum.
    static let scalars: [(number: UInt64, type: ProtobufType)] = [
        (1, .double), (2, .float), (3, .int64), (4, .uint64), (5, .int32), (6, .fixed64), (7, .fixed32), (8, .bool), (9, .string), (12, .bytes),
        (13, .uint32), (15, .sfixed32), (16, .sfixed64), (17, .sint32), (18, .sint64),
    ]
    /// The number of Confluent's extension of the options of a field.
    static let fieldMeta: UInt64 = 1_088
}

/// A message as it is written: numbers and bytes under the numbers of its fields.
private struct DescriptorNode {
    private var numbers: [UInt64: UInt64] = [:]
    private var pieces: [UInt64: [[UInt8]]] = [:]

    /// Nil where the bytes are no message.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        while !reader.isAtEnd {
            guard let tag = reader.unsignedVarint(), tag >> 3 > 0 else { return nil }
            switch tag & 7 {
            case 0:
                guard let number = reader.unsignedVarint() else { return nil }
                numbers[tag >> 3] = number
            case 1: guard reader.skip(8) != nil else { return nil }
            case 2:
                guard let length = reader.unsignedVarint(), length <= UInt64(reader.remaining), let piece = reader.take(Int(length)) else {
                    return nil
                }
                pieces[tag >> 3, default: []].append(piece)
            case 5: guard reader.skip(4) != nil else { return nil }
            default: return nil
            }
        }
    }

    func number(_ field: UInt64) -> UInt64? { numbers[field] }
    func text(_ field: UInt64) -> String? { pieces[field]?.last.flatMap { String(validating: $0, as: UTF8.self) } }
    func texts(_ field: UInt64) -> [String] { (pieces[field] ?? []).compactMap { String(validating: $0, as: UTF8.self) } }
    /// Errors: one of them is no message.
    func nodes(_ field: UInt64) throws(SchemaError) -> [DescriptorNode] {
        var found: [DescriptorNode] = []
        for piece in pieces[field] ?? [] {
            guard let node = DescriptorNode(piece) else { throw SchemaError("the descriptor is damaged") }
            found.append(node)
        }
        return found
    }
}

/// Prints a descriptor as a `.proto` file.
private struct DescriptorPrinting {
    private(set) var text = ""
    private var isVersion2 = false

    private mutating func line(_ depth: Int, _ text: String) {
        self.text += String(repeating: "  ", count: depth) + text + "\n"
    }

    private func name(_ node: DescriptorNode) throws(SchemaError) -> String {
        guard let name = node.text(1), Self.isName(name) else { throw SchemaError("the descriptor has a part without a name") }
        return name
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 | 0x20 >= 97 && $0 | 0x20 <= 122 || $0 >= 48 && $0 <= 57 || $0 == 95 || $0 == 46 }
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
    }

    mutating func print(_ file: DescriptorNode) throws(SchemaError) {
        let syntax = file.text(12) ?? "proto2"
        guard syntax == "proto2" || syntax == "proto3" else { throw SchemaError("descriptors of \(syntax) are not supported") }
        isVersion2 = syntax == "proto2"
        line(0, "syntax = \(quoted(syntax));")
        if let package = file.text(2), Self.isName(package) { line(0, "package \(package);") }
        for imported in file.texts(3) { line(0, "import \(quoted(imported));") }
        for message in try file.nodes(4) { try print(message: message, depth: 0) }
        for enumeration in try file.nodes(5) { try print(enumeration: enumeration, depth: 0) }
    }

    private mutating func print(enumeration: DescriptorNode, depth: Int) throws(SchemaError) {
        line(depth, "enum \(try name(enumeration)) {")
        for value in try enumeration.nodes(2) {
            line(depth + 1, "\(try name(value)) = \(Int32(truncatingIfNeeded: value.number(2) ?? 0));")
        }
        line(depth, "}")
    }

    private mutating func print(message: DescriptorNode, depth: Int) throws(SchemaError) {
        guard depth < SchemaLimits.depth else { throw SchemaError("messages are nested deeper than \(SchemaLimits.depth) levels") }
        line(depth, "message \(try name(message)) {")
        var maps: [String: DescriptorNode] = [:]
        for inner in try message.nodes(3) {
            // The entries of a map are a message that is marked so.
            if try inner.nodes(7).first?.number(7) == 1 { maps[try name(inner)] = inner } else { try print(message: inner, depth: depth + 1) }
        }
        for enumeration in try message.nodes(4) { try print(enumeration: enumeration, depth: depth + 1) }
        var oneofs = [[DescriptorNode]](repeating: [], count: try message.nodes(8).count)
        for field in try message.nodes(2) {
            // A field that is optional alone is in a oneof that nobody has written.
            if let oneof = field.number(9), oneof < UInt64(oneofs.count), field.number(17) != 1 {
                oneofs[Int(oneof)].append(field)
            } else {
                line(depth + 1, try label(of: field, maps) + declaration(of: field, maps))
            }
        }
        for (oneof, fields) in zip(try message.nodes(8), oneofs) where !fields.isEmpty {
            line(depth + 1, "oneof \(try name(oneof)) {")
            for field in fields { line(depth + 2, try declaration(of: field, maps)) }
            line(depth + 1, "}")
        }
        line(depth, "}")
    }

    private func label(of field: DescriptorNode, _ maps: [String: DescriptorNode]) throws(SchemaError) -> String {
        switch field.number(4) {
        case 3: try map(field, maps) == nil ? "repeated " : ""
        case 2: "required "
        default: isVersion2 || field.number(17) == 1 ? "optional " : ""
        }
    }

    private func map(_ field: DescriptorNode, _ maps: [String: DescriptorNode]) throws(SchemaError) -> String? {
        guard field.number(4) == 3, let entry = field.text(6)?.split(separator: ".").last.flatMap({ maps[String($0)] }) else { return nil }
        let parts = try entry.nodes(2)
        guard let key = parts.first(where: { $0.number(3) == 1 }), let value = parts.first(where: { $0.number(3) == 2 }) else { return nil }
        return "map<\(try type(of: key)), \(try type(of: value))>"
    }

    private func type(of field: DescriptorNode) throws(SchemaError) -> String {
        if let scalar = ProtobufDescriptor.scalars.first(where: { $0.number == field.number(5) }) { return scalar.type.shown }
        guard let name = field.text(6), Self.isName(name), field.number(5) != 10 else { throw SchemaError("groups are not supported") }
        return name
    }

    private func declaration(of field: DescriptorNode, _ maps: [String: DescriptorNode]) throws(SchemaError) -> String {
        let entries = try map(field, maps)
        let type = if let entries { entries } else { try self.type(of: field) }
        var options: [String] = []
        if let own = try field.nodes(8).first {
            if let packed = own.number(2) { options.append("packed = \(packed == 1)") }
            let parameters = try own.nodes(ProtobufDescriptor.fieldMeta).first?.nodes(2) ?? []
            let list = parameters.map { "{ key: \(quoted($0.text(1) ?? "")), value: \(quoted($0.text(2) ?? "")) }" }
            if !list.isEmpty { options.append("(confluent.field_meta) = { params: [\(list.joined(separator: ", "))] }") }
        }
        let end = options.isEmpty ? "" : " [" + options.joined(separator: ", ") + "]"
        return "\(type) \(try name(field)) = \(field.number(3) ?? 0)\(end);"
    }
}

/// Writes the descriptor of a file.
private struct DescriptorEncoding {
    private let file: ProtobufFile
    private let schema: ProtobufSchema

    init(_ file: ProtobufFile, _ schema: ProtobufSchema) {
        self.file = file
        self.schema = schema
    }

    private struct Output {
        var bytes: [UInt8] = []

        mutating func add(_ field: UInt64, _ number: UInt64) {
            bytes.append(unsignedVarint: field << 3)
            bytes.append(unsignedVarint: number)
        }

        mutating func add(_ field: UInt64, _ piece: [UInt8]) {
            bytes.append(unsignedVarint: field << 3 | 2)
            bytes.append(unsignedVarint: UInt64(piece.count))
            bytes += piece
        }

        mutating func add(_ field: UInt64, _ text: some StringProtocol) { add(field, Array(text.utf8)) }
    }

    var bytes: [UInt8] {
        var output = Output()
        output.add(1, "schema.proto")
        if !file.packageName.isEmpty { output.add(2, file.packageName) }
        for name in file.imports { output.add(3, name) }
        for message in messages(within: []) { output.add(4, bytes(of: message)) }
        for enumeration in enumerations(within: file.packageName) { output.add(5, bytes(of: enumeration)) }
        // Editions are written as version 3, whose optional fields they share.
        output.add(12, file.isVersion2 ? "proto2" : "proto3")
        return output.bytes
    }

    private func messages(within path: [Int]) -> [ProtobufMessage] {
        schema.own.compactMap { schema.messages[$0] }
            .filter { $0.path.count == path.count + 1 && Array($0.path.dropLast()) == path }
            .sorted { ($0.path.last ?? 0) < ($1.path.last ?? 0) }
    }

    private func enumerations(within scope: String) -> [ProtobufEnumeration] {
        file.enumerations.filter { $0.name.split(separator: ".").dropLast().joined(separator: ".") == scope }
    }

    private func simple(_ name: String) -> Substring { name.split(separator: ".").last ?? "" }

    private func bytes(of enumeration: ProtobufEnumeration) -> [UInt8] {
        var output = Output()
        output.add(1, simple(enumeration.name))
        for (name, number) in enumeration.values {
            var value = Output()
            value.add(1, name)
            value.add(2, UInt64(bitPattern: Int64(number)))
            output.add(2, value.bytes)
        }
        if Set(enumeration.values.map(\.number)).count < enumeration.values.count {
            var options = Output()
            options.add(2, 1)
            output.add(3, options.bytes)
        }
        return output.bytes
    }

    private func bytes(of message: ProtobufMessage) -> [UInt8] {
        var output = Output()
        output.add(1, simple(message.name))
        // Oneofs that stand for a single optional field come behind all others.
        var oneofs = message.oneofs
        var entries: [[UInt8]] = []
        for field in message.fields {
            var place = field.oneof
            let isOptional = field.oneof == nil && field.label == .optional && !file.isVersion2
            if isOptional {
                place = oneofs.count
                oneofs.append("_" + field.name)
            }
            output.add(2, bytes(of: field, in: message.name, oneof: place, isOptional: isOptional))
            if case .map(let key, let value) = field.type { entries.append(entry(of: field, key, value, in: message.name)) }
        }
        for entry in entries { output.add(3, entry) }
        for inner in messages(within: message.path) { output.add(3, bytes(of: inner)) }
        for enumeration in enumerations(within: message.name) { output.add(4, bytes(of: enumeration)) }
        for oneof in oneofs {
            var declaration = Output()
            declaration.add(1, oneof)
            output.add(8, declaration.bytes)
        }
        return output.bytes
    }

    /// The message that stands for the entries of a map: the field's name in UpperCamel, and `Entry`.
    private func entryName(_ field: ProtobufField) -> String {
        field.name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + "Entry"
    }

    private func entry(of field: ProtobufField, _ key: ProtobufType, _ value: ProtobufType, in message: String) -> [UInt8] {
        var output = Output()
        output.add(1, entryName(field))
        output.add(2, bytes(of: ProtobufField("key", 1, key), in: message, oneof: nil, isOptional: false))
        output.add(2, bytes(of: ProtobufField("value", 2, value), in: message, oneof: nil, isOptional: false))
        var options = Output()
        options.add(7, 1)
        output.add(7, options.bytes)
        return output.bytes
    }

    private func bytes(of field: ProtobufField, in message: String, oneof: Int?, isOptional: Bool) -> [UInt8] {
        var output = Output()
        output.add(1, field.name)
        output.add(3, UInt64(field.number))
        output.add(4, field.label == .repeated ? 3 : field.label == .required ? 2 : 1)
        switch field.type {
        case .message(let name):
            output.add(5, 11)
            output.add(6, "." + name)
        case .enumeration(let name):
            output.add(5, 14)
            output.add(6, "." + name)
        case .map:
            output.add(5, 11)
            output.add(6, "." + message + "." + entryName(field))
        default: output.add(5, ProtobufDescriptor.scalars.first { $0.type == field.type }?.number ?? 0)
        }
        if !field.parameters.isEmpty { output.add(8, options(of: field)) }
        if let oneof { output.add(9, UInt64(oneof)) }
        if isOptional { output.add(17, 1) }
        return output.bytes
    }

    private func options(of field: ProtobufField) -> [UInt8] {
        var meta = Output()
        for (key, value) in field.parameters.sorted(by: { $0.key < $1.key }) {
            var entry = Output()
            entry.add(1, key)
            entry.add(2, value)
            meta.add(2, entry.bytes)
        }
        var output = Output()
        output.add(ProtobufDescriptor.fieldMeta, meta.bytes)
        return output.bytes
    }
}
