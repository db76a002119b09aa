// TRANSFORM, FILTER and REDUCE: the body of a lambda is evaluated for thousands of elements of many rows at once, not once an element.
// REDUCE goes step by step through the positions, over the rows that still have an element there.

import Bytes
import Plans
import Values

/// The functions that take lambdas.
enum LambdaCall {
    /// Nil when the call has no lambda among its arguments.
    static func compile(_ name: String, _ arguments: [TypedExpression], _ type: SQLType) throws(DataflowError) -> Kernel? {
        // Before anything is compiled: the caller compiles the arguments again, which would double the work with each level.
        guard arguments.contains(where: { if case .lambda = $0.node { true } else { false } }) else { return nil }
        var plain: [Kernel] = []
        var lambdas: [LambdaBody] = []
        for argument in arguments {
            if case .lambda(let parameters, let body) = argument.node {
                lambdas.append(LambdaBody(slots: parameters.map(\.slot), kernel: try KernelCompiler.compile(body)))
            } else {
                plain.append(try KernelCompiler.argument(argument))
            }
        }
        switch (name, plain.count, lambdas.count) {
        case ("TRANSFORM", 1, 1), ("TRANSFORM", 1, 2): return TransformKernel(plain[0], lambdas, type)
        case ("FILTER", 1, 1): return KeepKernel(plain[0], lambdas[0], type)
        case ("REDUCE", 2, 1): return ReduceKernel(plain[0], initial: plain[1], lambda: lambdas[0], type)
        default: throw DataflowError("function \(name) takes no lambda")
        }
    }
}

/// `(x, y) => body`
struct LambdaBody {
    let slots: [Int]
    let kernel: Kernel

    /// Evaluates the body for all of `frame` with these parameters.
    func evaluate(_ frame: Frame, _ rows: Selection, _ parameters: [Column]) -> Column {
        for (slot, column) in zip(slots, parameters) {
            if frame.slots.count <= slot { frame.slots.append(contentsOf: repeatElement(nil, count: slot + 1 - frame.slots.count)) }
            frame.slots[slot] = column
        }
        return kernel.evaluate(frame, rows)
    }
}

/// Elements of a collection column, of rows one after the other.
private struct FlatElements {
    /// Elements for which a body is evaluated at once: many enough that what a call of a kernel costs does not count, few enough that the
    /// work is looked after every few milliseconds and the columns of the body fit a cache, however long the collections are.
    static let mostElements = 1 << 14
    /// Elements of the first piece where each of them may become as large as a whole record.
    static let fewElements = 16
    /// Bytes of what a body makes of a piece above which the next one is smaller, and below a quarter of which it is larger.
    private static let pieceBytes = 1 << 20

    /// For each element, its row.
    let owners: [Int32]
    let parts: [Column]

    private init(_ collection: Column, owners: [Int32], places: [Int32]) {
        self.owners = owners
        parts = collection.children.map { child in
            let column = Column(child.type)
            column.gather(child, places)
            return column
        }
    }

    /// Gives `body` the elements of the rows in order, in pieces of `size` elements, which it changes by how many bytes `body` says that it has
    /// made; a row may be in several. Elements of a row that `isOver` are left out from the next piece on, and all that are left when `cancel`
    /// is set.
    static func forEachPiece(
        of collection: Column, _ rows: Selection, size: inout Int, unless cancel: CancelFlag, isOver: (_ row: Int) -> Bool,
        _ body: (FlatElements) -> Int
    ) {
        var owners: [Int32] = []
        var places: [Int32] = []
        func hand() {
            if !owners.isEmpty, !cancel.isSet {
                let bytes = body(FlatElements(collection, owners: owners, places: places))
                if bytes > pieceBytes {
                    size = max(1, size / 4)
                } else if bytes < pieceBytes / 4, owners.count == size {
                    size = min(mostElements, size * 2)
                }
            }
            owners.removeAll(keepingCapacity: true)
            places.removeAll(keepingCapacity: true)
        }
        rows.forEach { row in
            if cancel.isSet { return }
            for element in collection.elements(row) {
                owners.append(Int32(truncatingIfNeeded: row))
                places.append(Int32(truncatingIfNeeded: element))
                guard owners.count >= size else { continue }
                hand()
                if cancel.isSet || isOver(row) { return }
            }
        }
        hand()
    }
}

/// The row whose elements are being put into a result, piece by piece.
private struct RowUnderWay {
    var row: Int
    /// Elements of the result when the row began.
    var start: Int
    /// Bytes of the result when the row began.
    var size: Int
    /// The row has failed: nothing more of it is put in.
    var isOver = false
}

/// TRANSFORM(array, f) and TRANSFORM(map, fk, fv): an error in any element fails the whole call.
final class TransformKernel: Kernel {
    private let collection: Kernel
    private let lambdas: [LambdaBody]
    /// Elements of the next piece, by how large those of the pieces before were.
    private var pieceSize = FlatElements.mostElements
    private var mayBeLarge: Bool { result.children.contains(where: \.hasVariableWeight) }

    init(_ collection: Kernel, _ lambdas: [LambdaBody], _ type: SQLType) {
        self.collection = collection
        self.lambdas = lambdas
        super.init(type)
        if mayBeLarge { pieceSize = FlatElements.fewElements }
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let source = collection.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = computable(rows, [source])
        let cancel = frame.pressure.cancel
        let mayBeLarge = mayBeLarge
        usable.forEach { row in result.setRange(row, start: 0, count: 0) }
        var current: RowUnderWay?
        var size = pieceSize
        FlatElements.forEachPiece(
            of: source, usable, size: &size, unless: cancel, isOver: { current?.row == $0 && current?.isOver == true }
        ) { flat in
            let inner = frame.inner(flat.owners)
            let all = Selection.all(flat.owners.count)
            let parts = lambdas.map { $0.evaluate(inner, all, flat.parts) }
            if cancel.isSet { return 0 }
            for (element, owner) in flat.owners.enumerated() {
                if current?.row != Int(owner) {
                    finish(current, frame)
                    current = begin(Int(owner), frame, mayBeLarge)
                }
                add(parts, element, to: &current, frame, mayBeLarge)
            }
            return mayBeLarge ? parts.reduce(0) { $0 + $1.contentSize } : 0
        }
        pieceSize = size
        if cancel.isSet { usable.forEach { result.setFailed($0) } } else { finish(current, frame) }
        return result
    }

    private func begin(_ row: Int, _ frame: Frame, _ mayBeLarge: Bool) -> RowUnderWay {
        // A body such as `x => body` makes each element as large as a whole record.
        var current = RowUnderWay(row: row, start: result.children[0].count, size: mayBeLarge ? size : 0)
        if current.size > frame.pressure.limit {
            frame.pressure.isOverfull = true
            result.setFailed(row)
            current.isOver = true
        }
        return current
    }

    private func add(_ parts: [Column], _ element: Int, to current: inout RowUnderWay?, _ frame: Frame, _ mayBeLarge: Bool) {
        guard let under = current, !under.isOver else { return }
        if parts.contains(where: { $0.isFailed(element) }) {
            result.setFailed(under.row)
        } else {
            for (child, part) in zip(result.children, parts) { child.append(part, element) }
            guard mayBeLarge, size - under.size > ValueLimit.bytes else { return }
            fail(frame, under.row, ValueLimit.message)
        }
        for child in result.children { child.truncate(to: under.start) }
        current?.isOver = true
    }

    private func finish(_ current: RowUnderWay?, _ frame: Frame) {
        guard let current, !current.isOver else { return }
        let length = result.children[0].count - current.start
        result.setRange(current.row, start: current.start, count: length)
        if result.lane == .map, let problem = mapProblem(current.start, length, unless: frame.pressure.cancel) {
            fail(frame, current.row, problem)
        }
    }

    /// Bytes of all elements so far.
    private var size: Int { result.children.reduce(0) { $0 + $1.contentSize } }

    private func mapProblem(_ start: Int, _ length: Int, unless cancel: CancelFlag) -> String? {
        let keys = result.children[0]
        let values = result.children[1]
        var seen: Set<Value> = []
        for entry in start..<start + length {
            if cancel.isSet(at: entry) { return nil }
            if values.isNull(entry) { return "TRANSFORM gives a null map value" }
            if !seen.insert(keys.value(entry)).inserted { return "TRANSFORM gives the same map key twice" }
        }
        return nil
    }
}

/// FILTER(array, f) and FILTER(map, f).
final class KeepKernel: Kernel {
    private let collection: Kernel
    private let lambda: LambdaBody

    init(_ collection: Kernel, _ lambda: LambdaBody, _ type: SQLType) {
        self.collection = collection
        self.lambda = lambda
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let source = collection.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = computable(rows, [source])
        let cancel = frame.pressure.cancel
        usable.forEach { row in result.setRange(row, start: 0, count: 0) }
        var current: RowUnderWay?
        var size = FlatElements.mostElements
        FlatElements.forEachPiece(
            of: source, usable, size: &size, unless: cancel, isOver: { current?.row == $0 && current?.isOver == true }
        ) { flat in
            let keeps = lambda.evaluate(frame.inner(flat.owners), .all(flat.owners.count), flat.parts)
            if cancel.isSet { return 0 }
            for (element, owner) in flat.owners.enumerated() {
                if current?.row != Int(owner) {
                    finish(current)
                    current = RowUnderWay(row: Int(owner), start: result.children[0].count, size: 0)
                }
                add(flat, element, if: keeps, to: &current, frame)
            }
            return 0
        }
        if cancel.isSet { usable.forEach { result.setFailed($0) } } else { finish(current) }
        return result
    }

    private func add(_ flat: FlatElements, _ element: Int, if keeps: Column, to current: inout RowUnderWay?, _ frame: Frame) {
        guard let under = current, !under.isOver else { return }
        if keeps.isNull(element) {
            if keeps.isFailed(element) { result.setFailed(under.row) } else { fail(frame, under.row, "a FILTER condition is null") }
        } else if keeps.words[element] == 0 {
            return
        } else if result.lane == .map, flat.parts[1].isNull(element) {
            fail(frame, under.row, "FILTER keeps a null map value")
        } else {
            for (child, part) in zip(result.children, flat.parts) { child.append(part, element) }
            return
        }
        for child in result.children { child.truncate(to: under.start) }
        current?.isOver = true
    }

    private func finish(_ current: RowUnderWay?) {
        guard let current, !current.isOver else { return }
        result.setRange(current.row, start: current.start, count: result.children[0].count - current.start)
    }
}

/// REDUCE(array or map, init, f).
final class ReduceKernel: Kernel {
    private let collection: Kernel, initial: Kernel
    private let lambda: LambdaBody

    init(_ collection: Kernel, initial: Kernel, lambda: LambdaBody, _ type: SQLType) {
        self.collection = collection
        self.initial = initial
        self.lambda = lambda
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        var source = collection.evaluate(frame, rows)
        let start = initial.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = unfailed(rows, [source, start])
        let cancel = frame.pressure.cancel
        if source.lane == .map { source = MapOrder.arranged(source, usable.withoutNulls(source)) }
        // Rows that still have an element at `position`. Each step costs what these rows cost, so that one long list among short ones does
        // not cost its length times the batch.
        var active: [Int32] = []
        usable.forEach { row in
            if source.isNull(row) || start.isNull(row) || source.elements(row).isEmpty {
                result.copy(start, row, to: row)
            } else {
                active.append(Int32(truncatingIfNeeded: row))
            }
        }
        var state = gathered(start, active)
        var inner = frame.inner(active)
        var position: Int32 = 0
        while !active.isEmpty {
            if cancel.isSet {
                for row in active { result.setFailed(Int(row)) }
                break
            }
            let places = active.map { source.ranges[Int($0)].start + position }
            let next = lambda.evaluate(inner, .all(active.count), [state] + source.children.map { gathered($0, places) })
            position += 1
            var staying: [Int32] = []
            for (place, row) in active.enumerated() {
                if next.isFailed(place) {
                    result.setFailed(Int(row))
                } else if position < source.ranges[Int(row)].length {
                    staying.append(Int32(truncatingIfNeeded: place))
                } else {
                    result.copy(next, place, to: Int(row))
                }
            }
            // A copy, because the body's columns are filled anew in the next step.
            state = Column(result.type)
            state.copyRows(of: next, staying)
            guard staying.count < active.count else { continue }
            active = staying.map { active[Int($0)] }
            inner = frame.inner(active)
        }
        return result
    }

    private func gathered(_ column: Column, _ rows: [Int32]) -> Column {
        let result = Column(column.type)
        result.gather(column, rows)
        return result
    }
}
