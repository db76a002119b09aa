// One side of a join: the chunks that wait for their turn, and the keys and rows of the one that is being processed, as bytes.

import Bytes
import Formats
import Plans
import Values

/// Takes the rows of one side to the join.
final class JoinPort: Operator {
    private let join: JoinOperator
    private let isLeft: Bool

    init(_ join: JoinOperator, isLeft: Bool) {
        self.join = join
        self.isLeft = isLeft
        super.init(join.context, next: nil)
    }

    /// While the inputs are merged, the join takes any number of chunks and keeps them.
    override var hasWork: Bool { context.mergeOrder == nil && join.hasWork }

    override func push(_ batch: Batch) throws(DataflowError) { try join.receive(batch, isLeft: isLeft) }
}

/// A row that comes to a join with its key. Its bytes are valid while its batch is processed.
struct JoinArrival {
    let key: StoredKey
    /// Nil for a row without a value.
    let row: StoredBytes?
    let time: Int64
    let isLeft: Bool
    /// Its place in the selection of its batch.
    let place: Int
    /// It has a value that the side's condition takes for none.
    let isUnwanted: Bool
}

/// Judges rows of a side by what the steps above let through of them.
private final class SideCondition {
    private let kernel: Kernel
    private let environment: DataflowEnvironment
    private var frame: Frame

    init(_ expression: TypedExpression, _ environment: DataflowEnvironment) throws(DataflowError) {
        kernel = try KernelCompiler.compile(expression, environment.added)
        self.environment = environment
        frame = Frame(environment: environment)
    }

    /// Which rows of a batch have a value that counts.
    func wanted(_ batch: Batch) -> [Bool] {
        var wanted = [Bool](repeating: false, count: batch.rowCount)
        let rows = batch.hasValue.isEmpty ? batch.selection : batch.selection.filtered { batch.hasValue[$0] }
        if rows.isEmpty { return wanted }
        frame.show(batch)
        let column = kernel.evaluate(frame, rows)
        rows.forEach { row in wanted[row] = !column.isNull(row) && column.words[row] != 0 }
        return wanted
    }

    func releaseMemory() { frame = Frame(environment: environment) }
}

/// One side of a join.
final class JoinSide {
    let schema: RowSchema
    let isLeft: Bool
    private let keyEncoder: SideEncoder
    private let keys: KeyBatch
    private let packed = PackedRows()
    /// The rows of the chunk that is being processed.
    let rows = SideRows()
    private let windows: KeyBatch.Windows
    /// Chunks that wait, in order; the first one is being processed.
    private var waiting: [Batch] = []
    private var firstWaiting = 0
    /// The place, in the order of all inputs, of the last row that has come: later ones are not before it.
    private(set) var lastPlace: Int32 = -1
    /// No more rows come in this batch.
    var isComplete = false
    /// The steps below may send several chunks of a batch, each valid until the next.
    private let getsChunks: Bool
    /// Whether keys may be NULL and be keys all the same: those of records, in a format that writes a NULL as an empty text.
    private let readsNullKeys: Bool
    private let condition: SideCondition?
    /// Which rows of the chunk have a value that counts; empty when all have.
    private(set) var hasValue: [Bool] = []

    /// The chunk that is being processed.
    private(set) var batch: Batch?

    init(
        _ step: Step, _ condition: TypedExpression?, isLeft: Bool, _ format: FormatSpec, windows: KeyBatch.Windows, readsNullKeys: Bool,
        _ context: DataflowContext
    ) throws(DataflowError) {
        schema = step.output
        // In a row of changes that all count, even one that makes nothing may be told of.
        self.condition =
            if let condition, context.options.coalesces { try SideCondition(condition, context.environment) } else { nil }
        self.isLeft = isLeft
        keyEncoder = try Codecs.internalKeyEncoder(format, schema.key)
        keys = KeyBatch(seed: context.options.hashSeed)
        self.windows = windows
        self.readsNullKeys = readsNullKeys
        getsChunks = step.sendsChunks
    }

    /// Begins with a chunk.
    func begin(_ batch: Batch) {
        self.batch = batch
        hasValue = condition?.wanted(batch) ?? batch.hasValue
        let column = schema.keyCount == 1 ? batch.columns[0] : nil
        let mayBeNull = column.map { !$0.nulls.isEmpty } ?? false
        keys.begin(keyEncoder, batch, windows: batch.isWindowed ? windows : .none, mayBeNull: mayBeNull) { row in
            // Some formats write a NULL as an empty text; it is no key all the same, unless it was read from such a text.
            column?.isNull(row) == true && !(readsNullKeys && JoinSide.hasRecordKey(batch, row))
        }
        packed.pack(batch.columns, batch.selection, present: hasValue)
        rows.begin(batch, keys, packed, counts: hasValue)
    }

    /// Whether a row comes with the key of its record, which is there.
    private static func hasRecordKey(_ batch: Batch, _ row: Int) -> Bool {
        guard let run = batch.run, row < batch.recordIndexes.count else { return false }
        return !run.keys[Int(batch.recordIndexes[row])].isNull
    }

    /// The key at a place of the chunk's selection; nil when it is null.
    @inline(__always) func key(_ place: Int) -> StoredKey? { keys[place] }

    /// Whether a row of the chunk has a value that counts.
    @inline(__always) func hasValue(_ row: Int) -> Bool { hasValue.isEmpty || hasValue[row] }

    /// The chunk has been processed.
    func end() {
        batch = nil
        rows.removeAll()
        guard !waiting.isEmpty else { return }
        firstWaiting += 1
        if firstWaiting == waiting.count { clear() }
    }

    // MARK: Chunks that are merged with the other side's

    /// Keeps a chunk until its rows' turns come.
    func enqueue(_ batch: Batch) {
        guard !batch.selection.isEmpty else { return }
        assert(batch.ranks.count >= batch.rowCount, "rows that are merged know their place in the order")
        waiting.append(getsChunks ? batch.detached() : batch)
        lastPlace = batch.ranks[batch.selection[batch.selection.count - 1]]
    }

    /// The chunk that comes next, when none is being processed.
    var upcoming: Batch? { batch == nil && firstWaiting < waiting.count ? waiting[firstWaiting] : nil }

    /// The place, in the order of all inputs, of the row that comes next; nil when none has come.
    var head: Int32? {
        if rows.next < rows.count { return rows[rows.next].rank }
        return upcoming.map { $0.ranks[$0.selection[0]] }
    }

    func releaseMemory() {
        hasValue = []
        condition?.releaseMemory()
    }

    func clear() {
        batch = nil
        waiting.removeAll(keepingCapacity: true)
        firstWaiting = 0
        rows.removeAll()
    }

    /// A new batch begins.
    func beginMerge() {
        lastPlace = -1
        isComplete = false
    }
}

extension Step {
    /// Whether the step's operator may send several chunks of one batch.
    fileprivate var sendsChunks: Bool {
        switch self {
        case .explode, .join, .aggregate, .keyed: true
        case .source, .exchange, .filter, .project, .rekey: inputs.contains { $0.sendsChunks }
        }
    }
}
