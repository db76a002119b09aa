// The record formats that a key or a value can be written in, and the properties that belong to each.

package import Quantities
package import Schemas
import Values

/// The name of a record format.
package enum FormatName: String, Hashable, Sendable, Codable, CaseIterable {
    case kafka = "KAFKA"
    case none = "NONE"
    case delimited = "DELIMITED"
    case json = "JSON"
    case jsonSR = "JSON_SR"
    case avro = "AVRO"
    case protobuf = "PROTOBUF"
    case protobufNoSR = "PROTOBUF_NOSR"
}

/// A format with its properties: how the bytes of one side (key or value) of a record are written.
package struct FormatSpec: Hashable, Sendable, Codable {
    package var name: FormatName
    /// The separator of DELIMITED, one ASCII byte or the UTF-8 of one character; "," unless set.
    package var delimiter: String
    /// Whether a single column is written bare (`1`) instead of as a member of an object (`{"V": 1}`). Decided when the source is made.
    package var isUnwrapped: Bool
    /// Whether a value that its column would change is an error: a number out of range or with a fraction for an integer, and in
    /// DELIMITED a boolean that is neither true nor false. What stands in a topic is read as ksqlDB does, which cuts numbers to their low
    /// bits and takes all other texts for false; a line that a client loads is refused.
    package var refusesOverflow: Bool
    /// The full name of the record or message, where a statement has given one.
    package var schemaFullName: String?
    /// The number of the schema that a statement has asked for.
    package var schemaID: SchemaID?
    /// How Protocol Buffers keep NULLs; nil where they become zeros.
    package var nulls: NullRepresentation?
    /// The schema that records are written by; nil for formats without a registry, and until one is registered.
    package var writer: WriterSchema?

    package init(_ name: FormatName, delimiter: String = ",", isUnwrapped: Bool = false, refusesOverflow: Bool = false) {
        self.name = name
        self.delimiter = delimiter
        self.isUnwrapped = isUnwrapped
        self.refusesOverflow = refusesOverflow
    }
}

extension FormatSpec {
    /// What a schema that is made for the format has to be like.
    package var shape: SchemaShape { SchemaShape(fullName: schemaFullName, isUnwrapped: isUnwrapped, nulls: nulls) }

    /// The format without the schema that it happens to be written by.
    package var withoutWriter: FormatSpec {
        var format = self
        format.writer = nil
        return format
    }
}

/// How the keys of a windowed source carry their window.
package enum KeyWindow: Hashable, Sendable, Codable {
    /// 8-byte end, then 8-byte start, after the key bytes.
    case session
    /// 8-byte start after the key bytes; the end is `size` later.
    case time(kind: WindowKind, size: Milliseconds)
}

/// The kinds of time windows.
package enum WindowKind: String, Hashable, Sendable, Codable {
    case tumbling = "TUMBLING"
    case hopping = "HOPPING"
    case session = "SESSION"
}
