// From JSON back to values that are `Decodable`, the inverse of `JSONValue(encoding:)`. Nothing is converted in
// silence: a number that does not fit, a text where a number is expected or a member that is missing is an error that
// names the place.

extension JSONValue {
    /// The value of that type which this document holds. Errors: another shape, a number out of range, nesting deeper
    /// than `codedDepth`.
    package func decoded<Value: Decodable>(as type: Value.Type) throws(JSONCodingError) -> Value {
        do { return try NodeDecoder(value: self, depth: 0, codingPath: []).decode(type) } catch { throw JSONCodingError(error) }
    }
}

/// The decoder of one place of a document.
private struct NodeDecoder: Decoder {
    let value: JSONValue
    let depth: Int
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw error("an object is expected") }
        var byName: [String: JSONValue] = [:]
        for member in members { byName[member.name] = member.value }
        return KeyedDecodingContainer(KeyedMembers(decoder: self, members: byName))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw error("an array is expected") }
        return ListedElements(decoder: self, elements: elements)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { SingleElement(decoder: self) }

    func error(_ reason: String) -> JSONCodingError { JSONCodingError(JSONCodingError.text(codingPath) + reason) }

    func inside(_ child: JSONValue, _ key: any CodingKey) throws(JSONCodingError) -> NodeDecoder {
        guard depth < JSONValue.codedDepth else { throw error("nested deeper than \(JSONValue.codedDepth) levels") }
        return NodeDecoder(value: child, depth: depth + 1, codingPath: codingPath + [key])
    }

    func boolean() throws(JSONCodingError) -> Bool {
        guard let flag = value.booleanValue else { throw error("true or false is expected") }
        return flag
    }

    func text() throws(JSONCodingError) -> String {
        guard let text = value.stringValue else { throw error("a text is expected") }
        return text
    }

    func double() throws(JSONCodingError) -> Double {
        switch value {
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        default:
            guard let number = value.doubleValue, number.isFinite else { throw error("a number is expected") }
            return number
        }
    }

    func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) throws(JSONCodingError) -> Integer {
        guard let text = value.numberText else { throw error("a whole number is expected") }
        guard let number = Integer(text, radix: 10) else { throw error("\(text) is no whole number of \(Integer.bitWidth) bits") }
        return number
    }

    func decode<Result: Decodable>(_ type: Result.Type) throws -> Result {
        if type == Bool.self, let result = try boolean() as? Result { return result }
        if type == String.self, let result = try text() as? Result { return result }
        if type == Double.self, let result = try double() as? Result { return result }
        if let integers = type as? any FixedWidthInteger.Type, let result = try integer(integers) as? Result { return result }
        return try type.init(from: self)
    }
}

private struct KeyedMembers<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: NodeDecoder
    let members: [String: JSONValue]
    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

    private func child(_ key: any CodingKey) throws(JSONCodingError) -> NodeDecoder {
        guard let value = members[key.stringValue] else { throw decoder.error("\(key.stringValue) is missing") }
        return try decoder.inside(value, key)
    }

    func decodeNil(forKey key: Key) throws -> Bool { members[key.stringValue]?.isNull ?? true }
    func decode<Result: Decodable>(_ type: Result.Type, forKey key: Key) throws -> Result { try child(key).decode(type) }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try child(key).boolean() }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try child(key).text() }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try child(key).double() }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try child(key).double()) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try child(key).integer(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try child(key).integer(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try child(key).integer(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try child(key).integer(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try child(key).integer(type) }
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try child(key).integer(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try child(key).integer(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try child(key).integer(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try child(key).integer(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try child(key).integer(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try child(key).integer(type) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try child(key).integer(type) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
        try child(key).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try child(key).unkeyedContainer() }
    func superDecoder() throws -> any Decoder { try child(PlainKey("super")) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try child(key) }
}

private struct ListedElements: UnkeyedDecodingContainer {
    let decoder: NodeDecoder
    let elements: [JSONValue]
    private(set) var currentIndex = 0
    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    init(decoder: NodeDecoder, elements: [JSONValue]) {
        self.decoder = decoder
        self.elements = elements
    }

    private mutating func next() throws(JSONCodingError) -> NodeDecoder {
        guard !isAtEnd else { throw decoder.error("an element \(currentIndex) is missing") }
        let child = try decoder.inside(elements[currentIndex], PlainKey("\(currentIndex)"))
        currentIndex += 1
        return child
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }
    mutating func decode<Result: Decodable>(_ type: Result.Type) throws -> Result { try next().decode(type) }
    mutating func decode(_ type: Bool.Type) throws -> Bool { try next().boolean() }
    mutating func decode(_ type: String.Type) throws -> String { try next().text() }
    mutating func decode(_ type: Double.Type) throws -> Double { try next().double() }
    mutating func decode(_ type: Float.Type) throws -> Float { Float(try next().double()) }
    mutating func decode(_ type: Int.Type) throws -> Int { try next().integer(type) }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try next().integer(type) }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try next().integer(type) }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try next().integer(type) }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try next().integer(type) }
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try next().integer(type) }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try next().integer(type) }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try next().integer(type) }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try next().integer(type) }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try next().integer(type) }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try next().integer(type) }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try next().integer(type) }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
        try next().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct SingleElement: SingleValueDecodingContainer {
    let decoder: NodeDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.value.isNull }
    func decode<Result: Decodable>(_ type: Result.Type) throws -> Result { try decoder.decode(type) }
    func decode(_ type: Bool.Type) throws -> Bool { try decoder.boolean() }
    func decode(_ type: String.Type) throws -> String { try decoder.text() }
    func decode(_ type: Double.Type) throws -> Double { try decoder.double() }
    func decode(_ type: Float.Type) throws -> Float { Float(try decoder.double()) }
    func decode(_ type: Int.Type) throws -> Int { try decoder.integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try decoder.integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try decoder.integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try decoder.integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try decoder.integer(type) }
    func decode(_ type: Int128.Type) throws -> Int128 { try decoder.integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try decoder.integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.integer(type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try decoder.integer(type) }
}
