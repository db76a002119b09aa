// Three hashes: Kafka's murmur2, by which keys find their partitions, a fast seeded one for tables in memory, and one whose values may be
// stored.

/// Austin Appleby's MurmurHash2 with the seed and byte order of Kafka's `Utils.murmur2`.
package func murmur2(_ bytes: [UInt8], _ range: Range<Int>) -> Int32 {
    let multiplier: UInt32 = 0x5bd1_e995
    var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: range.count)
    var position = range.lowerBound
    while position + 4 <= range.upperBound {
        var word = UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
        word |= UInt32(bytes[position + 2]) << 16 | UInt32(bytes[position + 3]) << 24
        word = word &* multiplier
        word ^= word >> 24
        word = word &* multiplier
        hash = hash &* multiplier ^ word
        position += 4
    }
    let rest = range.upperBound - position
    if rest >= 3 { hash ^= UInt32(bytes[position + 2]) << 16 }
    if rest >= 2 { hash ^= UInt32(bytes[position + 1]) << 8 }
    if rest >= 1 { hash = (hash ^ UInt32(bytes[position])) &* multiplier }
    hash ^= hash >> 13
    hash = hash &* multiplier
    hash ^= hash >> 15
    return Int32(bitPattern: hash)
}

/// The partition of a keyed record, as Kafka's default partitioner chooses it: murmur2 without its sign, modulo `count`.
package func partition(ofKey bytes: [UInt8], _ range: Range<Int>, among count: Int) -> Int {
    Int(murmur2(bytes, range) & 0x7fff_ffff) % count
}

/// The partition of a keyed record whose key is all of `key`.
package func partition(ofKey key: [UInt8], among count: Int) -> Int {
    partition(ofKey: key, 0..<key.count, among: count)
}

/// FNV-1a of 64 bits (G. Fowler, L. C. Noll, K.-P. Vo). Its values are stored in the catalog, so it must stay what it is.
@inlinable package func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return hash
}

/// A seeded 64-bit hash in the manner of Wang Yi's wyhash (multiply to 128 bits, fold). For tables in memory only: its values
/// are not stable over versions and must not be stored.
@inlinable package func hash64(_ start: UnsafeRawPointer, count: Int, seed: UInt64) -> UInt64 {
    let (p0, p1, p2): (UInt64, UInt64, UInt64) = (0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3)
    var state = seed ^ p0
    var low: UInt64
    var high: UInt64
    if count <= 16 {
        if count >= 4 {
            let middle = (count >> 3) << 2
            unsafe low = word32(start, 0) << 32 | word32(start, middle)
            unsafe high = word32(start, count - 4) << 32 | word32(start, count - 4 - middle)
        } else if count > 0 {
            let first = unsafe UInt64(start.load(as: UInt8.self))
            let middle = unsafe UInt64(start.load(fromByteOffset: count >> 1, as: UInt8.self))
            unsafe low = first << 16 | middle << 8 | UInt64(start.load(fromByteOffset: count - 1, as: UInt8.self))
            high = 0
        } else {
            (low, high) = (0, 0)
        }
    } else {
        var position = 0
        while count - position > 16 {
            unsafe state = folded(word64(start, position) ^ p1, word64(start, position + 8) ^ state)
            position += 16
        }
        unsafe low = word64(start, count - 16)
        unsafe high = word64(start, count - 8)
    }
    return folded(p1 ^ UInt64(truncatingIfNeeded: count), folded(low ^ p1, high ^ state ^ p2))
}

/// The hash of `bytes[range]`.
@inlinable package func hash64(_ bytes: [UInt8], _ range: Range<Int>, seed: UInt64) -> UInt64 {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range lies in the bytes")
    return unsafe bytes.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress else { return folded(seed, 0xa076_1d64_78bd_642f) }
        return unsafe hash64(base + range.lowerBound, count: range.count, seed: seed)
    }
}

/// The seeded hash of a word.
@inlinable package func hash64(_ word: UInt64, seed: UInt64) -> UInt64 {
    folded(word ^ 0xe703_7ed1_a0b4_28db, seed ^ 0xa076_1d64_78bd_642f)
}

@inlinable func folded(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
}

@inlinable func word64(_ start: UnsafeRawPointer, _ position: Int) -> UInt64 {
    unsafe start.loadUnaligned(fromByteOffset: position, as: UInt64.self)
}

@inlinable func word32(_ start: UnsafeRawPointer, _ position: Int) -> UInt64 {
    unsafe UInt64(start.loadUnaligned(fromByteOffset: position, as: UInt32.self))
}
