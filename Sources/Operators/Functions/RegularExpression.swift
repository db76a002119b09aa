// Regular expressions through PCRE2: UTF-8, JIT, and a match limit, so that no pattern can hold a core for ever.

import Bytes
import CPCRE2
import Values

/// A compiled pattern. One owner, one thread.
@safe final class RegularExpression {
    private let code: OpaquePointer
    private let matchData: OpaquePointer
    private let context: OpaquePointer
    /// Memory of the compiled matcher; nil without JIT.
    private let stack: OpaquePointer?
    /// Number of capturing groups.
    let groupCount: Int

    /// Backtracking steps after which a match is given up as an evaluation error.
    static let matchLimit: UInt32 = 1_000_000
    /// Bytes of matcher memory at first and at most.
    private static let stackSizes = (first: 32 << 10, most: 1 << 20)

    init(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) {
        var errorCode: Int32 = 0
        var errorOffset = 0
        let source = pattern.isEmpty ? [0] : pattern
        let compiled = unsafe source.withUnsafeBufferPointer { bytes in
            unsafe pcre2_compile_8(
                bytes.baseAddress, pattern.count, UInt32(PCRE2_UTF) | UInt32(PCRE2_NEVER_BACKSLASH_C), &errorCode, &errorOffset, nil)
        }
        guard let compiled = unsafe compiled else {
            throw EvaluationError("the regular expression is malformed at position \(errorOffset)")
        }
        guard let data = unsafe pcre2_match_data_create_from_pattern_8(compiled, nil),
            let context = unsafe pcre2_match_context_create_8(nil)
        else {
            unsafe pcre2_code_free_8(compiled)
            throw EvaluationError("no memory for a regular expression")
        }
        unsafe pcre2_set_match_limit_8(context, RegularExpression.matchLimit)
        // Without JIT support the interpreter does the work.
        _ = unsafe pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
        let stack = unsafe pcre2_jit_stack_create_8(RegularExpression.stackSizes.first, RegularExpression.stackSizes.most, nil)
        unsafe pcre2_jit_stack_assign_8(context, nil, stack.map { unsafe UnsafeMutableRawPointer($0) })
        var groups: UInt32 = 0
        _ = unsafe pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &groups)
        unsafe self.code = compiled
        unsafe self.matchData = data
        unsafe self.context = context
        unsafe self.stack = stack
        groupCount = Int(groups)
    }

    deinit {
        unsafe pcre2_match_data_free_8(matchData)
        unsafe pcre2_match_context_free_8(context)
        unsafe pcre2_jit_stack_free_8(stack)
        unsafe pcre2_code_free_8(code)
    }

    /// The first match in `text` at or after the byte offset `start` (counted from the text's own start): the ranges of the whole match
    /// and of each group, nil for a group that took no part. Nil without a match.
    func firstMatch(in text: ArraySlice<UInt8>, from start: Int = 0) throws(EvaluationError) -> [Range<Int>?]? {
        // An empty text must still have an address.
        let subject = text.isEmpty ? [0] : text
        let outcome = unsafe subject.withUnsafeBufferPointer { bytes in
            unsafe pcre2_match_8(code, bytes.baseAddress, text.count, start, 0, matchData, context)
        }
        if outcome == PCRE2_ERROR_NOMATCH { return nil }
        guard outcome > 0 else {
            throw EvaluationError(
                outcome == PCRE2_ERROR_MATCHLIMIT
                    ? "the regular expression takes too many steps" : "the regular expression cannot be matched")
        }
        guard let vector = unsafe pcre2_get_ovector_pointer_8(matchData) else { return nil }
        return (0...groupCount).map { group in
            let low = unsafe vector[2 * group]
            let high = unsafe vector[2 * group + 1]
            return group < Int(outcome) && low != Int.max && low <= high && low >= 0 ? low..<high : nil
        }
    }
}

/// The last pattern of a call: patterns are nearly always literals.
final class PatternCache {
    private var text: [UInt8] = []
    private var compiled: Result<RegularExpression, EvaluationError>?

    func expression(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) -> RegularExpression {
        if let compiled, text[...] == pattern { return try compiled.get() }
        text = Array(pattern)
        do throws(EvaluationError) {
            let expression = try RegularExpression(pattern)
            compiled = .success(expression)
            return expression
        } catch {
            compiled = .failure(error)
            throw error
        }
    }
}

extension FunctionLibrary {
    static let patterns: [FunctionBody] = [
        FunctionBody("REGEXP_EXTRACT", [.string, .string], .prepared { _, _ in regexpExtract() }),
        FunctionBody("REGEXP_EXTRACT", [.string, .string, .integer], .prepared { _, _ in regexpExtract() }),
    ]

    /// REGEXP_EXTRACT(pattern, input[, group]): the result points into the input's bytes.
    private static func regexpExtract() -> (FunctionCall) -> Void {
        let cache = PatternCache()
        return { call in
            let input = call.arguments[1]
            let result = call.result
            result.bytes = input.bytes
            result.isView = true
            call.rows.forEach { row in
                do throws(EvaluationError) {
                    let text = input.text(row)
                    let expression = try cache.expression(call.arguments[0].text(row))
                    let group = call.arguments.count > 2 ? Int(call.arguments[2].words[row]) : 0
                    if group < 0 { throw EvaluationError("a group number is negative") }
                    guard group <= expression.groupCount, let groups = try expression.firstMatch(in: text), let range = groups[group] else {
                        return result.setNull(row)
                    }
                    result.ranges[row] = .init(start: Int32(text.startIndex + range.lowerBound), length: Int32(range.count))
                } catch {
                    call.fail(row, error.message)
                }
            }
        }
    }
}
