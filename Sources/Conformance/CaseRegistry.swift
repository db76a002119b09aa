// The registry of a case: the schemas that it lists, and those of the columns that its CREATE statements declare, all of them there before
// any statement is carried out.

import Analysis
import Catalog
import Formats
import Functions
import Schemas
import Syntax
import Values

extension TestCase {
    /// A registry with the schemas of the case's topics. Numbers are given in the order in which the reference's harness walks its topics,
    /// which it keeps in a hash table of Java; keys come before values.
    var registry: MemoryRegistry {
        get throws(CaseFailure) {
            // The reference's harness lets every schema be the next one.
            let registry = MemoryRegistry(level: .none)
            var all = topics
            for topic in declaredTopics {
                guard let place = all.firstIndex(where: { $0.name == topic.name }) else {
                    all.append(topic)
                    continue
                }
                all[place].key = all[place].key ?? topic.key
                all[place].value = all[place].value ?? topic.value
            }
            let ordered = all.enumerated().sorted { (javaBucket($0.element.name), $0.offset) < (javaBucket($1.element.name), $1.offset) }
            do throws(RegistryError) {
                for (_, topic) in ordered {
                    if let schema = topic.key { try register(schema, as: SchemaSubject.key(of: topic.name), in: registry) }
                    if let schema = topic.value { try register(schema, as: SchemaSubject.value(of: topic.name), in: registry) }
                }
            } catch {
                throw CaseFailure("the registry: \(error.message)")
            }
            return registry
        }
    }

    private func register(_ schema: CaseSchema, as subject: String, in registry: MemoryRegistry) throws(RegistryError) {
        for reference in schema.references { _ = try registry.register(reference.document, as: reference.subject) }
        try registry.register(schema.document, as: subject, id: schema.id)
    }

    /// The topics of the CREATE statements that declare columns, with the schemas of these. A statement that cannot be read contributes
    /// nothing: its failure comes when it is carried out.
    private var declaredTopics: [CaseTopic] {
        var context = AnalysisContext(catalog: CatalogSnapshot(), functions: .builtIn, properties: properties, partitions: { _ in 1 })
        var found: [CaseTopic] = []
        for statement in statements.flatMap({ (try? parse($0)) ?? [] }).map(\.statement) {
            switch statement {
            case .createType(let name, let type, _):
                guard let type = try? context.type(type) else { continue }
                context.catalog.set(.type(CustomType(name: name.text, type: type, statement: "")))
            case .createSource(let create):
                guard !create.columns.isEmpty, let declared = try? declaredSource(create, in: context), let topic = declared.topic else { continue }
                found.append(
                    CaseTopic(
                        name: topic, partitions: 1, key: schema(of: declared.schema.key, declared.key),
                        value: schema(of: declared.schema.value, declared.value)))
            default: continue
            }
        }
        return found
    }

    private func schema(of columns: [Values.ColumnDefinition], _ format: FormatSpec) -> CaseSchema? {
        guard format.name.usesRegistry, format.schemaID == nil, !columns.isEmpty, let kind = format.name.schemaKind,
            let document = try? SchemaDocument(kind, of: columns, format.shape)
        else { return nil }
        return CaseSchema(document: document, id: nil, references: [])
    }
}

/// Where a Java hash table of sixteen places keeps a text.
func javaBucket(_ name: String) -> UInt32 {
    let hash = name.utf16.reduce(UInt32(truncatingIfNeeded: 0)) { $0 &* 31 &+ UInt32(truncatingIfNeeded: $1) }
    return (hash ^ (hash >> 16)) & 15
}
