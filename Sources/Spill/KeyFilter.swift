// Says quickly of most keys that are not in a run that they are not.
//
// A blocked Bloom filter (F. Putze, P. Sanders, J. Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): all bits of a key lie in
// one line of 64 bytes, so a look costs one access to memory. With 10 bits and 6 probes a key, about one look in fifty is in vain.

/// The keys of a run, by their hashes.
struct KeyFilter: Sendable {
    private static let bitsPerKey = 10, lineBits = 512, probes = 6

    private var words: [UInt64]
    private let lines: UInt64

    /// For at most so many keys; more are no error, but more looks are in vain.
    init(atMost keys: Int) {
        let bits = max(0, keys).multipliedReportingOverflow(by: KeyFilter.bitsPerKey).partialValue
        let lines = max(0, bits) / KeyFilter.lineBits + 1
        self.lines = UInt64(lines)
        words = [UInt64](repeating: 0, count: lines * KeyFilter.lineBits / 64)
    }

    /// Bytes of memory.
    var memory: Int { words.capacity * 8 }

    private func line(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash.multipliedFullWidth(by: lines).high) * KeyFilter.lineBits / 64 }

    mutating func insert(_ hash: UInt64) {
        let line = line(hash)
        var bits = hash &* 0x9e37_79b9_7f4a_7c15
        for _ in 0..<KeyFilter.probes {
            words[line + Int(bits >> 6 & 7)] |= 1 << (bits & 63)
            bits >>= 9
        }
    }

    func mayContain(_ hash: UInt64) -> Bool {
        let line = line(hash)
        var bits = hash &* 0x9e37_79b9_7f4a_7c15
        for _ in 0..<KeyFilter.probes {
            if words[line + Int(bits >> 6 & 7)] & 1 << (bits & 63) == 0 { return false }
            bits >>= 9
        }
        return true
    }
}
