// How a value of an Avro schema is read into a column: a tree that is compiled once for each pair of a written type and a column's type.

import Bytes
import Schemas
import Values

/// What is done with a written value.
enum AvroAction {
    case nothing
    case boolean, int, long, float, double, text, bytes
    case fixed(Int)
    /// Values that become texts.
    case booleanText, wholeText, floatText, doubleText
    case symbol([[UInt8]])
    /// With the written scale, and the size where it is fixed.
    case decimal(scale: Int, size: Int?)
    /// A list; a map; or a list of records with the fields key and value, of which other fields are stepped over. Each with its child column.
    case entries([(node: AvroNode, child: Int?)])
    /// Each written field with the field of the STRUCT, and the fields that nobody has written.
    case record([(node: AvroNode, child: Int?)], missing: [Int])
    /// Which branch is null, and what the others are. With several others the column is a STRUCT with a field for each.
    case union([(node: AvroNode, child: Int?)], null: Int?)
    /// A type within itself; set when that is compiled.
    case again
    /// What can never be read into the column.
    case mismatch(String)
}

/// Reads or steps over values of one written type.
final class AvroNode {
    var action: AvroAction

    init(_ action: AvroAction) { self.action = action }
}

/// Compiles nodes of a schema.
struct AvroCompiler {
    private let schema: AvroSchema
    private var skips: [String: AvroNode] = [:]

    init(_ schema: AvroSchema) { self.schema = schema }

    /// Steps over a value.
    mutating func skipping(_ written: AvroType) -> AvroNode {
        let type = schema.resolved(written)
        switch type {
        case .null: return AvroNode(.nothing)
        case .boolean: return AvroNode(.boolean)
        case .int, .date, .timeMillis: return AvroNode(.int)
        case .long, .timestampMillis: return AvroNode(.long)
        case .float: return AvroNode(.float)
        case .double: return AvroNode(.double)
        // What nobody looks at may be any bytes.
        case .bytes, .string: return AvroNode(.bytes)
        case .decimal(_, _, let size): return AvroNode(size.map { .fixed($0) } ?? .bytes)
        case .fixed(_, let size): return AvroNode(.fixed(size))
        case .enumeration: return AvroNode(.int)
        case .array(let items): return AvroNode(.entries([(skipping(items), nil)]))
        case .map(let values): return AvroNode(.entries([(AvroNode(.bytes), nil), (skipping(values), nil)]))
        case .union(let types):
            return AvroNode(.union(types.map { (skipping($0), nil) }, null: nil))
        case .record(let record):
            if let known = skips[record.name] { return known }
            let node = AvroNode(.again)
            skips[record.name] = node
            node.action = .record(record.fields.map { (skipping($0.type), nil) }, missing: [])
            return node
        case .reference(let name): return AvroNode(.mismatch("unknown type \(name)"))
        }
    }

    /// Reads a value into a column of that type. `path` is where it stands, for messages.
    mutating func reading(_ written: AvroType, into type: SQLType, _ path: String) -> AvroNode {
        let resolved = schema.resolved(written)
        func mismatch() -> AvroNode { AvroNode(.mismatch("\(path): cannot read \(resolved.branchName) as \(type)")) }
        switch (resolved, type) {
        case (.union(let types), _): return union(types, type, path)
        case (.boolean, .boolean): return AvroNode(.boolean)
        case (.int, .integer), (.int, .bigint), (.date, .date), (.timeMillis, .time), (.date, .integer), (.timeMillis, .integer):
            return AvroNode(.int)
        case (.long, .bigint), (.timestampMillis, .timestamp), (.timestampMillis, .bigint): return AvroNode(.long)
        case (.float, .double): return AvroNode(.float)
        case (.double, .double): return AvroNode(.double)
        case (.bytes, .bytes): return AvroNode(.bytes)
        case (.fixed(_, let size), .bytes): return AvroNode(.fixed(size))
        case (.string, .string): return AvroNode(.text)
        case (.boolean, .string): return AvroNode(.booleanText)
        case (.int, .string), (.long, .string): return AvroNode(.wholeText)
        case (.float, .string): return AvroNode(.floatText)
        case (.double, .string): return AvroNode(.doubleText)
        case (.enumeration(_, let symbols), .string): return AvroNode(.symbol(symbols.map { Array($0.utf8) }))
        case (.decimal(_, let scale, let size), .decimal): return AvroNode(.decimal(scale: scale, size: size))
        case (.array(let items), .array(let element)): return AvroNode(.entries([(reading(items, into: element, path + "[]"), 0)]))
        case (.map(let values), .map(.string, let value)):
            return AvroNode(.entries([(AvroNode(.text), 0), (reading(values, into: value, path + "{}"), 1)]))
        case (.array(let items), .map(.string, let value)):
            guard case .record(let entry) = schema.resolved(items), Set(entry.fields.map(\.name)).isSuperset(of: ["key", "value"]) else {
                return mismatch()
            }
            return AvroNode(
                .entries(
                    entry.fields.map { field in
                        switch field.name {
                        case "key": (reading(field.type, into: .string, path + ".key"), 0)
                        case "value": (reading(field.type, into: value, path + "{}"), 1)
                        default: (skipping(field.type), nil)
                        }
                    }))
        case (.record(let record), .structure(let fields)): return self.record(record, fields, path)
        default: return mismatch()
        }
    }

    private mutating func record(_ record: AvroRecord, _ fields: [StructField], _ path: String) -> AvroNode {
        let match = FieldMatch(fields.map { avroFieldName($0.name) })
        var missing = Set(fields.indices)
        var nodes: [(node: AvroNode, child: Int?)] = []
        for field in record.fields {
            if let child = match.index(of: field.name), missing.remove(child) != nil {
                nodes.append((reading(field.type, into: fields[child].type, path + "." + field.name), child))
            } else {
                nodes.append((skipping(field.type), nil))
            }
        }
        return AvroNode(.record(nodes, missing: missing.sorted()))
    }

    private mutating func union(_ types: [AvroType], _ type: SQLType, _ path: String) -> AvroNode {
        let others = types.filter { $0 != .null }
        let null = types.firstIndex(of: .null)
        if others.count <= 1 {
            return AvroNode(.union(types.map { $0 == .null ? (AvroNode(.nothing), nil) : (reading($0, into: type, path), nil) }, null: null))
        }
        guard case .structure(let fields) = type else {
            // Each branch as far as it can be read.
            return AvroNode(.union(types.map { (reading($0, into: type, path), nil) }, null: null))
        }
        let match = FieldMatch(fields.map(\.name))
        return AvroNode(
            .union(
                types.map { branch in
                    let name = branch.branchName.split(separator: ".").last.map(String.init) ?? ""
                    guard branch != .null, let child = match.index(of: name) else { return (skipping(branch), nil) }
                    return (reading(branch, into: fields[child].type, path + "." + name), child)
                }, null: null))
    }
}

extension AvroNode {
    /// Reads the value at the cursor into `row`; false, with the reason in the cursor, when it cannot be.
    func read(_ cursor: inout BinaryCursor, into column: Column, _ row: Int) -> Bool {
        switch action {
        case .nothing: column.setNull(row)
        case .boolean:
            guard let flag = AvroNode.boolean(&cursor) else { return false }
            column.words[row] = flag ? 1 : 0
        case .int, .long:
            guard let number = number(&cursor) else { return false }
            column.words[row] = number
        case .float:
            guard let bits = cursor.fixed32() else { return false }
            column.doubles[row] = Double(Float(bitPattern: bits))
        case .double:
            guard let bits = cursor.fixed64() else { return false }
            column.doubles[row] = Double(bitPattern: bits)
        case .text, .bytes, .fixed:
            guard let place = place(&cursor) else { return false }
            unsafe column.setText(row, cursor.bytes(place.start, place.length))
        case .booleanText, .wholeText, .floatText, .doubleText, .symbol:
            let start = column.bytes.count
            guard appendText(&cursor, to: &column.bytes) else { return false }
            column.setRange(row, from: start)
        case .decimal(let scale, let size): return readDecimal(&cursor, scale, size, column, row)
        case .entries(let nodes): return readList(&cursor, nodes, column, row)
        case .record(let nodes, let missing): return readRecord(&cursor, nodes, missing, column, row)
        case .union(let branches, let null): return readUnion(&cursor, branches, null, column, row)
        case .again: return cursor.fail("a type contains itself")
        case .mismatch(let message): return cursor.fail(message)
        }
        return true
    }

    static func boolean(_ cursor: inout BinaryCursor) -> Bool? {
        guard let byte = cursor.byte() else { return nil }
        guard byte <= 1 else {
            _ = cursor.fail("a boolean is neither 0 nor 1")
            return nil
        }
        return byte == 1
    }

    /// A whole number; nil where it is none of 32 bits and has to be.
    private func number(_ cursor: inout BinaryCursor) -> Int64? {
        guard let number = cursor.zigzag() else { return nil }
        if case .int = action, Int32(exactly: number) == nil {
            _ = cursor.fail("\(number) is no int")
            return nil
        }
        return number
    }

    /// Where a text or bytes stand.
    func place(_ cursor: inout BinaryCursor) -> (start: Int, length: Int)? {
        if case .fixed(let size) = action { return cursor.take(Int64(size)).map { ($0, size) } }
        guard let length = cursor.zigzag(), let start = cursor.take(length) else { return nil }
        if case .text = action, !cursor.isText(start, Int(length)) { return nil }
        return (start, Int(length))
    }

    /// Spells a value out.
    func appendText(_ cursor: inout BinaryCursor, to bytes: inout [UInt8]) -> Bool {
        switch action {
        case .booleanText:
            guard let flag = AvroNode.boolean(&cursor) else { return false }
            bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .wholeText:
            guard let number = cursor.zigzag() else { return false }
            NumberText.append(number, to: &bytes)
        case .floatText:
            guard let bits = cursor.fixed32() else { return false }
            let value = Float(bitPattern: bits)
            NumberText.append(Double("\(value)") ?? Double(value), to: &bytes)
        case .doubleText:
            guard let bits = cursor.fixed64() else { return false }
            NumberText.append(Double(bitPattern: bits), to: &bytes)
        case .symbol(let symbols):
            guard let index = cursor.zigzag() else { return false }
            guard index >= 0, index < Int64(symbols.count) else { return cursor.fail("an enum has no symbol \(index)") }
            bytes.append(contentsOf: symbols[Int(index)])
        default: return cursor.fail("no text")
        }
        return true
    }

    private func readDecimal(_ cursor: inout BinaryCursor, _ scale: Int, _ size: Int?, _ column: Column, _ row: Int) -> Bool {
        guard let length = size.map(Int64.init) ?? cursor.zigzag(), let start = cursor.take(length) else { return false }
        return cursor.setDecimal(cursor.bigEndian(start, Int(length)), scale: scale, column, row)
    }

    /// Reads the blocks of a list, whose elements have these parts, into the children.
    private func readList(
        _ cursor: inout BinaryCursor, _ parts: [(node: AvroNode, child: Int?)], _ column: Column, _ row: Int
    ) -> Bool {
        guard cursor.enter() else { return false }
        let start = column.children[0].count
        var count = start
        while true {
            guard var size = cursor.zigzag() else { return false }
            if size == 0 { break }
            if size < 0 {
                // The size of the block in bytes follows.
                guard size != .min, cursor.zigzag() != nil else { return cursor.truncated() }
                size = -size
            }
            guard cursor.admit(size) else { return false }
            for child in column.children { child.grow(to: count + Int(size)) }
            for element in count..<count + Int(size) {
                for part in parts {
                    let isRead =
                        if let child = part.child {
                            part.node.read(&cursor, into: column.children[child], element)
                        } else {
                            part.node.skip(&cursor)
                        }
                    guard isRead else { return false }
                }
            }
            count += Int(size)
        }
        cursor.leave()
        column.setRange(row, start: start, count: count - start)
        return true
    }

    private func readRecord(
        _ cursor: inout BinaryCursor, _ nodes: [(node: AvroNode, child: Int?)], _ missing: [Int], _ column: Column, _ row: Int
    ) -> Bool {
        guard cursor.enter() else { return false }
        for (node, child) in nodes {
            guard child.map({ node.read(&cursor, into: column.children[$0], row) }) ?? node.skip(&cursor) else { return false }
        }
        for child in missing { column.children[child].setNull(row) }
        cursor.leave()
        return true
    }

    private func readUnion(
        _ cursor: inout BinaryCursor, _ branches: [(node: AvroNode, child: Int?)], _ null: Int?, _ column: Column, _ row: Int
    ) -> Bool {
        guard let index = cursor.zigzag() else { return false }
        guard index >= 0, index < Int64(branches.count) else { return cursor.fail("a union has no branch \(index)") }
        if Int(index) == null {
            column.setNull(row)
            return true
        }
        guard branches.contains(where: { $0.child != nil }) else { return branches[Int(index)].node.read(&cursor, into: column, row) }
        for (place, child) in column.children.enumerated() where place != branches[Int(index)].child { child.setNull(row) }
        let branch = branches[Int(index)]
        return branch.child.map { branch.node.read(&cursor, into: column.children[$0], row) } ?? branch.node.skip(&cursor)
    }

    /// Steps over the value at the cursor.
    func skip(_ cursor: inout BinaryCursor) -> Bool {
        switch action {
        case .nothing: return true
        case .boolean, .booleanText: return cursor.take(1) != nil
        case .int, .long, .wholeText, .symbol: return cursor.varint() != nil
        case .float, .floatText: return cursor.take(4) != nil
        case .double, .doubleText: return cursor.take(8) != nil
        case .fixed(let size): return cursor.take(Int64(size)) != nil
        case .text, .bytes: return place(&cursor) != nil
        case .decimal(_, let size): return (size.map(Int64.init) ?? cursor.zigzag()).flatMap { cursor.take($0) } != nil
        case .entries(let nodes): return skipList(&cursor) { cursor in nodes.allSatisfy { $0.node.skip(&cursor) } }
        case .record(let nodes, _):
            guard cursor.enter(), nodes.allSatisfy({ $0.node.skip(&cursor) }) else { return false }
            cursor.leave()
            return true
        case .union(let branches, _):
            guard let index = cursor.zigzag() else { return false }
            guard index >= 0, index < Int64(branches.count) else { return cursor.fail("a union has no branch \(index)") }
            return branches[Int(index)].node.skip(&cursor)
        case .again: return cursor.fail("a type contains itself")
        case .mismatch(let message): return cursor.fail(message)
        }
    }

    private func skipList(_ cursor: inout BinaryCursor, _ element: (inout BinaryCursor) -> Bool) -> Bool {
        guard cursor.enter() else { return false }
        while true {
            guard let size = cursor.zigzag() else { return false }
            if size == 0 { break }
            if size < 0 {
                guard let bytes = cursor.zigzag(), cursor.take(bytes) != nil else { return false }
                continue
            }
            guard cursor.admit(size) else { return false }
            for _ in 0..<size where !element(&cursor) { return false }
        }
        cursor.leave()
        return true
    }
}
