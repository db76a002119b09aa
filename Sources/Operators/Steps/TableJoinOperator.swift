// Joins of tables: by primary key and by foreign key. Every change recomputes the joined rows that it touches.

import Bytes
import Formats
import Plans
import Values

/// Table–table by primary key.
final class TableJoinOperator: JoinOperator {
    private let left: JoinTable
    private let right: JoinTable

    init(_ step: JoinStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        left = JoinTable(seed: context.options.hashSeed)
        right = JoinTable(seed: context.options.hashSeed)
        try super.init(step, context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, left), NamedStore(step.rightStore, right)] }

    /// Whether the join has a row when these sides are there.
    private func isPresent(_ left: JoinRow?, _ right: JoinRow?) -> Bool {
        switch step.type {
        case .inner: left != nil && right != nil
        case .left: left != nil
        case .right: right != nil
        case .full: left != nil || right != nil
        }
    }

    /// Whether a row of one side means nothing without one of the other.
    private func needsOther(isLeft: Bool) -> Bool {
        switch step.type {
        case .inner: true
        case .left: !isLeft
        case .right: isLeft
        case .full: false
        }
    }

    override func join(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) throws(DataflowError) {
        let (oldLeft, oldRight) = (left[key], right[key])
        (isLeft ? left : right).set(key, row, time: origin.timestamps[index])
        let other = isLeft ? oldRight : oldLeft
        let before = isLeft ? oldLeft : oldRight
        // A deletion of what was not there is passed on while the other side has a row; with neither there is nothing to delete.
        if other == nil && (needsOther(isLeft: isLeft) || (row == nil && before == nil)) { return }
        // The triggering change's time, or the other row's where that is later.
        let time = max(origin.timestamps[index], other?.time ?? 0)
        let (newLeft, newRight) = isLeft ? (row, oldRight) : (oldLeft, row)
        let old = isPresent(oldLeft, oldRight) ? (left: oldLeft, right: oldRight) : nil
        if isPresent(newLeft, newRight) {
            emit(JoinPair(left: newLeft, right: newRight, time: time, old: old))
        } else {
            emit(JoinPair(left: newLeft ?? oldLeft, right: newRight ?? oldRight, time: time, isTombstone: true, old: old))
        }
    }
}

/// Table–table where an expression over the left row names the right row's key.
final class ForeignKeyJoinOperator: JoinOperator {
    private let left: JoinTable
    private let right: JoinTable
    private let foreignKey: Kernel
    private let foreignEncoder: SideEncoder
    private let leftColumns: [Column]
    private let frame: Frame
    private let rowBatch = Batch()
    /// Left keys by the right key that they name.
    private var references: [[UInt8]: Set<[UInt8]>] = [:]

    init(_ step: JoinStep, _ expression: TypedExpression, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        left = JoinTable(seed: context.options.hashSeed)
        right = JoinTable(seed: context.options.hashSeed)
        foreignKey = try KernelCompiler.compile(expression, context.environment.added)
        // Any format serves that carries the type: these bytes never leave the state.
        let format = FormatSpec(.json, isUnwrapped: true)
        foreignEncoder = try Codecs.encoder(format, step.right.output.key)
        leftColumns = step.left.output.columns.map { Column($0.type) }
        frame = Frame(environment: context.environment)
        try super.init(step, context, next: next, rightKeyFormat: format)
        left.onRestore = { [unowned self] key, row in refer(key, from: left[key], to: row) }
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, left), NamedStore(step.rightStore, right)] }

    /// The key of the right row that a left row names; nil when that is NULL or cannot be computed.
    private func target(_ row: JoinRow, _ origin: (batch: Batch, index: Int)? = nil) -> [UInt8]? {
        var reader = RowReader(row.bytes, 0..<row.bytes.count)
        for column in leftColumns {
            column.reset(1)
            guard reader.read(into: column, 0) else { return nil }
        }
        rowBatch.columns = leftColumns
        rowBatch.rowCount = 1
        rowBatch.timestamps = [row.time]
        frame.show(rowBatch)
        if let origin {
            frame.onFailure = { [context] _, message in
                context.errors.add(.expression, step: "Join", column: nil, message: message, batch: origin.batch, row: origin.index)
            }
        }
        defer { frame.onFailure = nil }
        let column = foreignKey.evaluate(frame, .all(1))
        guard !column.isNull(0) else { return nil }
        foreignEncoder.begin([column])
        let sink = ByteSink()
        return foreignEncoder.encode(0, to: sink).isNull ? nil : sink.take()
    }

    /// Keeps `references` in step with a left row's change.
    private func refer(_ key: [UInt8], from old: JoinRow?, to new: JoinRow?) {
        if let old, let name = target(old) {
            references[name]?.remove(key)
            if references[name]?.isEmpty == true { references[name] = nil }
        }
        if let new, let name = target(new) { references[name, default: []].insert(key) }
    }

    override func join(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) throws(DataflowError) {
        if isLeft { changeLeft(key, row, origin, index) } else { changeRight(key, row, time: origin.timestamps[index]) }
    }

    private func changeLeft(_ key: [UInt8], _ row: JoinRow?, _ origin: Batch, _ index: Int) {
        let time = origin.timestamps[index]
        let oldRow = left[key]
        let oldTarget = oldRow.flatMap { target($0) }
        let oldPartner = oldTarget.flatMap { right[$0] }
        let newTarget = row.flatMap { target($0, (origin, index)) }
        refer(key, from: oldRow, to: row)
        left.set(key, row, time: time)
        let old = oldRow.flatMap { isPresent(oldPartner) ? (left: JoinRow?.some($0), right: oldPartner) : nil }
        let partner = newTarget.flatMap { right[$0] }
        if row != nil && newTarget == nil && losesNullTargets {
            let message = "a foreign key that is NULL cannot be written in the format of the right side's key"
            context.errors.add(.serialization, step: "Join", column: nil, message: message, batch: origin, row: index)
        } else if let row, isPresent(partner) {
            emit(JoinPair(left: row, right: partner, time: max(row.time, partner?.time ?? 0), old: old))
        } else if old != nil || (oldTarget != nil && oldTarget != newTarget) {
            // A row that the old version may have made is deleted, without a look whether it was there.
            emit(JoinPair(left: row ?? oldRow, right: oldPartner, time: time, isTombstone: true, old: old))
        }
    }

    /// A LEFT join sends rows without a foreign key round too; a DELIMITED key of a NULL alone has no fields and does not come back.
    private var losesNullTargets: Bool { step.type == .left && step.keyFormat.name == .delimited }

    private func isPresent(_ partner: JoinRow?) -> Bool { partner != nil || step.type == .left }

    private func changeRight(_ key: [UInt8], _ row: JoinRow?, time: Int64) {
        let oldPartner = right[key]
        right.set(key, row, time: time)
        for leftKey in (references[key] ?? []).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let leftRow = left[leftKey] else { continue }
            let old = isPresent(oldPartner) ? (left: JoinRow?.some(leftRow), right: oldPartner) : nil
            if isPresent(row) {
                emit(JoinPair(left: leftRow, right: row, time: time, old: old))
            } else {
                emit(JoinPair(left: leftRow, right: oldPartner, time: time, isTombstone: true, old: old))
            }
        }
    }
}
