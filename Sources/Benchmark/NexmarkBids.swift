// The bids of Nexmark (Tucker et al., "NEXMark: a benchmark for queries over data streams") as JSON lines: the published model of hot auctions
// and hot bidders, prices log-uniform over six decades, event time advancing at a fixed rate.

package import Bytes
import Platform

/// Makes bids, the same ones for the same seed.
package struct NexmarkBids {
    /// Lines of JSON, and where each of them lies.
    package struct Piece: Sendable {
        package var bytes: [UInt8] = []
        package var lines: [ByteRange] = []
    }

    private enum Model {
        // Of 50 consecutive events one is a person, three are auctions, and 46 are bids.
        static let personsAnEpoch = 1, auctionsAnEpoch = 3, bidsAnEpoch = 46, eventsAnEpoch = 50
        static let firstID = 1000
        /// Half of the bids go to the hot auction, three quarters come from the hot bidder; each is hot for a hundred new ids.
        static let hotStride = 100
        static let activePeople = 1000, openAuctions = 100, lead = 10
        static let firstTime = 1_700_000_000_000, eventsASecond = 10_000
        static let channels = 10_000
        static let pieceBytes = 1 << 20
    }

    private let random: SeededRandom
    private let letters: [UInt8]
    /// Channel and address, written as JSON.
    private let channels: [[UInt8]]
    private var epoch = 0
    private var place = 0

    package init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        var letters: [UInt8] = []
        let random = random
        for _ in 0..<(1 << 16) { letters.append(random.next() % 13 == 0 ? 0x20 : UInt8(truncatingIfNeeded: 0x61 + random.next() % 26)) }
        self.letters = letters
        let hot = ["Google", "Facebook", "Baidu", "Apple"]
        channels = (0..<Model.channels + hot.count).map { index in
            func word() -> String { String((0..<5).map { _ in Character(UnicodeScalar(UInt8(truncatingIfNeeded: 0x61 + random.next() % 26))) }) }
            let name = index < hot.count ? hot[index] : "channel-\(index - hot.count)"
            let suffix = index < hot.count ? "" : "&channel_id=\(random.next() % 1_000_000_000)"
            return Array("\"\(name)\",\"url\":\"https://www.nexmark.com/\(word())/\(word())/\(word())/item.htm?query=1\(suffix)\"".utf8)
        }
    }

    /// The next `count` bids, in pieces of about a MiB.
    package mutating func pieces(_ count: Int) -> [Piece] {
        var pieces: [Piece] = []
        var left = count
        while left > 0 {
            var piece = Piece()
            piece.bytes.reserveCapacity(Model.pieceBytes + 1024)
            while left > 0, piece.bytes.count < Model.pieceBytes {
                let start = piece.bytes.count
                appendBid(to: &piece.bytes)
                piece.lines.append(ByteRange(start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: piece.bytes.count - start)))
                piece.bytes.append(0x0A)
                left -= 1
            }
            pieces.append(piece)
        }
        return pieces
    }

    /// A number from 0 up to, but without, `bound`.
    private func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private mutating func appendBid(to bytes: inout [UInt8]) {
        let lastAuction = epoch * Model.auctionsAnEpoch + Model.auctionsAnEpoch - 1
        let hotAuction = lastAuction / Model.hotStride * Model.hotStride
        let firstOpen = max(lastAuction - Model.openAuctions, 0)
        let auction = below(2) == 0 ? hotAuction : firstOpen + below(lastAuction - firstOpen + 1 + Model.lead)
        let active = min(epoch + 1, Model.activePeople)
        let bidder =
            below(4) < 3 ? epoch / Model.hotStride * Model.hotStride + 1 : epoch + 1 - active + below(active + Model.lead)
        let channel = below(2) == 0 ? below(4) : 4 + below(Model.channels)
        let number = epoch * Model.eventsAnEpoch + Model.personsAnEpoch + Model.auctionsAnEpoch + place
        let text = below(letters.count - 128)
        append("{\"auction\":", Model.firstID + auction, to: &bytes)
        append(",\"bidder\":", Model.firstID + bidder, to: &bytes)
        append(",\"price\":", price(), to: &bytes)
        bytes.append(contentsOf: ",\"channel\":".utf8)
        bytes.append(contentsOf: channels[channel])
        append(",\"date_time\":", Model.firstTime + number * 1000 / Model.eventsASecond, to: &bytes)
        bytes.append(contentsOf: ",\"extra\":\"".utf8)
        bytes.append(contentsOf: letters[text..<text + 54 + below(28)])
        bytes.append(contentsOf: "\"}".utf8)
        place += 1
        if place == Model.bidsAnEpoch { (place, epoch) = (0, epoch + 1) }
    }

    /// In cents: a decade at random, then a number within it, which is close enough to log-uniform for a benchmark.
    private func price() -> Int {
        var unit = 100
        for _ in 0..<below(6) { unit *= 10 }
        return unit + below(unit * 9)
    }

    private func append(_ name: StaticString, _ number: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: name.description.utf8)
        bytes.append(contentsOf: String(number).utf8)
    }
}
