// Whether records written by one schema can be read by another, in each of the three languages: what stands in the way is told in words, with
// the place. The rules are those of Confluent's registry: Avro's schema resolution, and the lists of differences of Protocol Buffers and JSON
// Schema that it counts as compatible.

/// What a new version of a subject must be to the versions before it.
package enum CompatibilityLevel: String, Hashable, Sendable, CaseIterable {
    /// Anything.
    case none = "NONE"
    /// It reads what the latest version has written.
    case backward = "BACKWARD"
    /// It reads what any version has written.
    case backwardTransitive = "BACKWARD_TRANSITIVE"
    /// The latest version reads what it writes.
    case forward = "FORWARD"
    /// Every version reads what it writes.
    case forwardTransitive = "FORWARD_TRANSITIVE"
    /// Both with the latest version.
    case full = "FULL"
    /// Both with every version.
    case fullTransitive = "FULL_TRANSITIVE"

    /// Whether more than the latest version counts.
    package var isTransitive: Bool { self == .backwardTransitive || self == .forwardTransitive || self == .fullTransitive }
    /// Whether the new version must read what the others have written.
    var readsOthers: Bool { self == .backward || self == .backwardTransitive || self == .full || self == .fullTransitive }
    /// Whether the others must read what the new version writes.
    var isReadByOthers: Bool { self == .forward || self == .forwardTransitive || self == .full || self == .fullTransitive }
}

/// One reason why a reader cannot read what a writer has written.
package struct SchemaIncompatibility: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of difference it is, in the words of Confluent's registry, such as `READER_FIELD_MISSING_DEFAULT_VALUE`.
    package var kind: String
    /// Where, as a path into the reader's schema such as `/fields/1`, or `#/properties/a` of JSON Schema.
    package var path: String
    /// A clause, lower case, without a full stop.
    package var message: String

    package var description: String { "\(message) (at \(path), \(kind))" }
}

/// The schemas of a reader and of a writer are called so in messages.
struct SchemaRoles {
    /// `the new schema` or `the old schema`.
    let reader: String
    /// The other one.
    let writer: String

    static let newReads = SchemaRoles(reader: "the new schema", writer: "the old schema")
    static let oldReads = SchemaRoles(reader: "the old schema", writer: "the new schema")
}

/// The most differences that are told of two schemas, and steps that a comparison takes: schemas come from outside.
enum ComparisonLimits {
    static let differences = 50
    static let steps = 200_000
    /// Types within types, named ones followed.
    static let depth = 200
}

extension SchemaDocument {
    /// Why a subject with these versions, oldest first, cannot have this schema as the next one; empty when it can. Errors: one of the texts is
    /// no schema.
    package func incompatibilities(
        with earlier: [SubjectVersion], level: CompatibilityLevel
    ) throws(SchemaError) -> [(version: Int, problems: [SchemaIncompatibility])] {
        guard level != .none else { return [] }
        var found: [(version: Int, problems: [SchemaIncompatibility])] = []
        for version in earlier.reversed() {
            let problems = try incompatibilities(with: version.document, level)
            if !problems.isEmpty { found.append((version.version, problems)) }
            if !level.isTransitive { break }
        }
        return found
    }

    private func incompatibilities(with old: SchemaDocument, _ level: CompatibilityLevel) throws(SchemaError) -> [SchemaIncompatibility] {
        if old == self { return [] }
        guard old.kind == kind else {
            return [
                SchemaIncompatibility(
                    kind: "SCHEMA_TYPE_CHANGED", path: "/", message: "the old schema is \(old.kind.rawValue), the new one \(kind.rawValue)")
            ]
        }
        var found: [SchemaIncompatibility] = []
        if level.readsOthers { found += try problems(readingWhatIsWrittenBy: old, .newReads) }
        if level.isReadByOthers {
            for problem in try old.problems(readingWhatIsWrittenBy: self, .oldReads) where !found.contains(problem) { found.append(problem) }
        }
        return found
    }

    private func problems(readingWhatIsWrittenBy writer: SchemaDocument, _ roles: SchemaRoles) throws(SchemaError) -> [SchemaIncompatibility] {
        switch kind {
        case .avro:
            var comparison = AvroCompatibility(reader: try AvroSchema(self), writer: try AvroSchema(writer), roles)
            return comparison.problems
        case .protobuf:
            var comparison = ProtobufCompatibility(reader: try ProtobufSchema(self), writer: try ProtobufSchema(writer), roles)
            return comparison.problems
        case .json:
            var comparison = JSONSchemaCompatibility(reader: try JSONSchema(self), writer: try JSONSchema(writer), roles)
            return comparison.problems
        }
    }
}
