// One JSON value into one row of a column, by ksqlDB's rules of coercion. The general path: every type, every nesting.

import Bytes
import Values

/// What became of a value.
enum JSONOutcome {
    case read
    /// The text is malformed: the record is rejected, the cursor is lost.
    case malformed
    /// The value does not fit the column's type: where in it, what was expected, and what was found. The cursor stands somewhere in the
    /// value, of which the rest has not been read.
    case mismatch(String)
}

/// Reads values into columns.
struct JSONReader {
    /// The most bytes of a value or a name that a reason shows.
    private static let shownBytes = 60

    /// Reads the value of a whole column. After a mismatch the cursor stands behind the value.
    static func readColumn(_ cursor: inout JSONCursor, into column: Column, _ row: Int) -> JSONOutcome {
        let start = cursor.at
        let outcome = read(&cursor, into: column, row)
        guard case .mismatch = outcome else { return outcome }
        // The value may be wrong in its middle: only its end tells whether the text is well-formed.
        cursor.at = start
        return cursor.skipValue() ? outcome : .malformed
    }

    /// Reads the value at the cursor, which stands on its first byte, into `row` of `column`. The row may have been written before.
    static func read(_ cursor: inout JSONCursor, into column: Column, _ row: Int, depth: Int = 0) -> JSONOutcome {
        guard depth < JSONCursor.depthLimit else { return .malformed }
        if cursor.byte == 0x6E {
            guard cursor.takeWord("null") else { return .malformed }
            column.setNull(row)
            return .read
        }
        column.setPresent(row)
        switch column.type {
        case .boolean: return readBoolean(&cursor, column, row)
        case .integer, .bigint: return readInteger(&cursor, column, row)
        case .double: return readDouble(&cursor, column, row)
        case .decimal(let precision, let scale): return readDecimal(&cursor, column, row, precision: precision, scale: scale)
        case .string:
            let start = column.bytes.count
            guard appendText(&cursor, to: &column.bytes, depth) else { return .malformed }
            column.setRange(row, from: start)
            return .read
        case .bytes: return readBytes(&cursor, column, row)
        case .time, .date, .timestamp: return readTemporal(&cursor, column, row)
        case .array: return readArray(&cursor, column, row, depth: depth)
        case .map: return readMap(&cursor, column, row, depth: depth)
        case .structure(let fields): return readStruct(&cursor, column, row, fields: fields, depth: depth)
        }
    }

    /// Says what the value is instead, and steps over it.
    private static func mismatch(_ cursor: inout JSONCursor, _ type: SQLType) -> JSONOutcome {
        let start = cursor.at
        guard cursor.skipValue() else { return .malformed }
        return .mismatch("cannot convert \(shown(cursor, start, cursor.at - start)) to \(type)")
    }

    /// A piece of the text for a reason, cut when it is long.
    static func shown(_ cursor: JSONCursor, _ start: Int, _ length: Int) -> String {
        let text = String(decoding: cursor.bytes(start, min(length, shownBytes)), as: UTF8.self)
        return length > shownBytes ? text + "…" : text
    }

    /// The outcome of a part of a value, with the part's place in front of the reason.
    private static func outcome(_ outcome: JSONOutcome, of place: @autoclosure () -> String) -> JSONOutcome {
        guard case .mismatch(let reason) = outcome else { return outcome }
        return .mismatch("\(place()): \(reason)")
    }

    private static func readBoolean(_ cursor: inout JSONCursor, _ column: Column, _ row: Int) -> JSONOutcome {
        switch cursor.byte {
        case 0x74:
            guard cursor.takeWord("true") else { return .malformed }
            column.words[row] = 1
        case 0x66:
            guard cursor.takeWord("false") else { return .malformed }
            column.words[row] = 0
        default: return mismatch(&cursor, column.type)
        }
        return .read
    }

    private static func isNumber(_ byte: UInt8) -> Bool { byte == 0x2D || (byte >= 0x30 && byte <= 0x39) }

    private static func readInteger(_ cursor: inout JSONCursor, _ column: Column, _ row: Int) -> JSONOutcome {
        let start = cursor.at
        if isNumber(cursor.byte) {
            guard let number = cursor.scanNumber() else { return .malformed }
            guard let value = integer(cursor, number, isNarrow: column.type == .integer) else {
                return .mismatch(changed(cursor, number, by: column.type))
            }
            column.words[row] = value
            return .read
        }
        guard cursor.byte == 0x22 else { return mismatch(&cursor, column.type) }
        guard let text = readString(&cursor) else { return .malformed }
        guard let value = NumberText.integer(text[...]), column.type == .bigint || Int32(exactly: value) != nil else {
            cursor.at = start
            return mismatch(&cursor, column.type)
        }
        column.words[row] = value
        return .read
    }

    /// The integer part of a number, cut to 32 bits (`isNarrow`) or to 64; nil when that is another number and changes are refused.
    static func integer(_ cursor: JSONCursor, _ number: JSONCursor.RawNumber, isNarrow: Bool) -> Int64? {
        guard cursor.refusesChanges else {
            let value = wrapped(cursor, number)
            return isNarrow ? Int64(Int32(truncatingIfNeeded: value)) : value
        }
        let whole = number.small ?? Decimal(text: cursor.bytes(number.start, number.length))?.converted(precision: 19, scale: 0, .exact)
            .flatMap { Int64(exactly: $0.unscaled) }
        return whole.flatMap { isNarrow && Int32(exactly: $0) == nil ? nil : $0 }
    }

    /// Why a number is none of an integer type.
    static func changed(_ cursor: JSONCursor, _ number: JSONCursor.RawNumber, by type: SQLType) -> String {
        let shown = shown(cursor, number.start, number.length)
        return number.isInteger ? "\(shown) is out of the range of \(type)" : "\(shown) is no \(type)"
    }

    /// The integer part of a number, cut to 64 bits.
    private static func wrapped(_ cursor: JSONCursor, _ number: JSONCursor.RawNumber) -> Int64 {
        if let small = number.small { return small }
        let text = cursor.bytes(number.start, number.length)
        if let decimal = Decimal(text: text)?.rescaled(to: 0, .down) { return Int64(truncatingIfNeeded: decimal.unscaled) }
        guard number.isInteger else { return 0 }
        var value: Int64 = 0
        for byte in text where byte != 0x2D { value = value &* 10 &+ Int64(byte - 0x30) }
        return text.first == 0x2D ? 0 &- value : value
    }

    private static func readDouble(_ cursor: inout JSONCursor, _ column: Column, _ row: Int) -> JSONOutcome {
        let start = cursor.at
        if isNumber(cursor.byte) {
            guard let number = cursor.scanNumber() else { return .malformed }
            let value = double(cursor, number)
            guard value.isFinite || !cursor.refusesChanges else { return .mismatch(outOfRange(cursor, number)) }
            column.doubles[row] = value
            return .read
        }
        guard cursor.byte == 0x22 else { return mismatch(&cursor, column.type) }
        guard let text = readString(&cursor) else { return .malformed }
        let body = NumberText.trimmed(text[...])
        guard let value = NumberText.double(body, allowsNonFinite: true),
            !cursor.refusesChanges || NumberText.isSpelledOut(body, value)
        else {
            cursor.at = start
            return mismatch(&cursor, column.type)
        }
        column.doubles[row] = value
        return .read
    }

    /// Why a number that becomes infinite is no DOUBLE.
    static func outOfRange(_ cursor: JSONCursor, _ number: JSONCursor.RawNumber) -> String {
        "\(shown(cursor, number.start, number.length)) is out of the range of \(SQLType.double)"
    }

    private static let exactPowers: [Double] = (0...22).map { exponent in (0..<exponent).reduce(1.0) { power, _ in power * 10 } }

    /// The nearest double. Up to 15 digits with a small decimal exponent one division or multiplication of exact doubles is right
    /// (W. D. Clinger, "How to read floating point numbers accurately", 1990); all others go to the library.
    static func double(_ cursor: JSONCursor, _ number: JSONCursor.RawNumber) -> Double {
        if let small = number.small, small.magnitude < 1 << 53, small != 0 { return Double(small) }
        var mantissa: Int64 = 0
        var digits = 0
        var fraction = 0
        var seenPoint = false
        var index = number.start
        let stop = number.start + number.length
        let negative = cursor.byte(index) == 0x2D
        if negative { index += 1 }
        while index < stop {
            let byte = cursor.byte(index)
            if byte == 0x2E {
                seenPoint = true
            } else if byte &- 0x30 <= 9 {
                mantissa = mantissa &* 10 &+ Int64(byte &- 0x30)
                digits += 1
                if seenPoint { fraction += 1 }
            } else {
                break
            }
            index += 1
        }
        if index == stop, digits <= 15, fraction <= 22 {
            let value = Double(mantissa) / exactPowers[fraction]
            return negative ? -value : value
        }
        return Double(String(decoding: cursor.bytes(number.start, number.length), as: UTF8.self)) ?? .nan
    }

    private static func readDecimal(_ cursor: inout JSONCursor, _ column: Column, _ row: Int, precision: Int, scale: Int) -> JSONOutcome
    {
        let start = cursor.at
        let text: [UInt8]
        if isNumber(cursor.byte) {
            guard let number = cursor.scanNumber() else { return .malformed }
            text = cursor.bytes(number.start, number.length)
        } else if cursor.byte == 0x22 {
            guard let string = readString(&cursor) else { return .malformed }
            text = string
        } else {
            return mismatch(&cursor, column.type)
        }
        guard let value = Decimal(text: text)?.converted(precision: precision, scale: scale, .exact) else {
            cursor.at = start
            return mismatch(&cursor, column.type)
        }
        column.wides[row] = value.unscaled
        return .read
    }

    private static func readBytes(_ cursor: inout JSONCursor, _ column: Column, _ row: Int) -> JSONOutcome {
        let start = cursor.at
        guard cursor.byte == 0x22 else { return mismatch(&cursor, column.type) }
        guard let text = readString(&cursor) else { return .malformed }
        guard let value = Base64.decode(text[...]) else {
            cursor.at = start
            return mismatch(&cursor, column.type)
        }
        column.setText(row, value)
        return .read
    }

    private static func readTemporal(_ cursor: inout JSONCursor, _ column: Column, _ row: Int) -> JSONOutcome {
        let start = cursor.at
        var value: Int64?
        if isNumber(cursor.byte) {
            guard let number = cursor.scanNumber() else { return .malformed }
            value = integer(cursor, number, isNarrow: false)
        } else if cursor.byte == 0x22 {
            guard let text = readString(&cursor) else { return .malformed }
            value = NumberText.integer(text[...])
        }
        let limits = TemporalLimits.of(column.type)
        guard let value, limits.contains(value) else {
            cursor.at = start
            return mismatch(&cursor, column.type)
        }
        column.words[row] = value
        return .read
    }

    /// The text of the string at the cursor.
    static func readString(_ cursor: inout JSONCursor) -> [UInt8]? {
        guard cursor.take(0x22), let string = cursor.scanString() else { return nil }
        var text: [UInt8] = []
        cursor.decode(string, into: &text)
        return text
    }

    /// Any value as STRING: strings as they are, numbers and booleans by their text, objects as compact JSON, arrays as `[a, b]` of
    /// elements converted likewise.
    static func appendText(_ cursor: inout JSONCursor, to bytes: inout [UInt8], _ depth: Int) -> Bool {
        guard depth < JSONCursor.depthLimit else { return false }
        let start = cursor.at
        switch cursor.byte {
        case 0x22:
            cursor.at += 1
            guard let string = cursor.scanString() else { return false }
            cursor.decode(string, into: &bytes)
            return true
        case 0x7B:
            return appendCompact(&cursor, to: &bytes, depth)
        case 0x5B:
            cursor.at += 1
            bytes.append(0x5B)
            cursor.skipSpace()
            var isFirst = true
            while !cursor.take(0x5D) {
                if !isFirst {
                    guard cursor.take(0x2C) else { return false }
                    cursor.skipSpace()
                    bytes.append(contentsOf: ", ".utf8)
                }
                isFirst = false
                guard appendText(&cursor, to: &bytes, depth + 1) else { return false }
                cursor.skipSpace()
            }
            bytes.append(0x5D)
            return true
        default:
            guard cursor.skipValue() else { return false }
            bytes.append(contentsOf: cursor.bytes(start, cursor.at - start))
            return true
        }
    }

    /// JSON without the space between its tokens.
    private static func appendCompact(_ cursor: inout JSONCursor, to bytes: inout [UInt8], _ depth: Int) -> Bool {
        let start = cursor.at
        guard cursor.skipValue(depth: depth) else { return false }
        var inString = false
        var escaped = false
        for byte in cursor.bytes(start, cursor.at - start) {
            if inString {
                inString = escaped || byte != 0x22
                escaped = !escaped && byte == 0x5C
            } else if byte <= 0x20 {
                continue
            } else {
                inString = byte == 0x22
            }
            bytes.append(byte)
        }
        return true
    }
}

/// The whole numbers that a temporal type takes on the wire.
enum TemporalLimits {
    static func of(_ type: SQLType) -> ClosedRange<Int64> {
        switch type {
        case .time: 0...86_400_000
        case .date: Int64(Int32.min)...Int64(Int32.max)
        default: Int64.min...Int64.max
        }
    }
}

extension JSONReader {
    private static func readArray(_ cursor: inout JSONCursor, _ column: Column, _ row: Int, depth: Int) -> JSONOutcome {
        guard cursor.byte == 0x5B else { return mismatch(&cursor, column.type) }
        cursor.at += 1
        cursor.skipSpace()
        let child = column.children[0]
        let start = child.count
        while !cursor.take(0x5D) {
            if child.count > start {
                guard cursor.take(0x2C) else { return .malformed }
                cursor.skipSpace()
            }
            let element = read(&cursor, into: child, child.appendRow(), depth: depth + 1)
            // Elements count from 1, as in SQL.
            guard case .read = element else { return outcome(element, of: "element \(child.count - start)") }
            cursor.skipSpace()
        }
        column.setRange(row, start: start, count: child.count - start)
        return .read
    }

    /// Reads the name of a member and the colon; the cursor stands on the value afterwards.
    static func readName(_ cursor: inout JSONCursor) -> [UInt8]? {
        guard let name = readString(&cursor) else { return nil }
        cursor.skipSpace()
        guard cursor.take(0x3A) else { return nil }
        cursor.skipSpace()
        return name
    }

    private static func readMap(_ cursor: inout JSONCursor, _ column: Column, _ row: Int, depth: Int) -> JSONOutcome {
        guard cursor.byte == 0x7B else { return mismatch(&cursor, column.type) }
        cursor.at += 1
        cursor.skipSpace()
        let keys = column.children[0]
        let values = column.children[1]
        let start = keys.count
        var places = KeyIndex(keys)
        var isFirst = true
        while !cursor.take(0x7D) {
            if !isFirst {
                guard cursor.take(0x2C) else { return .malformed }
                cursor.skipSpace()
            }
            isFirst = false
            guard let name = readName(&cursor) else { return .malformed }
            let place = places.place(ofText: name[...]) {
                keys.setText(keys.appendRow(), name)
                return values.appendRow()
            }
            let value = read(&cursor, into: values, place, depth: depth + 1)
            guard case .read = value else {
                return outcome(value, of: "key '\(String(decoding: name.prefix(shownBytes), as: UTF8.self))'")
            }
            cursor.skipSpace()
        }
        column.setRange(row, start: start, count: keys.count - start)
        return .read
    }

    /// A member goes to the field of exactly its name, else to the field that its upper-cased name equals; exact ones win.
    private static func readStruct(
        _ cursor: inout JSONCursor, _ column: Column, _ row: Int, fields: [StructField], depth: Int
    ) -> JSONOutcome {
        guard cursor.byte == 0x7B else { return mismatch(&cursor, column.type) }
        cursor.at += 1
        cursor.skipSpace()
        let names = column.memberNames
        var exact = [Bool?](repeating: nil, count: fields.count)
        var isFirst = true
        while !cursor.take(0x7D) {
            if !isFirst {
                guard cursor.take(0x2C) else { return .malformed }
                cursor.skipSpace()
            }
            isFirst = false
            guard cursor.take(0x22), let name = cursor.scanString() else { return .malformed }
            cursor.skipSpace()
            guard cursor.take(0x3A) else { return .malformed }
            cursor.skipSpace()
            if let (index, isExact) = match(cursor, name, names), exact[index] != true || isExact {
                exact[index] = isExact
                let value = read(&cursor, into: column.children[index], row, depth: depth + 1)
                guard case .read = value else { return outcome(value, of: "field \(fields[index].name)") }
            } else {
                guard cursor.skipValue(depth: depth) else { return .malformed }
            }
            cursor.skipSpace()
        }
        for (index, seen) in exact.enumerated() where seen == nil { column.children[index].setNull(row) }
        return .read
    }

    /// Which of `names` a member's name, which stands in the text, means.
    private static func match(_ cursor: JSONCursor, _ name: JSONCursor.RawString, _ names: MemberNames) -> (index: Int, isExact: Bool)? {
        if !name.hasEscapes { return unsafe names.match(UnsafeBufferPointer(start: cursor.base + name.start, count: name.length)) }
        var text: [UInt8] = []
        cursor.decode(name, into: &text)
        return names.match(text)
    }
}

/// The names of columns or of a struct's fields, to look up the names of members in: a hash table of their bytes.
struct MemberNames {
    private let names: [[UInt8]]
    /// Indexes of names, -1 for none; at most half of the places are taken, and collisions go to the next one.
    private var places: [Int32]

    init(_ names: [String]) {
        self.names = names.map { Array($0.utf8) }
        places = []
        var size = 4
        while size < names.count * 2 { size *= 2 }
        places = Array(repeating: -1, count: size)
        for (index, name) in self.names.enumerated() where find(name) == nil {
            var place = slot(name)
            while places[place] >= 0 { place = (place + 1) & (size - 1) }
            places[place] = Int32(truncatingIfNeeded: index)
        }
    }

    private func slot(_ name: some Collection<UInt8>) -> Int {
        let hash = fnv1a(name)
        return Int(truncatingIfNeeded: hash ^ hash >> 32) & (places.count - 1)
    }

    private func find(_ name: some Collection<UInt8>) -> Int? {
        var place = slot(name)
        while places[place] >= 0 {
            let index = Int(places[place])
            if names[index].elementsEqual(name) { return index }
            place = (place + 1) & (places.count - 1)
        }
        return nil
    }

    /// Which name a member's name means: exactly this one, or else the one that equals it in upper case.
    func match(_ name: some Collection<UInt8>) -> (index: Int, isExact: Bool)? {
        if let index = find(name) { return (index, true) }
        if name.allSatisfy({ $0 < 0x80 }) {
            guard name.contains(where: { $0 >= 0x61 && $0 <= 0x7A }) else { return nil }
            return find(name.map { $0 >= 0x61 && $0 <= 0x7A ? $0 ^ 0x20 : $0 }).map { ($0, false) }
        }
        return find(Array(String(decoding: name, as: UTF8.self).uppercased().utf8)).map { ($0, false) }
    }
}
