// Patterns of TO_CHAR, TO_DATE and TO_TIMESTAMP, in PostgreSQL's letters.

/// Turns a pattern such as `YYYY-MM-DD HH24:MI:SS` into one of Java's letters.
package enum PostgresPattern {
    /// Longer words first. Names keep the case that Java's have.
    private static let words: [(word: String, pattern: String)] = [
        ("HH24", "HH"), ("HH12", "hh"), ("YYYY", "yyyy"), ("MONTH", "MMMM"), ("IYYY", "YYYY"), ("DDD", "DDD"), ("DAY", "EEEE"), ("MON", "MMM"),
        ("A.M.", "a"), ("P.M.", "a"), ("TZH", "x"), ("HH", "hh"), ("MI", "mm"), ("MM", "MM"), ("SS", "ss"), ("MS", "SSS"), ("US", "SSSSSS"),
        ("YY", "yy"), ("DD", "dd"), ("DY", "EEE"), ("AM", "a"), ("PM", "a"), ("TZ", "zzz"), ("OF", "xxx"), ("Q", "Q"),
    ]

    /// The pattern in Java's letters. Errors: a letter that stands for nothing here.
    package static func translated(_ pattern: ArraySlice<UInt8>) throws(DatePatternError) -> [UInt8] {
        var rest = pattern
        var result: [UInt8] = []
        // Texts that stand side by side are one: between two of them the quotes would be one that is doubled.
        var literal: [UInt8] = []
        next: while let byte = rest.first {
            if byte == UInt8(ascii: "\"") {
                rest.removeFirst()
                let text = rest.prefix { $0 != byte }
                rest = rest[text.endIndex...].dropFirst()
                literal += text
                continue
            }
            guard byte | 0x20 >= 0x61, byte | 0x20 <= 0x7A else {
                literal.append(byte)
                rest.removeFirst()
                continue
            }
            // `FM` only says that there is no padding; `T` between date and time is what people mean by it.
            if starts(rest, with: "FM") {
                rest = rest.dropFirst(2)
                continue
            }
            for (word, pattern) in words where starts(rest, with: word) {
                rest = rest.dropFirst(word.utf8.count)
                quote(&literal, &result)
                result += pattern.utf8
                continue next
            }
            guard byte == UInt8(ascii: "T") else {
                throw DatePatternError("no part of a date or time begins with '\(Character(Unicode.Scalar(byte)))' here", at: rest.startIndex)
            }
            literal.append(byte)
            rest.removeFirst()
        }
        quote(&literal, &result)
        return result
    }

    private static func starts(_ text: ArraySlice<UInt8>, with word: String) -> Bool {
        text.count >= word.utf8.count && zip(text, word.utf8).allSatisfy { $0 == $1 || $0 ^ 0x20 == $1 && $1 >= 0x41 }
    }

    /// Appends a text in quotes, and empties it.
    private static func quote(_ text: inout [UInt8], _ result: inout [UInt8]) {
        if text.isEmpty { return }
        result.append(UInt8(ascii: "'"))
        for byte in text { result += byte == UInt8(ascii: "'") ? [byte, byte] : [byte] }
        result.append(UInt8(ascii: "'"))
        text.removeAll()
    }
}
