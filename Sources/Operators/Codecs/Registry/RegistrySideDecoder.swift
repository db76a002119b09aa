// What the decoders of the registry's formats have in common: the header with the schema's number, and a compiled plan for each number.

import Bytes
import Formats
import Schemas
import Values

/// Reads records by the schemas that they were written with. `Plan` is what a schema comes to for the columns that are read.
@safe class RegistrySideDecoder<Plan: AnyObject>: SideDecoder {
    private enum Compiled {
        case plan(Plan)
        case problem(String)
    }

    let definitions: [ColumnDefinition]
    let format: FormatSpec
    let cells: ColumnCells
    private let lookup: (any SchemaLookup)?
    private var compiled: [SchemaID: Compiled] = [:]
    private var latest: Plan?
    private var latestID: Int32 = -1

    /// More schemas of one topic than this are compiled again each time they come back.
    private static var planLimit: Int { 256 }

    init(_ definitions: [ColumnDefinition], wanted: [Bool], format: FormatSpec, lookup: (any SchemaLookup)?) {
        self.definitions = definitions
        self.format = format
        self.lookup = lookup
        let columns = definitions.map { Column($0.type) }
        cells = ColumnCells(columns, wanted: wanted)
        super.init(columns)
    }

    /// Compiles a schema. Errors: its records can never be rows of these columns.
    func compile(_ document: SchemaDocument) throws(SchemaError) -> Plan { throw SchemaError("there is no such format") }

    /// Reads the record behind its header.
    @unsafe func read(_ plan: Plan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool { false }

    override func begin(_ run: RecordRun, _ rows: Int) { cells.begin(run, rows) }
    override func discard(_ row: Int) { cells.discard(row) }
    override func decodeNull(_ row: Int) { cells.setAllNull(row) }
    override func finish(_ rows: Int) { cells.finish(rows) }

    /// Bytes of the header: a zero and the number of the schema, big-endian.
    static var headerBytes: Int { 5 }

    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        let start = Int(range.start), end = start + Int(range.length)
        guard end - start >= Self.headerBytes, unsafe base[start] == 0 else { return noHeader }
        let number = unsafe Int32(bigEndian: UnsafeRawPointer(base + start + 1).loadUnaligned(as: Int32.self))
        if number != latestID || latest == nil {
            if let problem = choose(number) { return problem }
        }
        guard let plan = latest else { return noHeader }
        var cursor = unsafe BinaryCursor(base, start: start + Self.headerBytes, end: end)
        if unsafe read(plan, &cursor, row) { return nil }
        return DecodeProblem(column: nil, message: cursor.problem ?? "malformed \(format.name.rawValue)")
    }

    private var noHeader: DecodeProblem {
        DecodeProblem(
            column: nil, message: "the bytes do not begin with a zero and the number of a schema, as those of \(format.name.rawValue) do")
    }

    /// Makes the plan of a schema the one to read by; the reason where there is none.
    @inline(never) private func choose(_ number: Int32) -> DecodeProblem? {
        let id = SchemaID(number)
        let found: Compiled
        if let known = compiled[id] {
            found = known
        } else {
            // Of a number that nobody knows yet nothing is remembered: it may be registered later.
            let writer = format.writer
            guard let document = writer?.id == id ? writer?.document : lookup?.knownSchema(id) else {
                return DecodeProblem(column: nil, message: lookup?.absence(of: id) ?? "the schema with number \(number) is not known")
            }
            found = make(document)
            if compiled.count >= Self.planLimit { compiled = [:] }
            compiled[id] = found
        }
        switch found {
        case .plan(let plan):
            (latest, latestID) = (plan, number)
            return nil
        case .problem(let message): return DecodeProblem(column: nil, message: "schema \(number): \(message)")
        }
    }

    private func make(_ document: SchemaDocument) -> Compiled {
        guard document.kind == format.name.schemaKind else {
            return .problem("it is one of \(document.kind.rawValue), not of \(format.name.rawValue)")
        }
        do throws(SchemaError) { return .plan(try compile(document)) } catch { return .problem(error.message) }
    }
}

/// Finds the columns of written fields: by the same name, else by the same name in upper case.
struct FieldMatch {
    private let names: [String: Int]

    init(_ names: [String]) { self.names = Dictionary(names.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { $1 }) }

    func index(of field: String) -> Int? { names[field] ?? names[field.uppercased()] }
}
