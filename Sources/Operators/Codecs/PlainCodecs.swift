// The codecs besides JSON: KAFKA, NONE and DELIMITED.

import Bytes
import Formats
import Values

/// One column as Kafka's own clients write it, big-endian.
final class KafkaSideDecoder: SideDecoder {
    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        guard let column = columns.first else { return nil }
        let bytes = unsafe UnsafeBufferPointer(start: base + Int(range.start), count: Int(range.length))
        func number(_ size: Int) -> UInt64? {
            guard bytes.count == size else { return nil }
            return unsafe bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
        switch column.type {
        case .integer:
            guard let value = number(4) else { return wrongSize(4, range) }
            column.words[row] = Int64(Int32(truncatingIfNeeded: value))
        case .bigint:
            guard let value = number(8) else { return wrongSize(8, range) }
            column.words[row] = Int64(bitPattern: value)
        case .double:
            guard let value = number(8) else { return wrongSize(8, range) }
            column.doubles[row] = Double(bitPattern: value)
        case .string:
            guard let start = bytes.baseAddress, unsafe UTF8Check.isValid(start, bytes.count) else {
                return bytes.isEmpty
                    ? {
                        column.setText(row, [])
                        return nil
                    }() : DecodeProblem(column: nil, message: "the text is not UTF-8")
            }
            unsafe column.setText(row, bytes)
        default: unsafe column.setText(row, bytes)
        }
        return nil
    }

    private func wrongSize(_ size: Int, _ range: ByteRange) -> DecodeProblem {
        DecodeProblem(column: nil, message: "expected \(size) bytes, found \(range.length)")
    }
}

/// Bytes are ignored.
final class NoneSideDecoder: SideDecoder {
    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        decodeNull(row)
        return nil
    }
}

final class KafkaSideEncoder: SideEncoder {
    private var column: Column?

    override func begin(_ columns: [Column]) { column = indexes.isEmpty ? nil : columns[indexes.lowerBound] }

    override func encode(_ row: Int, to sink: ByteSink) -> ByteRange {
        guard let column, !column.isNull(row) else { return .null }
        let start = sink.count
        switch column.type {
        case .integer: putNumber(UInt64(bitPattern: column.words[row]), 4, sink)
        case .double: putNumber(column.doubles[row].bitPattern, 8, sink)
        case .string, .bytes: sink.append(column.text(row))
        default: putNumber(UInt64(bitPattern: column.words[row]), 8, sink)
        }
        return sink.range(from: start)
    }

    private func putNumber(_ value: UInt64, _ size: Int, _ sink: ByteSink) {
        let place = unsafe sink.reserve(8)
        // The number's own bytes are the last of the big-endian word.
        unsafe UnsafeMutableRawPointer(place).storeBytes(of: (value << UInt64(64 - 8 * size)).bigEndian, as: UInt64.self)
        unsafe sink.commit(place + size)
    }
}

/// CSV: quotes doubled inside quotes, an empty field is NULL, the first record counts. All fields are checked, wanted ones are kept.
final class DelimitedSideDecoder: SideDecoder {
    /// A field of the current record, in `bytes`, without its quotes.
    private struct Field {
        var start: Int
        var end: Int
        /// Each quote in it stands twice.
        var hasQuotes = false
    }

    private let names: [String]
    private let wanted: [Bool]
    private let delimiter: [UInt8]
    /// Whether a text that its column would change is refused.
    private let refusesChanges: Bool
    /// The run's bytes.
    private var bytes: [UInt8] = []
    private var fields: [Field] = []
    /// Where the first record of the text ends.
    private var recordEnd = 0
    /// Where values of columns that are not wanted are read to and left.
    private let scratch: [Column]

    init(_ definitions: [ColumnDefinition], wanted: [Bool], format: FormatSpec) {
        names = definitions.map(\.name)
        self.wanted = wanted
        delimiter = Array(format.delimiter.utf8)
        refusesChanges = format.refusesOverflow
        scratch = definitions.map { Column($0.type) }
        super.init(definitions.map { Column($0.type) })
    }

    override func begin(_ run: RecordRun, _ rows: Int) {
        bytes = run.bytes
        for (column, isWanted) in zip(columns, wanted) { column.reset(isWanted ? rows : 0) }
    }

    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        guard UTF8Check.isValid(bytes[range.indexes]) else { return DecodeProblem(column: nil, message: "the text is not UTF-8") }
        guard split(range.indexes) else { return DecodeProblem(column: nil, message: "malformed quotes") }
        if fields.isEmpty { return DecodeProblem(column: nil, message: "no fields in record") }
        if refusesChanges, !bytes[recordEnd..<range.indexes.upperBound].allSatisfy(isLineEnd) {
            return DecodeProblem(column: nil, message: "text behind the end of the record")
        }
        guard fields.count == columns.count else {
            return DecodeProblem(column: nil, message: "unexpected field count, schema has \(columns.count), record has \(fields.count)")
        }
        for index in columns.indices {
            let field = fields[index]
            let column = wanted[index] ? columns[index] : scratch[index]
            if field.start == field.end {
                if wanted[index] { column.setNull(row) }
                continue
            }
            if !wanted[index] { column.reset(1) }
            let text = field.hasQuotes ? unquoted(field)[...] : bytes[field.start..<field.end]
            if !read(text, into: column, wanted[index] ? row : 0) {
                let shown = String(decoding: text.prefix(60), as: UTF8.self) + (text.count > 60 ? "…" : "")
                return DecodeProblem(column: names[index], message: "cannot convert '\(shown)' to \(column.type)")
            }
        }
        return nil
    }

    /// Finds the fields of the first record that is not an empty line; false when a quote is never closed or text follows one.
    private func split(_ range: Range<Int>) -> Bool {
        fields.removeAll(keepingCapacity: true)
        let end = range.upperBound
        var at = range.lowerBound
        while at < end, isLineEnd(bytes[at]) { at += 1 }
        if at == end { return true }
        while true {
            var field = Field(start: at, end: at)
            if at < end, bytes[at] == 0x22 {
                guard let next = skipQuoted(&field, end) else { return false }
                at = next
            } else {
                while at < end, !isLineEnd(bytes[at]), !isDelimiter(at, end) { at += 1 }
                field.end = at
            }
            fields.append(field)
            if at == end || isLineEnd(bytes[at]) {
                recordEnd = at
                return true
            }
            guard isDelimiter(at, end) else { return false }
            at += delimiter.count
        }
    }

    /// Makes `field`, which starts with a quote, what stands between its quotes, and gives the place behind them.
    private func skipQuoted(_ field: inout Field, _ end: Int) -> Int? {
        var at = field.start + 1
        field.start = at
        while at < end {
            if bytes[at] != 0x22 {
                at += 1
            } else if at + 1 < end, bytes[at + 1] == 0x22 {
                field.hasQuotes = true
                at += 2
            } else {
                field.end = at
                return at + 1
            }
        }
        return nil
    }

    @inline(__always) private func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    @inline(__always) private func isDelimiter(_ at: Int, _ end: Int) -> Bool {
        guard bytes[at] == delimiter[0] else { return false }
        return delimiter.count == 1 || bytes[at..<end].starts(with: delimiter)
    }

    private func unquoted(_ field: Field) -> [UInt8] {
        var text: [UInt8] = []
        var at = field.start
        while at < field.end {
            text.append(bytes[at])
            at += bytes[at] == 0x22 ? 2 : 1
        }
        return text
    }

    /// Reads the text of a field that is not empty.
    private func read(_ text: ArraySlice<UInt8>, into column: Column, _ row: Int) -> Bool {
        switch column.type {
        case .boolean:
            let isTrue = DelimitedSideDecoder.isWord(text, "true")
            // ksqlDB takes every other text for false.
            if refusesChanges, !isTrue, !DelimitedSideDecoder.isWord(text, "false") { return false }
            column.words[row] = isTrue ? 1 : 0
        case .integer, .bigint, .time, .date, .timestamp:
            let limits = column.type == .integer ? Int64(Int32.min)...Int64(Int32.max) : TemporalLimits.of(column.type)
            guard let value = NumberText.integer(text), limits.contains(value) else { return false }
            column.words[row] = value
        case .double:
            let body = NumberText.trimmed(text)
            guard let value = NumberText.double(body, allowsNonFinite: true) else { return false }
            if refusesChanges, !NumberText.isSpelledOut(body, value) { return false }
            column.doubles[row] = value
        case .decimal(let precision, let scale):
            guard let value = Decimal(text: text)?.converted(precision: precision, scale: scale, .exact) else { return false }
            column.wides[row] = value.unscaled
        case .string: column.setText(row, text)
        case .bytes:
            guard let value = Base64.decode(text) else { return false }
            column.setText(row, value)
        case .array, .map, .structure: return false
        }
        return true
    }
}

extension DelimitedSideDecoder {
    /// Whether a text is a word, in small or capital letters.
    private static func isWord(_ text: ArraySlice<UInt8>, _ word: StaticString) -> Bool {
        text.count == word.utf8CodeUnitCount && word.withUTF8Buffer { unsafe zip(text, $0).allSatisfy { $0 | 0x20 == $1 } }
    }
}

final class DelimitedSideEncoder: SideEncoder {
    private let delimiter: [UInt8]
    private var columns: [Column] = []
    private var field: [UInt8] = []

    init(_ indexes: Range<Int>, delimiter: String) {
        self.delimiter = Array(delimiter.utf8)
        super.init(indexes)
    }

    override func begin(_ columns: [Column]) { self.columns = Array(columns[indexes]) }
    override func end() { columns = [] }

    override func encode(_ row: Int, to sink: ByteSink) -> ByteRange {
        let start = sink.count
        for (index, column) in columns.enumerated() {
            if index > 0 { sink.append(delimiter) }
            if column.isNull(row) { continue }
            field.removeAll(keepingCapacity: true)
            switch column.type {
            case .time, .date, .timestamp: NumberText.append(column.words[row], to: &field)
            default: column.appendText(row, to: &field)
            }
            if needsQuotes(index) {
                sink.append([0x22])
                for byte in field { sink.append(byte == 0x22 ? [0x22, 0x22] : [byte]) }
                sink.append([0x22])
            } else {
                sink.append(field)
            }
        }
        return sink.range(from: start)
    }

    /// Quotes only where the text would read back differently (the rules of Commons CSV's MINIMAL mode): delimiter, quote or line break
    /// inside, an empty or odd beginning of the record, or space at an end.
    private func needsQuotes(_ index: Int) -> Bool {
        guard let first = field.first, let last = field.last else { return index == 0 }
        if first <= 0x23 || (index == 0 && !DelimitedSideEncoder.isPlain(first)) { return true }
        if last <= 0x20 { return true }
        if field.contains(where: { $0 == 0x0A || $0 == 0x0D || $0 == 0x22 }) { return true }
        return field.indices.contains { field[$0...].starts(with: delimiter) }
    }

    /// A letter or digit of ASCII: what may begin a record without quotes.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A)
    }
}
