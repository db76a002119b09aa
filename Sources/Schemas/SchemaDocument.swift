// A schema as registries know it: a text in one of three languages, and the schemas that it refers to.

package import JSONText

/// The languages of schemas.
package enum SchemaKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// JSON texts as the Avro specification 1.11 describes them.
    case avro = "AVRO"
    /// Files of Protocol Buffers, versions 2 and 3 of the language.
    case protobuf = "PROTOBUF"
    /// JSON Schema, draft 7.
    case json = "JSON"
}

/// The number under which a registry knows a schema. It stands in the header of every record.
package struct SchemaID: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The number, as it is written in four bytes.
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    /// As the four bytes say it, which have no sign.
    package var description: String { String(UInt32(bitPattern: number)) }

    package init(from decoder: any Decoder) throws { number = try decoder.singleValueContainer().decode(Int32.self) }
    package func encode(to encoder: any Encoder) throws { try number.encode(to: encoder) }
}

/// A schema that another one imports or refers to, under a name of that schema's choice.
package struct SchemaReference: Hashable, Sendable, Codable {
    /// The name in the text that refers: a file name of Protocol Buffers, a full name of Avro, a URI of JSON Schema.
    package var name: String
    /// Where the registry has it.
    package var subject: String
    /// Its version there, from 1.
    package var version: Int
    /// What it says, with the references of its own.
    package var document: SchemaDocument

    package init(name: String, subject: String, version: Int, document: SchemaDocument) {
        self.name = name
        self.subject = subject
        self.version = version
        self.document = document
    }
}

/// The text of a schema with everything that is needed to understand it.
package struct SchemaDocument: Hashable, Sendable, Codable {
    /// Its language.
    package var kind: SchemaKind
    /// The text, as it was given or made.
    package var text: String
    /// What it refers to.
    package var references: [SchemaReference]
    /// What else was registered with it, for its clients: a JSON object with the members `metadata` and `ruleSet` of Confluent's registry, as
    /// text. Nil for nothing.
    package var additions: String?

    package init(_ kind: SchemaKind, _ text: String, references: [SchemaReference] = [], additions: String? = nil) {
        self.kind = kind
        self.text = text
        self.references = references
        self.additions = additions
    }
}

extension SchemaDocument {
    /// The names of what may be registered with a schema.
    private static let additionNames = ["metadata", "ruleSet"]

    /// What a request or a record says beside the schema; nil where it says nothing.
    package static func additions(in node: JSONValue) -> String? {
        let members = additionNames.compactMap { name in node[name].flatMap { $0.isNull ? nil : JSONValue.Member(name, $0) } }
        return members.isEmpty ? nil : JSONValue.object(members).text
    }

    /// The same as members of an answer or a record.
    package var additionMembers: [JSONValue.Member] {
        // Written by this program, or checked when it was taken in.
        additions.flatMap { try? JSONValue(parsing: $0) }?.objectValue ?? []
    }

    /// The names of the rules that clients are to carry out on what they write and read, with commas between them; nil where there are none.
    package var ruleNames: String? {
        let set = additions.flatMap { try? JSONValue(parsing: $0) }?["ruleSet"]
        let names = ["migrationRules", "domainRules", "encodingRules"].flatMap { set?[$0]?.arrayValue ?? [] }.map { $0["name"]?.stringValue ?? "one without a name" }
        return names.isEmpty ? nil : names.joined(separator: ", ")
    }

    /// The schema with what was registered with another one, if nothing was with itself. As by Confluent's rules, who says nothing about metadata
    /// and rules means those that there are.
    package func takingAdditions(of other: SchemaDocument?) -> SchemaDocument {
        var copy = self
        copy.additions = additions ?? other?.additions
        return copy
    }

    /// The references as registries write them.
    package var referencesNode: JSONValue {
        .array(
            references.map { reference in
                ["name": .string(reference.name), "subject": .string(reference.subject), "version": .integer(reference.version)]
            })
    }
}

/// A schema in the registry with the message in it that records are of.
package struct WriterSchema: Hashable, Sendable, Codable {
    /// Its number.
    package var id: SchemaID
    /// What it says.
    package var document: SchemaDocument
    /// The full name of the record or message in it; nil for the only one, or the first.
    package var fullName: String?

    package init(id: SchemaID, document: SchemaDocument, fullName: String? = nil) {
        self.id = id
        self.document = document
        self.fullName = fullName
    }
}

/// What is wrong with a schema.
package struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A clause, lower case, without a full stop.
    package var message: String
    /// Where in the text it is, counted in bytes from 0; nil where no single place is at fault.
    package var offset: Int?

    package init(_ message: String, at offset: Int? = nil) {
        self.message = message
        self.offset = offset
    }

    package var description: String { message + (offset.map { ", at byte \($0)" } ?? "") }
}

/// The most that a schema may be. Texts come from outside: what reads them recurses, and what is compiled from them takes memory.
package enum SchemaLimits {
    /// Bytes of a text; the largest of public collections have some hundred thousand.
    package static let textBytes = 1 << 20
    /// Levels of types within types, and of messages within messages.
    package static let depth = 64
    /// Fields of one record or message.
    package static let fields = 10_000
    /// Types that the columns of a schema may unfold to.
    package static let types = 50_000
    /// References, and references of those.
    package static let references = 256
}
