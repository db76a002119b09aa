// Joins of tables by foreign key: an expression over the left row names the right row's key. A change of a right row touches all left rows
// that name it.

import Formats
import Plans
import Values

/// Table–table where an expression over the left row names the right row's key.
final class ForeignKeyJoinOperator: JoinOperator {
    private let left: KeyedRows
    private let right: KeyedRows
    private let foreignKey: Kernel
    private var frame: Frame
    /// The keys that the left rows of the current chunk name.
    private let names: KeyBatch
    private let nameEncoder: SideEncoder
    private let references: ForeignReferences
    /// A LEFT join sends rows without a foreign key round too; a DELIMITED key of a NULL alone has no fields and does not come back.
    private let losesNullTargets: Bool

    init(_ step: JoinStep, _ expression: TypedExpression, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        let seed = context.options.hashSeed
        left = KeyedRows(seed: seed)
        right = KeyedRows(seed: seed)
        foreignKey = try KernelCompiler.compile(expression, context.environment.added)
        frame = Frame(environment: context.environment)
        // Any format serves that carries the type: these bytes never leave the state.
        let format = FormatSpec(.json, isUnwrapped: true)
        nameEncoder = try Codecs.encoder(format, step.right.output.key)
        names = KeyBatch(seed: seed)
        references = ForeignReferences(left, right, step.left.output)
        losesNullTargets = step.type == .left && step.keyFormat.name == .delimited
        try super.init(step, context, next: next, rightKeyFormat: format)
        left.onRestore = { [unowned self] number, hasRow in
            references.noteRestored(number, hasRow: hasRow)
            if references.isChunkRestored { linkRestored() }
        }
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, left), NamedStore(step.rightStore, right)] }
    override var stateMemory: Int { references.memory }

    override func releaseMemory() {
        super.releaseMemory()
        frame = Frame(environment: context.environment)
    }

    // MARK: Which keys rows name

    override func begin(_ batch: Batch, _ side: JoinSide) {
        linkRestored()
        guard side.isLeft else { return }
        let context = context
        frame.onFailure = { row, message in
            context.errors.add(.expression, step: "Join", column: nil, message: message, batch: batch, row: row)
        }
        var place = 0
        let rows = batch.selection.filtered { row in
            defer { place += 1 }
            return side.hasValue(row) && side.key(place) != nil
        }
        name(batch, rows)
        frame.onFailure = nil
    }

    /// Finds the keys that `rows` of a batch name. A NULL, and what cannot be computed, names none.
    private func name(_ batch: Batch, _ rows: Selection) {
        frame.show(batch)
        let column = rows.isEmpty ? Column(foreignKey.type) : foreignKey.evaluate(frame, rows)
        var isNamed = [Bool](repeating: false, count: batch.rowCount)
        rows.forEach { row in isNamed[row] = !column.isNull(row) }
        names.begin(nameEncoder, column, batch.selection, present: isNamed)
    }

    /// Finds the keys that restored left rows name.
    private func linkRestored() {
        while let chunk = references.takeRestored() {
            name(chunk.batch, chunk.batch.selection)
            for (place, number) in chunk.numbers.enumerated() {
                if let name = names[place] { references.link(Int(number), to: name) }
            }
        }
    }

    // MARK: Changes

    override func prefetch(_ hash: UInt64, _ place: Int, isLeft: Bool) {
        guard isLeft else { return right.prefetch(hash) }
        left.prefetch(hash)
        if let name = names[place] { right.prefetch(name.hash) }
    }

    override func join(_ arrival: JoinArrival) {
        if arrival.isLeft { changeLeft(arrival) } else { changeRight(arrival) }
    }

    private func changeLeft(_ arrival: JoinArrival) {
        let known = left.find(arrival.key)
        // What was not there is not deleted.
        if known < 0 && arrival.row == nil { return }
        let before = left.row(known)
        let oldTarget = references.target(of: known)
        let oldPartner = right.row(oldTarget)
        // The new key is held before the old one is given up, so that equal keys have one number.
        let newTarget = arrival.row == nil ? nil : names[arrival.place].map(references.hold)
        let number = left.set(arrival.key, known, arrival.row, time: arrival.time)
        references.move(number, to: newTarget)
        var pair = JoinPair(left: left.row(number), right: right.row(newTarget ?? -1), time: arrival.time)
        pair.hasOld = !before.isMissing && isPresent(oldPartner)
        if pair.hasOld { (pair.oldLeft, pair.oldRight) = (before, oldPartner) }
        if arrival.row != nil && newTarget == nil && losesNullTargets {
            report(.serialization, "a foreign key that is NULL cannot be written in the format of the right side's key")
        } else if arrival.row != nil, isPresent(pair.right) {
            if let newTarget, !pair.right.isMissing { pair.time = max(pair.time, right.time(newTarget)) }
            emit(pair)
        } else if pair.hasOld || (oldTarget >= 0 && oldTarget != newTarget) {
            // A row that the old version may have made is deleted, without a look whether it was there.
            if pair.left.isMissing { pair.left = before }
            pair.right = oldPartner
            pair.isTombstone = true
            emit(pair)
        }
    }

    private func isPresent(_ partner: RowPlace) -> Bool { !partner.isMissing || step.type == .left }

    private func changeRight(_ arrival: JoinArrival) {
        let known = right.find(arrival.key)
        if known < 0 && arrival.row == nil { return }
        let before = right.row(known)
        if arrival.isUnwanted && before.isMissing { return }
        let number = right.set(arrival.key, known, arrival.row, time: arrival.time)
        let after = right.row(number)
        for leftNumber in references.sorted(naming: number) {
            let row = left.row(leftNumber)
            guard !row.isMissing else { continue }
            var pair = JoinPair(left: row, right: isPresent(after) ? after : before, time: arrival.time)
            pair.isTombstone = !isPresent(after)
            pair.hasOld = isPresent(before)
            if pair.hasOld { (pair.oldLeft, pair.oldRight) = (row, before) }
            emit(pair)
        }
    }

    override func reclaim() {
        left.reclaim()
        right.reclaim()
    }
}

/// Which left rows name which right key. A right key keeps its number while a left row names it.
final class ForeignReferences {
    private let left: KeyedRows
    private let right: KeyedRows
    private let lists = ReferenceLists()
    /// Left rows that have been restored and whose names are to be found.
    private var restored: [Int32] = []
    private let columns: [Column]
    private let rows = RowGather()

    /// `schema` is that of the left rows.
    init(_ left: KeyedRows, _ right: KeyedRows, _ schema: RowSchema) {
        self.left = left
        self.right = right
        columns = schema.columns.map { Column($0.type) }
    }

    /// Bytes of memory.
    var memory: Int { lists.memory + restored.capacity * MemoryLayout<Int32>.stride }

    /// The right number that a left row names; -1 for none.
    func target(of left: Int) -> Int { lists.target(of: left) }

    /// The number of a right key that a left row is about to name.
    func hold(_ name: StoredKey) -> Int { right.hold(name) }

    /// Says that a left row names the right key with this number, which has been held, or none any more.
    func move(_ left: Int, to target: Int?) {
        let old = lists.target(of: left)
        lists.unlink(left)
        if let target { lists.link(left, to: target) }
        if old >= 0 { right.release(old) }
    }

    /// The left rows that name a right key, in the order of their key bytes.
    func sorted(naming right: Int) -> [Int] {
        var numbers: [Int] = []
        lists.forEach(naming: right) { numbers.append($0) }
        return numbers.count < 2 ? numbers : numbers.sorted { left.key($0).precedes(left.key($1)) }
    }

    // MARK: Rows that are restored

    /// A left row has been restored, or its deletion.
    func noteRestored(_ number: Int, hasRow: Bool) {
        move(number, to: nil)
        if hasRow { restored.append(Int32(truncatingIfNeeded: number)) }
    }

    /// Whether so many rows have been restored that their names are worth finding.
    var isChunkRestored: Bool { restored.count >= OutputLimits.chunkRows }

    /// The next restored rows, at most a chunk, and their numbers; nil when there are none.
    func takeRestored() -> (batch: Batch, numbers: [Int32])? {
        guard !restored.isEmpty else { return nil }
        let numbers = Array(restored.suffix(OutputLimits.chunkRows))
        restored.removeLast(numbers.count)
        if restored.isEmpty { restored = [] }
        rows.begin(numbers.count) { place in
            let row = left.row(Int(numbers[place]))
            return row.isMissing ? .nulls : .row(row)
        }
        for column in columns {
            column.reset(numbers.count)
            rows.read(into: column)
        }
        let batch = Batch()
        batch.columns = columns
        batch.rowCount = numbers.count
        batch.selection = .all(numbers.count)
        batch.timestamps = numbers.map { left.row(Int($0)).isMissing ? 0 : left.time(Int($0)) }
        return (batch, numbers)
    }

    /// Says what a restored row names, unless it has gone since, or has been restored twice.
    func link(_ number: Int, to name: StoredKey) {
        guard !left.row(number).isMissing, lists.target(of: number) < 0 else { return }
        lists.link(number, to: right.hold(name))
    }
}
