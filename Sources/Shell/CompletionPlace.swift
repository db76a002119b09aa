// Where the cursor is in a statement that is being typed: the word before it, and the words before that.

import Syntax

/// A place behind a text.
struct CompletionPlace {
    /// The word that the cursor is at the end of; empty behind a blank.
    private(set) var word = ""
    /// What comes before that in the same statement, in capitals: words, and signs each for itself. A command's first word is as it was typed.
    private(set) var words: [String] = []
    /// The quote that is open, of which `word` is the text.
    private(set) var quote: Character?
    private(set) var isComment = false
    /// How many parentheses are open.
    private(set) var depth = 0
    /// Whether the statement began with small letters.
    private(set) var isLower = false
    /// Whether it is a command that begins with a backslash.
    private(set) var isCommand = false
    /// Right behind the opening parenthesis of a call.
    var isFunctionCall: Bool { word.isEmpty && endsWithParenthesis && words.count > 1 && quote == nil }
    private var endsWithParenthesis = false

    init(_ text: String) {
        let statement = CompletionPlace.lastStatement(of: text)
        isLower = statement.first?.isLowercase ?? false
        if statement.first == "\\" {
            isCommand = true
            words = statement.split(separator: " ").map(String.init)
            word = statement.last == " " ? "" : words.popLast() ?? ""
            words = words.enumerated().map { $0 == 0 ? $1 : $1.uppercased() }
            return
        }
        read(statement)
    }

    /// What stands behind the last `;` of a text that ends a statement, without blanks in front.
    private static func lastStatement(of text: String) -> Substring {
        let bytes = Array(text.utf8)
        var splitter = StatementSplitter()
        var start = 0
        while let end = splitter.take(bytes[start...]) { start = end }
        return Substring(decoding: bytes[start...], as: UTF8.self).drop { $0.isWhitespace }
    }

    private mutating func read(_ text: Substring) {
        var current = ""
        var rest = text
        while let character = rest.popFirst() {
            endsWithParenthesis = character == "("
            if let open = quote {
                if character == open {
                    words.append("\(open)\(current)\(open)")
                    quote = nil
                    current = ""
                } else {
                    current.append(character)
                }
                continue
            }
            if CompletionPlace.isOfWord(character) {
                current.append(character)
                continue
            }
            if !current.isEmpty { words.append(current.uppercased()) }
            current = ""
            switch character {
            case "'", "\"", "`": quote = character
            case "-" where rest.first == "-":
                isComment = !rest.contains(where: \.isNewline)
                rest = rest.drop { !$0.isNewline }
            case "/" where rest.first == "*":
                rest = CompletionPlace.behindComment(rest)
                isComment = rest.isEmpty && !text.hasSuffix("*/")
            case _ where character.isWhitespace: break
            default:
                if character == "(" { depth += 1 } else if character == ")" { depth -= 1 }
                words.append(String(character))
            }
        }
        word = current
    }

    private static func behindComment(_ text: Substring) -> Substring {
        var rest = text.dropFirst()
        while !rest.isEmpty, !rest.hasPrefix("*/") { rest = rest.dropFirst() }
        return rest.dropFirst(2)
    }

    private static func isOfWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || "_.$".contains(character) }
}
