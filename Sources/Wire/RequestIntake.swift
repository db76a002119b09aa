// How much of what one client sends is taken in one turn of the server's loop. All connections share the loop, so each gets a bounded
// number of requests a turn; what else has come in waits until the others had theirs, and meanwhile nothing more is read.

/// The bytes of one connection on their way to requests.
package struct RequestIntake: Sendable {
    /// Requests, and pieces of requests, that one turn gives. Most cost the loop a microsecond, the longest answers some tens of them.
    package static let eventsPerTurn = 64

    private var reader = RequestReader()
    /// What was received and not looked at yet.
    private var unread: ArraySlice<UInt8> = []
    private var hasEnded = false

    package init() {}

    /// Whether a further turn would find something to do.
    package var hasMore: Bool { !unread.isEmpty || hasEnded }

    /// Takes the next bytes of the connection, to be looked at in turns.
    package mutating func receive(_ bytes: [UInt8]) {
        if unread.isEmpty { unread = bytes[...] } else { unread.append(contentsOf: bytes) }
    }

    /// The client will send no more; the turns end with what that means for the request under way.
    package mutating func receiveEnd() { hasEnded = true }

    /// The events of one turn, in the order of their bytes.
    package mutating func turn() -> [RequestEvent] {
        var events = reader.receive(&unread, atMost: RequestIntake.eventsPerTurn)
        // The buffer goes with the last of its bytes.
        guard unread.isEmpty else { return events }
        unread = []
        if hasEnded, events.count < RequestIntake.eventsPerTurn {
            hasEnded = false
            events += reader.receiveEnd()
        }
        return events
    }
}
