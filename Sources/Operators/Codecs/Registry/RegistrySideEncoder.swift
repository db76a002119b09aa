// What the encoders of the registry's formats have in common: the header, and rows that cannot be written.

import Bytes
import Formats
import Schemas
import Values

/// Writes the header in front of each row. A row that cannot be written is null, and is listed.
@safe class RegistrySideEncoder: SideEncoder {
    /// A zero and the number of the schema, and what else stands in front of every row.
    private let header: [UInt8]
    /// The first eight bytes of the header as a word in the machine's order, zeros behind them.
    private let headerWord: UInt64
    let isUnwrapped: Bool
    private(set) var columns: [Column] = []

    init(_ indexes: Range<Int>, header: [UInt8], isUnwrapped: Bool) {
        self.header = header
        headerWord = header.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << UInt64(8 * $1.offset) }.littleEndian
        self.isUnwrapped = isUnwrapped && indexes.count == 1
        super.init(indexes)
    }

    /// A zero and the number of a schema, big-endian.
    static func header(_ id: SchemaID) -> [UInt8] {
        var bytes: [UInt8] = [0]
        bytes.append(int32: id.number)
        return bytes
    }

    /// Writes what stands in front of every row.
    @inline(__always) final func putHeader(_ sink: ByteSink) {
        guard header.count <= 8 else { return sink.append(header) }
        let place = unsafe sink.reserve(8)
        unsafe UnsafeMutableRawPointer(place).storeBytes(of: headerWord, as: UInt64.self)
        unsafe sink.commit(place + header.count)
    }

    override func begin(_ columns: [Column]) { self.columns = Array(columns[indexes]) }
    override func end() { columns = [] }

    /// Appends the bytes of `row` behind the header; the reason why it cannot be written, or nil. What was appended then is taken back.
    func write(_ row: Int, to sink: ByteSink) -> String? { nil }

    override func encode(_ row: Int, to sink: ByteSink) -> ByteRange {
        if isUnwrapped, columns[0].isNull(row) { return .null }
        let start = sink.count
        putHeader(sink)
        if let problem = write(row, to: sink) {
            sink.truncate(to: start)
            failures.append((row, problem))
            return .null
        }
        return sink.range(from: start)
    }
}

/// Why a format cannot be written, in the words of the dataflow.
extension DataflowError {
    init(_ error: SchemaError, _ format: FormatName) { self.init("\(format.rawValue): \(error.description)") }
}
