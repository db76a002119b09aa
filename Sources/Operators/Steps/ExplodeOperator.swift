// EXPLODE and CUBE_EXPLODE: as many rows as the longest result, shorter ones padded with NULL.
//
// The functions run once over a batch; their elements then leave in chunks. Columns of the input are not copied: all rows of one record
// point at one text, so that only what leaves the dataflow grows with the number of elements.

import Bytes
import Plans
import Values

/// Makes a row of every element.
final class ExplodeOperator: Operator {
    /// CUBE_EXPLODE doubles its rows with each element; more elements than this fail.
    private static let cubeLimit = 20

    private let functions: [TableFunctionCall]
    private let kernels: [Kernel]
    private var frame: Frame
    private var batch = Batch()
    private var columns: [Column]

    /// The current batch while rows are left in it, those of its rows that have values, and what each function gave.
    private var input: Batch?
    private var rows = Selection.all(0)
    private var collections: [Column] = []
    /// The current row, by its place in `rows`; how long its results are, and which of their elements is next.
    private var nextRow = 0
    private var isRowBegun = false
    private var lengths: [Int] = []
    private var longest = 0
    private var nextElement = 0
    /// Bytes of text that the row's own columns repeat with each element.
    private var rowWeight = 0
    /// The chunk that is gathered: the input row of each new row, and for each function which element it shows (of a cube, the mask of
    /// shown elements); -1 for none.
    private var origins: [Int32] = []
    private var places: [[Int32]]

    /// `output` are the columns of the input, then one a function.
    init(
        _ functions: [TableFunctionCall], output: [SQLType], _ context: DataflowContext, next: Operator
    ) throws(DataflowError) {
        self.functions = functions
        var kernels: [Kernel] = []
        for function in functions {
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
        places = Array(repeating: [], count: kernels.count)
        columns = output.map { Column($0) }
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override var hasWork: Bool { input != nil }

    override func abandon() { input = nil }

    override func releaseMemory() {
        frame = Frame(environment: context.environment)
        batch = Batch()
        collections = []
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        rows = batch.hasValue.isEmpty ? batch.selection : batch.selection.filtered { batch.hasValue[$0] }
        frame.show(batch)
        frame.onFailure = { [context] row, message in
            context.errors.add(.expression, step: "FlatMap", column: nil, message: message, batch: batch, row: row)
        }
        defer { frame.onFailure = nil }
        collections = kernels.map { $0.evaluate(frame, rows) }
        input = batch
        nextRow = 0
        isRowBegun = false
        try resume()
    }

    override func resume() throws(DataflowError) {
        while let input {
            gatherChunk(input)
            if nextRow == rows.count { self.input = nil }
            if origins.isEmpty { continue }
            try emitChunk(input)
            if context.budget.isUsedUp { return }
        }
    }

    /// Chooses the rows of the next chunk.
    private func gatherChunk(_ input: Batch) {
        origins.removeAll(keepingCapacity: true)
        for index in places.indices { places[index].removeAll(keepingCapacity: true) }
        var weight = 0
        while nextRow < rows.count {
            let row = rows[nextRow]
            if !isRowBegun { begin(row, input) }
            while nextElement < longest {
                if origins.count >= OutputLimits.chunkRows || weight >= OutputLimits.chunkBytes { return }
                weight += rowWeight + append(row)
                nextElement += 1
            }
            nextRow += 1
            isRowBegun = false
        }
    }

    private func begin(_ row: Int, _ input: Batch) {
        isRowBegun = true
        nextElement = 0
        lengths.removeAll(keepingCapacity: true)
        for index in collections.indices { lengths.append(length(function: index, of: collections[index], row, input)) }
        longest = lengths.max() ?? 0
        if longest > OutputLimits.rowsPerRecord {
            context.errors.add(
                .tooLarge, step: "FlatMap", column: nil, message: "the record makes more than \(OutputLimits.rowsPerRecord) rows", batch: input,
                row: row)
            longest = 0
        }
        rowWeight = longest == 0 ? 0 : input.columns.reduce(0) { $0 + ($1.count > 0 ? $1.weight(row) : 0) }
    }

    /// Adds the next element of the current row; gives the bytes of text that it shows.
    private func append(_ row: Int) -> Int {
        var weight = 0
        origins.append(Int32(truncatingIfNeeded: row))
        for index in collections.indices {
            guard nextElement < lengths[index] else {
                places[index].append(-1)
                continue
            }
            places[index].append(Int32(truncatingIfNeeded: nextElement))
            let collection = collections[index]
            if isCube(index) {
                weight += collection.weight(row)
            } else {
                weight += collection.children[0].weight(collection.elements(row).lowerBound + nextElement)
            }
        }
        return weight
    }

    private func emitChunk(_ input: Batch) throws(DataflowError) {
        batch.gatherRows(of: input, origins)
        batch.hasValue = []
        batch.columns.removeAll(keepingCapacity: true)
        for (index, column) in input.columns.enumerated() {
            // Columns that the query does not need are empty and stay so.
            if column.count > 0 { columns[index].gather(column, origins) } else { columns[index].reset(0) }
            batch.columns.append(columns[index])
        }
        for index in collections.indices {
            fill(columns[input.columns.count + index], function: index, collections[index], origins: origins, places: places[index])
            batch.columns.append(columns[input.columns.count + index])
        }
        context.budget.spend(rows: origins.count)
        try emit(batch)
    }

    private func isCube(_ index: Int) -> Bool { functions[index].function == "CUBE_EXPLODE" }

    private func length(function index: Int, of collection: Column, _ row: Int, _ input: Batch) -> Int {
        guard !collection.isNull(row) else { return 0 }
        let elements = collection.elements(row)
        guard isCube(index) else { return elements.count }
        guard elements.count <= ExplodeOperator.cubeLimit else {
            context.errors.add(
                .expression, step: "FlatMap", column: nil,
                message: "CUBE_EXPLODE of more than \(ExplodeOperator.cubeLimit) elements", batch: input, row: row)
            return 0
        }
        return elements.isEmpty ? 0 : 1 << elements.count { !collection.children[0].isNull($0) }
    }

    private func fill(_ column: Column, function index: Int, _ collection: Column, origins: [Int32], places: [Int32]) {
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
                if place >> Int32(truncatingIfNeeded: bit) & 1 == 1 { shown.copy(child, element, to: target) } else { shown.setNull(target) }
            }
            column.setRange(row, start: start, count: elements.count)
        }
    }
}
