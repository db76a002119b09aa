// The server's reading end: bytes in, events out. It knows lines, tags, dot commands and where statements end, and nothing about what
// they mean. How the bytes are cut into packets makes no difference to the events, except to how records are batched.

import Diagnostics
import Sessions
import Syntax

/// Reads the requests of one connection.
package struct RequestReader: Sendable {
    /// What the next byte belongs to.
    enum Mode: Hashable {
        /// Between requests; blanks are skipped.
        case start
        /// Behind `#`, up to a blank.
        case tag
        /// From a dot to the end of the line.
        case command
        case statement
        /// A statement of which so many bytes are still to come.
        case counted(Int)
        case put
        /// The rest of a line that was refused.
        case discardingLine
        /// The rest of a statement that was refused, up to its `;`.
        case discardingStatement
        /// So many bytes that were refused.
        case discardingBytes(Int)
        /// The records of a `.put` that was refused, up to `.end`.
        case discardingPut
        /// The client speaks another protocol; nothing is read any more.
        case closed
    }

    var mode = Mode.start
    var tag: String?
    /// The bytes of the request so far, or of the unfinished line of a `.put`.
    var buffer: [UInt8] = []
    var splitter = StatementSplitter()
    /// Whether nothing but blanks has come since the last line end.
    var isAtLineStart = true
    /// What the counted request under way asks about positions.
    private var positions = PositionWish.none
    /// Whether a counted request has just ended: a line end behind it belongs to it.
    var skipsLineEnd = false
    /// Bytes since the last line end.
    var lineLength = 0
    /// The first bytes of the connection, until they are known to be ours.
    var opening: [UInt8]? = []
    /// Lines of the `.put` under way so far.
    var putLines = 0
    /// Bytes that are looked at for records at once: few at the beginning of a `.put`, so that one that ends soon does not copy everything
    /// that the client has sent behind it.
    var recordRoom = firstRecordRoom
    static let firstRecordRoom = 4 << 10
    static let mostRecordRoom = 16 << 20
    var events: [RequestEvent] = []
    /// The room for a request that is kept for the next one.
    private static let keptBytes = 4 << 10

    package init() {}

    /// Takes the next bytes of the connection.
    package mutating func receive(_ bytes: ArraySlice<UInt8>) -> [RequestEvent] {
        var rest = bytes
        return receive(&rest, atMost: .max)
    }

    /// Takes bytes from the front of the next ones of the connection until they have made about so many events; what was not looked at
    /// stays, to be given again.
    package mutating func receive(_ rest: inout ArraySlice<UInt8>, atMost most: Int) -> [RequestEvent] {
        while !rest.isEmpty, events.count < most {
            switch mode {
            case .put, .discardingPut: takeRecords(&rest)
            case .counted(let missing): takeCounted(&rest, missing)
            case .discardingBytes(let count):
                let taken = min(count, rest.count)
                rest = rest.dropFirst(taken)
                mode = .discardingBytes(count - taken)
                if taken == count { endCounted() }
            case .closed: rest = []
            case .start, .tag, .command, .statement, .discardingLine, .discardingStatement: takeBytes(&rest, atMost: most)
            }
        }
        return take()
    }

    /// Takes the next bytes of the connection.
    package mutating func receive(_ bytes: [UInt8]) -> [RequestEvent] { receive(bytes[...]) }

    /// Takes the end of the client's input. An unfinished request is refused.
    package mutating func receiveEnd() -> [RequestEvent] {
        switch mode {
        case .start, .discardingLine, .discardingStatement, .discardingBytes, .closed: break
        case .tag, .command, .counted: refuse(.protocolViolation, "the input ended in the middle of a request")
        case .statement:
            if splitter.pending != .nothing {
                refuse(
                    .syntaxError, "the input ended before the end of a statement",
                    hint: "A statement ends with a semicolon outside quotes and comments.")
            }
        case .put, .discardingPut:
            guard mode == .put else { break }
            events.append(
                .putAborted(
                    Diagnostic(
                        .protocolViolation, "the input ended before .end", category: .general,
                        hint: "Send .end on a line of its own behind the last record.")))
        }
        if mode != .closed { events.append(.endOfRequests) }
        mode = .closed
        return take()
    }

    private mutating func take() -> [RequestEvent] {
        let result = events
        events.removeAll(keepingCapacity: true)
        return result
    }

    // MARK: Bytes

    /// Takes bytes one by one, or as many at once as mean the same, while they belong to requests that are read so.
    private mutating func takeBytes(_ rest: inout ArraySlice<UInt8>, atMost most: Int) {
        var index = rest.startIndex
        while index < rest.endIndex, events.count < most {
            let count = opening == nil ? takeAlike(rest[index...]) : 0
            if count > 0 {
                lineLength += count
                index += count
                continue
            }
            switch mode {
            case .put, .discardingPut, .counted, .discardingBytes, .closed:
                rest = rest[index...]
                return
            case .start, .tag, .command, .statement, .discardingLine, .discardingStatement: take(rest[index])
            }
            index += 1
        }
        rest = rest[index...]
    }

    /// Takes as many bytes from the front as neither end a line or a statement nor reach a limit; gives how many.
    private mutating func takeAlike(_ bytes: ArraySlice<UInt8>) -> Int {
        let lineRoom = WireLimits.lineBytes - lineLength
        switch mode {
        case .command:
            let line = bytes.prefix(max(0, lineRoom)).prefix { $0 != UInt8(ascii: "\n") }
            buffer.append(contentsOf: line)
            return line.count
        case .discardingLine: return bytes.prefix { $0 != UInt8(ascii: "\n") }.count
        case .statement:
            let room = bytes.prefix(max(0, min(lineRoom, WireLimits.statementBytes - buffer.count)))
            let count = splitter.takeOrdinary(room)
            buffer.append(contentsOf: room.prefix(count))
            return count
        case .discardingStatement: return splitter.takeOrdinary(bytes)
        case .start, .tag, .counted, .put, .discardingBytes, .discardingPut, .closed: return 0
        }
    }

    private mutating func take(_ byte: UInt8) {
        if opening != nil, isForeign(byte) { return }
        let isLineEnd = byte == UInt8(ascii: "\n")
        lineLength = isLineEnd ? 0 : lineLength + 1
        switch mode {
        case .start: takeStart(byte)
        case .tag: takeTag(byte)
        case .command: isLineEnd ? endCommand() : collect(byte)
        case .statement: takeStatement(byte)
        case .discardingLine: if isLineEnd { reset() }
        case .discardingStatement: if splitter.take(byte) { reset(isAtLineStart: false) }
        case .counted, .put, .discardingBytes, .discardingPut, .closed: break
        }
        if isLineEnd, mode == .start { isAtLineStart = true }
    }

    private mutating func takeStart(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\n"):
            if isAtLineStart, !skipsLineEnd { events.append(.interrupt) }
            skipsLineEnd = false
        case 0x20, 0x09, 0x0D: break
        case UInt8(ascii: "#") where tag == nil: mode = .tag
        case UInt8(ascii: "."):
            // No statement begins with a dot.
            mode = .command
            buffer.removeAll(keepingCapacity: true)
            buffer.append(byte)
        default:
            mode = .statement
            splitter = StatementSplitter()
            takeStatement(byte)
        }
    }

    private mutating func takeTag(_ byte: UInt8) {
        let isNamePart = byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
        let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        if isNamePart || isDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-"), buffer.count < WireLimits.tagBytes {
            buffer.append(byte)
        } else if byte == 0x20, !buffer.isEmpty {
            tag = String(decoding: buffer, as: UTF8.self)
            buffer.removeAll()
            mode = .start
        } else {
            refuse(
                .protocolViolation, "# begins a tag: up to \(WireLimits.tagBytes) letters, digits, _ or -, then a blank and a request")
            byte == UInt8(ascii: "\n") ? reset() : (mode = .discardingLine)
        }
    }

    private mutating func collect(_ byte: UInt8) {
        buffer.append(byte)
        guard lineLength > WireLimits.lineBytes else { return }
        refuse(.lineTooLong, "the line is longer than \(WireLimits.lineBytes) bytes")
        mode = .discardingLine
    }

    private mutating func takeStatement(_ byte: UInt8) {
        buffer.append(byte)
        if splitter.take(byte) {
            emitStatement(buffer)
            reset(isAtLineStart: false)
        } else if byte == UInt8(ascii: "\n") {
            events.append(.interrupt)
            // A line of comments alone begins no statement.
            if splitter.pending == .nothing { reset() }
        } else if lineLength > WireLimits.lineBytes {
            refuse(.lineTooLong, "the line is longer than \(WireLimits.lineBytes) bytes", hint: "Break it, or send it counted by .sql.")
            mode = .discardingStatement
        } else if buffer.count > WireLimits.statementBytes {
            refuse(.tooLarge, "the statement is longer than \(WireLimits.statementBytes) bytes")
            mode = .discardingStatement
        }
    }

    private mutating func takeCounted(_ rest: inout ArraySlice<UInt8>, _ missing: Int) {
        let taken = rest.prefix(missing)
        buffer.append(contentsOf: taken)
        rest = rest.dropFirst(taken.count)
        guard taken.count == missing else {
            mode = .counted(missing - taken.count)
            return
        }
        emitStatement(buffer)
        endCounted()
    }

    /// Stands at the start of a line again, whether or not a line end follows the counted bytes.
    private mutating func endCounted() {
        reset()
        skipsLineEnd = true
    }

    /// Begins a counted statement, which may be empty.
    mutating func beginCounted(_ count: Int, _ wish: PositionWish) {
        buffer.removeAll()
        positions = wish
        mode = .counted(count)
        guard count == 0 else { return }
        emitStatement([])
        endCounted()
    }

    private mutating func emitStatement(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            refuse(.syntaxError, "the statement is not UTF-8")
            return
        }
        events.append(.statement(tag: tag, text: text, positions: positions))
    }

    // MARK: States

    mutating func refuse(_ code: ErrorCode, _ message: String, hint: String? = nil) {
        events.append(.refused(tag: tag, Diagnostic(code, message, category: .general, hint: hint)))
        buffer.removeAll()
    }

    mutating func reset(isAtLineStart: Bool = true) {
        mode = .start
        tag = nil
        positions = .none
        skipsLineEnd = false
        // Between requests a connection keeps little memory.
        buffer.removeAll(keepingCapacity: buffer.capacity <= RequestReader.keptBytes)
        self.isAtLineStart = isAtLineStart
    }
}
