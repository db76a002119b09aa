// The records of an Avro file as lines of JSON, for bulk loads: whatever takes JSON takes them then, near or far. Rows go through columns,
// as those of any query do.

import Bytes
package import Diagnostics
import Formats
import Operators
import Plans
import Quantities
import Schemas
package import Values

/// Reads an Avro object container file in pieces. One owner, one thread.
package final class AvroLines {
    /// What there is when the header has been read.
    private struct Reading {
        var datums: AvroDatums
        var rows: Dataflow
    }

    /// Fields of the file that no line has, each with the reason: SQL has no type for them. Known after the first line.
    package private(set) var dropped: [String] = []

    /// The columns that the file's fields come to, named as columns are, with the types that SQL has for them. Known after the first line.
    package private(set) var columns: [ColumnDefinition] = []

    private var file = AvroFile()
    private var reading: Reading?
    /// Records before the current block.
    private var records = 0

    /// The number by which the records name the schema on their way: there is one.
    private static let schemaID = SchemaID(1)
    /// Records that become lines at once.
    private static let sliceRecords = 4096

    package init() {}

    /// Takes the next bytes of the file and appends the lines of all records that are whole then. The line of the n-th record is the n-th
    /// line. Errors: the file is damaged, or has records that SQL cannot read; the lines of the records before are appended.
    package func take(_ piece: [UInt8], into lines: inout [UInt8]) throws(Diagnostic) {
        file.append(piece)
        while let block = try file.next() { try take(block, into: &lines) }
    }

    /// To be called at the end of the input. Errors: something is missing there.
    package func finish() throws(Diagnostic) { try file.finish() }

    private func take(_ block: AvroFile.Block, into lines: inout [UInt8]) throws(Diagnostic) {
        let reading: Reading
        if let known = self.reading { reading = known } else { reading = try makeReading() }
        self.reading = reading
        let places: [ByteRange]
        do throws(SchemaError) { places = try reading.datums.ranges(in: block.bytes, count: block.count) } catch {
            throw AvroFile.damage("the block at byte \(block.place), behind record \(records), is damaged: \(error.description) of its content")
        }
        for first in stride(from: 0, to: places.count, by: AvroLines.sliceRecords) {
            let slice = places[first..<min(first + AvroLines.sliceRecords, places.count)]
            try write(slice, of: block, by: reading.rows, into: &lines)
        }
        records += block.count
    }

    /// Appends the lines of some records of a block.
    private func write(
        _ places: ArraySlice<ByteRange>, of block: AvroFile.Block, by rows: Dataflow, into lines: inout [UInt8]
    ) throws(Diagnostic) {
        var bytes: [UInt8] = []
        var values: [ByteRange] = []
        values.reserveCapacity(places.count)
        for place in places {
            let start = bytes.count
            bytes.append(0)
            bytes.append(int32: AvroLines.schemaID.number)
            bytes.append(contentsOf: block.bytes[place.indexes])
            guard let value = ByteRange(exactly: start, count: bytes.count - start) else { throw AvroFile.damage("a record is too long") }
            values.append(value)
        }
        bytes.append(contentsOf: repeatElement(0, count: RecordRun.padding))
        // The numbers of records travel as timestamps, so that a line still knows its record.
        let numbers = places.indices.map { Int64(records + $0 + 1) }
        let run = RecordRun(
            bytes: bytes, keys: Array(repeating: .null, count: values.count), values: values, headers: [], timestamps: numbers,
            offsets: numbers, nextOffset: Offset(clamping: numbers[numbers.count - 1]) + 1, isAtEnd: false)
        do throws(DataflowError) {
            try rows.process(input: 0, run: run, range: 0..<run.count, partition: .first)
            try rows.flush()
        } catch {
            throw AvroFile.damage(error.message)
        }
        let problem = rows.takeErrors().min { ($0.offset ?? .first) < ($1.offset ?? .first) }
        let output = rows.takeOutput()
        let end = problem?.offset?.count ?? .max
        for index in 0..<output.count where output.timestamps[index] < end {
            lines.append(contentsOf: output.bytes[output.values[index].indexes])
            lines.append(UInt8(ascii: "\n"))
        }
        if let problem { throw AvroFile.damage("record \(end), in the block at byte \(block.place): \(problem.message)") }
    }

    private func makeReading() throws(Diagnostic) -> Reading {
        guard let header = file.header else { throw AvroFile.damage("it has no header") }
        do throws(SchemaError) {
            let schema = try AvroSchema(header.document)
            let found = try InferredColumns(header.document, naming: .asWritten, whole: WholeColumn(name: "VALUE", takesRecords: false))
            dropped = found.dropped
            columns = try InferredColumns(header.document, naming: .upperCased, whole: WholeColumn(name: "VALUE", takesRecords: false)).columns
            guard !found.isAnonymous, !found.columns.isEmpty else {
                throw SchemaError("its schema is no record with fields that SQL has types for")
            }
            return Reading(datums: AvroDatums(schema), rows: try AvroLines.dataflow(header.document, found.columns))
        } catch {
            throw AvroFile.damage(error.description)
        }
    }

    /// From records of the file to objects of JSON.
    private static func dataflow(_ document: SchemaDocument, _ columns: [ColumnDefinition]) throws(SchemaError) -> Dataflow {
        var format = FormatSpec(.avro)
        format.writer = WriterSchema(id: schemaID, document: document)
        let step = SourceStep(
            sourceName: "FILE", topic: "FILE", kind: .stream, keyFormat: FormatSpec(.none), valueFormat: format,
            schema: SourceSchema(key: [], value: columns), timestamp: nil, window: nil, needed: columns.map { _ in true }, store: nil)
        let rows = ProjectStep(
            input: .source(step), expressions: columns.enumerated().map { .column($0, $1.type) },
            output: RowSchema(columns: columns, keyCount: 0), isTable: false)
        let sink = SinkDescription(
            sourceName: "FILE", topic: "FILE", kind: .stream, keyFormat: FormatSpec(.none), valueFormat: FormatSpec(.json), timestamp: nil,
            window: nil)
        do throws(DataflowError) { return try Dataflow(root: .project(rows), destination: .sink(sink)) } catch {
            throw SchemaError(error.message)
        }
    }
}
