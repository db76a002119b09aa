// LATE ROWS INTO: the stream of the rows that come when their window is closed.

import Catalog
import Diagnostics
import Formats
import Functions
import Plans
import Settings
import Syntax
import Values

extension QueryAnalysis {
    /// The columns behind those of the row.
    private static let added = [
        Values.ColumnDefinition("WINDOW_START", .bigint), Values.ColumnDefinition("WINDOW_END", .bigint),
        Values.ColumnDefinition("LATE_MS", .bigint),
    ]

    /// The stream of late rows: the columns of the source with the bounds of the window and how late the row was. Its statement is left to
    /// those who make it. Errors: the query has no windows, or the columns cannot stand beside each other.
    func lateRows() throws(Diagnostic) -> SourceDefinition? {
        guard let name = query.lateRows else { return nil }
        let place = name.span.range
        guard context.isFull else {
            throw Diagnostic(.featureNotSupported, "LATE ROWS is not part of ksqlDB's dialect", at: place)
        }
        guard query.window != nil else {
            throw Diagnostic(.windowError, "LATE ROWS needs a WINDOW: only rows of closed windows are late", at: place)
        }
        guard purpose == .persistent else {
            throw Diagnostic(
                .featureNotSupported, "only CREATE TABLE … AS SELECT keeps LATE ROWS",
                hint: "Elsewhere they are counted, and told in MILLRACE_ERRORS.", at: place)
        }
        guard !from.isJoin else {
            throw Diagnostic(
                .featureNotSupported, "LATE ROWS of a join are not kept", hint: "CREATE STREAM … AS SELECT the join, and aggregate that stream.",
                at: place)
        }
        try checkName(name)
        let source = from.sources[0].definition
        if let taken = source.schema.columns.first(where: { column in Self.added.contains { $0.name == column.name } }) {
            throw Diagnostic(
                .duplicateColumn, "\(source.name) has a column \(taken.name) already, which the stream of LATE ROWS adds", at: place)
        }
        let schema = SourceSchema(key: source.schema.key, value: source.schema.value + Self.added)
        // No schema is registered for them.
        let fits = problem(of: schema.value, in: source.valueFormat.name, on: .value) == nil && !source.valueFormat.name.usesRegistry
        let keysFit = !source.keyFormat.name.usesRegistry
        let late = SourceDefinition(
            name: name.text, kind: .stream, isReadOnly: false, schema: schema, topic: context.settings[.sinkTopicPrefix] + name.text,
            keyFormat: keysFit ? source.keyFormat : FormatSpec(.json, isUnwrapped: schema.key.count == 1),
            valueFormat: fits
                ? FormatSpec(source.valueFormat.name, delimiter: source.valueFormat.delimiter) : FormatSpec(.json),
            window: nil, timestamp: nil, wrapsSingleValue: nil, statement: "", queryID: nil)
        try checkTaken(late, at: name)
        return late
    }

    /// A stream of that name and these columns may be there from an earlier time.
    private func checkTaken(_ late: SourceDefinition, at name: Name) throws(Diagnostic) {
        guard let known = context.catalog.sources[late.name] else { return }
        let isSame =
            known.kind == .stream && known.queryID == nil && known.schema == late.schema && known.topic == late.topic
            && known.keyFormat == late.keyFormat && known.valueFormat == late.valueFormat && known.timestamp == nil && known.window == nil
        if !isSame {
            throw Diagnostic(
                .duplicateSource, "\(late.name) exists already, and is no stream of these late rows", hint: "Name another stream.",
                at: name.span.range)
        }
    }
}
