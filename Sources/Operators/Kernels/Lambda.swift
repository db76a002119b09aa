// TRANSFORM, FILTER and REDUCE: the body of a lambda is evaluated once for the elements of all rows, not once an element. REDUCE goes step
// by step through the positions, over the rows that still have an element there.

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

/// The elements of a collection column, of many rows one after the other.
private struct FlatElements {
    /// For each element, its row.
    var owners: [Int32] = []
    var parts: [Column]

    /// None of the elements of rows that follow when `cancel` is set.
    init(_ collection: Column, _ rows: Selection, unless cancel: CancelFlag) {
        var owners: [Int32] = []
        var places: [Int32] = []
        rows.forEach { row in
            if cancel.isSet { return }
            for element in collection.elements(row) {
                owners.append(Int32(truncatingIfNeeded: row))
                places.append(Int32(truncatingIfNeeded: element))
            }
        }
        self.owners = owners
        parts = collection.children.map { child in
            let column = Column(child.type)
            column.gather(child, places)
            return column
        }
    }
}

/// TRANSFORM(array, f) and TRANSFORM(map, fk, fv): an error in any element fails the whole call.
final class TransformKernel: Kernel {
    private let collection: Kernel
    private let lambdas: [LambdaBody]

    init(_ collection: Kernel, _ lambdas: [LambdaBody], _ type: SQLType) {
        self.collection = collection
        self.lambdas = lambdas
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let source = collection.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = computable(rows, [source])
        let cancel = frame.pressure.cancel
        let flat = FlatElements(source, usable, unless: cancel)
        let inner = frame.inner(flat.owners)
        let all = Selection.all(flat.owners.count)
        let parts = lambdas.map { $0.evaluate(inner, all, flat.parts) }
        for part in parts where !part.failed.isEmpty {
            for (element, owner) in flat.owners.enumerated() where part.failed[element] { result.setFailed(Int(owner)) }
        }
        let mayBeLarge = result.children.contains(where: \.hasVariableWeight)
        var next = 0
        usable.forEach { row in
            let length = source.elements(row).count
            defer { next += length }
            if cancel.isSet { return result.setFailed(row) }
            if result.isFailed(row) { return }
            let start = result.children[0].count
            // A body such as `x => body` makes each element as large as a whole record.
            let before = mayBeLarge ? size : 0
            if before > frame.pressure.limit {
                frame.pressure.isOverfull = true
                return result.setFailed(row)
            }
            for element in next..<next + length {
                for (child, part) in zip(result.children, parts) { child.append(part, element) }
                if mayBeLarge, size - before > ValueLimit.bytes {
                    for child in result.children { child.truncate(to: start) }
                    return fail(frame, row, ValueLimit.message)
                }
            }
            result.setRange(row, start: start, count: length)
            if result.lane == .map, let problem = mapProblem(start, length, unless: cancel) { fail(frame, row, problem) }
        }
        return result
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
        let flat = FlatElements(source, usable, unless: cancel)
        let keeps = lambda.evaluate(frame.inner(flat.owners), .all(flat.owners.count), flat.parts)
        var next = 0
        usable.forEach { row in
            let length = source.elements(row).count
            defer { next += length }
            if cancel.isSet { return result.setFailed(row) }
            let start = result.children[0].count
            for element in next..<next + length {
                if keeps.isNull(element) {
                    if keeps.isFailed(element) { result.setFailed(row) } else { fail(frame, row, "a FILTER condition is null") }
                    return
                }
                guard keeps.words[element] != 0 else { continue }
                if result.lane == .map, flat.parts[1].isNull(element) { return fail(frame, row, "FILTER keeps a null map value") }
                for (child, part) in zip(result.children, flat.parts) { child.append(part, element) }
            }
            result.setRange(row, start: start, count: result.children[0].count - start)
        }
        return result
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
