// The reference pages, by the topics under which `help` knows them.

import CPages

/// A reference page.
package struct Page: Hashable, Sendable {
    /// The word behind `help`: `from-ksqldb`.
    package let topic: String
    /// The name of its file: `FromKsqlDB`.
    package let file: String
    /// Its text as Markdown.
    package let text: String

    /// A page of that text.
    package init(topic: String, file: String, text: String) {
        self.topic = topic
        self.file = file
        self.text = text
    }

    /// The heading.
    package var title: String { String(text.prefix { $0 != "\n" }.drop { $0 == "#" || $0 == " " }) }

    /// The sentence below the heading.
    package var summary: String {
        text.split(separator: "\n\n").dropFirst().first.map { $0.split(separator: "\n").joined(separator: " ") } ?? ""
    }

    /// All pages, in the order in which one would read them.
    package static let all: [Page] = (0..<millrace_page_count()).compactMap { index in
        guard let page = unsafe millrace_page_at(index) else { return nil }
        let bytes = unsafe UnsafeBufferPointer(start: page.pointee.text, count: page.pointee.length)
        let file = unsafe String(cString: page.pointee.name)
        return Page(topic: topic(of: file), file: file, text: unsafe String(decoding: bytes, as: UTF8.self))
    }

    /// The page of a topic, in any case of letters; nil when there is none.
    package static func about(_ topic: String) -> Page? {
        let wanted = topic.lowercased()
        return all.first { $0.topic == wanted || $0.file.lowercased() == wanted }
    }

    /// `CommandLine` is `command-line`; the name of a product stays one word.
    private static func topic(of file: String) -> String {
        var words = ""
        var previous: Character = "-"
        for letter in file {
            if letter.isUppercase, previous.isLowercase { words += "-" }
            words += letter.lowercased()
            previous = letter
        }
        // ksqlDB's own spelling has capitals inside.
        return words == "from-ksql-db" ? "from-ksqldb" : words
    }
}
