// What the operator of a server is told when its script is not carried out to its end: the place in the file, how far it got, and what to
// do about it.

import Catalog
package import Diagnostics

extension Diagnostic {
    /// The error of a text that begins at a line of a script, with its place there in front: `queries.sql:3: …`.
    package func located(inScript name: String, fromLine first: Int) -> Diagnostic {
        var failure = self
        failure.message = "\(name):\(line(fromLine: first)): \(Diagnostic.withoutPlace(message))"
        // The place is one of the statement's text, which the reader of the message does not see.
        failure.range = nil
        return failure
    }

    /// The line of the script on which the mistake is.
    private func line(fromLine first: Int) -> Int { range.map { first + $0.line - 1 } ?? first }

    /// A message without the place in its statement that some begin with.
    private static func withoutPlace(_ message: String) -> String {
        for form in ["line #:#: ", "Line: #, Col: #: "] {
            if let rest = rest(of: message, behind: form) { return rest }
        }
        return message
    }

    /// What follows a beginning of the form, in which # stands for a number; nil for a text that begins otherwise.
    private static func rest(of text: String, behind form: String) -> String? {
        var rest = Substring(text)
        for sign in form {
            let taken = sign == "#" ? rest.prefix(while: \.isNumber) : rest.prefix(rest.first == sign ? 1 : 0)
            if taken.isEmpty { return nil }
            rest = rest.dropFirst(taken.count)
        }
        return String(rest)
    }
}

extension ScriptRun {
    /// The error of the statement at an index, at which the script `name` ends. `lines` has the line of the file, from 1, on which each
    /// statement begins.
    package func failure(_ failure: Diagnostic, at index: Int, lines: [Int], in name: String) -> Diagnostic {
        guard lines.indices.contains(index) else { return failure }
        var told = failure.located(inScript: name, fromLine: lines[index])
        told.message += "\n" + progress(before: index, fromLine: lines[index])
        if failure.code == .duplicateSource || failure.code == .duplicateType {
            told.hint = duplicateHint(at: index, lines) ?? failure.hint
        }
        return told
    }

    private func progress(before index: Int, fromLine line: Int) -> String {
        switch index {
        case 0: "No statement of the file has been carried out"
        case 1: "Statement 1 of the file has been carried out, those from line \(line) on have not"
        default: "Statements 1–\(index) of the file have been carried out, those from line \(line) on have not"
        }
    }

    /// What to do about a statement that makes what exists already: that may have been made by the file itself, or by another statement at
    /// an earlier start; nil where neither is so.
    private func duplicateHint(at index: Int, _ lines: [Int]) -> String? {
        switch plan.maker(ofDuplicate: index) {
        case .statement(let first)?:
            "Line \(lines[first]) of the file makes it already: take one of the two out, or put a DROP between them."
        case .earlierStart?:
            "The data directory has it from an earlier start, made by another statement. Undo the change, write CREATE OR REPLACE "
                + "for a change that goes on with the old state, or put a DROP in front of the statement; then start the server again."
        case nil: nil
        }
    }
}

extension ScriptPlan {
    /// Where what a statement was to make comes from, when it exists already.
    enum Maker {
        /// The statement of the script at this index.
        case statement(Int)
        case earlierStart
    }

    /// What made the thing that the statement at an index makes once more; nil when that is not known.
    fileprivate func maker(ofDuplicate index: Int) -> Maker? {
        guard let subject = statements[index].subject else { return nil }
        let before = statements[..<index].lastIndex { $0.subject == subject && ($0.isCreate || $0.isDrop) }
        if let before, statements[before].isCreate { return .statement(before) }
        return existedAtStart(subject) ? .earlierStart : nil
    }
}
