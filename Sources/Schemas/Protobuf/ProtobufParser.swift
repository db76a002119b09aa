// Reads `.proto` files: versions 2 and 3 of the language, and editions as far as they look like version 3. Services, options and extensions
// are stepped over; they do not change what bytes a message has.

extension ProtobufSchema {
    /// Reads a file with what it imports. Errors: it is none, something is not declared, or it is beyond the limits.
    package init(_ document: SchemaDocument) throws(SchemaError) {
        var files: [String: String] = [:]
        var waiting = document.references
        while let reference = waiting.popLast() {
            guard files.count < SchemaLimits.references else { throw SchemaError("more than \(SchemaLimits.references) references") }
            if files[reference.name] != nil { continue }
            files[reference.name] = reference.document.text
            waiting += reference.document.references
        }
        var builder = ProtobufBuilder()
        let file = try ProtobufParser.file(document.text)
        try builder.addImports(of: file, from: files)
        try builder.add(file)
        self = try builder.resolved(own: file)
    }
}

/// A file as it is written: types of fields are names.
struct ProtobufFile {
    var packageName = ""
    var isVersion2 = false
    /// Presence is explicit where nothing is said.
    var isEdition = false
    var imports: [String] = []
    /// Outer messages before inner ones.
    var messages: [ProtobufMessage] = []
    var enumerations: [ProtobufEnumeration] = []
}

/// Puts files together and finds what their names mean.
struct ProtobufBuilder {
    private var schema = ProtobufSchema()
    private var added: Set<String> = []

    mutating func addImports(of file: ProtobufFile, from files: [String: String]) throws(SchemaError) {
        var waiting = file.imports
        while let name = waiting.popLast() {
            guard added.insert(name).inserted else { continue }
            guard added.count <= SchemaLimits.references else { throw SchemaError("more than \(SchemaLimits.references) imports") }
            guard let text = files[name] ?? ProtobufWellKnown.files[name] else { throw SchemaError("the import \(name) is not there") }
            let imported = try ProtobufParser.file(text)
            waiting += imported.imports
            try add(imported)
        }
    }

    mutating func add(_ file: ProtobufFile) throws(SchemaError) {
        for message in file.messages {
            guard schema.messages.updateValue(message, forKey: message.name) == nil else {
                throw SchemaError("the message \(message.name) is declared twice")
            }
        }
        for enumeration in file.enumerations {
            guard schema.enumerations.updateValue(enumeration, forKey: enumeration.name) == nil else {
                throw SchemaError("the enum \(enumeration.name) is declared twice")
            }
        }
    }

    func resolved(own: ProtobufFile) throws(SchemaError) -> ProtobufSchema {
        var result = schema
        for (name, message) in schema.messages {
            var message = message
            for index in message.fields.indices {
                message.fields[index].type = try resolved(message.fields[index].type, in: name)
                // Texts, bytes and messages are written one by one.
                if !message.fields[index].type.isNumber { message.fields[index].isPacked = false }
            }
            result.messages[name] = message
        }
        result.own = own.messages.map(\.name)
        result.packageName = own.packageName
        return result
    }

    private func resolved(_ type: ProtobufType, in scope: String) throws(SchemaError) -> ProtobufType {
        switch type {
        case .message(let name): return try named(name, in: scope)
        case .map(let key, let value): return .map(key: key, value: try resolved(value, in: scope))
        default: return type
        }
    }

    /// Looks from the innermost scope outwards.
    private func named(_ name: String, in scope: String) throws(SchemaError) -> ProtobufType {
        var scopes = scope.split(separator: ".").map(String.init)
        var candidates: [String] = []
        if name.hasPrefix(".") {
            candidates = [String(name.dropFirst())]
        } else {
            while true {
                candidates.append((scopes + [name]).joined(separator: "."))
                if scopes.popLast() == nil { break }
            }
        }
        for candidate in candidates {
            if schema.messages[candidate] != nil { return .message(candidate) }
            if schema.enumerations[candidate] != nil { return .enumeration(candidate) }
        }
        throw SchemaError("\(name) is not declared")
    }
}

extension ProtobufType {
    /// The scalar type of that name; nil for others.
    init?(scalar name: String) {
        switch name {
        case "double": self = .double
        case "float": self = .float
        case "int32": self = .int32
        case "int64": self = .int64
        case "uint32": self = .uint32
        case "uint64": self = .uint64
        case "sint32": self = .sint32
        case "sint64": self = .sint64
        case "fixed32": self = .fixed32
        case "fixed64": self = .fixed64
        case "sfixed32": self = .sfixed32
        case "sfixed64": self = .sfixed64
        case "bool": self = .bool
        case "string": self = .string
        case "bytes": self = .bytes
        default: return nil
        }
    }

    /// Whether several may be written one after the other without tags.
    package var isNumber: Bool {
        switch self {
        case .string, .bytes, .message, .map: false
        default: true
        }
    }
}

struct ProtobufParser {
    private var lexer: ProtobufLexer
    private var token: ProtobufToken
    private var file = ProtobufFile()

    static func file(_ text: String) throws(SchemaError) -> ProtobufFile {
        guard text.utf8.count <= SchemaLimits.textBytes else { throw SchemaError("the schema is longer than \(SchemaLimits.textBytes) bytes") }
        var parser = try ProtobufParser(text)
        try parser.parse()
        return parser.file
    }

    private init(_ text: String) throws(SchemaError) {
        lexer = ProtobufLexer(text)
        token = try lexer.next()
    }

    // MARK: Words

    private mutating func take() throws(SchemaError) -> ProtobufToken {
        let taken = token
        token = try lexer.next()
        return taken
    }

    private func expected(_ what: String) -> SchemaError { SchemaError("expected \(what), found \(token.shown)", at: token.offset) }

    private mutating func takeSymbol(_ byte: UInt8) throws(SchemaError) {
        guard token.kind == .symbol(byte) else { throw expected("'\(Character(UnicodeScalar(byte)))'") }
        _ = try take()
    }

    private mutating func takeSymbol(ifIs byte: UInt8) throws(SchemaError) -> Bool {
        guard token.kind == .symbol(byte) else { return false }
        _ = try take()
        return true
    }

    private mutating func takeWord(ifIs word: String) throws(SchemaError) -> Bool {
        guard token.kind == .word(word) else { return false }
        _ = try take()
        return true
    }

    private mutating func takeName(_ what: String) throws(SchemaError) -> String {
        guard case .word(let name) = token.kind else { throw expected(what) }
        _ = try take()
        return name
    }

    private mutating func takeText() throws(SchemaError) -> String {
        guard case .text(let text) = token.kind else { throw expected("a text in quotes") }
        _ = try take()
        return text
    }

    private mutating func takeNumber() throws(SchemaError) -> Int64 {
        let isNegative = try takeSymbol(ifIs: 0x2D)
        guard case .number(let text) = token.kind else { throw expected("a number") }
        let number = text.lowercased().hasPrefix("0x") ? Int64(text.dropFirst(2), radix: 16) : Int64(text)
        guard let number else { throw expected("a number of 64 bits") }
        _ = try take()
        return isNegative ? -number : number
    }

    /// Steps over everything up to the `;` that ends a statement, or over a block in braces.
    private mutating func skipStatement() throws(SchemaError) {
        var depth = 0
        while true {
            switch token.kind {
            case .end: throw expected("';'")
            case .symbol(0x7B): depth += 1
            case .symbol(0x7D):
                depth -= 1
                if depth <= 0 {
                    _ = try take()
                    _ = try takeSymbol(ifIs: 0x3B)
                    return
                }
            case .symbol(0x3B) where depth == 0:
                _ = try take()
                return
            default: break
            }
            _ = try take()
        }
    }

    // MARK: Declarations

    private mutating func parse() throws(SchemaError) {
        while token.kind != .end {
            if try takeSymbol(ifIs: 0x3B) { continue }
            switch try takeName("a declaration") {
            case "syntax":
                try takeSymbol(0x3D)
                let version = try takeText()
                guard version == "proto2" || version == "proto3" else { throw SchemaError("unknown syntax \(version)", at: token.offset) }
                file.isVersion2 = version == "proto2"
                try takeSymbol(0x3B)
            case "edition":
                file.isEdition = true
                try skipStatement()
            case "package":
                file.packageName = try takeName("a package")
                try takeSymbol(0x3B)
            case "import":
                if case .word = token.kind { _ = try take() }
                file.imports.append(try takeText())
                try takeSymbol(0x3B)
            case "option", "service", "extend": try skipStatement()
            case "message":
                let count = file.messages.filter { $0.path.count == 1 }.count
                try message(scope: file.packageName, path: [count], depth: 0)
            case "enum": try enumeration(scope: file.packageName)
            case let word: throw SchemaError("unexpected \(word)", at: token.offset)
            }
        }
    }

    private func full(_ scope: String, _ name: String) -> String { scope.isEmpty ? name : scope + "." + name }

    private mutating func message(scope: String, path: [Int], depth: Int) throws(SchemaError) {
        guard depth < SchemaLimits.depth else { throw SchemaError("messages are nested deeper than \(SchemaLimits.depth) levels") }
        var message = ProtobufMessage(name: full(scope, try takeName("the name of a message")), path: path)
        let place = file.messages.count
        file.messages.append(message)
        var inner = 0
        try takeSymbol(0x7B)
        while !(try takeSymbol(ifIs: 0x7D)) {
            if try takeSymbol(ifIs: 0x3B) { continue }
            guard case .word(let word) = token.kind else { throw expected("a field") }
            switch word {
            case "message":
                _ = try take()
                try self.message(scope: message.name, path: path + [inner], depth: depth + 1)
                inner += 1
            case "enum":
                _ = try take()
                try enumeration(scope: message.name)
            case "oneof":
                _ = try take()
                try oneof(&message)
            case "option", "extend", "extensions", "reserved": try skipStatement()
            default: try field(&message, oneof: nil)
            }
            guard message.fields.count <= SchemaLimits.fields, file.messages.count <= SchemaLimits.fields else {
                throw SchemaError("more than \(SchemaLimits.fields) fields in a message, or messages in a file")
            }
        }
        try check(message)
        file.messages[place] = message
    }

    private func check(_ message: ProtobufMessage) throws(SchemaError) {
        var names: Set<String> = []
        var numbers: Set<Int32> = []
        for field in message.fields {
            guard names.insert(field.name).inserted else { throw SchemaError("\(message.name) has the field \(field.name) twice") }
            guard numbers.insert(field.number).inserted else { throw SchemaError("\(message.name) has two fields with number \(field.number)") }
        }
    }

    private mutating func oneof(_ message: inout ProtobufMessage) throws(SchemaError) {
        message.oneofs.append(try takeName("the name of a oneof"))
        try takeSymbol(0x7B)
        while !(try takeSymbol(ifIs: 0x7D)) {
            if try takeSymbol(ifIs: 0x3B) { continue }
            if token.kind == .word("option") { try skipStatement() } else { try field(&message, oneof: message.oneofs.count - 1) }
        }
    }

    private mutating func enumeration(scope: String) throws(SchemaError) {
        var result = ProtobufEnumeration(name: full(scope, try takeName("the name of an enum")))
        try takeSymbol(0x7B)
        while !(try takeSymbol(ifIs: 0x7D)) {
            if try takeSymbol(ifIs: 0x3B) { continue }
            if token.kind == .word("option") || token.kind == .word("reserved") {
                try skipStatement()
                continue
            }
            let name = try takeName("the name of a value")
            try takeSymbol(0x3D)
            guard let number = Int32(exactly: try takeNumber()) else { throw expected("a number of 32 bits") }
            _ = try options()
            try takeSymbol(0x3B)
            result.names.append(name)
            result.numbers.append(number)
        }
        guard !result.names.isEmpty, result.names.count <= SchemaLimits.fields else {
            throw SchemaError("the enum \(result.name) has no values, or more than \(SchemaLimits.fields)")
        }
        file.enumerations.append(result)
    }

    private mutating func field(_ message: inout ProtobufMessage, oneof: Int?) throws(SchemaError) {
        var label = ProtobufLabel.plain
        // A type may be called as a label is.
        if try takeWord(ifIs: "repeated") {
            label = .repeated
        } else if try takeWord(ifIs: "optional") {
            label = .optional
        } else if file.isVersion2, try takeWord(ifIs: "required") {
            label = .required
        }
        let typeName = try takeName("a type")
        if typeName == "group" { throw SchemaError("groups are not supported", at: token.offset) }
        var type = ProtobufType(scalar: typeName) ?? .message(typeName)
        if typeName == "map", token.kind == .symbol(0x3C) {
            type = try map()
            label = .repeated
        }
        if label == .plain, file.isEdition || oneof != nil { label = .optional }
        let name = try takeName("the name of a field")
        try takeSymbol(0x3D)
        guard let number = Int32(exactly: try takeNumber()), (1...ProtobufField.numbersEnd).contains(number) else {
            throw expected("the number of a field, from 1 to \(ProtobufField.numbersEnd)")
        }
        var field = ProtobufField(name, number, type, label)
        let options = try options()
        field.oneof = oneof
        field.isPacked = options.isPacked ?? !file.isVersion2
        field.parameters = options.parameters
        try takeSymbol(0x3B)
        message.fields.append(field)
    }

    private mutating func map() throws(SchemaError) -> ProtobufType {
        try takeSymbol(0x3C)
        let keyName = try takeName("the type of keys")
        guard let key = ProtobufType(scalar: keyName), key != .double, key != .float, key != .bytes else {
            throw SchemaError("a map cannot have keys of type \(keyName)", at: token.offset)
        }
        try takeSymbol(0x2C)
        let valueName = try takeName("the type of values")
        try takeSymbol(0x3E)
        return .map(key: key, value: ProtobufType(scalar: valueName) ?? .message(valueName))
    }

    /// The options in brackets behind a field: whether numbers are packed, and the parameters of Confluent's `field_meta`.
    private mutating func options() throws(SchemaError) -> (isPacked: Bool?, parameters: [String: String]) {
        guard try takeSymbol(ifIs: 0x5B) else { return (nil, [:]) }
        var isPacked: Bool?
        var parameters: [String: String] = [:]
        var key: String?
        var depth = 1
        while depth > 0 {
            let word = try take()
            switch word.kind {
            case .end: throw expected("']'")
            case .symbol(0x5B): depth += 1
            case .symbol(0x5D): depth -= 1
            case .word("packed"):
                if token.kind == .symbol(0x3D) {
                    _ = try take()
                    isPacked = token.kind == .word("true")
                }
            case .word("key"), .word("value"):
                _ = try takeSymbol(ifIs: 0x3A)
                guard case .text(let text) = token.kind else { break }
                if word.kind == .word("key") { key = text } else if let name = key { parameters[name] = text }
            default: break
            }
        }
        return (isPacked, parameters)
    }
}

extension ProtobufField {
    /// The largest number that a tag can hold.
    static let numbersEnd: Int32 = (1 << 29) - 1
}
