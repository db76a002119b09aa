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
        reader.read(line) { name in if !found.contains(name), found.count < CheckedMembers.mostNames { found.append(name) } }
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
        var seen: [(name: [UInt8], index: Int?)] = []

        init(_ fields: [TypeShape.Field]) {
            self.fields = fields
            readers = fields.map { Reader($0.shape) }
        }

        /// The field of a name, as it stands between its quotes, which is the `place`-th of its object; nil for none.
        func index(of name: ArraySlice<UInt8>, at place: Int) -> Int? {
            if place < seen.count, seen[place].name.count == name.count, seen[place].name.elementsEqual(name) { return seen[place].index }
            let text = ObjectReader.text(of: name)
            let index = fields.firstIndex { $0.name == text } ?? fields.firstIndex { $0.name.uppercased() == text.uppercased() }
            if place < seen.count { seen[place] = (Array(name), index) } else if place == seen.count { seen.append((Array(name), index)) }
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
    }

    private let root: Reader
    private var position = 0

    /// Reads lines that are objects of that shape.
    init(_ shape: TypeShape) { root = Reader(shape) }

    /// Calls `onUnknown` with each member that no column takes, by its path. What is no JSON ends the reading without a word.
    func read(_ line: ArraySlice<UInt8>, onUnknown: (String) -> Void) {
        position = line.startIndex
        _ = read(line, root, "", onUnknown)
    }

    /// The text that stands between quotes so.
    private static func text(of name: ArraySlice<UInt8>) -> String {
        if name.contains(UInt8(ascii: "\\")) {
            let quoted = [UInt8(ascii: "\"")] + name + [UInt8(ascii: "\"")]
            if let text = (try? JSONValue(parsing: quoted[...]))?.stringValue { return text }
        }
        return String(decoding: name, as: UTF8.self)
    }

    // MARK: Reading. Each says whether it can go on.

    private func read(_ line: ArraySlice<UInt8>, _ reader: Reader, _ path: String, _ onUnknown: (String) -> Void) -> Bool {
        switch (reader, next(line)) {
        case (.members(let members), UInt8(ascii: "{")):
            return object(line) { place, name in
                guard let index = members.index(of: name, at: place) else {
                    onUnknown(path + ObjectReader.text(of: name))
                    return skip(line)
                }
                guard case .value = members.readers[index] else {
                    return read(line, members.readers[index], path + members.fields[index].name + "->", onUnknown)
                }
                return skip(line)
            }
        case (.entries(let element), UInt8(ascii: "{")): return object(line) { _, _ in read(line, element, path, onUnknown) }
        case (.elements(let element), UInt8(ascii: "[")):
            position += 1
            if next(line) == UInt8(ascii: "]") { return step() }
            while read(line, element, path, onUnknown) {
                guard let sign = next(line) else { return false }
                position += 1
                if sign == UInt8(ascii: "]") { return true }
                if sign != UInt8(ascii: ",") { return false }
            }
            return false
        default: return skip(line)
        }
    }

    private func step() -> Bool {
        position += 1
        return true
    }

    /// The members of an object, at whose brace the reader stands; `member` reads the value of one.
    private func object(_ line: ArraySlice<UInt8>, _ member: (_ place: Int, _ name: ArraySlice<UInt8>) -> Bool) -> Bool {
        position += 1
        if next(line) == UInt8(ascii: "}") { return step() }
        var place = 0
        while next(line) == UInt8(ascii: "\"") {
            let start = position + 1
            guard skipText(line) else { return false }
            let name = line[start..<position - 1]
            guard next(line) == UInt8(ascii: ":") else { return false }
            position += 1
            guard member(place, name), let sign = next(line) else { return false }
            position += 1
            if sign == UInt8(ascii: "}") { return true }
            if sign != UInt8(ascii: ",") { return false }
            place += 1
        }
        return false
    }

    /// The next byte that is no blank; nil at the end.
    private func next(_ line: ArraySlice<UInt8>) -> UInt8? {
        while position < line.endIndex {
            let byte = line[position]
            if byte > 0x20 { return byte }
            position += 1
        }
        return nil
    }

    /// Over a text, at whose quote the reader stands.
    private func skipText(_ line: ArraySlice<UInt8>) -> Bool {
        position += 1
        while position < line.endIndex {
            let byte = line[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\") { position += 1 }
        }
        return false
    }

    /// Over a value, whatever it is.
    private func skip(_ line: ArraySlice<UInt8>) -> Bool {
        var depth = 0
        while let byte = next(line) {
            switch byte {
            case UInt8(ascii: "\""): guard skipText(line) else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
                continue
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }
                depth -= 1
                position += 1
            case UInt8(ascii: ",") where depth == 0: return true
            default: position += 1
            }
            if depth == 0, let sign = next(line), sign == UInt8(ascii: ",") || sign == UInt8(ascii: "}") || sign == UInt8(ascii: "]") { return true }
        }
        return depth == 0
    }
}
