// Between the JSON nodes of a case and the bytes of records: inputs are written in the format of the source that declares their topic,
// outputs are read back in the format of the sink and compared as plain objects.

import Bytes
import Catalog
import Formats
import JSONText
import Quantities
import Schemas
import Values

func decodedBase64(_ text: String) -> [UInt8]? { Base64.decode(Array(text.utf8)[...]) }

/// Writes one side of an input record.
enum InputCoding {
    /// The bytes of a key or value node; nil for null. Errors: the registry has no schema for it, or another one.
    static func bytes(
        of node: JSONValue, format: FormatSpec, columns: [ColumnDefinition], subject: String, registry: any SchemaRegistry
    ) throws(CaseFailure) -> [UInt8]? {
        if node.isNull { return nil }
        switch format.name {
        case .json: return node.bytes
        case .delimited: return Array((node.stringValue ?? node.text).utf8)
        case .kafka: return kafka(node, columns.first?.type)
        case .none: return nil
        case .jsonSR, .avro, .protobuf, .protobufNoSR:
            return try SchemaCoding(registry: registry, format: format, columns: columns).bytes(of: node, subject: subject)
        }
    }

    /// Which source's formats each topic's records have: the one that was declared over the topic, else the one whose query writes it.
    static func writers(in catalog: CatalogSnapshot) -> [String: SourceDefinition] {
        var sources: [String: SourceDefinition] = [:]
        for source in catalog.sortedSources.reversed() { sources[source.topic] = source }
        for source in catalog.sortedSources where source.queryID == nil { sources[source.topic] = source }
        return sources
    }

    /// One input record as it stands in its topic.
    static func records(
        of record: CaseRecord, source: SourceDefinition?, registry: any SchemaRegistry
    ) throws(CaseFailure) -> OutgoingRecords {
        var records = OutgoingRecords()
        var key = try bytes(
            of: record.key, format: source?.keyFormat ?? FormatSpec(.kafka), columns: source?.schema.key ?? [],
            subject: SchemaSubject.key(of: record.topic), registry: registry)
        if let window = record.window { key = key.map { $0 + suffix(of: window) } }
        let value = try bytes(
            of: record.value, format: source?.valueFormat ?? FormatSpec(.json), columns: source?.schema.value ?? [],
            subject: SchemaSubject.value(of: record.topic), registry: registry)
        let headers = record.headers.map { RecordHeader(name: Array($0.name.utf8), value: $0.value) }
        records.append(key: key, value: value, timestamp: record.timestamp ?? 0, headers: headers.isEmpty ? nil : headerBlock(headers))
        return records
    }

    /// The partition of one input record: by its key without the window, and for a record without a key `keyless` modulo their number.
    static func partition(of records: OutgoingRecords, source: SourceDefinition?, among count: Int, keyless: Int) -> PartitionIndex {
        let range = records.keys[0]
        guard !range.isNull else { return PartitionIndex(index: keyless % count) }
        let suffix =
            switch source?.window {
            case nil: 0
            case .session?: 16
            case .time?: 8
            }
        let start = Int(range.start)
        let place = Bytes.partition(ofKey: records.bytes, start..<start + max(0, Int(range.length) - suffix), among: count)
        return PartitionIndex(index: place)
    }

    private static func kafka(_ node: JSONValue, _ type: SQLType?) -> [UInt8]? {
        switch type {
        case .integer?: return bigEndian(UInt64(bitPattern: Int64(truncatingIfNeeded: integer(node))), count: 4)
        case .bigint?: return bigEndian(UInt64(bitPattern: integer(node)), count: 8)
        case .double?: return bigEndian((node.doubleValue ?? 0).bitPattern, count: 8)
        default: return Array((node.stringValue ?? node.text).utf8)
        }
    }

    private static func integer(_ node: JSONValue) -> Int64 {
        node.intValue.map(Int64.init) ?? node.doubleValue.flatMap { Int64(exactly: $0.rounded(.towardZero)) }
            ?? node.stringValue.flatMap { Int64($0) } ?? 0
    }

    static func bigEndian(_ value: UInt64, count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - $0))) }
    }

    /// What follows the key bytes of a windowed key.
    static func suffix(of window: CaseWindow) -> [UInt8] {
        let start = bigEndian(UInt64(bitPattern: window.start), count: 8)
        return window.isSession ? bigEndian(UInt64(bitPattern: window.end), count: 8) + start : start
    }
}

/// A value of an output record as its format gives it.
enum ActualValue {
    case json(JSONValue)
    case integer(Int64)
    case text(String)
    /// A value that a schema gives a type.
    case typed(Value, SQLType)

    var description: String {
        switch self {
        case .json(let value): value.text
        case .typed(let value, _): "\(value)"
        case .integer(let value): String(value)
        case .text(let text): "'\(text)'"
        }
    }
}

/// Reads one side of an output record.
enum OutputCoding {
    /// The value that the bytes stand for; nil for null. `problem` tells why bytes cannot be read.
    static func value(
        of bytes: [UInt8], format: FormatSpec, columns: [ColumnDefinition], registry: any SchemaRegistry, problem: inout String?
    ) -> ActualValue? {
        switch format.name {
        case .json:
            guard let value = try? JSONValue(parsing: bytes[...]) else {
                problem = "no JSON: \(String(decoding: bytes, as: UTF8.self))"
                return nil
            }
            return value.isNull ? nil : .json(value)
        case .delimited: return .text(String(decoding: bytes, as: UTF8.self))
        case .kafka: return kafka(bytes, columns.first?.type, &problem)
        case .none: return nil
        case .jsonSR, .avro, .protobuf, .protobufNoSR:
            do throws(CaseFailure) {
                let (value, type) = try SchemaCoding(registry: registry, format: format, columns: columns).value(of: bytes)
                return value.isNull ? nil : .typed(value, type)
            } catch {
                problem = error.message
                return nil
            }
        }
    }

    private static func kafka(_ bytes: [UInt8], _ type: SQLType?, _ problem: inout String?) -> ActualValue? {
        let number = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch (type, bytes.count) {
        case (.integer?, 4): return .integer(Int64(Int32(truncatingIfNeeded: Int64(bitPattern: number))))
        case (.bigint?, 8): return .integer(Int64(bitPattern: number))
        case (.double?, 8): return .json(.number(javaText(Double(bitPattern: number))))
        case (.integer?, _), (.bigint?, _), (.double?, _):
            problem = "\(bytes.count) bytes where a KAFKA number was expected"
            return nil
        default: return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// The double with a fraction, as the reference reads it back.
    private static func javaText(_ value: Double) -> String {
        let text = "\(value)"
        return text.contains("e") || text.contains(".") ? text : text + ".0"
    }

    /// The window that follows a key, with the key's length without it.
    static func window(of key: [UInt8], _ window: KeyWindow) -> (CaseWindow, keyLength: Int)? {
        func number(at start: Int) -> Int64 { Int64(bitPattern: key[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) }
        switch window {
        case .session:
            guard key.count >= 16 else { return nil }
            return (CaseWindow(start: number(at: key.count - 8), end: number(at: key.count - 16), isSession: true), key.count - 16)
        case .time(_, let size):
            guard key.count >= 8 else { return nil }
            let start = number(at: key.count - 8)
            return (CaseWindow(start: start, end: start.later(by: size), isSession: false), key.count - 8)
        }
    }
}
