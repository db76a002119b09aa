// CSV and TSV files as lines of JSON objects: with or without a line of names, with quotes, and with ends of lines inside of them.

import JSONText

/// Makes records of delimited texts.
struct DelimitedLines: LineShaper {
    /// How a file is written.
    struct Form {
        var delimiter = UInt8(ascii: ",")
        /// TSV has no quotes; a backslash stands before what could not be written otherwise.
        var hasEscapes = false
        /// The text that stands for NULL besides an empty field without quotes.
        var null: String?
    }

    private struct Field {
        var bytes: [UInt8] = []
        var isQuoted = false
        /// It is what stands for NULL.
        var isNull = false
    }

    private let source: ColumnTexts
    private let form: Form
    private var fields: [Field] = []
    private var field = Field()
    /// Inside quotes.
    private var isOpen = false
    /// Behind a quote inside quotes, which ends them or stands for one.
    private var isClosing = false
    private var isEscaped = false
    private var innerLines = 0
    /// The column of each field; nil until the first record is known.
    private var order: [Int]?
    /// Bytes of the record, which goes on as it is when it is none.
    private var record: [UInt8] = []
    private(set) var notes: [String] = []

    init(_ source: ColumnTexts, _ form: Form) {
        self.source = source
        self.form = form
    }

    /// The fields of a first line, which are the names of columns.
    static func names(of line: [UInt8], _ form: Form) -> [String] {
        var reader = DelimitedLines(ColumnTexts(names: []), form)
        var nothing: [UInt8] = []
        reader.take(line.last == 0x0D ? Array(line.dropLast()) : line, into: &nothing)
        reader.endField()
        return reader.fields.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    mutating func take(_ bytes: [UInt8], into lines: inout [UInt8]) {
        for byte in bytes { take(byte, into: &lines) }
    }

    private mutating func take(_ byte: UInt8, into lines: inout [UInt8]) {
        if byte != 0x0A { record.append(byte) }
        if isEscaped {
            isEscaped = false
            if byte == 0x0A { innerLines += 1 }
            return field.bytes.append(byte)
        }
        if isOpen {
            if isClosing {
                isClosing = false
                if byte == UInt8(ascii: "\"") { return field.bytes.append(byte) }
                isOpen = false
            } else if byte == UInt8(ascii: "\"") {
                isClosing = true
                return
            } else {
                if byte == 0x0A { innerLines += 1 }
                return field.bytes.append(byte)
            }
        }
        switch byte {
        case form.delimiter: endField()
        case 0x0A:
            // The end of a line may be two bytes.
            if field.bytes.last == 0x0D, !field.isQuoted { field.bytes.removeLast() }
            endRecord(into: &lines)
            lines.append(0x0A)
        case 0x0D where field.isQuoted: break
        case UInt8(ascii: "\"") where field.bytes.isEmpty && !form.hasEscapes:
            isOpen = true
            field.isQuoted = true
        case UInt8(ascii: "\\") where form.hasEscapes:
            isEscaped = true
            field.bytes.append(byte)
        default: field.bytes.append(byte)
        }
    }

    private mutating func endField() {
        // What stands for NULL is written without an escape: `\N`, not `\\N`.
        field.isNull = !field.isQuoted && (field.bytes.isEmpty && !form.hasEscapes || form.null.map { field.bytes.elementsEqual($0.utf8) } ?? false)
        if form.hasEscapes, !field.isNull { field.bytes = DelimitedLines.unescaped(field.bytes) }
        fields.append(field)
        field = Field()
    }

    /// A field without its escapes: those that `tsv` is written with, and the others of PostgreSQL's COPY.
    private static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
        guard var place = bytes.firstIndex(of: UInt8(ascii: "\\")) else { return bytes }
        var result = Array(bytes[..<place])
        while place < bytes.count {
            let byte = bytes[place]
            guard byte == UInt8(ascii: "\\"), place + 1 < bytes.count else {
                result.append(byte)
                place += 1
                continue
            }
            if let escape = longEscape(bytes[(place + 1)...]) {
                result += escape.text
                place = escape.end
                continue
            }
            switch bytes[place + 1] {
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "v"): result.append(0x0B)
            case UInt8(ascii: "\\"): result.append(byte)
            // Others are told by the record as a whole.
            default: result += [byte, bytes[place + 1]]
            }
            place += 2
        }
        return result
    }

    /// The character of an escape such as `\u{b}`, from behind its backslash, and the place behind it.
    private static func longEscape(_ bytes: ArraySlice<UInt8>) -> (text: String.UTF8View, end: Int)? {
        guard bytes.starts(with: "u{".utf8), let close = bytes.prefix(10).firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let digits = String(decoding: bytes[(bytes.startIndex + 2)..<close], as: UTF8.self)
        guard let number = Int(digits, radix: 16), let value = UInt32(exactly: number), let scalar = Unicode.Scalar(value) else { return nil }
        return (String(scalar).utf8, close + 1)
    }

    private mutating func endRecord(into lines: inout [UInt8]) {
        let isBlank = fields.isEmpty && field.bytes.isEmpty && !field.isQuoted
        endField()
        defer {
            fields.removeAll(keepingCapacity: true)
            record.removeAll(keepingCapacity: true)
            innerLines = 0
        }
        lines.append(contentsOf: repeatElement(0x0A, count: innerLines))
        if isBlank { return }
        guard let order else {
            if let named = order(ofNames: fields) {
                order = named
                return
            }
            order = Array(source.columns.indices)
            noteHeader(fields)
            return writeRecord(Array(source.columns.indices), into: &lines)
        }
        writeRecord(order, into: &lines)
    }

    /// The columns that the fields of a first line name, when all of them do.
    private func order(ofNames fields: [Field]) -> [Int]? {
        let order = fields.compactMap { source.index(of: String(decoding: $0.bytes, as: UTF8.self)) }
        return order.count == fields.count && Set(order).count == order.count ? order : nil
    }

    /// A first line that names some columns, but not only columns, is a record; perhaps it should have been the header.
    private mutating func noteHeader(_ fields: [Field]) {
        let names = fields.map { String(decoding: $0.bytes, as: UTF8.self) }
        let others = names.filter { source.index(of: $0) == nil }
        guard others.count < names.count, let other = others.first else { return }
        notes.append("the first line is taken as a record, because \(other.prefix(40)) is no column, although other fields are named as columns are")
    }

    private mutating func writeRecord(_ order: [Int], into lines: inout [UInt8]) {
        // With another number of fields it is no record.
        guard fields.count == order.count else {
            return refuse("\(fields.count) field\(fields.count == 1 ? "" : "s") instead of \(order.count)", into: &lines)
        }
        var separator = UInt8(ascii: "{")
        for (field, index) in zip(fields, order) {
            lines.append(separator)
            separator = UInt8(ascii: ",")
            JSONValue.write(source.columns[index].name, to: &lines)
            lines.append(UInt8(ascii: ":"))
            if field.isNull {
                lines += "null".utf8
            } else {
                source.write(String(decoding: field.bytes, as: UTF8.self), as: source.columns[index], to: &lines)
            }
        }
        lines.append(UInt8(ascii: "}"))
    }

    /// What cannot be read goes on as it is, behind the reason.
    private func refuse(_ reason: String, into lines: inout [UInt8]) {
        lines.append(UInt8(ascii: "!"))
        lines += "\(reason): \(String(decoding: record.prefix(DelimitedLines.shownBytes), as: UTF8.self))".utf8.map { $0 == 0x09 ? 0x20 : $0 }
        lines.append(0x09)
        lines += record
    }

    /// Bytes of a line that are shown with the reason.
    private static let shownBytes = 80

    mutating func dropUnfinished() -> Bool {
        guard isOpen, !isClosing else { return false }
        fields = []
        field = Field()
        record = []
        (isOpen, innerLines) = (false, 0)
        return true
    }

    mutating func finish(into lines: inout [UInt8]) {
        guard !record.isEmpty || !fields.isEmpty else { return }
        if isOpen, !isClosing {
            refuse("a quoted field has no end", into: &lines)
        } else {
            endRecord(into: &lines)
        }
        lines.append(0x0A)
    }
}
