// ASSERT STREAM | TABLE: kind, columns if any are written, and every property that is written.

import Analysis
import Catalog
import Diagnostics
import Engine
import Formats
import Functions
import LogStore
import Syntax
import Values

struct SQLSourceAssertion {
    let expected: CreateSource

    func check(_ progress: SQLTestProgress) throws(SQLTestFailure) {
        guard let actual = progress.engine.catalog.sources[expected.name.text] else {
            throw .assertion("there is no stream or table \(expected.name.text)")
        }
        if actual.kind.rawValue != expected.kind.rawValue {
            throw .assertion("expected \(actual.name) to be a \(expected.kind.rawValue), it is a \(actual.kind.rawValue)")
        }
        try checkColumns(actual, progress)
        for property in expected.properties {
            let name = property.name.text.uppercased()
            let wanted = text(of: property.value)
            guard let found = value(of: name, in: actual, progress) else { throw .assertion("the property \(name) cannot be asserted") }
            let isName = name == "KAFKA_TOPIC" || name == "TIMESTAMP_FORMAT" || name.hasSuffix("DELIMITER")
            if isName ? found != wanted : found.uppercased() != wanted.uppercased() {
                throw .assertion("\(actual.name): expected \(name) \(wanted), got \(found.isEmpty ? "none" : found)")
            }
        }
    }

    private func checkColumns(_ actual: SourceDefinition, _ progress: SQLTestProgress) throws(SQLTestFailure) {
        guard !expected.columns.isEmpty else { return }
        let context = AnalysisContext(
            catalog: progress.engine.catalog, functions: .builtIn, properties: [:], partitions: { _ in nil })
        var schema = SourceSchema(key: [], value: [])
        for column in expected.columns {
            let type: SQLType
            do throws(Diagnostic) { type = try context.type(column.type) } catch { throw .statement(error) }
            switch column.role {
            case .value: schema.value.append(Values.ColumnDefinition(column.name.text, type))
            case .key, .primaryKey: schema.key.append(Values.ColumnDefinition(column.name.text, type))
            case .headers: schema.headers.append(HeaderColumn(name: column.name.text, key: nil))
            case .header(let key): schema.headers.append(HeaderColumn(name: column.name.text, key: key))
            }
        }
        if schema.description != actual.schema.description {
            throw .assertion("\(actual.name): expected the columns \(schema.description), got \(actual.schema.description)")
        }
    }

    private func text(of literal: Literal) -> String {
        switch literal {
        case .null: "NULL"
        case .boolean(let flag): String(flag)
        case .integer(let number): String(number)
        case .decimal(let text), .string(let text): text
        case .double(let number): String(number)
        }
    }

    /// The property of a source as WITH would give it; empty for one that it does not have, nil for one that is not known.
    private func value(of name: String, in source: SourceDefinition, _ progress: SQLTestProgress) -> String? {
        switch name {
        case "KAFKA_TOPIC": return source.topic
        case "KEY_FORMAT": return source.keyFormat.name.rawValue
        case "VALUE_FORMAT": return source.valueFormat.name.rawValue
        case "FORMAT":
            return source.keyFormat.name == source.valueFormat.name
                ? source.keyFormat.name.rawValue : "\(source.keyFormat.name.rawValue) and \(source.valueFormat.name.rawValue)"
        case "KEY_DELIMITER": return source.keyFormat.delimiter
        case "VALUE_DELIMITER": return source.valueFormat.delimiter
        case "WRAP_SINGLE_VALUE": return source.wrapsSingleValue.map { String($0) } ?? String(!source.valueFormat.isUnwrapped)
        case "TIMESTAMP": return source.timestamp?.column ?? ""
        case "TIMESTAMP_FORMAT": return source.timestamp?.pattern ?? ""
        case "PARTITIONS": return progress.log.describeTopic(named: source.topic).map { String($0.partitions.count) } ?? ""
        case "WINDOW_TYPE":
            switch source.window {
            case nil: return ""
            case .session: return "SESSION"
            case .time(let kind, _): return kind.rawValue
            }
        case "WINDOW_SIZE":
            if case .time(_, let size)? = source.window { return "\(size) MILLISECONDS" }
            return ""
        default: return nil
        }
    }
}
