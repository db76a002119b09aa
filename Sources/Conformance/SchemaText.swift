// What cases say in SQL besides their statements: column lists, and the topics of their CREATE statements.

import Analysis
import Catalog
import Diagnostics
import Functions
import Syntax
import Values

enum SchemaText {
    /// The schema of `NAME TYPE [KEY | PRIMARY KEY | HEADERS | HEADER('k')], …`; custom types come from the catalog.
    static func schema(_ text: String, types: CatalogSnapshot) throws(Diagnostic) -> SourceSchema {
        let isTable = text.uppercased().contains("PRIMARY KEY")
        let statement = "CREATE \(isTable ? "TABLE" : "STREAM") X (\(text)) WITH (KAFKA_TOPIC='x', FORMAT='JSON');"
        guard case .createSource(let create)? = try parse(statement).first?.statement else {
            throw Diagnostic(.syntaxError, "no column list")
        }
        let context = AnalysisContext(catalog: types, functions: .builtIn, properties: [:], partitions: { _ in 1 })
        return try analyse(create, text: statement, in: context).definition.schema
    }
}

extension TestCase {
    /// The topics of plain CREATE statements with the partitions that these ask for, nil where they ask for none. A statement that cannot be
    /// read contributes nothing: its failure comes when it is carried out.
    var createdTopics: [(name: String, partitions: Int?)] {
        statements.flatMap { text in
            ((try? parse(text)) ?? []).compactMap { parsed -> (String, Int?)? in
                guard case .createSource(let create) = parsed.statement,
                    let properties = try? SourceProperties(create.properties, at: .create), let topic = properties.topic
                else { return nil }
                return (topic, properties.partitions)
            }
        }
    }
}
