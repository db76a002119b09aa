// How much of a source a question reads.

/// `FROM EARLIEST | LATEST | OFFSET n | TIMESTAMP '…'` and `UNTIL OFFSET n | TIMESTAMP '…'` behind a stream, `AS OF TIMESTAMP '…'` behind a
/// table.
package struct SourceReach: Hashable, Sendable {
    /// A place in each partition of a stream.
    package enum Place: Hashable, Sendable {
        case earliest
        case latest
        case offset(Int64)
        case timestamp(String)
    }

    /// The first place that is read; nil for the beginning.
    package var start: Place?
    /// The place before which reading ends; nil for the end.
    package var end: Place?
    /// The time as of which a table is looked at; nil for now.
    package var asOf: String?
    /// Where it was written.
    package var span: SourceSpan

    package init(start: Place? = nil, end: Place? = nil, asOf: String? = nil, span: SourceSpan = .none) {
        self.start = start
        self.end = end
        self.asOf = asOf
        self.span = span
    }
}

extension Parser {
    /// reach = 'AS' 'OF' 'TIMESTAMP' string | [ 'FROM' ( 'EARLIEST' | 'LATEST' | place ) ] [ 'UNTIL' place ]; nil for none of it
    mutating func reach() throws(ParseFailure) -> SourceReach? {
        let first = current
        var reach = SourceReach()
        if at(.as), isWord(peek(), "OF"), peek(2).isKeyword(.timestamp), peek(3).kind == .string {
            for _ in 0..<3 { advance() }
            reach.asOf = try string()
            reach.span = span(from: first)
            return reach
        }
        if accept(.from) {
            if acceptWord("EARLIEST") { reach.start = .earliest } else {
                reach.start = acceptWord("LATEST") ? .latest : try reachPlace()
            }
        }
        if beginsUntil {
            advance()
            reach.end = try reachPlace()
        }
        guard reach.start != nil || reach.end != nil else { return nil }
        reach.span = span(from: first)
        return reach
    }

    /// Whether UNTIL with a place behind it stands here; the word alone is a name.
    var beginsUntil: Bool {
        isWord(current, "UNTIL")
            && (isWord(peek(), "OFFSET") && peek(2).kind == .integer || peek().isKeyword(.timestamp) && peek(2).kind == .string)
    }

    /// place = 'OFFSET' n | 'TIMESTAMP' string
    private mutating func reachPlace() throws(ParseFailure) -> SourceReach.Place {
        if accept(.timestamp) { return .timestamp(try string()) }
        guard acceptWord("OFFSET") else { throw unexpected() }
        return .offset(try integer())
    }
}
