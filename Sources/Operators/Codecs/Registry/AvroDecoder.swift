// Avro records into columns: the hot path. A schema is compiled to one step for each written field, in the order in which they are written;
// a record is read in one loop over these.

import Bytes
import Formats
import Schemas
import Values

/// One written field of the root: what it is, whether it may be null, and which column it fills.
struct AvroStep {
    enum Kind: UInt8 {
        case boolean, int, long, float, double, text, bytes
        /// Texts that have to be spelled out.
        case spelled
        /// Read into its column by its node.
        case general
        /// Stepped over by its node.
        case skip
    }

    var kind: Kind
    /// The branch that is null, -1 for none; with one the other branch follows.
    var nullBranch: Int8 = -1
    /// The column, or -1.
    var column: Int32
    /// The column takes it; else it is only checked.
    var isWanted: Bool
    /// Into the plan's nodes.
    var node: Int32
}

/// What a schema comes to for some columns.
@safe final class AvroPlan {
    let steps: UnsafeMutablePointer<AvroStep>
    let count: Int
    let nodes: [AvroNode]
    /// Columns that nobody has written.
    let missing: [Int]
    /// Where the whole record may be null: the branch that says so.
    let nullRoot: Int?

    init(_ steps: [AvroStep], _ nodes: [AvroNode], missing: [Int], nullRoot: Int?) {
        count = steps.count
        unsafe self.steps = .allocate(capacity: steps.count + 1)
        for (index, step) in steps.enumerated() { unsafe (self.steps + index).initialize(to: step) }
        self.nodes = nodes
        self.missing = missing
        self.nullRoot = nullRoot
    }

    deinit { unsafe steps.deallocate() }
}

/// Avro, wrapped in a record or bare.
final class AvroSideDecoder: RegistrySideDecoder<AvroPlan> {
    private let wanted: [Bool]
    /// For each column that is not wanted and whose value needs a close look: where it is read to and left.
    private let scratch: [Column]

    override init(_ definitions: [ColumnDefinition], wanted: [Bool], format: FormatSpec, lookup: (any SchemaLookup)?) {
        self.wanted = wanted
        scratch = definitions.map { Column($0.type) }
        super.init(definitions, wanted: wanted, format: format, lookup: lookup)
    }

    // MARK: Compiling

    override func compile(_ document: SchemaDocument) throws(SchemaError) -> AvroPlan {
        let schema = try AvroSchema(document)
        var compiler = AvroCompiler(schema)
        var root = schema.resolved(schema.root)
        var steps: [AvroStep] = []
        var nodes: [AvroNode] = []
        if format.isUnwrapped, definitions.count == 1 {
            let node = compiler.reading(root, into: definitions[0].type, definitions[0].name)
            steps.append(step(node, column: 0, &nodes))
            return AvroPlan(steps, nodes, missing: [], nullRoot: nil)
        }
        var nullRoot: Int?
        let (types, null) = root.branches
        if null != nil, types.count == 1 {
            nullRoot = null
            root = schema.resolved(types[0])
        }
        guard case .record(let record) = root else {
            throw SchemaError("it is no record but \(root.branchName)")
        }
        let match = FieldMatch(definitions.map { avroFieldName($0.name) })
        var missing = Set(definitions.indices)
        for field in record.fields {
            if let column = match.index(of: field.name), missing.remove(column) != nil {
                let node = compiler.reading(field.type, into: definitions[column].type, definitions[column].name)
                steps.append(step(node, column: column, &nodes))
            } else {
                steps.append(step(compiler.skipping(field.type), column: nil, &nodes))
            }
        }
        return AvroPlan(steps, nodes, missing: missing.sorted(), nullRoot: nullRoot)
    }

    /// The step of a node, with the choice between null and one type taken off it.
    private func step(_ node: AvroNode, column: Int?, _ nodes: inout [AvroNode]) -> AvroStep {
        nodes.append(node)
        var result = AvroStep(
            kind: column == nil ? .skip : .general, column: Int32(truncatingIfNeeded: column ?? -1),
            isWanted: column.map { wanted[$0] } ?? false, node: Int32(truncatingIfNeeded: nodes.count - 1))
        var inner = node
        if case .union(let branches, let null?) = node.action, branches.count == 2, branches.allSatisfy({ $0.child == nil }) {
            inner = branches[1 - null].node
            result.nullBranch = Int8(truncatingIfNeeded: null)
        }
        switch inner.action {
        case .boolean: result.kind = .boolean
        case .int: result.kind = .int
        case .long: result.kind = .long
        case .float: result.kind = .float
        case .double: result.kind = .double
        case .text: result.kind = .text
        case .bytes: result.kind = .bytes
        case .booleanText, .wholeText, .floatText, .doubleText, .symbol: result.kind = .spelled
        default:
            result.nullBranch = -1
            return result
        }
        nodes[nodes.count - 1] = inner
        return result
    }

    // MARK: Reading

    override func read(_ plan: AvroPlan, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        if let null = plan.nullRoot {
            guard let branch = cursor.zigzag() else { return false }
            guard branch == 0 || branch == 1 else { return cursor.fail("a union has no branch \(branch)") }
            if Int(branch) == null {
                cells.setAllNull(row)
                return cursor.isAtEnd || cursor.fail("bytes behind the end of the record")
            }
        }
        let cells = cells
        for index in 0..<plan.count {
            let step = unsafe plan.steps[index]
            let column = Int(step.column)
            if step.nullBranch >= 0 {
                guard let branch = cursor.byte() else { return false }
                // Zigzag: 0 is 0, 2 is 1.
                guard branch == 0 || branch == 2 else { return cursor.fail("a union of two types has no branch \(branch >> 1)") }
                if branch >> 1 == UInt8(truncatingIfNeeded: step.nullBranch) {
                    if step.isWanted { cells.setNull(column, row) }
                    continue
                }
            }
            switch step.kind {
            case .long:
                guard let value = cursor.zigzag() else { return false }
                if step.isWanted { cells.setWord(column, row, UInt64(bitPattern: value)) }
            case .int:
                guard let value = cursor.zigzag() else { return false }
                guard Int32(exactly: value) != nil else { return cursor.fail("\(value) is no int") }
                if step.isWanted { cells.setWord(column, row, UInt64(bitPattern: value)) }
            case .text, .bytes:
                guard let length = cursor.zigzag(), let start = cursor.take(length) else { return false }
                if step.kind == .text, !cursor.isText(start, Int(length)) { return false }
                if step.isWanted { cells.setText(column, row, start: start, length: Int(length)) }
            case .double:
                guard let bits = cursor.fixed64() else { return false }
                if step.isWanted { cells.setWord(column, row, bits) }
            case .float:
                guard let bits = cursor.fixed32() else { return false }
                if step.isWanted { cells.setWord(column, row, Double(Float(bitPattern: bits)).bitPattern) }
            case .boolean:
                guard let flag = AvroNode.boolean(&cursor) else { return false }
                if step.isWanted { cells.setWord(column, row, flag ? 1 : 0) }
            case .spelled, .general, .skip:
                guard readOther(plan, step, &cursor, row) else { return false }
            }
        }
        for column in plan.missing { cells.setNull(column, row) }
        return cursor.isAtEnd || cursor.fail("bytes behind the end of the record")
    }

    @inline(never) private func readOther(_ plan: AvroPlan, _ step: AvroStep, _ cursor: inout BinaryCursor, _ row: Int) -> Bool {
        let node = plan.nodes[Int(step.node)]
        let column = Int(step.column)
        switch step.kind {
        case .skip: return node.skip(&cursor)
        case .spelled:
            var text: [UInt8] = []
            guard node.appendText(&cursor, to: &text) else { return false }
            if step.isWanted { cells.setOwnText(column, row, text) }
            return true
        default:
            guard step.isWanted else {
                scratch[column].reset(1)
                return node.read(&cursor, into: scratch[column], 0)
            }
            guard unsafe cells.fields[column].usesCells else { return node.read(&cursor, into: columns[column], row) }
            return readThroughColumn(node, &cursor, column, row)
        }
    }

    /// A value of a column of cells in a place that is not compiled to a step of its own, such as a union of several types.
    private func readThroughColumn(_ node: AvroNode, _ cursor: inout BinaryCursor, _ index: Int, _ row: Int) -> Bool {
        let column = scratch[index]
        column.reset(1)
        guard node.read(&cursor, into: column, 0) else { return false }
        if column.isNull(0) {
            cells.setNull(index, row)
        } else {
            switch column.lane {
            case .word: cells.setWord(index, row, UInt64(bitPattern: column.words[0]))
            case .double: cells.setWord(index, row, column.doubles[0].bitPattern)
            default: cells.setOwnText(index, row, column.text(0))
            }
        }
        return true
    }
}
