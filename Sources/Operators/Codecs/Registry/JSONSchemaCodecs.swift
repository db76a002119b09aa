// JSON_SR: JSON behind the registry's header. What a value means is up to the columns, as in JSON; the schema says only that its writer
// is known.

import Bytes
import Formats
import Schemas
import Values

/// JSON behind the header.
final class JSONSchemaSideDecoder: SideDecoder {
    private let json: JSONSideDecoder
    private let format: FormatSpec
    private let lookup: (any SchemaLookup)?
    private var known: Set<Int32> = []
    private var latest: Int32?

    init(_ definitions: [ColumnDefinition], wanted: [Bool], format: FormatSpec, lookup: (any SchemaLookup)?) {
        json = JSONSideDecoder(definitions, wanted: wanted, format: format)
        self.format = format
        self.lookup = lookup
        super.init(json.columns)
    }

    override func begin(_ run: RecordRun, _ rows: Int) { json.begin(run, rows) }
    override func discard(_ row: Int) { json.discard(row) }
    override func decodeNull(_ row: Int) { json.decodeNull(row) }
    override func finish(_ rows: Int) { json.finish(rows) }

    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        guard range.length >= 5, unsafe base[Int(range.start)] == 0 else {
            return DecodeProblem(
                column: nil,
                message: "the bytes do not begin with a zero and the number of a schema, as those of JSON_SR do; perhaps they are JSON")
        }
        let number = unsafe Int32(bigEndian: UnsafeRawPointer(base + Int(range.start) + 1).loadUnaligned(as: Int32.self))
        if number != latest {
            if let problem = choose(number) { return problem }
        }
        return unsafe json.decode(base, ByteRange(start: range.start + 5, length: range.length - 5), row)
    }

    @inline(never) private func choose(_ number: Int32) -> DecodeProblem? {
        if !known.contains(number) {
            let id = SchemaID(number)
            guard let document = format.writer?.id == id ? format.writer?.document : lookup?.knownSchema(id) else {
                return DecodeProblem(column: nil, message: lookup?.absence(of: id) ?? "the schema with number \(number) is not known")
            }
            guard document.kind == .json else {
                return DecodeProblem(column: nil, message: "schema \(number): it is one of \(document.kind.rawValue), not of JSON_SR")
            }
            known.insert(number)
        }
        latest = number
        return nil
    }
}

/// JSON behind the header.
final class JSONSchemaSideEncoder: RegistrySideEncoder {
    private let json: JSONSideEncoder

    init(_ indexes: Range<Int>, _ definitions: [ColumnDefinition], _ writer: WriterSchema, isUnwrapped: Bool) {
        json = JSONSideEncoder(indexes, definitions, isUnwrapped: isUnwrapped)
        super.init(indexes, header: RegistrySideEncoder.header(writer.id), isUnwrapped: isUnwrapped)
    }

    override func begin(_ columns: [Column]) {
        super.begin(columns)
        json.begin(columns)
    }

    override func end() {
        super.end()
        json.end()
    }

    override func write(_ row: Int, to sink: ByteSink) -> String? {
        _ = json.encode(row, to: sink)
        return nil
    }
}
