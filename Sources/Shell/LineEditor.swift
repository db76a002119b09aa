// The prompt: libedit with history, incremental search, pasted entries of several lines and Tab completion. On an input that is no terminal
// it reads plain lines.

import CEdit
import Glibc
import Platform

/// What the editor's callbacks, which capture nothing, look at. There is one prompt in a process, used by its main thread alone.
private nonisolated(unsafe) var promptText: UnsafeMutablePointer<CChar>?
private nonisolated(unsafe) var completer: Completer?
private nonisolated(unsafe) var typed = TypedBytes()

/// Reads lines from a terminal.
@safe final class LineEditor {
    private let editor: OpaquePointer
    private let past: OpaquePointer
    private let historyPath: String?
    private var lastEntry: String?

    /// Entries that are kept, and how many the file has at most before it is written anew.
    private static let kept = 10_000, mostInFile = 15_000

    /// Opens the editor on the standard streams.
    init?(program: String, historyPath: String?, completer completing: Completer) {
        // Statements are UTF-8 whatever the locale of the terminal says; in the C locale libedit drops what is not ASCII.
        unsafe setlocale(LC_CTYPE, "C.UTF-8")
        guard let editor = unsafe millrace_el_init(program), let past = unsafe history_init() else { return nil }
        unsafe self.editor = editor
        unsafe self.past = past
        self.historyPath = historyPath
        unsafe completer = completing
        _ = unsafe millrace_history_size(past, Int32(clamping: LineEditor.kept))
        _ = unsafe millrace_history_unique(past)
        _ = unsafe millrace_el_set_prompt(editor) { _ in unsafe promptText }
        _ = unsafe millrace_el_set_reader(editor) { _, character in unsafe typed.read(into: character) }
        _ = unsafe millrace_el_set_editor(editor, "emacs")
        _ = unsafe millrace_el_set_history(editor, past)
        addFunctions()
        // What is typed ahead while a query runs outlives the Ctrl-C that ends it.
        _ = unsafe millrace_el_set_terminal(editor, "+noflsh")
        // The user's own ~/.editrc last, so that it wins.
        _ = unsafe el_source(editor, nil)
        if let historyPath {
            let count = unsafe millrace_history_load(past, historyPath)
            if Int(count) > LineEditor.mostInFile { _ = unsafe millrace_history_write(past, historyPath, 0) }
        }
    }

    private func addFunctions() {
        _ = unsafe millrace_el_add_function(editor, "millrace-complete", "complete a word") { editor, _ in unsafe completeWord(editor) }
        _ = unsafe millrace_el_add_function(editor, "millrace-paste", "take a pasted text") { editor, _ in unsafe takePaste(editor) }
        _ = unsafe millrace_el_add_function(editor, "millrace-ignore", "do nothing") { _, _ in UInt8(CC_NORM) }
        let keys = [
            ("^R", "em-inc-search-prev"), ("^I", "millrace-complete"), ("\\e[200~", "millrace-paste"),
            // Words by Ctrl and Alt with the arrows; what other keys send is not to be taken for text.
            ("\\e[1;5D", "ed-prev-word"), ("\\e[1;5C", "em-next-word"), ("\\e[1;3D", "ed-prev-word"), ("\\e[1;3C", "em-next-word"),
            ("\\e[5~", "ed-search-prev-history"), ("\\e[6~", "ed-search-next-history"), ("\\e[2~", "millrace-ignore"),
            ("\\e[1;5A", "millrace-ignore"), ("\\e[1;5B", "millrace-ignore"), ("\\e[1;2A", "millrace-ignore"), ("\\e[1;2B", "millrace-ignore"),
            ("\\e[1;2C", "millrace-ignore"), ("\\e[1;2D", "millrace-ignore"), ("\\e[15~", "millrace-ignore"), ("\\e[201~", "millrace-ignore"),
        ]
        for (key, command) in keys { _ = unsafe millrace_el_bind(editor, key, command) }
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

    /// What could not be taken of the last line as it was typed or pasted; nil when everything was.
    var lossOfLastLine: String? { unsafe typed.loss }

    /// Reads a line, or a pasted text of several.
    func read(prompt: String) -> Line {
        unsafe typed.loss = nil
        if let characters = Terminal.characters, characters > LineEditor.mostCharacters { return readUnedited(prompt) }
        unsafe free(promptText)
        unsafe promptText = strdup(prompt)
        var count: Int32 = 0
        // From here on the terminal puts marks around what is pasted.
        ByteStream.output.print("\u{1B}[?2004h")
        defer { ByteStream.output.print("\u{1B}[?2004l") }
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
        guard !entry.isEmpty, entry != lastEntry else { return }
        lastEntry = entry
        _ = unsafe millrace_history_enter(past, entry)
        if let historyPath { _ = unsafe millrace_history_write(past, historyPath, 1) }
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

/// The bytes of the terminal as characters. Nothing of them is left out in silence.
private struct TypedBytes {
    /// A byte that was read and is no part of the character before it.
    private var kept: UInt8?
    /// What could not be taken as it is.
    var loss: String?

    /// The next character: 1 when there is one, 0 at the end, -1 after an error or a signal, as libedit wants it.
    mutating func read(into character: UnsafeMutablePointer<wchar_t>?) -> Int32 {
        let (first, result) = next()
        guard result == 1, let character = unsafe character else { return result }
        let length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0
        var bytes = [first]
        while bytes.count < length {
            let (byte, result) = next()
            guard result == 1 else { return result }
            guard byte & 0xC0 == 0x80 else {
                kept = byte
                break
            }
            bytes.append(byte)
        }
        if first == 0 {
            loss = "zero characters stand as \u{FFFD} in it"
            unsafe character.pointee = 0xFFFD
            return 1
        }
        guard bytes.count == length, let scalar = String(validating: bytes, as: UTF8.self)?.unicodeScalars.first else {
            loss = "bytes that are no UTF-8 stand as \u{FFFD} in it"
            unsafe character.pointee = 0xFFFD
            return 1
        }
        unsafe character.pointee = wchar_t(bitPattern: scalar.value)
        return 1
    }

    private mutating func next() -> (byte: UInt8, result: Int32) {
        if let byte = kept {
            kept = nil
            return (byte, 1)
        }
        var byte: UInt8 = 0
        let count = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
        return (byte, count == 1 ? 1 : count == 0 ? 0 : -1)
    }
}

/// Bytes of the longest text that can be pasted: what one statement may have, some times over.
private let longestPaste = 64 << 20

/// Takes what stands between the marks that the terminal puts around a pasted text. It waits in the line until Enter is typed.
private func takePaste(_ editor: OpaquePointer?) -> UInt8 {
    guard let editor = unsafe editor else { return UInt8(CC_ERROR) }
    var text = String.UnicodeScalarView()
    let end = Array("\u{1B}[201~".unicodeScalars)
    while text.count < longestPaste {
        var character: wchar_t = 0
        guard unsafe el_wgetc(editor, &character) == 1 else { break }
        text.append(Unicode.Scalar(UInt32(bitPattern: character)) ?? "\u{FFFD}")
        if text.last == end.last, text.count >= end.count, text.suffix(end.count).elementsEqual(end) {
            text.removeLast(end.count)
            break
        }
    }
    var clean = String.UnicodeScalarView()
    for scalar in text {
        switch scalar {
        // Terminals send the ends of lines as Enter does.
        case "\r": clean.append("\n")
        case "\n", "\t": clean.append(scalar)
        case _ where scalar.value < 0x20 || scalar.value == 0x7F:
            unsafe typed.loss = "control characters stand as \u{FFFD} in it"
            clean.append("\u{FFFD}")
        default: clean.append(scalar)
        }
    }
    // The end of the last line is what Enter is for.
    if clean.last == "\n" { clean.removeLast() }
    return unsafe el_insertstr(editor, String(clean)) < 0 ? UInt8(CC_ERROR) : UInt8(CC_REFRESH)
}

/// Completes the word before the cursor: fully when there is one choice, as far as all choices agree otherwise, and lists them.
private func completeWord(_ editor: OpaquePointer?) -> UInt8 {
    guard let editor = unsafe editor, let info = unsafe el_line(editor), let completer = unsafe completer else { return UInt8(CC_ERROR) }
    let length = unsafe info.pointee.cursor - info.pointee.buffer
    let line = unsafe String(decoding: UnsafeRawBufferPointer(start: info.pointee.buffer, count: length), as: UTF8.self)
    let behind = unsafe info.pointee.lastchar - info.pointee.cursor
    let lineBehind = unsafe String(decoding: UnsafeRawBufferPointer(start: info.pointee.cursor, count: max(0, behind)), as: UTF8.self)
    let completion = completer.completion(of: line, before: lineBehind)
    if let note = completion.note {
        let columns = completion.choices.isEmpty ? "" : inColumns(completion.choices, width: Terminal.width ?? 80) + "\n"
        ByteStream.output.print("\n" + note + "\n" + columns)
        return UInt8(CC_REDISPLAY)
    }
    guard !completion.choices.isEmpty else { return UInt8(CC_ERROR) }
    let rest = completion.insertion
    if completion.choices.count > 1 && rest.isEmpty {
        ByteStream.output.print("\n" + inColumns(completion.choices, width: Terminal.width ?? 80) + "\n")
        return UInt8(CC_REDISPLAY)
    }
    _ = unsafe el_insertstr(editor, rest)
    return UInt8(CC_REFRESH)
}

/// Words in columns that fit a terminal, downwards.
private func inColumns(_ words: [String], width: Int) -> String {
    let cell = (words.map(\.count).max() ?? 0) + 2
    let columns = max(1, width / cell)
    let lines = (words.count + columns - 1) / columns
    return (0..<lines).map { line in
        var text = ""
        for index in stride(from: line, to: words.count, by: lines) {
            text += words[index] + String(repeating: " ", count: index + lines < words.count ? cell - words[index].count : 0)
        }
        return text
    }.joined(separator: "\n")
}
