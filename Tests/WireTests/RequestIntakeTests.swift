// Turns: what one connection sends is taken in bounded pieces, whatever it is, and none of it is lost or changes its place.

import Testing
import Wire

@Suite struct RequestIntakeTests {
    private let most = RequestIntake.eventsPerTurn

    /// The events of each turn until nothing is left.
    private func turns(_ intake: inout RequestIntake) -> [[RequestEvent]] {
        var turns: [[RequestEvent]] = []
        while intake.hasMore { turns.append(intake.turn()) }
        return turns
    }

    /// What the loop answers itself, what asks nothing, and what is refused: all of it takes turns.
    @Test(arguments: [".ping\n", "\n", ".pong\n", "#t .status\n", "SHOW TYPES;", "# \n", ".cancel\n", ".put s json\n.end\n"])
    func aFloodTakesTurns(request: String) {
        let count = 2_000
        var intake = RequestIntake()
        intake.receive(Array(String(repeating: request, count: count).utf8))
        let turns = turns(&intake)
        var reader = RequestReader()
        let whole = reader.receive(Array(String(repeating: request, count: count).utf8))
        // A `.put` of no records begins and ends, and a turn ends between two requests or after one of them.
        #expect(turns.allSatisfy { $0.count <= most + 1 })
        #expect(turns.count >= whole.count / (most + 1) && turns.dropLast().allSatisfy { $0.count >= most })
        #expect(turns.flatMap(\.self) == whole)
    }

    /// A request of a quiet connection waits for one turn of each busy one, however much those have sent.
    @Test func aQuietConnectionIsNotBehindABusyOne() {
        var busy = RequestIntake(), quiet = RequestIntake()
        busy.receive(Array(String(repeating: ".ping\n", count: 100_000).utf8))
        quiet.receive(Array("SELECT 1;\n".utf8))
        let before = busy.turn()
        #expect(quiet.turn() == [.statement(tag: nil, text: "SELECT 1;")])
        #expect(before.count == most && busy.hasMore && !quiet.hasMore)
    }

    /// What comes in while some still waits stands behind it, and the end of the input behind all.
    @Test func theOrderStays() {
        var intake = RequestIntake()
        for piece in 0..<5 {
            intake.receive(Array((0..<100).map { "#p\(piece)-\($0) .ping\n" }.joined().utf8))
        }
        intake.receive(Array("SELECT 1".utf8))
        intake.receiveEnd()
        let events = turns(&intake).flatMap(\.self)
        #expect(events.prefix(500) == (0..<500).map { RequestEvent.ping(tag: "p\($0 / 100)-\($0 % 100)") }[...])
        guard events.count == 502, case .refused(nil, let error) = events[500] else { return #expect(Bool(false)) }
        #expect(error.code == .syntaxError && events[501] == .endOfRequests)
        #expect(!intake.hasMore)
    }

    /// Records are not requests: a piece of them is a few events, as without turns.
    @Test func recordsComeInLargePieces() {
        var intake = RequestIntake()
        intake.receive(Array((".put s csv\n" + String(repeating: "1,2\n", count: 10_000)).utf8))
        let turns = turns(&intake)
        let counts = turns.flatMap(\.self).map { if case .putRecords(let lines) = $0 { lines.records.count } else { 0 } }
        #expect(turns.count == 1 && counts.reduce(0, +) == 10_000 && counts.count <= 6)
    }
}
