// Column lists of cases, read with the parser and the analyser of statements.

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
