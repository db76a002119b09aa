// What people know a schema by: the name of what it describes.

import JSONText

extension SchemaDocument {
    /// The full name of the record or of the first message, or a document's title; nil where it has none.
    package var recordName: String? {
        switch kind {
        case .avro:
            guard let root = (try? AvroSchema(self))?.root else { return nil }
            return switch root {
            case .record(let record): record.name
            case .reference(let name), .fixed(let name, _), .enumeration(let name, _): name
            default: nil
            }
        case .protobuf: return (try? ProtobufSchema(self).message(named: nil))?.name
        case .json: return (try? JSONValue(parsing: Array(text.utf8)[...]))?["title"]?.stringValue
        }
    }
}
