// What PRINT says of records that no source describes: the formats that all of them so far could be in.

import Bytes
import Formats

/// The formats that one side of all records so far could be in. Of the window in a key it does not guess: the catalog knows.
struct FormatGuess {
    enum Candidate: String, CaseIterable {
        case avro = "AVRO"
        case protobuf = "PROTOBUF"
        case jsonSR = "JSON_SR"
        case json = "JSON"
        case bigint = "KAFKA_BIGINT"
        case double = "KAFKA_DOUBLE"
        case int = "KAFKA_INT"
        case string = "KAFKA_STRING"
    }

    /// How the keys carry their windows; nil for values and plain keys.
    private let window: KeyWindow?
    private var candidates: [Candidate]?
    /// Some record fitted a format, though perhaps not the format of the others.
    private var hasFitted = false

    /// The schema that the latest record named.
    private var schema: String?
    /// Reads the records whose header names a schema.
    private let registry: RegistryRecords?

    init(window: KeyWindow? = nil, registry: RegistryRecords? = nil) {
        self.window = window
        self.registry = registry
    }

    /// Bytes behind the key that hold its window.
    private var windowBytes: Int {
        switch window {
        case .session: 16
        case .time: 8
        case nil: 0
        }
    }

    /// Leaves out what `bytes` rules out; true when the set of candidates changed.
    mutating func narrow(by bytes: [UInt8]?) -> Bool {
        guard let bytes, bytes.count >= windowBytes else { return false }
        let plain = Array(bytes.dropLast(windowBytes))
        let old = candidates
        let own = candidates(for: plain)
        if !own.isEmpty { hasFitted = true }
        let new = (old ?? Candidate.allCases).filter(own.contains)
        candidates = new
        return old != new
    }

    /// A header that names a known schema decides.
    private func candidates(for bytes: [UInt8]) -> [Candidate] {
        if let format = registry?.format(of: bytes), let own = Candidate(rawValue: format.rawValue) { return [own] }
        return Candidate.allCases.filter { Self.fits(bytes, $0) }
    }

    private static func fits(_ bytes: [UInt8], _ candidate: Candidate) -> Bool {
        switch candidate {
        case .json:
            guard let first = bytes.first(where: { $0 > 32 }) else { return false }
            return isText(bytes) && (first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || first == UInt8(ascii: "\""))
        case .bigint, .double: return bytes.count == 8
        case .int: return bytes.count == 4
        case .string: return isText(bytes)
        case .avro, .protobuf, .jsonSR: return false
        }
    }

    /// Valid UTF-8 without the control characters that no text has.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 >= 32 || ($0 >= 9 && $0 <= 13) } && String(validating: bytes, as: UTF8.self) != nil
    }

    /// The line behind `Key format:` or `Value format:`.
    var description: String {
        guard let candidates else { return "¯\\_(ツ)_/¯ - no data processed" }
        let plain =
            candidates.isEmpty ? (hasFitted ? "MIXED" : "KAFKA_BYTES") : candidates.map(\.rawValue).joined(separator: " or ")
        switch window {
        case .session: return "SESSION(\(plain))"
        case .time(let kind, _): return "\(kind.rawValue)(\(plain))"
        case nil: return plain
        }
    }

    /// The schema that a record names, when it is another one than that of the record before; nil else.
    mutating func newSchema(of bytes: [UInt8]?) -> String? {
        guard let bytes, bytes.count >= windowBytes, let name = registry?.schemaName(of: Array(bytes.dropLast(windowBytes))), name != schema
        else { return nil }
        schema = name
        return name
    }

    /// A record side as the first candidate shows it.
    func text(of bytes: [UInt8]?) -> String {
        guard let bytes else { return "<null>" }
        guard bytes.count >= windowBytes else { return "<Failed to deserialize>" }
        let plain = plainText(of: Array(bytes.dropLast(windowBytes)))
        func number(_ range: Range<Int>) -> Int64 { bytes[range].reduce(0) { $0 << 8 | Int64($1) } }
        switch window {
        case .session: return "[\(plain)@\(number(bytes.count - 8..<bytes.count))/\(number(bytes.count - 16..<bytes.count - 8))]"
        case .time: return "[\(plain)@\(number(bytes.count - 8..<bytes.count))/-]"
        case nil: return plain
        }
    }

    private func plainText(of bytes: [UInt8]) -> String {
        if let text = registry?.text(of: bytes) { return text }
        switch candidates?.first ?? candidates(for: bytes).first {
        case .int?, .bigint?, .double?:
            // Text of that length is more likely text.
            if bytes.allSatisfy({ $0 >= 32 && $0 < 127 }) { return String(decoding: bytes, as: UTF8.self) }
            return String(bytes.reduce(Int64(bytes.first.map { $0 >= 128 ? -1 : 0 } ?? 0)) { $0 << 8 | Int64($1) })
        case .json?, .string?: return String(decoding: bytes, as: UTF8.self)
        case .avro?, .protobuf?, .jsonSR?, nil: return hexadecimal(bytes)
        }
    }
}
