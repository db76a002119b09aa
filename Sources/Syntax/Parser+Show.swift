// SHOW and DESCRIBE: statements that only ask.

import Diagnostics

extension Parser {
    mutating func show() throws(ParseFailure) -> ShowSubject {
        advance()
        if accept(.streams) { return .streams(extended: accept(.extended)) }
        if accept(.tables) { return .tables(extended: accept(.extended)) }
        if accept(.topics) { return .topics(all: false, extended: accept(.extended)) }
        if accept(.all) {
            try expect(.topics)
            return .topics(all: true, extended: accept(.extended))
        }
        if accept(.queries) { return .queries(extended: accept(.extended)) }
        if accept(.functions) { return .functions }
        if acceptWord("VIEWS") { return .views }
        if accept(.types) { return .types }
        if accept(.variables) { return .variables }
        if accept(.properties) { return .properties }
        if acceptWord("LIMITS") { return .limits }
        if acceptWord("WATERMARKS") { return .watermarks }
        if at(.system), peek().isKeyword(.tables) {
            advance()
            advance()
            return .systemTables
        }
        if acceptWord("SCHEMAS") { return .schemas }
        if acceptWord("PRODUCERS") { return .producers }
        if acceptWord("CONSUMER") {
            guard acceptWord("GROUPS") else { throw unexpected() }
            return .consumerGroups
        }
        if accept(.connectors) { return .connectors(nil) }
        if accept(.connector) {
            try expect(.plugins)
            return .connectorPlugins
        }
        if accept(.source) {
            try expect(.connectors)
            return .connectors(.source)
        }
        guard accept(.sink) else { throw unexpected() }
        try expect(.connectors)
        return .connectors(.sink)
    }

    mutating func describe() throws(ParseFailure) -> DescribeSubject {
        try expect(.describe)
        if accept(.streams) { return .streams(extended: accept(.extended)) }
        if accept(.tables) { return .tables(extended: accept(.extended)) }
        if accept(.connector) { return .connector(try name()) }
        // SCHEMA and FUNCTION are free words: alone each is a source of that name.
        if at(.schema), isName(peek()) || peek().kind == .string {
            advance()
            return .schema(try nameOrString())
        }
        if at(.function), isName(peek()) || peek().kind == .string {
            advance()
            var name = try nameOrString()
            name.text = name.text.uppercased()
            return .function(name)
        }
        // Words of the language that are functions, too.
        if options.isFull, at(.function), peek().isKeyword(.left) || peek().isKeyword(.right) {
            advance()
            let (word, first) = (at(.left) ? "LEFT" : "RIGHT", current)
            advance()
            return .function(Name(word, span: span(from: first)))
        }
        if isAtSystemName { return .system(try systemName()) }
        if isWord(current, "CONSUMER"), peek().isKeyword(.group) {
            advance()
            advance()
            return .consumerGroup(try nameOrString())
        }
        // KSQL before ksqlDB 0.6 had EXTENDED in front.
        let isInFront = options.isFull && accept(.extended)
        if options.isFull, at(.view), isName(peek()) { advance() }
        let name = try sourceName()
        return .source(name, extended: accept(.extended) || isInFront)
    }
}
