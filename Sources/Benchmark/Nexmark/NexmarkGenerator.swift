// The events of Nexmark (Tucker et al., "NEXMark: a benchmark for queries over data streams") as JSON lines: the published model of hot
// auctions and hot bidders, prices log-uniform over six decades, event time advancing at a fixed rate. The same events, byte for byte, as a
// generator in Python makes that is used for measuring other systems: it says what is drawn at random, and in which order.

package import Bytes

#if canImport(Glibc)
    import Glibc
#endif

/// The three kinds of events, each of which is a stream.
package enum NexmarkStream: String, Hashable, Sendable, CaseIterable {
    case person, auction, bid
}

/// Of 50 consecutive events one is a person, three are auctions, and 46 are bids.
enum NexmarkModel {
    static let persons = 1, auctions = 3, bids = 46, epoch = 50
    static let firstID = 1000, firstCategory = 10, categories = 5
    static let activePeople = 1000, openAuctions = 100, lead = 10
    /// A hot id lasts for so many new ids.
    static let hotStride = 100
    static let hotAuction = 0.5, hotBidder = 0.75, hotSeller = 0.75
    static let personBytes = 200, auctionBytes = 500, bidBytes = 100
    /// Milliseconds since the epoch, and events in a second of event time.
    static let firstTime = 1_700_000_000_000, rate = 10_000

    /// Milliseconds until as many new auctions are there as are open.
    static let horizon = max(1, openAuctions * epoch / auctions * 1000 / rate)

    /// How many of 50 consecutive events are of a kind.
    static func perEpoch(_ stream: NexmarkStream) -> Int {
        switch stream {
        case .person: persons
        case .auction: auctions
        case .bid: bids
        }
    }

    /// When an event happens.
    static func time(ofEvent number: Int) -> Int { firstTime + number * 1000 / rate }
}

/// How many events there are of each kind.
package struct NexmarkSize: Hashable, Sendable {
    /// All kinds together.
    package let events: Int

    /// A size of so many events.
    package init(events: Int) { self.events = events }

    /// The fewest events of which so many are bids.
    package init(bids: Int) {
        let (full, rest) = bids.quotientAndRemainder(dividingBy: NexmarkModel.bids)
        events = full * NexmarkModel.epoch + (rest == 0 ? 0 : NexmarkModel.persons + NexmarkModel.auctions + rest)
    }

    /// The events of one kind.
    package subscript(_ stream: NexmarkStream) -> Int {
        let (full, rest) = events.quotientAndRemainder(dividingBy: NexmarkModel.epoch)
        return switch stream {
        case .person: full + min(rest, NexmarkModel.persons)
        case .auction: full * NexmarkModel.auctions + min(max(rest - NexmarkModel.persons, 0), NexmarkModel.auctions)
        case .bid: full * NexmarkModel.bids + max(rest - NexmarkModel.persons - NexmarkModel.auctions, 0)
        }
    }
}

/// Makes the events of one kind, the same ones for the same seed. Each kind draws numbers of its own, so that it does not matter which are
/// made.
package struct NexmarkGenerator {
    /// Lines of JSON, and where each of them lies.
    package struct Piece: Sendable {
        package var bytes: [UInt8] = []
        package var lines: [ByteRange] = []

        /// A piece without lines.
        package init() {}

        /// Ends a line that began at `start`.
        mutating func endLine(from start: Int) {
            lines.append(ByteRange(start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: bytes.count - start)))
            bytes.append(0x0A)
        }
    }

    static let pieceBytes = 1 << 20

    let stream: NexmarkStream
    let texts: NexmarkTexts
    var random: PythonRandom
    /// The epoch of the next event, and which of its kind it is in there.
    var epoch = 0, place = 0
    /// A variable, so that no compiler puts another function for this base in place of `pow`, whose last digit may be another.
    private var base = 10.0

    /// A generator from the first event on.
    package init(_ stream: NexmarkStream, texts: NexmarkTexts) {
        self.stream = stream
        self.texts = texts
        random = PythonRandom(seed: "\(stream.rawValue)-\(texts.seed)")
    }

    /// The next `count` events, in pieces of about a MiB.
    package mutating func pieces(_ count: Int) -> [Piece] {
        var pieces: [Piece] = []
        var left = count
        while left > 0 {
            var piece = Piece()
            piece.bytes.reserveCapacity(NexmarkGenerator.pieceBytes + 2048)
            while left > 0, piece.bytes.count < NexmarkGenerator.pieceBytes {
                let start = piece.bytes.count
                appendEvent(to: &piece.bytes)
                piece.endLine(from: start)
                left -= 1
            }
            pieces.append(piece)
        }
        return pieces
    }

    private mutating func appendEvent(to bytes: inout [UInt8]) {
        switch stream {
        case .person: appendPerson(to: &bytes)
        case .auction: appendAuction(to: &bytes)
        case .bid: appendBid(to: &bytes)
        }
        place += 1
        if place == NexmarkModel.perEpoch(stream) { (place, epoch) = (0, epoch + 1) }
    }

    /// In cents, log-uniform over six decades.
    mutating func price() -> Int {
        Int((pow(base, random.next() * 6.0) * 100.0).rounded(.toNearestOrEven))
    }

    /// Someone who came lately, or one of a few who are not there yet.
    mutating func somePerson() -> Int {
        let active = min(epoch + 1, NexmarkModel.activePeople)
        return epoch + 1 - active + random.below(active + NexmarkModel.lead)
    }

    /// Letters, a fifth more or fewer than `average` without what is there already.
    mutating func padding(_ average: Int, without already: Int) -> ArraySlice<UInt8> {
        let wanted = average - already
        guard wanted > 0 else { return [] }
        let spread = Int(Double(wanted) * 0.2 + 0.5)
        let count = wanted - spread + Int(random.next() * 2 * Double(spread))
        return letters(count)
    }

    /// So many letters from a place at random.
    mutating func letters(_ count: Int) -> ArraySlice<UInt8> {
        let start = random.below(NexmarkTexts.poolSize)
        return texts.pool[start..<start + count]
    }

    /// Letters from a place at random, `least` and up to `more` others.
    mutating func letters(least: Int, more: Int) -> ArraySlice<UInt8> {
        let start = random.below(NexmarkTexts.poolSize)
        let count = least + random.below(more)
        return texts.pool[start..<start + count]
    }
}
