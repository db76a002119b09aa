// The texts that all kinds of events share: a pool of letters, of which padding is cut, and the channels with their addresses.

/// Made once for a seed.
package struct NexmarkTexts: Sendable {
    static let poolSize = 1 << 20
    static let channelCount = 10_000
    /// Behind the end of the pool its beginning comes once more, so that a piece from any place is whole.
    private static let overhang = 1024

    let seed: UInt64
    let pool: [UInt8]
    /// Channel and address, written as JSON: the few that have half of the bids, and the others.
    let hotChannels: [[UInt8]]
    let channels: [[UInt8]]

    /// The texts of a seed.
    package init(seed: UInt64 = 42) {
        self.seed = seed
        pool = NexmarkTexts.letters(PythonRandom(seed: "pool-\(seed)"))
        (hotChannels, channels) = NexmarkTexts.channels(PythonRandom(seed: "channel-\(seed)"))
    }

    private static func letters(_ source: PythonRandom) -> [UInt8] {
        var random = source
        var letters: [UInt8] = []
        letters.reserveCapacity(poolSize + overhang)
        for _ in 0..<poolSize { letters.append(random.next() < 1.0 / 13 ? 0x20 : 0x61 + UInt8(truncatingIfNeeded: random.below(26))) }
        letters += Array(letters[..<overhang])
        return letters
    }

    private static func channels(_ source: PythonRandom) -> (hot: [[UInt8]], others: [[UInt8]]) {
        var random = source
        func word() -> String {
            // The last of 27 signs is the underscore.
            let signs = (0..<5).map { _ in random.below(27) }.map { $0 == 26 ? 0x5F : 0x61 + UInt8(truncatingIfNeeded: $0) }
            return String(decoding: signs, as: UTF8.self)
        }
        func address() -> String { "https://www.nexmark.com/\(word())/\(word())/\(word())/item.htm?query=1" }
        let hot = ["Google", "Facebook", "Baidu", "Apple"].map { Array("\"\($0)\",\"url\":\"\(address())\"".utf8) }
        let others = (0..<channelCount).map { index in
            var url = address()
            if random.next() < 0.9 { url += "&channel_id=\(reversed(UInt32(truncatingIfNeeded: index)))" }
            return Array("\"channel-\(index)\",\"url\":\"\(url)\"".utf8)
        }
        return (hot, others)
    }

    /// The bits in the other order.
    private static func reversed(_ word: UInt32) -> UInt32 {
        (0..<32).reduce(0) { result, bit in result << 1 | (word >> bit) & 1 }
    }
}
