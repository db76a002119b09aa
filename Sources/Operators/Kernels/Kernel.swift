// Expressions at run time: a tree of kernels, each of which computes one column for a whole batch into memory of its own.

import Bytes
import Quantities
import Values

/// The rows that an expression is evaluated over: a batch (its new or its old columns), or the elements of collections inside a lambda.
final class Frame {
    var columns: [Column] = []
    /// Rows that may be addressed.
    var count = 0
    /// Values of lambda parameters by slot.
    var slots: [Column?] = []
    let environment: DataflowEnvironment
    var batch: Batch?
    /// Takes failures: the row of the batch and a message. Nil while failures are not reported, as for old versions.
    var onFailure: ((_ row: Int, _ message: String) -> Void)?
    /// Inside a lambda: the frame around it, and for each row here its row there.
    private var outer: Frame?
    private var outerRows: [Int32] = []
    private var gathered: [Column?] = []
    /// Told when the values of a batch get too large.
    let pressure: EvaluationPressure
    /// Whether the whole expression fails where an operand is NULL, and not only this one is NULL.
    let nullFails: Bool

    init(environment: DataflowEnvironment) {
        self.environment = environment
        pressure = environment.pressure ?? EvaluationPressure()
        nullFails = !environment.isQuestion
    }

    private init(inside frame: Frame) {
        environment = frame.environment
        pressure = frame.pressure
        nullFails = frame.nullFails
        outer = frame
    }

    /// Looks at the new (or old) columns of `batch`.
    func show(_ batch: Batch, old: Bool = false) {
        self.batch = batch
        columns = old ? batch.old : batch.columns
        count = batch.rowCount
    }

    /// The frame of a lambda's body, in which row i belongs to row `rows[i]` here.
    func inner(_ rows: [Int32]) -> Frame {
        let frame = Frame(inside: self)
        frame.outerRows = rows
        frame.count = rows.count
        frame.slots = slots.map { $0.map { gather($0, rows) } }
        if let onFailure { frame.onFailure = { row, message in onFailure(Int(rows[row]), message) } }
        return frame
    }

    private func gather(_ column: Column, _ rows: [Int32]) -> Column {
        let result = Column(column.type)
        result.gather(column, rows)
        return result
    }

    /// Column `index` of the rows; inside a lambda, of the rows that its elements belong to.
    func column(_ index: Int) -> Column {
        guard let outer else { return columns[index] }
        if gathered.count <= index { gathered.append(contentsOf: repeatElement(nil, count: index + 1 - gathered.count)) }
        if let known = gathered[index] { return known }
        let result = gather(outer.column(index), outerRows)
        gathered[index] = result
        return result
    }

    /// Whether its rows are the batch's own.
    var isBatch: Bool { outer == nil }
    /// The batch's row that `row` belongs to.
    func batchRow(_ row: Int) -> Int { outer.map { $0.batchRow(Int(outerRows[row])) } ?? row }
    var rootBatch: Batch? { outer.map { $0.rootBatch } ?? batch }
}

/// One node of a compiled expression. A base class rather than a protocol, because every node owns a result column and one call of
/// `evaluate`, reached through the class, does a whole batch.
class Kernel {
    let type: SQLType
    /// The column that this node fills; it lives until the next `evaluate`.
    let result: Column

    init(_ type: SQLType) {
        self.type = type
        result = Column(type)
    }

    /// Computes the rows of `rows`; other rows of the column mean nothing. The column must only be read.
    func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        preconditionFailure("every kernel computes its own column")
    }

    /// Marks `row` as failed and says why.
    final func fail(_ frame: Frame, _ row: Int, _ message: String) {
        result.setFailed(row)
        frame.onFailure?(row, message)
    }

    /// Rows of `rows` where no operand is NULL; the others become NULL, and failed where an operand failed or `nullFails` says so.
    final func computable(_ rows: Selection, _ operands: [Column], nullFails: Bool = false) -> Selection {
        var narrowed = rows
        for operand in operands where !operand.nulls.isEmpty {
            narrowed = narrowed.filtered { row in
                guard operand.nulls[row] else { return true }
                if nullFails || operand.isFailed(row) { result.setFailed(row) } else { result.setNull(row) }
                return false
            }
        }
        return narrowed
    }

    /// Rows of `rows` in which no operand failed; the others fail.
    final func unfailed(_ rows: Selection, _ operands: [Column]) -> Selection {
        var narrowed = rows
        for operand in operands where !operand.failed.isEmpty {
            narrowed = narrowed.filtered { row in
                guard operand.failed[row] else { return true }
                result.setFailed(row)
                return false
            }
        }
        return narrowed
    }
}

/// `42`: a column of one value, refilled only when a batch is longer than all before it.
final class LiteralKernel: Kernel {
    private let value: Value
    private var filled = 0
    /// The value as the only row of a column: for kernels that need it once, not once a row.
    private(set) lazy var single: Column = {
        let column = Column(type)
        column.reset(1)
        if value.isNull { column.setNull(0) } else { column.set(0, value) }
        return column
    }()

    init(_ value: Value, _ type: SQLType) {
        self.value = value
        super.init(type)
    }

    /// The value as a word; nil for NULL and for what is held otherwise.
    var word: Int64? { result.lane == .word && !value.isNull ? single.words[0] : nil }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        guard frame.count > filled else { return result }
        filled = frame.count * 2
        result.reset(filled)
        if value.isNull {
            result.nulls = Array(repeating: true, count: filled)
            return result
        }
        result.set(0, value)
        switch result.lane {
        case .word: result.words = Array(repeating: result.words[0], count: filled)
        case .double: result.doubles = Array(repeating: result.doubles[0], count: filled)
        case .wide: result.wides = Array(repeating: result.wides[0], count: filled)
        case .text, .list, .map: result.ranges = Array(repeating: result.ranges[0], count: filled)
        case .structure: for row in 1..<filled { result.set(row, value) }
        }
        return result
    }
}

/// A column of the row.
final class ColumnKernel: Kernel {
    private let index: Int

    init(_ index: Int, _ type: SQLType) {
        self.index = index
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column { frame.column(index) }
}

/// A parameter of a lambda.
final class ParameterKernel: Kernel {
    private let slot: Int

    init(_ slot: Int, _ type: SQLType) {
        self.slot = slot
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        if slot < frame.slots.count, let column = frame.slots[slot] { return column }
        result.reset(frame.count)
        rows.forEach { result.setNull($0) }
        return result
    }
}

/// ROWTIME and its kind.
final class PseudoKernel: Kernel {
    private let pseudo: PseudoColumn

    init(_ pseudo: PseudoColumn) {
        self.pseudo = pseudo
        super.init(pseudo.type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        result.reset(frame.count)
        guard let batch = frame.rootBatch else { return result }
        switch pseudo {
        case .rowtime: fill(rows, frame, batch.timestamps)
        case .rowoffset: fill(rows, frame, batch.offsets)
        case .windowstart: fill(rows, frame, batch.isWindowed ? batch.windowStarts : [])
        case .windowend: fill(rows, frame, batch.isWindowed ? batch.windowEnds : [])
        case .rowpartition:
            let partition = batch.partition.count
            rows.forEach { result.words[$0] = partition }
        }
        return result
    }
}

extension PseudoKernel {
    /// Gives each row the number of the batch's row that it belongs to; NULL where there is none.
    private func fill(_ rows: Selection, _ frame: Frame, _ numbers: [Int64]) {
        if frame.isBatch, numbers.count == frame.count {
            result.words.replaceSubrange(0..<frame.count, with: numbers)
            return
        }
        rows.forEach { row in
            let origin = frame.batchRow(row)
            if origin < numbers.count { result.words[row] = numbers[origin] } else { result.setNull(row) }
        }
    }
}

/// Turns failures inside into NULL of that piece alone.
final class GuardKernel: Kernel {
    private let inside: Kernel

    init(_ inside: Kernel) {
        self.inside = inside
        super.init(inside.type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let column = inside.evaluate(frame, rows)
        // Only columns that a kernel computed can hold failures, and they are that kernel's to change until its next batch.
        if !column.failed.isEmpty { column.failed.removeAll(keepingCapacity: true) }
        return column
    }
}
