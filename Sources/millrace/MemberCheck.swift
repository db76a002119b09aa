// The members of JSON objects that no column takes: the engine passes over them, so that a name that is written wrongly would be NULL in
// all rows without a word. They are counted by name, or make their line none.

import Diagnostics
import JSONText

/// Looks at the lines of a file on their way. Lines that cannot be read go on as they are, for the reason to be found in the answer.
struct CheckedMembers: LineShaper {
    private var inner: any LineShaper
    private let reader: ObjectReader
    private let isStrict: Bool
    /// A line that has no end yet, and how much of it has been searched.
    private var rest: [UInt8] = []
    private var searched = 0
    /// How many lines have each member that no column takes, in the order in which they were met.
    private var names: [String] = []
    private var counts: [String: Int] = [:]
    private var others = 0

    /// More names than these are counted together.
    private static let mostNames = 50

    /// Looks at the lines that `inner` makes. A strict check refuses lines with such members.
    init(_ inner: any LineShaper, _ columns: ColumnTexts, isStrict: Bool) {
        self.inner = inner
        self.isStrict = isStrict
        reader = ObjectReader(columns.shape)
    }

    var damage: Diagnostic? { inner.damage }

    var notes: [String] {
        var notes = inner.notes
        for name in names {
            let count = counts[name] ?? 0
            notes.append("no column takes the member \(name), which \(count == 1 ? "1 line has" : "\(count) lines have")")
        }
        if others > 0 { notes.append("no column takes \(others) more members, of other names") }
        return notes
    }

    mutating func take(_ bytes: [UInt8], into lines: inout [UInt8]) {
        inner.take(bytes, into: &rest)
        passOn(into: &lines)
    }

    mutating func dropUnfinished() -> Bool { inner.dropUnfinished() }

    mutating func finish(into lines: inout [UInt8]) {
        inner.finish(into: &rest)
        passOn(into: &lines)
        lines += rest
        rest = []
    }

    private mutating func passOn(into lines: inout [UInt8]) {
        var start = 0
        while let end = rest[max(start, searched)...].firstIndex(of: 0x0A) {
            searched = 0
            check(rest[start..<end], into: &lines)
            start = end + 1
        }
        rest.removeFirst(start)
        searched = rest.count
        // So long a line is no record, and is not looked at.
        if rest.count > PlainLines.longestKept {
            lines += rest
            (rest, searched) = ([], 0)
        }
    }

    private mutating func check(_ line: ArraySlice<UInt8>, into lines: inout [UInt8]) {
        var found: [String] = []
        reader.read(line.span) { name in if !found.contains(name), found.count < CheckedMembers.mostNames { found.append(name) } }
        if isStrict, let first = found.first {
            lines += "!no column takes the member \(first)\(found.count > 1 ? ", nor \(found.count - 1) more" : "")\t".utf8
        } else {
            for name in found { count(name) }
        }
        lines += line
        lines.append(0x0A)
    }

    private mutating func count(_ name: String) {
        if counts[name] == nil {
            guard names.count < CheckedMembers.mostNames else { return others += 1 }
            names.append(name)
        }
        counts[name, default: 0] += 1
    }
}

/// Reads the names of the members of objects, at the places where the type of a column says which there may be. One owner, one thread.
final class ObjectReader {
    /// What an object may have, and what was found for the names of the one before: those of the next are mostly the same, in the same order.
    private final class Members {
        let fields: [TypeShape.Field]
        let readers: [Reader]
        private var seen: [(name: [UInt8], index: Int?)] = []

        init(_ fields: [TypeShape.Field]) {
            self.fields = fields
            readers = fields.map { Reader($0.shape) }
        }

        /// The field of a name, as it stands between its quotes, which is the `place`-th of its object; nil for none.
        func index(of name: Range<Int>, in line: Span<UInt8>, at place: Int) -> Int? {
            if place < seen.count, seen[place].name.count == name.count {
                var position = name.lowerBound
                let isSame = seen[place].name.allSatisfy { byte in
                    defer { position += 1 }
                    return line[position] == byte
                }
                if isSame { return seen[place].index }
            }
            let text = ObjectReader.text(of: name, in: line)
            let index = fields.firstIndex { $0.name == text } ?? fields.firstIndex { $0.name.uppercased() == text.uppercased() }
            let known = (ObjectReader.bytes(of: name, in: line), index)
            if place < seen.count { seen[place] = known } else if place == seen.count { seen.append(known) }
            return index
        }
    }

    private indirect enum Reader {
        case value
        case elements(Reader)
        case entries(Reader)
        case members(Members)

        init(_ shape: TypeShape) {
            switch shape {
            case .scalar: self = .value
            case .array(let element):
                let reader = Reader(element)
                if case .value = reader { self = .value } else { self = .elements(reader) }
            case .map(let element):
                let reader = Reader(element)
                if case .value = reader { self = .value } else { self = .entries(reader) }
            case .structure(let fields): self = .members(Members(fields))
            }
        }

        /// Whether nothing in it is of interest.
        var isValue: Bool { if case .value = self { true } else { false } }
    }

    private let root: Reader

    /// Reads lines that are objects of that shape.
    init(_ shape: TypeShape) { root = Reader(shape) }

    /// Calls `onUnknown` with each member that no column takes, by its path. What is no JSON ends the reading without a word.
    func read(_ line: Span<UInt8>, onUnknown: (String) -> Void) {
        var position = 0
        _ = read(line, &position, root, "", onUnknown)
    }

    private static func bytes(of name: Range<Int>, in line: Span<UInt8>) -> [UInt8] { name.map { line[$0] } }

    /// The text that stands between quotes so.
    private static func text(of name: Range<Int>, in line: Span<UInt8>) -> String {
        let bytes = bytes(of: name, in: line)
        if bytes.contains(UInt8(ascii: "\\")) {
            let quoted = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
            if let text = (try? JSONValue(parsing: quoted[...]))?.stringValue { return text }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Reading. Each says whether it can go on.

    private func read(
        _ line: Span<UInt8>, _ position: inout Int, _ reader: Reader, _ path: String, _ onUnknown: (String) -> Void
    ) -> Bool {
        switch (reader, next(line, &position)) {
        case (.members(let members), UInt8(ascii: "{")): return readMembers(line, &position, members, path, onUnknown)
        case (.entries(let element), UInt8(ascii: "{")): return readEntries(line, &position, element, path, onUnknown)
        case (.elements(let element), UInt8(ascii: "[")): return readElements(line, &position, element, path, onUnknown)
        default: return skip(line, &position)
        }
    }

    private func readMembers(
        _ line: Span<UInt8>, _ position: inout Int, _ members: Members, _ path: String, _ onUnknown: (String) -> Void
    ) -> Bool {
        var place = 0
        position += 1
        while let name = name(line, &position) {
            let index = members.index(of: name, in: line, at: place)
            if index == nil { onUnknown(path + ObjectReader.text(of: name, in: line)) }
            let isRead: Bool
            if let index, case let reader = members.readers[index], !reader.isValue {
                isRead = read(line, &position, reader, path + members.fields[index].name + "->", onUnknown)
            } else {
                isRead = skip(line, &position)
            }
            guard isRead, goesOn(line, &position) else { break }
            place += 1
        }
        return isBehind(UInt8(ascii: "}"), line, position)
    }

    private func readEntries(
        _ line: Span<UInt8>, _ position: inout Int, _ element: Reader, _ path: String, _ onUnknown: (String) -> Void
    ) -> Bool {
        position += 1
        while name(line, &position) != nil {
            guard read(line, &position, element, path, onUnknown), goesOn(line, &position) else { break }
        }
        return isBehind(UInt8(ascii: "}"), line, position)
    }

    private func readElements(
        _ line: Span<UInt8>, _ position: inout Int, _ element: Reader, _ path: String, _ onUnknown: (String) -> Void
    ) -> Bool {
        position += 1
        if next(line, &position) == UInt8(ascii: "]") {
            position += 1
            return true
        }
        while read(line, &position, element, path, onUnknown), goesOn(line, &position) {}
        return isBehind(UInt8(ascii: "]"), line, position)
    }

    /// The place of a member's name, whose value comes next; nil where there is none, behind the brace of an object without any.
    private func name(_ line: Span<UInt8>, _ position: inout Int) -> Range<Int>? {
        guard let sign = next(line, &position) else { return nil }
        guard sign == UInt8(ascii: "\"") else {
            position += 1
            return nil
        }
        let start = position + 1
        guard skipText(line, &position) else { return nil }
        let end = position - 1
        guard next(line, &position) == UInt8(ascii: ":") else { return nil }
        position += 1
        return start..<end
    }

    /// Takes the sign behind a value; true for a comma.
    private func goesOn(_ line: Span<UInt8>, _ position: inout Int) -> Bool {
        guard let sign = next(line, &position) else { return false }
        position += 1
        return sign == UInt8(ascii: ",")
    }

    private func isBehind(_ sign: UInt8, _ line: Span<UInt8>, _ position: Int) -> Bool {
        position > 0 && position <= line.count && line[position - 1] == sign
    }

    /// The next byte that is no blank; nil at the end.
    @inline(__always) private func next(_ line: Span<UInt8>, _ position: inout Int) -> UInt8? {
        while position < line.count {
            let byte = line[position]
            if byte > 0x20 { return byte }
            position += 1
        }
        return nil
    }

    /// Over a text, at whose quote the reader stands.
    @inline(__always) private func skipText(_ line: Span<UInt8>, _ position: inout Int) -> Bool {
        var place = position + 1
        while place < line.count {
            let byte = line[place]
            place += 1
            if byte == UInt8(ascii: "\"") {
                position = place
                return true
            }
            if byte == UInt8(ascii: "\\") { place += 1 }
        }
        position = line.count
        return false
    }

    /// Over a value, whatever it is, to the sign behind it.
    private func skip(_ line: Span<UInt8>, _ position: inout Int) -> Bool {
        var depth = 0
        while position < line.count {
            switch line[position] {
            case UInt8(ascii: "\""): guard skipText(line, &position) else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }
                depth -= 1
                position += 1
            case UInt8(ascii: ",") where depth == 0: return true
            default: position += 1
            }
        }
        return depth == 0
    }
}
