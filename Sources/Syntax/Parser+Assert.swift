// ASSERT: on topics and schemas everywhere, on rows and sources only in the SQL test tool.

import Diagnostics

extension Parser {
    mutating func assertion() throws(ParseFailure) -> Assertion {
        try expect(.assert)
        if options.acceptsTestAssertions, let assertion = try testAssertion() { return assertion }
        guard at(.not) || at(.topic) || at(.schema) else { throw noAlternative() }
        var exists = true
        if accept(.not) {
            try expect(.exists)
            exists = false
        }
        if accept(.topic) {
            let topic = try nameOrString()
            let properties = accept(.with) ? try properties() : []
            return .topic(topic, exists: exists, properties: properties, timeout: try timeout())
        }
        try expect(.schema)
        let subject = accept(.subject) ? try nameOrString() : nil
        let id = accept(.id) ? try literal() : nil
        return .schema(subject: subject, id: id, exists: exists, timeout: try timeout())
    }

    private mutating func timeout() throws(ParseFailure) -> Duration? {
        accept(.timeout) ? try duration() : nil
    }

    /// The forms of the SQL test tool, or nil when none of them begins here.
    private mutating func testAssertion() throws(ParseFailure) -> Assertion? {
        if accept(.values) { return .values(try row(before: .values)) }
        if accept(.null) {
            try expect(.values)
            return .tombstone(try row(before: .key))
        }
        let kind: SourceKind
        if accept(.stream) {
            kind = .stream
        } else if accept(.table) {
            kind = .table
        } else {
            return nil
        }
        var source = CreateSource(kind: kind, name: try sourceName())
        if at(.leftParenthesis) { source.columns = try columnList(of: kind) }
        if accept(.with) { source.properties = try properties() }
        return .source(source)
    }

    private mutating func row(before keyword: Keyword) throws(ParseFailure) -> InsertValues {
        let target = try sourceName()
        let columns = at(.leftParenthesis) ? try nameList() : []
        try expect(keyword)
        return InsertValues(target: target, columns: columns, rows: [try valueList()])
    }
}
