import Diagnostics
import Testing

@Suite struct WordWrapTests {
    @Test(arguments: [
        ("one two three", 7, "one two\nthree"), ("one two three", nil, "one two three"), ("incomprehensible word", 5, "incomprehensible\nword"),
        ("  a note that goes on", 10, "  a note\n  that\n  goes on"), ("short\nlines stay", 20, "short\nlines stay"), ("東京 東京 東京", 9, "東京 東京\n東京"),
        ("\u{1B}[33mone two\u{1B}[0m", 7, "\u{1B}[33mone two\u{1B}[0m"),
    ])
    func lines(text: String, width: Int?, wrapped: String) { #expect(wordWrapped(text, width: width) == wrapped) }

    @Test func whatGoesOnStandsUnderTheMargin() { #expect(wordWrapped("- one two three", width: 9, margin: "  ") == "- one two\n  three") }
}
