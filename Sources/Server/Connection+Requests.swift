// What a connection does with each request: at once when it has a tag, else when those before it are done.

import Diagnostics
import Engine
import JSONText
import Platform
import Sessions
import Wire

extension RequestEvent {
    /// The tag of the request; nil for untagged ones and for pieces of a `.put`.
    var tag: String? {
        switch self {
        case .statement(let tag, _, _), .ping(let tag), .cancel(let tag, _), .authenticate(let tag, _), .set(let tag, _, _),
            .status(let tag), .help(let tag), .quit(let tag), .putBegan(let tag, _, _), .refused(let tag, _):
            tag
        case .putRecords, .putEnded, .putAborted, .interrupt, .foreign, .endOfRequests: nil
        }
    }

    /// Whether it is answered by a final line of its own.
    var isRequest: Bool {
        switch self {
        case .putRecords, .putEnded, .putAborted, .interrupt, .foreign, .endOfRequests: false
        default: true
        }
    }
}

extension Connection {
    /// Takes one event of the reader.
    func take(_ event: RequestEvent) {
        switch event {
        case .interrupt: interrupt()
        case .endOfRequests: break
        case .foreign(let error):
            outbox.write { $0.failed(error, tag: nil) }
            server.counters.requestsFailed.raise()
            isLeaving = true
        case .putRecords, .putEnded, .putAborted:
            if isReadingTaggedPut { return feed(taggedPut, event) }
            wait(for: event)
        case .cancel(let tag, let target): cancel(target, tag)
        default:
            countRequest()
            if let tag = event.tag { return beginTagged(event, tag) }
            interrupt()
            if case .putBegan = event { isReadingTaggedPut = false }
            wait(for: event)
        }
    }

    /// A further line stops an untagged push query.
    private func interrupt() {
        if let current, current.sink?.isEndless ?? false { current.cancel() }
    }

    private func wait(for event: RequestEvent) {
        if case .putRecords(let lines) = event { waitingBytes += lines.bytes.count }
        waiting.append(.event(event))
        pump()
    }

    /// Begins what waits, as far as its turn has come.
    func pump() {
        while let next = waiting.first {
            if let current {
                // Only the pieces of the `.put` under way go on.
                guard current.put != nil, !current.hasPutEnded, case .event(let event) = next, !event.isRequest else { return }
            }
            waiting.removeFirst()
            switch next {
            case .answer(let write): outbox.write(write)
            case .event(let event):
                if case .putRecords(let lines) = event { waitingBytes -= lines.bytes.count }
                if event.isRequest { begin(event, nil) } else { feed(current, event) }
            }
        }
    }

    private func beginTagged(_ event: RequestEvent, _ tag: String) {
        var refusal: Diagnostic?
        if tagged[tag] != nil {
            refusal = Diagnostic(.protocolViolation, "a request with the tag #\(tag) is under way", category: .general)
        } else if tagged.count >= WireLimits.taggedRequests {
            refusal = Diagnostic(
                .tooManyRequests, "\(WireLimits.taggedRequests) tagged requests are under way", category: .general,
                hint: "Wait for one to end.")
        }
        if case .putBegan = event {
            isReadingTaggedPut = true
            taggedPut = nil
        }
        if let refusal { return fail(refusal, tag) }
        begin(event, tag)
    }

    // MARK: Carrying out

    private func begin(_ event: RequestEvent, _ tag: String?) {
        if needsLogin(event) { return fail(ConnectionLogin.needed, tag) }
        switch event {
        case .statement(_, let text, let positions): execute(text, positions, tag)
        case .ping: answer(Connection.pong, tag)
        case .status: answer(server.status, tag)
        case .help: help(tag)
        case .authenticate(_, let text): authenticate(text, tag)
        case .set(_, let key, let value):
            do throws(Diagnostic) {
                if let notice = try session.set(key, to: value) { outbox.write { $0.notice(["message": .string(notice)], tag: tag) } }
                answer(["message": .string("\(key) is '\(value)' in this session")], tag)
            } catch {
                fail(error, tag)
            }
        case .quit:
            for active in tagged.values { active.cancel() }
            isLeaving = true
            answer(["message": "bye"], tag)
        case .putBegan(_, let stream, let format): beginPut(stream, format, tag)
        case .refused(_, let error): fail(error, tag)
        case .cancel, .putRecords, .putEnded, .putAborted, .interrupt, .foreign, .endOfRequests: break
        }
    }

    private static let pong: JSONValue = ["message": "pong"]

    private func answer(_ facts: JSONValue, _ tag: String?) { outbox.write { $0.done(facts, tag: tag) } }

    func fail(_ error: Diagnostic, _ tag: String?) {
        server.counters.requestsFailed.raise()
        outbox.write { $0.failed(error, tag: tag) }
    }

    private func execute(_ text: String, _ positions: PositionWish, _ tag: String?) {
        let sink = RequestSink(outbox, tag: tag)
        let active = ActiveRequest(tag: tag, sink: sink)
        begin(active)
        let ended = ended(active)
        active.request = session.execute(text, positions: positions, into: sink) { [counters = server.counters] succeeded in
            if !succeeded && !sink.isCancelled { counters.requestsFailed.raise() }
            sink.finish()
            ended()
        }
    }

    private func beginPut(_ stream: String, _ format: String, _ tag: String?) {
        let active = ActiveRequest(tag: tag, sink: nil)
        do throws(Diagnostic) {
            active.put = try PutRequest(
                stream: stream, format: format, session: session, outbox: outbox, tag: tag, threads: server.ingestThreads,
                counters: server.counters, onRoom: { [self] in server.loop.post { [self] in settle() } }, whenFinished: ended(active))
        } catch {
            return fail(error, tag)
        }
        if tag != nil { taggedPut = active }
        begin(active)
    }

    func begin(_ active: ActiveRequest) {
        server.counters.requestsRunning.raise()
        if let tag = active.tag { tagged[tag] = active } else { current = active }
    }

    /// Gives a piece of a `.put` to it, or drops it when that has failed.
    private func feed(_ active: ActiveRequest?, _ event: RequestEvent) {
        guard let active, let put = active.put, !active.hasPutEnded else { return }
        switch event {
        case .putRecords(let lines): put.add(lines)
        case .putEnded:
            active.hasPutEnded = true
            put.end()
        case .putAborted(let error):
            active.hasPutEnded = true
            put.abort(error)
        default: break
        }
    }

    /// What to call, from any thread, when a request has written its last line.
    func ended(_ active: ActiveRequest) -> @Sendable () -> Void {
        let reference = Reference(active)
        return { [self] in server.loop.post { [self] in finished(reference.active) } }
    }

    /// Carries a request of the loop's through another thread, which does not look at it.
    private struct Reference: @unchecked Sendable {
        let active: ActiveRequest
        init(_ active: ActiveRequest) { self.active = active }
    }

    private func finished(_ active: ActiveRequest) {
        server.counters.requestsRunning.lower()
        active.release()
        if let tag = active.tag {
            if tagged[tag] === active { tagged[tag] = nil }
            if taggedPut === active { taggedPut = nil }
        } else if current === active {
            current = nil
            pump()
        }
        settle()
    }

    // MARK: Cancelling and help

    /// Cancels at once; the answer of an untagged `.cancel` waits for its turn.
    private func cancel(_ target: String?, _ tag: String?) {
        countRequest()
        let found = target.map { tagged[$0] } ?? current
        found?.cancel()
        if found == nil { server.counters.requestsFailed.raise() }
        if target != nil && tag == nil { interrupt() }
        let write: (inout AnswerEncoder) -> Void = { encoder in
            if found != nil {
                encoder.done(["message": "cancelled"], tag: tag)
            } else {
                let name = target.map { "with the tag #\($0.prefix(WireLimits.tagBytes)) " } ?? ""
                encoder.failed(Diagnostic(.wrongState, "no request \(name)is under way", category: .general), tag: tag)
            }
        }
        if tag != nil { return outbox.write(write) }
        waiting.append(.answer(write))
        pump()
    }

    private func help(_ tag: String?) {
        var lines: [JSONValue] = []
        for (usage, meaning) in Connection.helpLines { lines.append([.string(usage), .string(meaning)]) }
        outbox.write { encoder in
            encoder.columns(["columns": [["Request", "STRING"], ["Meaning", "STRING"]], "kind": "rows"], tag: tag)
            var block = RowText()
            for line in lines { block.add(line.bytes) }
            // The lines are short: none is left out.
            encoder.rows(block.rows, tag: tag)
            encoder.done(["rows": .integer(lines.count)], tag: tag)
        }
    }

    private static let helpLines = [
        ("SQL;", "a statement over one or many lines, ended by ; outside quotes"),
        ("#id REQUEST", "tags a request and its answers; up to \(WireLimits.taggedRequests) run at once"),
        (".sql BYTES", "so many bytes of SQL follow"),
        (".sql BYTES positions", "a push query over a stream tells after its rows where they end"),
        (".sql BYTES after POSITION", "the same query goes on behind such a place"),
        (".put STREAM " + IngestFormat.allCases.map(\.rawValue).joined(separator: "|"), "records follow, one a line, up to .end; a leading . is doubled"),
        (".cancel [id]", "cancels a request; any further line stops an untagged push query"),
        (".set KEY VALUE", "a setting of this session"),
        (".status", "what the server is doing"),
        (".ping", "answers"),
        (".auth …", "logs in, where the greeting lists a way"),
        (".quit", "ends the connection"),
    ]
}
