// How bodies fill their result column: one closure a row that appends a text, gives a word or a double, or appends elements; nil and false
// mean NULL, a thrown error means that the row fails.
//
// Two limits keep every argument from making the process run out of memory. A value that is larger than one may be is an error of its row,
// whatever else is in the batch. A batch whose values together are too large is no error of any row: it is computed again in parts.
//
// What can take long for one batch looks whether the work was cancelled: the helpers here once a row, loops within one value every so many
// elements. What is left out then does not count, because the dataflow throws as soon as the operator at hand returns.

import Bytes
import Values

/// How large values may get that expressions make.
enum ValueLimit {
    /// Bytes of one value: the limit of a row that is sent to a client, so that no client could receive a larger one.
    static let bytes = 16 << 20
    /// Elements of a list of numbers of that size.
    static let elements = bytes / 8
    /// Bytes of all values of one kernel for the rows of a batch that are computed together: several of the largest.
    static let partBytes = 4 * bytes
    /// Bytes of all values of one kernel for a batch that cannot be computed in parts: far from 2 GiB, where places end.
    static let batchBytes = 1 << 30

    /// What to say of a value that is too large.
    static let message = "the value has more than \(bytes >> 20) MiB"
}

/// Why the expressions of a batch leave rows out, so that nothing of the batch counts: they have made more than one batch may hold, or the
/// work is to end.
final class EvaluationPressure {
    var isOverfull = false
    /// Set by any thread; the dataflow's.
    var cancel = CancelFlag()
    @inline(__always) var isCancelled: Bool { cancel.isSet }
    /// Bytes of all values of a kernel above which no more rows are computed.
    var limit = ValueLimit.batchBytes
}

extension FunctionCall {
    /// Whether argument `index` is NULL at `row`.
    @inline(__always) func isNull(_ index: Int, _ row: Int) -> Bool { arguments[index].isNull(row) }

    /// Fills a text result: `write` appends the row's text, and gives false for NULL.
    @inline(__always) func texts(_ write: (_ row: Int, _ bytes: inout [UInt8]) throws(EvaluationError) -> Bool) {
        let limit = frame.pressure.limit
        let cancel = frame.pressure.cancel
        var bytes: [UInt8] = []
        swap(&bytes, &result.bytes)
        rows.forEach { row in
            let start = bytes.count
            guard start <= limit, !cancel.isSet else { return postpone(row, isTooMuch: start > limit) }
            do throws(EvaluationError) {
                let isPresent = try write(row, &bytes)
                if bytes.count - start > ValueLimit.bytes { throw EvaluationError(ValueLimit.message) }
                if isPresent {
                    result.setRange(row, start: start, count: bytes.count - start)
                } else {
                    bytes.removeLast(bytes.count - start)
                    result.setNull(row)
                }
            } catch {
                bytes.removeLast(bytes.count - start)
                fail(row, error.message)
            }
        }
        swap(&bytes, &result.bytes)
    }

    /// Fills a result of 64-bit words.
    @inline(__always) func words(_ compute: (_ row: Int) throws(EvaluationError) -> Int64?) {
        rows.forEach { row in
            do throws(EvaluationError) {
                if let word = try compute(row) { result.words[row] = word } else { result.setNull(row) }
            } catch {
                fail(row, error.message)
            }
        }
    }

    /// Fills a result of doubles.
    @inline(__always) func doubles(_ compute: (_ row: Int) throws(EvaluationError) -> Double?) {
        rows.forEach { row in
            do throws(EvaluationError) {
                if let value = try compute(row) { result.doubles[row] = value } else { result.setNull(row) }
            } catch {
                fail(row, error.message)
            }
        }
    }

    /// Fills a result of lists or maps: `append` appends the row's elements to the children, and gives false for NULL.
    @inline(__always) func lists(_ append: (_ row: Int, _ children: [Column]) throws(EvaluationError) -> Bool) {
        let children = result.children
        let limit = frame.pressure.limit
        let cancel = frame.pressure.cancel
        var size = 0
        rows.forEach { row in
            let start = children[0].count
            let before = size
            guard before <= limit, !cancel.isSet else { return postpone(row, isTooMuch: before > limit) }
            do throws(EvaluationError) {
                let isPresent = try append(row, children)
                size = children.reduce(0) { $0 + $1.contentSize }
                if size - before > ValueLimit.bytes { throw EvaluationError(ValueLimit.message) }
                if isPresent {
                    result.setRange(row, start: start, count: children[0].count - start)
                } else {
                    result.setNull(row)
                }
            } catch {
                for child in children { child.truncate(to: start) }
                size = before
                fail(row, error.message)
            }
        }
    }
}

extension FunctionCall {
    /// Whether the work was cancelled: what is computed from now on does not count.
    var isCancelled: Bool { frame.pressure.isCancelled }

    /// The same within the loop of one value, looked at once in 1,024 places.
    @inline(__always) func isCancelled(at place: Int) -> Bool { frame.pressure.cancel.isSet(at: place) }

    /// Sorts what may be many items of one value. Throws when the work is cancelled meanwhile.
    func sorted<Item>(_ items: [Item], by comesFirst: (Item, Item) -> Bool) throws(EvaluationError) -> [Item] {
        let cancel = frame.pressure.cancel
        let ended = EvaluationError("the work was cancelled")
        var comparisons = 0
        do {
            return try items.sorted { first, second in
                comparisons &+= 1
                if cancel.isSet(at: comparisons) { throw ended }
                return comesFirst(first, second)
            }
        } catch {
            throw ended
        }
    }

    /// The batch has become too large, and the row is computed again in a smaller one; or the work was cancelled.
    private func postpone(_ row: Int, isTooMuch: Bool) {
        if isTooMuch { frame.pressure.isOverfull = true }
        result.setFailed(row)
    }
}

/// What was compiled last from an argument's text. Patterns, zones, paths and encodings are nearly always literals, so that one entry
/// means one compilation a query.
final class Recent<Compiled> {
    private var text: [UInt8] = []
    private var outcome: Result<Compiled, EvaluationError>?

    func get(_ text: ArraySlice<UInt8>, _ make: (ArraySlice<UInt8>) throws(EvaluationError) -> Compiled) throws(EvaluationError) -> Compiled
    {
        if let outcome, self.text[...] == text { return try outcome.get() }
        self.text = Array(text)
        do throws(EvaluationError) {
            let compiled = try make(text)
            outcome = .success(compiled)
            return compiled
        } catch {
            outcome = .failure(error)
            throw error
        }
    }
}

/// The text of a message or of a rare, slow function.
func string(_ text: some Collection<UInt8>) -> String { String(decoding: text, as: UTF8.self) }
