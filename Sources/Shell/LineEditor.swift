// The prompt: libedit with history, incremental search, multi-line entries and Tab completion. On an input that is no terminal it
// reads plain lines.

import CEdit
import Glibc
import Platform

/// What the editor's callbacks, which capture nothing, look at. There is one prompt in a process, used by its main thread alone.
private nonisolated(unsafe) var promptText: UnsafeMutablePointer<CChar>?
private nonisolated(unsafe) var completer: ((_ line: String) -> [String])?

/// Reads lines from a terminal.
@safe final class LineEditor {
    private let editor: OpaquePointer
    private let past: OpaquePointer
    private let historyPath: String?

    /// Opens the editor on the standard streams. `complete` gives the words that the last word of a line may become.
    init?(program: String, historyPath: String?, complete: @escaping (_ line: String) -> [String]) {
        // Statements are UTF-8 whatever the locale of the terminal says; in the C locale libedit drops what is not ASCII.
        unsafe setlocale(LC_CTYPE, "C.UTF-8")
        guard let editor = unsafe millrace_el_init(program), let past = unsafe history_init() else { return nil }
        unsafe self.editor = editor
        unsafe self.past = past
        self.historyPath = historyPath
        unsafe completer = complete
        _ = unsafe millrace_history_size(past, 10_000)
        _ = unsafe millrace_history_unique(past)
        _ = unsafe millrace_el_set_prompt(editor) { _ in unsafe promptText }
        _ = unsafe millrace_el_set_editor(editor, "emacs")
        _ = unsafe millrace_el_set_history(editor, past)
        _ = unsafe millrace_el_bind(editor, "^R", "em-inc-search-prev")
        _ = unsafe millrace_el_add_function(editor, "millrace-complete", "complete a word") { editor, _ in unsafe completeWord(editor) }
        _ = unsafe millrace_el_bind(editor, "^I", "millrace-complete")
        // The user's own ~/.editrc last, so that it wins.
        _ = unsafe el_source(editor, nil)
        if let historyPath { _ = unsafe millrace_history_load(past, historyPath) }
    }

    deinit {
        unsafe history_end(past)
        unsafe el_end(editor)
        unsafe free(promptText)
        unsafe promptText = nil
        unsafe completer = nil
    }

    enum Line {
        case text(String)
        /// Ctrl-C: what was typed is to be forgotten.
        case interrupted
        case end
    }

    /// Characters of the largest terminal that lines are edited on: more than a wall of screens shows. The editor keeps two pictures
    /// of the whole terminal, and a terminal says what it likes: 65,535 by 65,535 would be 32 GiB.
    static let mostCharacters = 1 << 20

    func read(prompt: String) -> Line {
        if let characters = Terminal.characters, characters > LineEditor.mostCharacters { return readUnedited(prompt) }
        unsafe free(promptText)
        unsafe promptText = strdup(prompt)
        var count: Int32 = 0
        errno = 0
        guard let line = unsafe el_gets(editor, &count), count > 0 else { return errno == EINTR || count < 0 ? .interrupted : .end }
        return unsafe .text(String(cString: line))
    }

    /// A line as the terminal itself gives it, read as the editor reads, because the standard library goes on after an interrupt.
    private func readUnedited(_ prompt: String) -> Line {
        ByteStream.output.print(prompt)
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n") {
            var byte: UInt8 = 0
            let count = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0 { return errno == EINTR ? .interrupted : .end }
            if count == 0 { break }
            line.append(byte)
        }
        return line.isEmpty ? .end : .text(String(decoding: line, as: UTF8.self))
    }

    /// Remembers a whole entry, of one line or of many.
    func remember(_ entry: String) {
        guard !entry.isEmpty else { return }
        _ = unsafe millrace_history_enter(past, entry)
        if let historyPath { _ = unsafe millrace_history_save(past, historyPath) }
    }

    /// All remembered entries, oldest first.
    var entries: [String] {
        var result: [String] = []
        var entry = unsafe millrace_history_first(past)
        while let text = unsafe entry {
            unsafe result.append(String(cString: text))
            unsafe entry = millrace_history_next(past)
        }
        return result
    }
}

/// Completes the word before the cursor: fully when there is one choice, as far as all choices agree otherwise, and lists them.
private func completeWord(_ editor: OpaquePointer?) -> UInt8 {
    guard let editor = unsafe editor, let info = unsafe el_line(editor), let complete = unsafe completer else { return UInt8(CC_ERROR) }
    let length = unsafe info.pointee.cursor - info.pointee.buffer
    let line = unsafe String(decoding: UnsafeRawBufferPointer(start: info.pointee.buffer, count: length), as: UTF8.self)
    let choices = complete(line)
    guard let first = choices.first else { return UInt8(CC_ERROR) }
    let word = line.lastWord
    var common = first
    for choice in choices.dropFirst() { common = String(zip(common, choice).prefix { $0 == $1 }.map(\.0)) }
    let rest = String(common.dropFirst(word.count)) + (choices.count == 1 ? " " : "")
    if choices.count > 1 && rest.isEmpty {
        ByteStream.output.print("\n" + choices.joined(separator: "  ") + "\n")
        return UInt8(CC_REDISPLAY)
    }
    _ = unsafe el_insertstr(editor, rest)
    return UInt8(CC_REFRESH)
}

extension String {
    /// The letters, digits, `_`, `.`, `$` and `\` at the end.
    var lastWord: String {
        String(reversed().prefix { $0.isLetter || $0.isNumber || "_.$\\".contains($0) }.reversed())
    }
}
