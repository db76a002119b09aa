// ASSERT VALUES, ASSERT NULL VALUES and ASSERT STREAM | TABLE. The first two take the next record of the source's topic that no assertion has
// taken yet, in the order of the statements that made them (records of one statement by time, then by partition), and compare the columns
// that are named; ROWTIME, WINDOWSTART and WINDOWEND may be named too.

import Analysis
import Bytes
import Catalog
import Diagnostics
import Engine
import Formats
import Functions
import LogStore
import Operators
import Plans
import Quantities
import Syntax
import Values

struct SQLAssertion {
    private let assertion: Assertion

    init(_ assertion: Assertion) { self.assertion = assertion }

    func check(_ progress: inout SQLTestProgress) throws(SQLTestFailure) {
        switch assertion {
        case .values(let row): try check(row, isTombstone: false, &progress)
        case .tombstone(let row): try check(row, isTombstone: true, &progress)
        case .source(let source): try SQLSourceAssertion(expected: source).check(progress)
        case .topic, .schema: break
        }
    }

    // MARK: Records

    private func check(_ row: InsertValues, isTombstone: Bool, _ progress: inout SQLTestProgress) throws(SQLTestFailure) {
        guard let source = progress.engine.catalog.sources[row.target.text] else {
            throw .assertion("there is no stream or table \(row.target.text)")
        }
        let expected = try expectedValues(row, source, isTombstone: isTombstone, progress)
        let record = try nextRecord(of: source, &progress)
        if isTombstone && record.hasValue { throw .assertion("expected a tombstone in \(source.name), got a record with a value") }
        if !isTombstone && !record.hasValue { throw .assertion("expected a record with a value in \(source.name), got a tombstone") }
        for (name, value) in expected {
            let actual = actualValue(of: name, in: record, source)
            if !isSame(value, actual) { throw .assertion("\(source.name).\(name): expected \(value.text), got \(actual.text)") }
        }
    }

    /// The named columns with the values that they must have, resolved as INSERT VALUES resolves them.
    private func expectedValues(
        _ row: InsertValues, _ source: SourceDefinition, isTombstone: Bool, _ progress: SQLTestProgress
    ) throws(SQLTestFailure) -> [(String, Value)] {
        var readable = source
        // Asserting is not inserting: windows, read-only sources and tables without all of their key are no obstacle.
        readable.kind = .stream
        readable.isReadOnly = false
        readable.window = nil
        readable.schema.headers = []
        readable.schema.value += ["WINDOWSTART", "WINDOWEND", "ROWTIME"].map { Values.ColumnDefinition($0, .bigint) }
        var insert = row
        if row.columns.isEmpty {
            let columns = isTombstone ? source.schema.key : source.schema.key + source.schema.value
            insert.columns = columns.map { Name($0.name, isQuoted: true) }
        }
        var catalog = progress.engine.catalog
        catalog.set(.source(readable))
        let context = AnalysisContext(
            catalog: catalog, functions: .builtIn, properties: [:], partitions: { _ in 1 })
        do {
            let values = try ExpressionEvaluator(try analyse(insert, in: context).first?.values ?? []).evaluate()
            let all = Dictionary(
                zip((readable.schema.key + readable.schema.value).map(\.name), values), uniquingKeysWith: { first, _ in first })
            return insert.columns.map { ($0.text, all[$0.text] ?? .null) }
        } catch let error as Diagnostic {
            throw .statement(error)
        } catch {
            throw .assertion("the expected values cannot be computed: \(error)")
        }
    }

    private func actualValue(of name: String, in record: DecodedRow, _ source: SourceDefinition) -> Value {
        if let index = source.schema.columns.firstIndex(where: { $0.name == name }) { return record.values[index] }
        switch name {
        case "ROWTIME": return .bigint(record.timestamp)
        case "WINDOWSTART": return record.windowStart.map { .bigint($0) } ?? .null
        case "WINDOWEND": return record.windowEnd.map { .bigint($0) } ?? .null
        default: return .null
        }
    }

    /// Equal in value: decimals of any scale.
    private func isSame(_ expected: Value, _ actual: Value) -> Bool {
        if case .decimal(let a) = expected, case .decimal(let b) = actual { return a.compare(b) == 0 }
        return expected == actual
    }

    private func nextRecord(of source: SourceDefinition, _ progress: inout SQLTestProgress) throws(SQLTestFailure) -> DecodedRow {
        guard let topic = progress.log.describeTopic(named: source.topic) else { throw .assertion("there is no topic \(source.topic)") }
        while let arrivals = progress.arrivals[topic.id]?.first {
            var oldest: (place: Int, run: RecordRun)?
            for (place, arrival) in arrivals.enumerated() where !arrival.offsets.isEmpty {
                let run: RecordRun
                do throws(LogError) {
                    run = try progress.log.fetch(
                        topic.id, partition: arrival.partition, from: arrival.offsets.lowerBound, maxBytes: .mebibytes(1), upTo: .durable)
                } catch {
                    throw .assertion(error.message)
                }
                guard run.count > 0, run.offset(at: 0) < arrival.offsets.upperBound else { continue }
                if oldest.map({ run.timestamps[0] < $0.run.timestamps[0] }) ?? true { oldest = (place, run) }
            }
            guard let oldest else {
                progress.arrivals[topic.id]?.removeFirst()
                continue
            }
            let end = arrivals[oldest.place].offsets.upperBound
            progress.arrivals[topic.id]?[0][oldest.place].offsets = min(oldest.run.offset(at: 0) + 1, end)..<end
            return try decode(oldest.run.first, of: source)
        }
        throw .assertion("expected another record in \(source.name), but there is none")
    }

    private func decode(_ run: RecordRun, of source: SourceDefinition) throws(SQLTestFailure) -> DecodedRow {
        let columns = source.schema.columns
        // Read as a stream, so that a tombstone is a record like any other, and with the record's own time.
        let step = SourceStep(
            sourceName: source.name, topic: source.topic, kind: .stream, keyFormat: source.keyFormat, valueFormat: source.valueFormat,
            schema: source.schema, timestamp: nil, window: source.window, needed: Array(repeating: true, count: columns.count), store: nil)
        do throws(DataflowError) {
            let (rows, errors) = try RowDecoder(step).decode(run)
            guard let row = rows.first else {
                throw DataflowError("the next record of \(source.name) cannot be read: \(errors.first?.message ?? "no reason given")")
            }
            return row
        } catch {
            throw .assertion(error.message)
        }
    }
}

extension RecordRun {
    /// The first record alone.
    fileprivate var first: RecordRun {
        RecordRun(
            bytes: bytes, keys: Array(keys.prefix(1)), values: Array(values.prefix(1)), headers: Array(headers.prefix(1)),
            timestamps: Array(timestamps.prefix(1)), offsets: Array(offsets.prefix(1)), nextOffset: offset(at: 0) + 1, isAtEnd: false)
    }
}
