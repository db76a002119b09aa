// The client's reading end: the bytes of a server to answer events. Lines of a kind that this client does not know are skipped, so that
// a server may say more in time.

package import Bytes
package import Diagnostics
package import JSONText

/// A piece of an answer. `tag` is that of the request, or nil.
package enum AnswerLine: Hashable, Sendable {
    /// A line about the connection: the greeting's JSON for `MILLRACE/1`, nil for `PING` and others.
    case connection(word: String, facts: JSONValue?)
    case columns(tag: String?, JSONValue)
    /// Rows that came in one piece, one after the other for one request.
    case rows(tag: String?, RowBlock)
    case progress(tag: String?, JSONValue)
    case notice(tag: String?, JSONValue)
    case done(tag: String?, JSONValue)
    case failed(tag: String?, Diagnostic)
    /// The server does not speak this protocol; nothing is read any more.
    case broken(Diagnostic)
    /// The server closed the connection; `isClean` when no line was left unfinished.
    case closed(isClean: Bool)
}

/// Reads the answers on one connection.
package struct AnswerReader: Sendable {
    private var buffer: [UInt8] = []
    private var isBroken = false
    private var rows = RowBlock()
    private var rowsTag: String?
    private var events: [AnswerLine] = []

    package init() {}

    /// Takes the next bytes of the connection.
    package mutating func receive(_ bytes: ArraySlice<UInt8>) -> [AnswerLine] {
        var start = bytes.startIndex
        while !isBroken, let end = bytes[start...].firstIndex(of: 0x0A) {
            if buffer.isEmpty {
                take(bytes[start..<end])
            } else {
                buffer.append(contentsOf: bytes[start..<end])
                let line = buffer
                buffer.removeAll(keepingCapacity: true)
                take(line[...])
            }
            start = end + 1
        }
        if !isBroken {
            buffer.append(contentsOf: bytes[start...])
            if buffer.count > WireLimits.rowBytes + 256 { fail("a line of the server is too long") }
        }
        return takeEvents()
    }

    /// Takes the next bytes of the connection.
    package mutating func receive(_ bytes: [UInt8]) -> [AnswerLine] { receive(bytes[...]) }

    /// Takes the end of the server's output.
    package mutating func receiveEnd() -> [AnswerLine] {
        flushRows()
        events.append(.closed(isClean: buffer.isEmpty && !isBroken))
        isBroken = true
        return takeEvents()
    }

    private mutating func takeEvents() -> [AnswerLine] {
        flushRows()
        let result = events
        events.removeAll(keepingCapacity: true)
        return result
    }

    private mutating func flushRows() {
        guard !rows.isEmpty else { return }
        events.append(.rows(tag: rowsTag, rows))
        rows = RowBlock()
    }

    private mutating func fail(_ message: String) {
        flushRows()
        isBroken = true
        events.append(
            .broken(Diagnostic(.protocolViolation, message, category: .general, hint: "Is this the port of a Millrace server?")))
    }

    // MARK: Lines

    private mutating func take(_ line: ArraySlice<UInt8>) {
        let line = line.last == 0x0D ? line.dropLast() : line
        guard let first = line.first, let kind = AnswerKind(rawValue: first) else {
            if line.first.map({ $0 < 0x20 || $0 > 0x7E }) ?? false { fail("the server sends no lines of this protocol") }
            return
        }
        var rest = line.dropFirst()
        var tag: String?
        if rest.first == UInt8(ascii: "#") {
            let text = rest.dropFirst().prefix { $0 != 0x20 }
            tag = String(decoding: text, as: UTF8.self)
            rest = rest.dropFirst(text.count + 1)
        }
        guard rest.first == 0x20 else { return fail("a line of the server cannot be read") }
        rest = rest.dropFirst()
        if kind == .row || kind == .deletedRow { return takeRow(rest, isDeleted: kind == .deletedRow, tag: tag) }
        flushRows()
        take(kind, tag, rest)
    }

    private mutating func takeRow(_ row: ArraySlice<UInt8>, isDeleted: Bool, tag: String?) {
        if !rows.isEmpty, rowsTag != tag { flushRows() }
        rowsTag = tag
        if isDeleted, rows.deleted.isEmpty { rows.deleted = [Bool](repeating: false, count: rows.rows.count) }
        if isDeleted || !rows.deleted.isEmpty { rows.deleted.append(isDeleted) }
        guard let place = ByteRange(exactly: rows.bytes.count, count: row.count) else { return fail("the server sends too many rows at once") }
        rows.rows.append(place)
        rows.bytes.append(contentsOf: row)
    }

    private mutating func take(_ kind: AnswerKind, _ tag: String?, _ payload: ArraySlice<UInt8>) {
        let word = payload.prefix { $0 != 0x20 }
        let behindWord = payload.dropFirst(word.count + 1)
        switch kind {
        case .connection:
            let facts = try? JSONValue(parsing: behindWord)  // Not every connection line has facts.
            events.append(.connection(word: String(decoding: word, as: UTF8.self), facts: facts))
        case .failed:
            guard let facts = json(behindWord) else { return }
            events.append(.failed(tag: tag, Diagnostic(code: String(decoding: word, as: UTF8.self), json: facts)))
        case .columns: if let facts = json(payload) { events.append(.columns(tag: tag, facts)) }
        case .progress: if let facts = json(payload) { events.append(.progress(tag: tag, facts)) }
        case .notice: if let facts = json(payload) { events.append(.notice(tag: tag, facts)) }
        case .done: if let facts = json(payload) { events.append(.done(tag: tag, facts)) }
        case .row, .deletedRow: break
        }
    }

    private mutating func json(_ bytes: ArraySlice<UInt8>) -> JSONValue? {
        do throws(Diagnostic) {
            return try JSONValue(parsing: bytes)
        } catch {
            fail("a line of the server is not JSON: \(error.message)")
            return nil
        }
    }
}
