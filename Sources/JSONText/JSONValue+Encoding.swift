// From values that are `Encodable` to JSON. Structures become objects, cases of enumerations objects of one member, as
// the compiler's own conformances have it. Integers of all widths keep every digit; a double that JSON has no number
// for becomes one of three texts.

/// Why a value could not be brought to JSON, or back.
package struct JSONCodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The reason, with the place inside the value: `root.join.left: a number is expected`.
    package let description: String

    init(_ description: String) { self.description = description }

    /// The error under its own name, also where a conformance of the standard library has thrown it.
    init(_ error: any Error) {
        switch error {
        case let error as JSONCodingError: self = error
        case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context), DecodingError.keyNotFound(_, let context):
            self.init(JSONCodingError.text(context.codingPath) + context.debugDescription)
        case EncodingError.invalidValue(_, let context):
            self.init(JSONCodingError.text(context.codingPath) + context.debugDescription)
        default: self.init("\(error)")
        }
    }

    /// The place in front of a reason: the last eight steps of the way there are enough to find it.
    static func text(_ path: [any CodingKey]) -> String {
        path.isEmpty ? "" : path.suffix(8).map(\.stringValue).joined(separator: ".") + ": "
    }
}

extension JSONValue {
    /// Levels of arrays and objects that values of the program may have: a tree of 200 expressions comes to 620, a type of 200
    /// levels to 820. Encoding and decoding are recursive and have frames of a few KiB without optimisation, so they are for
    /// threads of the scheduler, whose stacks have a known size.
    package static let codedDepth = 1_024

    /// A value as JSON. Errors: nested deeper than `codedDepth`, or refused by the value itself.
    package init(encoding value: some Encodable) throws(JSONCodingError) {
        let root = EncodingNode()
        do { try value.encode(to: NodeEncoder(node: root, depth: 0, codingPath: [])) } catch { throw JSONCodingError(error) }
        self = root.value
    }
}

/// A place in the document that is being made; encoders fill it.
private final class EncodingNode {
    enum Content {
        case single(JSONValue)
        case array([EncodingNode])
        case object([(name: String, node: EncodingNode)])
    }
    var content: Content = .object([])

    var value: JSONValue {
        switch content {
        case .single(let value): value
        case .array(let nodes): .array(nodes.map(\.value))
        case .object(let members): .object(members.map { JSONValue.Member($0.name, $0.node.value) })
        }
    }

    func append(_ name: String, _ node: EncodingNode) {
        guard case .object(var members) = content else { return }
        content = .object([])
        members.append((name, node))
        content = .object(members)
    }

    func append(_ node: EncodingNode) {
        guard case .array(var nodes) = content else { return }
        content = .array([])
        nodes.append(node)
        content = .array(nodes)
    }
}

/// The encoder of one place.
private struct NodeEncoder: Encoder {
    let node: EncodingNode
    let depth: Int
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        // A value may ask for its container more than once and adds to the same object.
        if case .object = node.content {} else { node.content = .object([]) }
        return KeyedEncodingContainer(KeyedNodes(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.content = .array([])
        return ListedNodes(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleNode(encoder: self) }

    /// An encoder of a place inside this one.
    func inside(_ child: EncodingNode, _ key: any CodingKey) -> NodeEncoder {
        NodeEncoder(node: child, depth: depth + 1, codingPath: codingPath + [key])
    }

    /// This encoder. Errors: its place is nested too deep.
    func checked() throws(JSONCodingError) -> NodeEncoder {
        guard depth <= JSONValue.codedDepth else { throw JSONCodingError("nested deeper than \(JSONValue.codedDepth) levels") }
        return self
    }
}

extension NodeEncoder {
    fileprivate func put(_ value: JSONValue) { node.content = .single(value) }

    fileprivate func put(_ value: Double) {
        guard value.isFinite else { return put(.string(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")) }
        put(.number(value.description))
    }

    /// Values that are JSON by themselves need no container of their own.
    fileprivate func encode(_ value: some Encodable) throws {
        switch value {
        case let value as Bool: put(.boolean(value))
        case let value as String: put(.string(value))
        case let value as Double: put(value)
        case let value as any FixedWidthInteger: put(.number(value.description))
        default: try value.encode(to: self)
        }
    }
}

private struct KeyedNodes<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: NodeEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func child(_ key: any CodingKey) throws(JSONCodingError) -> NodeEncoder { try nested(key).checked() }

    func encodeNil(forKey key: Key) throws { try child(key).put(.null) }
    func encode(_ value: some Encodable, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: Bool, forKey key: Key) throws { try child(key).put(.boolean(value)) }
    func encode(_ value: String, forKey key: Key) throws { try child(key).put(.string(value)) }
    func encode(_ value: Double, forKey key: Key) throws { try child(key).put(value) }
    func encode(_ value: Float, forKey key: Key) throws { try child(key).put(Double(value)) }
    func encode(_ value: Int, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: Int8, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: Int16, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: Int32, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: Int64, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: Int128, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: UInt, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: UInt8, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: UInt16, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: UInt32, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: UInt64, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: UInt128, forKey key: Key) throws { try child(key).encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        nested(key).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { nested(PlainKey("super")) }
    func superEncoder(forKey key: Key) -> any Encoder { nested(key) }

    /// A container is opened without a way to refuse: the depth is checked when something is put into it.
    private func nested(_ key: any CodingKey) -> NodeEncoder {
        let child = EncodingNode()
        encoder.node.append(key.stringValue, child)
        return encoder.inside(child, key)
    }
}

private struct ListedNodes: UnkeyedEncodingContainer {
    let encoder: NodeEncoder
    private(set) var count = 0
    var codingPath: [any CodingKey] { encoder.codingPath }

    init(encoder: NodeEncoder) { self.encoder = encoder }

    private mutating func child() throws(JSONCodingError) -> NodeEncoder { try nested().checked() }

    mutating func encodeNil() throws { try child().put(.null) }
    mutating func encode(_ value: some Encodable) throws { try child().encode(value) }
    mutating func encode(_ value: Bool) throws { try child().put(.boolean(value)) }
    mutating func encode(_ value: String) throws { try child().put(.string(value)) }
    mutating func encode(_ value: Double) throws { try child().put(value) }
    mutating func encode(_ value: Float) throws { try child().put(Double(value)) }
    mutating func encode(_ value: Int) throws { try child().encode(value) }
    mutating func encode(_ value: Int8) throws { try child().encode(value) }
    mutating func encode(_ value: Int16) throws { try child().encode(value) }
    mutating func encode(_ value: Int32) throws { try child().encode(value) }
    mutating func encode(_ value: Int64) throws { try child().encode(value) }
    mutating func encode(_ value: Int128) throws { try child().encode(value) }
    mutating func encode(_ value: UInt) throws { try child().encode(value) }
    mutating func encode(_ value: UInt8) throws { try child().encode(value) }
    mutating func encode(_ value: UInt16) throws { try child().encode(value) }
    mutating func encode(_ value: UInt32) throws { try child().encode(value) }
    mutating func encode(_ value: UInt64) throws { try child().encode(value) }
    mutating func encode(_ value: UInt128) throws { try child().encode(value) }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        nested().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { nested() }

    private mutating func nested() -> NodeEncoder {
        let child = EncodingNode()
        encoder.node.append(child)
        defer { count += 1 }
        return encoder.inside(child, PlainKey("\(count)"))
    }
}

private struct SingleNode: SingleValueEncodingContainer {
    let encoder: NodeEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() throws { encoder.put(.null) }
    func encode(_ value: some Encodable) throws { try encoder.encode(value) }
    func encode(_ value: Bool) throws { encoder.put(.boolean(value)) }
    func encode(_ value: String) throws { encoder.put(.string(value)) }
    func encode(_ value: Double) throws { encoder.put(value) }
    func encode(_ value: Float) throws { encoder.put(Double(value)) }
    func encode(_ value: Int) throws { encoder.put(.integer(value)) }
    func encode(_ value: Int8) throws { encoder.put(.integer(value)) }
    func encode(_ value: Int16) throws { encoder.put(.integer(value)) }
    func encode(_ value: Int32) throws { encoder.put(.integer(value)) }
    func encode(_ value: Int64) throws { encoder.put(.integer(value)) }
    func encode(_ value: Int128) throws { encoder.put(.integer(value)) }
    func encode(_ value: UInt) throws { encoder.put(.integer(value)) }
    func encode(_ value: UInt8) throws { encoder.put(.integer(value)) }
    func encode(_ value: UInt16) throws { encoder.put(.integer(value)) }
    func encode(_ value: UInt32) throws { encoder.put(.integer(value)) }
    func encode(_ value: UInt64) throws { encoder.put(.integer(value)) }
    func encode(_ value: UInt128) throws { encoder.put(.integer(value)) }
}

/// A key that is only its text.
struct PlainKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
