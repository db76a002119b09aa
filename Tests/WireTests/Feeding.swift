// The same bytes in every way that a network may cut them: whole, byte by byte, in random pieces. The events must be the same.

import Bytes
import Diagnostics
import Testing
import Wire

struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Cuts into pieces of random lengths.
func pieces(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [ArraySlice<UInt8>] {
    var rest = bytes[...]
    var result: [ArraySlice<UInt8>] = []
    while !rest.isEmpty {
        let count = min(rest.count, Int.random(in: 1...7, using: &random))
        result.append(rest.prefix(count))
        rest = rest.dropFirst(count)
    }
    return result
}

/// Events in a form in which the batching of records makes no difference.
func plain(_ events: [RequestEvent]) -> [String] {
    events.flatMap { event -> [String] in
        guard case .putRecords(let lines) = event else { return ["\(event)"] }
        return lines.records.indices.map { "record \(lines.firstLine + $0): \(String(decoding: lines[$0], as: UTF8.self))" }
    }
}

func plain(_ events: [AnswerLine]) -> [String] {
    events.flatMap { event -> [String] in
        guard case .rows(let tag, let block) = event else { return ["\(event)"] }
        return block.rows.indices.map { "row \(tag ?? "-") \(block.isDeleted($0)) \(String(decoding: block.row($0), as: UTF8.self))" }
    }
}

/// The events of a client's bytes, after making sure that pieces do not matter.
func requests(_ bytes: [UInt8], end: Bool = true, sourceLocation: SourceLocation = #_sourceLocation) -> [RequestEvent] {
    func feed(_ pieces: [ArraySlice<UInt8>]) -> [RequestEvent] {
        var reader = RequestReader()
        return pieces.flatMap { reader.receive($0) } + (end ? reader.receiveEnd() : [])
    }
    let whole = feed([bytes[...]])
    var random = SeededGenerator(seed: UInt64(bytes.count))
    #expect(plain(feed(bytes.map { [$0][...] })) == plain(whole), sourceLocation: sourceLocation)
    for _ in 0..<3 { #expect(plain(feed(pieces(bytes, &random))) == plain(whole), sourceLocation: sourceLocation) }
    #expect(plain(inTurns(bytes, end: end)) == plain(whole), sourceLocation: sourceLocation)
    return whole
}

/// The events of a client's bytes, one by one.
private func inTurns(_ bytes: [UInt8], end: Bool) -> [RequestEvent] {
    var reader = RequestReader()
    var (rest, events) = (bytes[...], [RequestEvent]())
    while !rest.isEmpty { events += reader.receive(&rest, atMost: 1) }
    return events + (end ? reader.receiveEnd() : [])
}

func requests(_ text: String, end: Bool = true, sourceLocation: SourceLocation = #_sourceLocation) -> [RequestEvent] {
    requests(Array(text.utf8), end: end, sourceLocation: sourceLocation)
}

/// The events of a server's bytes, after making sure that pieces do not matter.
func answers(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> [AnswerLine] {
    func feed(_ pieces: [ArraySlice<UInt8>]) -> [AnswerLine] {
        var reader = AnswerReader()
        return pieces.flatMap { reader.receive($0) } + reader.receiveEnd()
    }
    let whole = feed([bytes[...]])
    var random = SeededGenerator(seed: UInt64(bytes.count))
    #expect(plain(feed(bytes.map { [$0][...] })) == plain(whole), sourceLocation: sourceLocation)
    for _ in 0..<3 { #expect(plain(feed(pieces(bytes, &random))) == plain(whole), sourceLocation: sourceLocation) }
    return whole
}
