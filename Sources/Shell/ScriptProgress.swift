// How far a script came before its mistake: who mends a script has to know what of it is done already.

import Diagnostics

/// The statements of a script that were carried out.
struct ScriptProgress {
    private var doneCount = 0
    /// The last text of which a statement was carried out, and how many were.
    private var lastDone: (text: String, count: Int)?
    /// The text with the mistake, and where in it that is, in bytes.
    private var mistake: (text: String, place: Int)?

    /// Statements were submitted, of which `doneCount` were carried out before the `failure`, if there was one.
    mutating func take(_ text: String, doneCount: Int, failure: Diagnostic?) {
        self.doneCount += doneCount
        if doneCount > 0 { lastDone = (text, doneCount) }
        if let place = failure?.range?.start { mistake = (text, place) }
    }

    /// Which statements were carried out; nil where that needs no word, because there were none before the mistake.
    var sentence: String? {
        guard let lastDone else {
            // A text is read as a whole before the first of its statements is carried out.
            guard let mistake, let second = Script(name: nil, text: mistake.text).pieces.dropFirst().first, second.start <= mistake.place else { return nil }
            return "Nothing was carried out: a text is read as a whole before its first statement is."
        }
        let pieces = Script(name: nil, text: lastDone.text).pieces
        let what = doneCount == 1 ? "1 statement before it was carried out" : "\(doneCount) statements before it were carried out"
        guard pieces.indices.contains(lastDone.count - 1) else { return what + "." }
        let last = pieces[lastDone.count - 1]
        let words = last.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return "\(what), \(doneCount == 1 ? "" : "the last of them ")on line \(last.line): \(words.count > 60 ? words.prefix(59) + "…" : words)"
    }
}
