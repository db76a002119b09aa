// Regular expressions through PCRE2: UTF-8, JIT, and a match limit, so that matching always ends.

import CPCRE2
import Values

/// A compiled pattern and the last match. One owner, one thread.
@safe final class RegularExpression {
    private let code: OpaquePointer
    private let matchData: OpaquePointer
    private let context: OpaquePointer
    /// Memory of the compiled matcher; nil without JIT.
    private let stack: OpaquePointer?
    /// Number of capturing groups.
    let groupCount: Int
    private var captured = 0

    /// Backtracking steps after which a match is given up as an evaluation error.
    static let matchLimit: UInt32 = 1_000_000
    /// Bytes of matcher memory at first and at most.
    private static let stackSizes = (first: 32 << 10, most: 1 << 20)

    /// A pattern in Java's syntax. Throws when it is malformed.
    init(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) {
        let translated = try JavaPattern.translated(pattern)
        var errorCode: Int32 = 0
        var errorOffset = 0
        // An empty pattern, and an empty text below, must still have an address.
        let source = translated.isEmpty ? [0] : translated
        let compiled = unsafe source.withUnsafeBufferPointer { bytes in
            unsafe pcre2_compile_8(
                bytes.baseAddress, translated.count, UInt32(PCRE2_UTF) | UInt32(PCRE2_NEVER_BACKSLASH_C), &errorCode, &errorOffset, nil)
        }
        guard let compiled = unsafe compiled else {
            throw EvaluationError("the regular expression '\(string(pattern))' is malformed at position \(errorOffset)")
        }
        guard let data = unsafe pcre2_match_data_create_from_pattern_8(compiled, nil) else {
            unsafe pcre2_code_free_8(compiled)
            throw EvaluationError("no memory for a regular expression")
        }
        guard let context = unsafe pcre2_match_context_create_8(nil) else {
            unsafe pcre2_match_data_free_8(data)
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

    /// Looks for the first match in `text` at or after the byte offset `start`, counted from the text's own start; `range` tells where it
    /// is. The text is checked to be UTF-8 unless it `isChecked`.
    func find(in text: ArraySlice<UInt8>, from start: Int = 0, isChecked: Bool = false) throws(EvaluationError) -> Bool {
        let options = isChecked ? UInt32(PCRE2_NO_UTF_CHECK) : 0
        let subject = text.isEmpty ? [0] : text
        let outcome = unsafe subject.withUnsafeBufferPointer { bytes in
            let first = unsafe pcre2_match_8(code, bytes.baseAddress, text.count, start, options, matchData, context)
            if first != PCRE2_ERROR_JIT_STACKLIMIT { return first }
            // The interpreter keeps its backtracking in the heap.
            return unsafe pcre2_match_8(code, bytes.baseAddress, text.count, start, options | UInt32(PCRE2_NO_JIT), matchData, context)
        }
        captured = max(0, Int(outcome))
        if outcome == PCRE2_ERROR_NOMATCH { return false }
        guard outcome > 0 else {
            throw EvaluationError(
                outcome == PCRE2_ERROR_MATCHLIMIT || outcome == PCRE2_ERROR_HEAPLIMIT
                    ? "the regular expression takes too many steps" : "the regular expression cannot be matched")
        }
        return true
    }

    /// Where the last match (group 0) or one of its groups is, as byte offsets from the text's start; nil for a group that took no part.
    func range(_ group: Int) -> Range<Int>? {
        guard group < captured, let vector = unsafe pcre2_get_ovector_pointer_8(matchData) else { return nil }
        let low = unsafe vector[2 * group]
        let high = unsafe vector[2 * group + 1]
        return low >= 0 && low <= high ? low..<high : nil
    }

    /// The number of a named group.
    func group(named name: String) -> Int? {
        let number = unsafe name.withCString { text in
            unsafe text.withMemoryRebound(to: UInt8.self, capacity: name.utf8.count + 1) { bytes in
                unsafe pcre2_substring_number_from_name_8(code, bytes)
            }
        }
        return number > 0 ? Int(number) : nil
    }

    /// Gives `visit` the range of each match, one after the other, until it says false or `cancel` is set. After an empty match the search
    /// goes on one character later.
    func forEachMatch(
        in text: ArraySlice<UInt8>, unless cancel: CancelFlag, _ visit: (Range<Int>) throws(EvaluationError) -> Bool
    ) throws(EvaluationError) {
        var start = 0
        var isChecked = false
        while !cancel.isSet, start <= text.count, try find(in: text, from: start, isChecked: isChecked), let range = range(0) {
            isChecked = true
            guard try visit(range) else { return }
            start = range.upperBound
            if range.isEmpty {
                start += 1
                while start < text.count, text[text.startIndex + start] & 0xC0 == 0x80 { start += 1 }
            }
        }
    }
}
