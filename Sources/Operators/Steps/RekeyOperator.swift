// PARTITION BY, table functions, and the two ends of an exchange.

import Bytes
import Plans
import Values

/// Gives a stream new key columns, before all columns of the input. A key expression that fails is NULL (semantics §7.1).
final class RekeyOperator: Operator {
    private let step: RekeyStep
    private let kernels: [Kernel]
    /// Whether a key expression reads nothing but the old key: only such a one is there for a row without a value.
    private let readsOnlyKey: [Bool]
    private let frame: Frame
    private let batch = Batch()
    private var failingColumn = 0

    init(_ step: RekeyStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        kernels = try KernelCompiler.compileAll(step.keys, context.environment.added)
        readsOnlyKey = step.keys.map { key in
            var isOnly = true
            key.walk { part in
                if case .column(let index) = part.node, index >= step.input.output.keyCount { isOnly = false }
                if case .pseudo = part.node { isOnly = false }
            }
            return isOnly
        }
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ input: Batch) throws(DataflowError) {
        batch.adoptRows(of: input)
        frame.show(input)
        frame.onFailure = { [context, unowned self] row, message in
            let name = step.output.columns[failingColumn].name
            context.errors.add(.expression, step: "PartitionBy", column: name, message: message, batch: input, row: row)
        }
        defer { frame.onFailure = nil }
        batch.columns.removeAll(keepingCapacity: true)
        for (index, kernel) in kernels.enumerated() {
            failingColumn = index
            if readsOnlyKey[index] || input.hasValue.isEmpty {
                batch.columns.append(kernel.evaluate(frame, input.selection))
            } else {
                batch.columns.append(nullsWithoutValue(kernel.evaluate(frame, input.selection.filtered { input.hasValue[$0] }), input))
            }
        }
        batch.columns.append(contentsOf: input.columns)
        try next?.push(batch)
    }
}

extension RekeyOperator {
    /// A copy of `column` that is NULL at rows without a value.
    private func nullsWithoutValue(_ column: Column, _ input: Batch) -> Column {
        let copy = Column(column.type)
        copy.gather(column, (0..<Int32(input.rowCount)).map { input.hasValue[Int($0)] ? $0 : -1 })
        return copy
    }
}

/// EXPLODE and CUBE_EXPLODE (semantics §18): as many rows as the longest result, shorter ones padded with NULL.
final class ExplodeOperator: Operator {
    /// CUBE_EXPLODE doubles its rows with each element; more elements than this fail.
    private static let cubeLimit = 20

    private let step: ExplodeStep
    private let kernels: [Kernel]
    private let frame: Frame
    private let batch = Batch()
    private var columns: [Column]

    init(_ step: ExplodeStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        var kernels: [Kernel] = []
        for function in step.functions {
            guard function.function == "EXPLODE" || function.function == "CUBE_EXPLODE" else {
                var arguments: [Kernel] = []
                for argument in function.arguments { arguments.append(try KernelCompiler.argument(argument)) }
                kernels.append(GuardKernel(AddedCallKernel(function.function, arguments, .array(function.result), isTable: true)))
                continue
            }
            guard let argument = function.arguments.first else { throw DataflowError("\(function.function) needs an argument") }
            kernels.append(GuardKernel(try KernelCompiler.compile(argument, context.environment.added)))
        }
        self.kernels = kernels
        columns = step.output.columns.map { Column($0.type) }
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ input: Batch) throws(DataflowError) {
        let rows = input.hasValue.isEmpty ? input.selection : input.selection.filtered { input.hasValue[$0] }
        frame.show(input)
        frame.onFailure = { [context] row, message in
            context.errors.add(.expression, step: "FlatMap", column: nil, message: message, batch: input, row: row)
        }
        defer { frame.onFailure = nil }
        let collections = kernels.map { $0.evaluate(frame, rows) }
        var origins: [Int32] = []
        // For each function, which element each new row shows: the child's row, or for a cube the mask of shown elements.
        var places = [[Int32]](repeating: [], count: kernels.count)
        rows.forEach { row in
            let lengths = collections.indices.map { length($0, collections[$0], row, input) }
            let longest = lengths.max() ?? 0
            for step in 0..<longest {
                origins.append(Int32(row))
                for index in collections.indices { places[index].append(step < lengths[index] ? Int32(step) : -1) }
            }
        }
        if origins.isEmpty { return }
        batch.gatherRows(of: input, origins)
        batch.hasValue = []
        batch.columns.removeAll(keepingCapacity: true)
        for (index, column) in input.columns.enumerated() {
            // Columns that nobody needs are empty and stay so.
            if column.count > 0 { columns[index].gather(column, origins) } else { columns[index].reset(0) }
            batch.columns.append(columns[index])
        }
        for index in collections.indices {
            fill(columns[input.columns.count + index], index, collections[index], origins, places[index])
            batch.columns.append(columns[input.columns.count + index])
        }
        try next?.push(batch)
    }

    private func isCube(_ index: Int) -> Bool { step.functions[index].function == "CUBE_EXPLODE" }

    private func length(_ index: Int, _ collection: Column, _ row: Int, _ input: Batch) -> Int {
        guard !collection.isNull(row) else { return 0 }
        let elements = collection.elements(row)
        guard isCube(index) else { return elements.count }
        let present = elements.count { !collection.children[0].isNull($0) }
        guard elements.count <= ExplodeOperator.cubeLimit else {
            frame.onFailure?(row, "CUBE_EXPLODE of more than \(ExplodeOperator.cubeLimit) elements")
            return 0
        }
        return elements.isEmpty ? 0 : 1 << present
    }

    private func fill(_ column: Column, _ index: Int, _ collection: Column, _ origins: [Int32], _ places: [Int32]) {
        let child = collection.children[0]
        guard isCube(index) else {
            return column.gather(child, zip(origins, places).map { $1 < 0 ? -1 : collection.ranges[Int($0)].start + $1 })
        }
        column.reset(origins.count)
        let shown = column.children[0]
        for (row, place) in places.enumerated() {
            guard place >= 0 else {
                column.setNull(row)
                continue
            }
            let elements = collection.elements(Int(origins[row]))
            let start = shown.count
            // The first element is the most significant bit of the count.
            var bit = elements.count { !child.isNull($0) }
            for element in elements {
                let target = shown.appendRow()
                if child.isNull(element) {
                    shown.setNull(target)
                    continue
                }
                bit -= 1
                if place >> Int32(bit) & 1 == 1 { shown.copy(child, element, to: target) } else { shown.setNull(target) }
            }
            column.ranges[row] = ByteRange(start: Int32(start), length: Int32(elements.count))
        }
    }
}

/// Writes rows to an internal topic: the key in the topic's key format, the value one flag byte (1: a row follows, 2: an old version
/// follows it) and the rows in the compact format. An old and a new version with different keys become two records.
final class ExchangeSinkOperator: Operator {
    private let schema: RowSchema
    private let key: SideEncoder
    private let oldKey: SideEncoder
    private var scratch: [UInt8] = []
    let records = RecordSink()

    init(_ topic: InternalTopic, _ schema: RowSchema, _ context: DataflowContext) throws(DataflowError) {
        self.schema = schema
        key = try Codecs.encoder(topic.keyFormat, schema.key)
        oldKey = try Codecs.encoder(topic.keyFormat, schema.key)
        super.init(context, next: nil)
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        key.begin(batch.columns)
        if !batch.old.isEmpty { oldKey.begin(batch.old) }
        for index in 0..<batch.selection.count {
            let row = batch.selection[index]
            let hasValue = batch.hasValue(row)
            let hadOld = batch.hadOld(row) && !batch.old.isEmpty
            guard hadOld else {
                append(batch, row, key, columns: hasValue ? batch.columns : nil, keyColumns: batch.columns, old: nil)
                continue
            }
            if hasValue, sameKey(batch, row) {
                append(batch, row, key, columns: batch.columns, keyColumns: batch.columns, old: batch.old)
            } else {
                append(batch, row, oldKey, columns: nil, keyColumns: batch.old, old: batch.old)
                if hasValue { append(batch, row, key, columns: batch.columns, keyColumns: batch.columns, old: nil) }
            }
        }
    }

    private func sameKey(_ batch: Batch, _ row: Int) -> Bool {
        (0..<schema.keyCount).allSatisfy { index in
            let a = batch.columns[index]
            let b = batch.old[index]
            return a.isNull(row) || b.isNull(row) ? a.isNull(row) == b.isNull(row) : RowOrder.equal(a, row, b, row)
        }
    }

    private func append(_ batch: Batch, _ row: Int, _ encoder: SideEncoder, columns: [Column]?, keyColumns: [Column], old: [Column]?) {
        let keyRange = encoder.encode(row, to: records.bytes)
        scratch.removeAll(keepingCapacity: true)
        scratch.append((columns == nil ? 0 : 1) | (old == nil ? 0 : 2))
        if let columns {
            put(columns, row)
        } else if old == nil {
            // An event without a value: its key columns alone.
            put(Array(keyColumns[..<schema.keyCount]), row)
        }
        if let old { put(old, row) }
        let start = records.bytes.count
        records.bytes.append(scratch)
        let valueRange = records.bytes.range(from: start)
        var header = ByteRange.null
        if !batch.headers.isEmpty, !batch.headers[row].isNull {
            let range = batch.headers[row]
            let headerStart = records.bytes.count
            records.bytes.append(batch.headerBytes[Int(range.start)..<Int(range.start + range.length)])
            header = records.bytes.range(from: headerStart)
        }
        records.append(key: keyRange, value: valueRange, timestamp: batch.timestamps[row], header: header)
    }

    /// Columns that nobody needs are empty: they travel as NULL.
    private func put(_ columns: [Column], _ row: Int) {
        for column in columns {
            if column.count > 0 { RowWriter.put(column, row, to: &scratch) } else { scratch.append(0) }
        }
    }
}

/// Reads what an `ExchangeSinkOperator` wrote.
final class ExchangeSourceOperator: Operator {
    private let step: ExchangeStep
    private let input: Int
    private let batch = Batch()

    init(_ step: ExchangeStep, input: Int, _ context: DataflowContext, next: Operator) {
        self.step = step
        self.input = input
        super.init(context, next: next)
        batch.columns = step.output.columns.map { Column($0.type) }
    }

    func process(_ run: RecordRun, _ range: Range<Int>, partition: Int32) throws(DataflowError) {
        begin(run, range, partition)
        for (row, record) in range.enumerated() {
            let place = run.values[record]
            var reader = RowReader(run.bytes, Int(place.start)..<Int(place.start + max(0, place.length)))
            guard let flags = reader.byte(), flags <= 3, read(flags, &reader, row) else {
                throw DataflowError(
                    "a record of the internal topic \(step.topic.name) is damaged", input: input, partition: partition,
                    offset: run.offsets[record])
            }
            batch.hasValue.append(flags & 1 != 0)
            batch.hasOld.append(flags & 2 != 0)
        }
        if !batch.hasValue.contains(false) { batch.hasValue = [] }
        if !batch.hasOld.contains(true) { batch.hasOld = [] }
        if batch.rowCount > 0 { try next?.push(batch) }
    }

    private func begin(_ run: RecordRun, _ range: Range<Int>, _ partition: Int32) {
        batch.rowCount = range.count
        batch.selection = .all(range.count)
        batch.partition = partition
        batch.input = input
        batch.run = run
        batch.timestamps = Array(run.timestamps[range])
        batch.offsets = Array(run.offsets[range])
        batch.recordIndexes = range.map(Int32.init)
        batch.ranks = context.ranks.map { $0[input] } ?? []
        batch.hasValue.removeAll(keepingCapacity: true)
        batch.hasOld.removeAll(keepingCapacity: true)
        batch.headers = run.headers.isEmpty ? [] : Array(run.headers[range])
        batch.headerBytes = run.headers.isEmpty ? [] : run.bytes
        if step.isTable && batch.old.isEmpty { batch.old = step.output.columns.map { Column($0.type) } }
        for column in batch.columns + batch.old { column.reset(range.count) }
    }

    private func read(_ flags: UInt8, _ reader: inout RowReader, _ row: Int) -> Bool {
        if flags == 0 {
            for (index, column) in batch.columns.enumerated() {
                if index < step.output.keyCount {
                    guard reader.read(into: column, row) else { return false }
                } else {
                    column.setNull(row)
                }
            }
        }
        if flags & 1 != 0 {
            for column in batch.columns where !reader.read(into: column, row) { return false }
        }
        if flags & 2 != 0 {
            guard step.isTable else { return false }
            for column in batch.old where !reader.read(into: column, row) { return false }
            if flags & 1 == 0 {
                // A pure undo: the key columns of the row are those of its old version.
                for index in 0..<step.output.keyCount { batch.columns[index].copy(batch.old[index], row, to: row) }
            }
        }
        return true
    }
}
