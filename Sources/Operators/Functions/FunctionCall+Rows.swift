// How bodies fill their result column: one closure a row that appends a text, gives a word or a double, or appends elements; nil and false
// mean NULL, a thrown error means that the row fails.
//
// Results that would take more memory than a batch may are refused here, so that no argument can make the process run out of memory.

import Bytes
import Values

extension FunctionCall {
    /// Bytes of all texts of one batch's result.
    static let textLimit = 1 << 28
    /// Elements of all lists or maps of one batch's result.
    static let elementLimit = 1 << 24

    /// Whether argument `index` is NULL at `row`.
    @inline(__always) func isNull(_ index: Int, _ row: Int) -> Bool { arguments[index].isNull(row) }

    /// Fills a text result: `write` appends the row's text, and gives false for NULL.
    @inline(__always) func texts(_ write: (_ row: Int, _ bytes: inout [UInt8]) throws(EvaluationError) -> Bool) {
        var bytes: [UInt8] = []
        swap(&bytes, &result.bytes)
        rows.forEach { row in
            let start = bytes.count
            do throws(EvaluationError) {
                let isPresent = try write(row, &bytes)
                if bytes.count > FunctionCall.textLimit { throw EvaluationError("the texts of a batch get too long") }
                if isPresent {
                    result.ranges[row] = ByteRange(start: Int32(start), length: Int32(bytes.count - start))
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
        rows.forEach { row in
            let start = children[0].count
            do throws(EvaluationError) {
                let isPresent = try append(row, children)
                let count = children[0].count
                if count > FunctionCall.elementLimit { throw EvaluationError("the collections of a batch get too long") }
                if isPresent {
                    result.ranges[row] = ByteRange(start: Int32(start), length: Int32(count - start))
                } else {
                    result.setNull(row)
                }
            } catch {
                fail(row, error.message)
            }
        }
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
