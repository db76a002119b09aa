// What the JSON decoder remembers of the records before: the names of their members, in their order. Members that come as they are expected
// are read in one loop that touches no field of the decoder; whatever differs goes the general way, member by member.

import CHardware
import Values

extension JSONSideDecoder {
    /// The member that is expected at a place of the next record.
    struct ExpectedMember {
        /// What its value is expected to be.
        enum Shape: UInt8 {
            /// Whole numbers and texts of columns that are wanted.
            case word32, word64, text
            /// Values that are only checked: a number, a string, one of these two.
            case number, string, unknown
            /// Left to the general way.
            case other
        }

        let known: KnownName
        let shape: Shape
        /// Bytes of `"name":`, with the comma in front of it unless it is the first member.
        let length: Int
        /// The first sixteen of them, and which bits of two words these are.
        let words: (UInt64, UInt64)
        let masks: (UInt64, UInt64)

        /// `label` is where those bytes stand; whole words behind them may be read.
        @unsafe init(_ known: KnownName, _ shape: Shape, _ label: UnsafePointer<UInt8>, _ length: Int) {
            func mask(_ count: Int) -> UInt64 { count >= 8 ? .max : count <= 0 ? 0 : UInt64.max >> UInt64(64 - count * 8) }
            self.known = known
            self.shape = shape
            self.length = length
            masks = (mask(length), mask(length - 8))
            let bytes = unsafe UnsafeRawPointer(label)
            words = unsafe (
                bytes.loadUnaligned(as: UInt64.self) & masks.0, bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self) & masks.1)
        }

        /// Whether the text begins with those bytes; whole words may be read past them. `pool` is where known names stand.
        @inline(__always) @unsafe func begins(_ text: UnsafePointer<UInt8>, _ pool: UnsafePointer<UInt8>) -> Bool {
            let bytes = unsafe UnsafeRawPointer(text)
            let (a, b) = unsafe (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            if (a ^ words.0) & masks.0 | (b ^ words.1) & masks.1 != 0 { return false }
            if length <= 16 { return true }
            let start = known.start &+ known.length &- length &+ 16
            return unsafe JSONSideDecoder.isEqual(text + 16, pool + start, length &- 16)
        }
    }

    /// Takes members from `position` on as long as they are the expected ones and their values plain: whole numbers of less than 16 digits, and
    /// strings without escapes, each with a comma or the end of the object right behind it. Gives the position of the next member; the
    /// cursor is behind the last value. `seen` counts the columns.
    func takeExpectedMembers(_ cursor: inout JSONCursor, from first: Int, _ row: Int, _ seen: inout Int) -> Int {
        let state = unsafe state.pointee
        let (fields, expected) = unsafe (fields, expected)
        let (base, end) = unsafe (cursor.base, cursor.end)
        var at = cursor.at
        var position = first
        while position < state.expectedCount {
            let member = unsafe expected[position]
            var next = at &+ member.length
            guard next < end, unsafe member.begins(base + at, state.pool) else { break }
            let column = Int(member.known.name.column)
            if column >= 0, unsafe fields[column].seenIn == state.serial { break }
            let shape = unsafe member.shape == .unknown ? (base[next] == 0x22 ? .string : .number) : member.shape
            switch shape {
            case .number: unsafe JSONSideDecoder.skipPlainNumber(base, &next, end)
            case .word32, .word64:
                guard let value = unsafe JSONSideDecoder.plainNumber(base, &next, end) else { break }
                if shape == .word32, Int32(exactly: value) == nil { next = end } else { unsafe set(state, column, row, UInt64(bitPattern: value)) }
            case .text, .string:
                let text = next &+ 1
                guard unsafe JSONSideDecoder.skipPlainString(base, &next, end) else { break }
                let range = UInt64(UInt32(truncatingIfNeeded: text)) | UInt64(UInt32(truncatingIfNeeded: next &- 1 &- text)) << 32
                if shape == .text { unsafe set(state, column, row, range) }
            case .unknown, .other: next = end
            }
            // Also where the value was not plain: nothing stands at the end.
            guard next < end, unsafe base[next] == 0x2C || base[next] == 0x7D else { break }
            at = next
            position &+= 1
            if column >= 0 {
                unsafe fields[column].seenIn = state.serial
                unsafe fields[column].seenExactly = member.known.name.isExact
                seen &+= 1
            }
        }
        cursor.at = at
        return position
    }

    @inline(__always) @unsafe private func set(_ state: State, _ column: Int, _ row: Int, _ value: UInt64) {
        let place = column &* state.capacity &+ row
        unsafe state.cells[place] = value
        if unsafe fields[column].hasNulls { unsafe state.nullCells[place] = false }
    }

    /// The digits of a whole number: how many, and how many of them stand in front of the last eight. What finds them is the same for numbers
    /// of all lengths: those of most columns vary, and the processor would guess wrong at many.
    private struct PlainDigits {
        let block: DigitBlock
        let front: Int
        let count: Int

        @inline(__always) @unsafe init(_ bytes: UnsafePointer<UInt8>) {
            let raw = unsafe UnsafeRawPointer(bytes)
            block = unsafe DigitBlock(raw.loadUnaligned(as: UInt64.self))
            let following = unsafe DigitBlock(raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)).count
            front = following & (0 &- block.count >> 3)
            count = block.count &+ front
        }

        /// Whether they are a number of less than 16 digits; `first` is the first of them.
        @inline(__always) func isPlain(_ first: UInt8) -> Bool { count > 0 && count < 16 && (first != 0x30 || count == 1) }
    }

    /// The number at `next`, which is moved behind it; nil, and `next` at the end, unless it is a whole one of less than 16 digits.
    @inline(__always) @unsafe private static func plainNumber(_ base: UnsafePointer<UInt8>, _ next: inout Int, _ end: Int) -> Int64? {
        let digits = unsafe PlainDigits(base + next)
        guard digits.isPlain(unsafe base[next]) else {
            next = end
            return nil
        }
        let last = DigitBlock(unsafe UnsafeRawPointer(base + next).loadUnaligned(fromByteOffset: digits.front, as: UInt64.self))
        next &+= digits.count
        return digits.block.value(of: digits.front) &* 100_000_000 &+ last.value(of: digits.block.count)
    }

    /// Moves `next` behind such a number without reading its value; to the end where there is none.
    @inline(__always) @unsafe private static func skipPlainNumber(_ base: UnsafePointer<UInt8>, _ next: inout Int, _ end: Int) {
        let digits = unsafe PlainDigits(base + next)
        next = digits.isPlain(unsafe base[next]) ? next &+ digits.count : end
    }

    /// Moves `next`, which is at a string, behind it; false, and `next` at the end, unless it is one without escapes.
    @inline(__always) @unsafe private static func skipPlainString(_ base: UnsafePointer<UInt8>, _ next: inout Int, _ end: Int) -> Bool {
        let start = next &+ 1
        var high: UInt32 = 0
        let length = unsafe base[next] == 0x22 ? Int(millrace_plain_bytes(base + start, Int64(end &- start), &high)) : 0
        let close = start &+ length
        guard unsafe base[next] == 0x22, close < end, unsafe base[close] == 0x22, unsafe high == 0 || UTF8Check.isValid(base + start, length) else {
            next = end
            return false
        }
        next = close &+ 1
        return true
    }

    /// Whether `length` bytes are the same; whole words may be read past both.
    @inline(__always) @unsafe fileprivate static func isEqual(_ text: UnsafePointer<UInt8>, _ name: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let a = unsafe UnsafeRawPointer(text), b = unsafe UnsafeRawPointer(name)
        var offset = 0
        while offset &+ 8 <= length {
            if unsafe a.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self) {
                return false
            }
            offset &+= 8
        }
        let rest = length &- offset
        if rest == 0 { return true }
        let difference = unsafe a.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        return difference &<< UInt64(64 &- rest &* 8) == 0
    }

    /// Steps over the name of the member at `position` and its colon if it is the expected one.
    @inline(__always) func takeExpectedName(_ cursor: inout JSONCursor, _ position: Int) -> MemberName? {
        guard unsafe position < state.pointee.expectedCount else { return nil }
        let known = unsafe expected[position].known
        guard cursor.at + known.length <= cursor.end,
            unsafe JSONSideDecoder.isEqual(cursor.base + cursor.at, state.pointee.pool + known.start, known.length)
        else { return nil }
        cursor.at += known.length
        return known.name
    }

    /// The slow way: looks among all known names, then among the columns, and predicts this name for the next record.
    @inline(never) func learnName(_ cursor: inout JSONCursor, _ position: Int) -> MemberName? {
        let start = cursor.at
        guard let name = JSONReader.readName(&cursor) else { return nil }
        if let place = knownPlaces[name] {
            // A name may be written with escapes or spaces and still be known; what is predicted is compared as it stands.
            expect(place, at: position)
            return unsafe known[Int(place)].name
        }
        let match = memberNames.match(name)
        let meaning = MemberName(column: Int32(truncatingIfNeeded: match?.index ?? -1), isExact: match?.isExact ?? false)
        // Only names written without escapes and spaces can be compared as they stand.
        let label = [0x22] + name + [0x22, 0x3A]
        let count = unsafe state.pointee.knownCount
        if count < JSONSideDecoder.knownNameLimit, name.count < 1000, start + label.count <= cursor.end,
            cursor.bytes(start, label.count) == label
        {
            remember(label, meaning)
            let place = Int32(truncatingIfNeeded: count)
            knownPlaces[name] = place
            expect(place, at: position)
        }
        return meaning
    }

    private func remember(_ label: [UInt8], _ name: MemberName) {
        let state = unsafe state
        // A comma in front, and padding behind.
        if unsafe state.pointee.poolCount + 1 + label.count + 16 > state.pointee.poolCapacity {
            let capacity = unsafe state.pointee.poolCapacity * 2
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
            unsafe larger.initialize(repeating: 0, count: capacity)
            unsafe larger.update(from: state.pointee.pool, count: state.pointee.poolCount)
            unsafe state.pointee.pool.deallocate()
            unsafe state.pointee.pool = larger
            unsafe state.pointee.poolCapacity = capacity
        }
        let start = unsafe state.pointee.poolCount + 1
        unsafe state.pointee.pool[start - 1] = 0x2C
        for (index, byte) in label.enumerated() { unsafe state.pointee.pool[start + index] = byte }
        unsafe state.pointee.poolCount = start + label.count
        unsafe (known + state.pointee.knownCount).initialize(to: KnownName(start: start, length: label.count, name: name))
        unsafe state.pointee.knownCount += 1
    }

    /// Expects the known name at `place` to be the member at `position` of the next record.
    private func expect(_ place: Int32, at position: Int) {
        let count = unsafe state.pointee.expectedCount
        guard position <= count, position < JSONSideDecoder.knownNameLimit else { return }
        let name = unsafe known[Int(place)]
        // A comma stands in front of each name in the pool, and of each member but the first.
        let comma = position == 0 ? 0 : 1
        unsafe (expected + position).initialize(
            to: ExpectedMember(name, shape(of: name.name), state.pointee.pool + name.start - comma, name.length + comma))
        if position == count { unsafe state.pointee.expectedCount += 1 }
    }

    private func shape(of name: MemberName) -> ExpectedMember.Shape {
        guard name.column >= 0 else { return .unknown }
        let field = unsafe fields[Int(name.column)]
        switch field.path {
        case .word32: return field.isWanted ? .word32 : refusesChanges ? .other : .number
        case .word64: return field.isWanted ? .word64 : refusesChanges ? .other : .number
        case .double: return field.isWanted || refusesChanges ? .other : .number
        case .text: return field.isWanted ? .text : .string
        case .general: return .other
        }
    }
}
