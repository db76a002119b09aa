// Messages of Protocol Buffers: what a `.proto` file declares, with names resolved.

/// What a field holds.
package indirect enum ProtobufType: Hashable, Sendable {
    case double, float, int32, int64, uint32, uint64, sint32, sint64, fixed32, fixed64, sfixed32, sfixed64, bool, string, bytes
    /// A message by its full name.
    case message(String)
    /// An enumeration by its full name.
    case enumeration(String)
    /// Entries of a key and a value.
    case map(key: ProtobufType, value: ProtobufType)
}

/// Whether a field must, may or may repeatedly be there.
package enum ProtobufLabel: Hashable, Sendable {
    /// Without a label: what is not there is zero.
    case plain
    /// What is not there is NULL.
    case optional
    case repeated
    case required
}

/// A field of a message.
package struct ProtobufField: Hashable, Sendable {
    package var name: String
    /// From 1 to 2^29 - 1.
    package var number: Int32
    package var type: ProtobufType
    package var label: ProtobufLabel
    /// The place among the message's oneofs; nil outside of these.
    package var oneof: Int?
    /// Whether repeated numbers are written one after the other, without a tag each.
    package var isPacked: Bool
    /// Parameters of Confluent's `field_meta`: the precision and the scale of decimals.
    package var parameters: [String: String]

    package init(_ name: String, _ number: Int32, _ type: ProtobufType, _ label: ProtobufLabel = .plain) {
        self.name = name
        self.number = number
        self.type = type
        self.label = label
        isPacked = true
        parameters = [:]
    }
}

/// A message type.
package struct ProtobufMessage: Hashable, Sendable {
    /// The full name, with package and outer messages.
    package var name: String
    /// In the order of the text.
    package var fields: [ProtobufField] = []
    /// Names of the oneofs.
    package var oneofs: [String] = []
    /// Its place: the index among the file's messages, then that within each outer message.
    package var path: [Int] = []
}

/// An enumeration type.
package struct ProtobufEnumeration: Hashable, Sendable {
    /// The full name.
    package var name: String
    /// The names of its numbers in the order of the text; of two names for a number the first counts.
    package var values: [(name: String, number: Int32)] { Array(zip(names, numbers)) }
    var names: [String] = []
    var numbers: [Int32] = []
}

/// A file with what it imports.
package struct ProtobufSchema: Hashable, Sendable {
    /// The messages of the file itself by full name, and those of all imports.
    package internal(set) var messages: [String: ProtobufMessage] = [:]
    /// The enumerations of the file and of all imports by full name.
    package internal(set) var enumerations: [String: ProtobufEnumeration] = [:]
    /// Full names of the messages of the file itself, in the order of the text, outer ones first.
    package internal(set) var own: [String] = []
    /// The file's package; empty for none.
    package internal(set) var packageName = ""

    /// The message with that name, with or without its package; the file's first for nil. Errors: there is none.
    package func message(named name: String?) throws(SchemaError) -> ProtobufMessage {
        guard let name else {
            if let first = own.first, let message = messages[first] { return message }
            throw SchemaError("the schema has no message")
        }
        let full = packageName.isEmpty ? name : packageName + "." + name
        for candidate in [name, full] where own.contains(candidate) {
            if let message = messages[candidate] { return message }
        }
        throw SchemaError("the schema has no message \(name)")
    }

    /// Which messages of the file stand at a path of the wire header; nil for none.
    package func message(at path: [Int]) -> ProtobufMessage? { own.lazy.compactMap { messages[$0] }.first { $0.path == path } }
}

/// Types that stand for one of SQL's.
package enum ProtobufWellKnown: Hashable, Sendable {
    case timestamp
    case date
    case time
    case decimal
    /// A scalar that may be missing, in a field `value` with number 1.
    case wrapper(ProtobufType)

    /// The meaning of a message's full name; nil for ordinary messages.
    package init?(_ message: String) {
        switch message {
        case "google.protobuf.Timestamp": self = .timestamp
        case "google.type.Date": self = .date
        case "google.type.TimeOfDay": self = .time
        case "confluent.type.Decimal": self = .decimal
        case "google.protobuf.DoubleValue": self = .wrapper(.double)
        case "google.protobuf.FloatValue": self = .wrapper(.float)
        case "google.protobuf.Int64Value": self = .wrapper(.int64)
        case "google.protobuf.UInt64Value": self = .wrapper(.uint64)
        case "google.protobuf.Int32Value": self = .wrapper(.int32)
        case "google.protobuf.UInt32Value": self = .wrapper(.uint32)
        case "google.protobuf.BoolValue": self = .wrapper(.bool)
        case "google.protobuf.StringValue": self = .wrapper(.string)
        case "google.protobuf.BytesValue": self = .wrapper(.bytes)
        default: return nil
        }
    }

    /// The files that every registry knows, by the names under which they are imported.
    static let files: [String: String] = [
        "google/protobuf/timestamp.proto": "package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }",
        "google/protobuf/duration.proto": "package google.protobuf; message Duration { int64 seconds = 1; int32 nanos = 2; }",
        "google/protobuf/any.proto": "package google.protobuf; message Any { string type_url = 1; bytes value = 2; }",
        "google/protobuf/empty.proto": "package google.protobuf; message Empty {}",
        "google/protobuf/field_mask.proto": "package google.protobuf; message FieldMask { repeated string paths = 1; }",
        "google/protobuf/struct.proto":
            "package google.protobuf; message Struct { map<string, Value> fields = 1; } enum NullValue { NULL_VALUE = 0; } "
            + "message ListValue { repeated Value values = 1; } message Value { oneof kind { NullValue null_value = 1; "
            + "double number_value = 2; string string_value = 3; bool bool_value = 4; Struct struct_value = 5; ListValue list_value = 6; } }",
        "google/protobuf/wrappers.proto":
            "package google.protobuf; message DoubleValue { double value = 1; } message FloatValue { float value = 1; } "
            + "message Int64Value { int64 value = 1; } message UInt64Value { uint64 value = 1; } message Int32Value { int32 value = 1; } "
            + "message UInt32Value { uint32 value = 1; } message BoolValue { bool value = 1; } message StringValue { string value = 1; } "
            + "message BytesValue { bytes value = 1; }",
        "google/protobuf/descriptor.proto": "package google.protobuf;",
        "google/type/date.proto": "package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }",
        "google/type/timeofday.proto":
            "package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }",
        "confluent/type/decimal.proto":
            "package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
        "confluent/meta.proto": "package confluent;",
    ]
}
