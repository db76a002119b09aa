// Hash functions of the tables: seeded, because keys come from clients, who must not be able to choose colliding ones.

/// Mixes 128-bit products, after wyhash by Wang Yi (public domain).
enum Hashing {
    /// How many keys ahead of its look-up the slot of a key is asked for.
    static let prefetchDistance = 12

    @inline(__always) static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    @inline(__always) static func hash(_ value: Int64, _ seed: UInt64) -> UInt64 {
        mix(UInt64(bitPattern: value) ^ 0xA076_1D64_78BD_642F, seed ^ 0xE703_7ED1_A0B4_28DB)
    }

    /// The hash of `count` bytes; never reads past them.
    @inline(__always) @unsafe static func hash(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ seed: UInt64) -> UInt64 {
        var state = seed ^ 0x8EBC_6AF0_9C88_C6E3
        var offset = 0
        let raw = unsafe UnsafeRawPointer(bytes)
        while count - offset >= 8 {
            state = unsafe mix(state ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self), 0xA076_1D64_78BD_642F)
            offset += 8
        }
        var tail: UInt64 = 0
        while offset < count {
            tail = unsafe tail << 8 | UInt64(bytes[offset])
            offset += 1
        }
        return mix(state ^ tail, UInt64(truncatingIfNeeded: count) ^ 0xE703_7ED1_A0B4_28DB)
    }
}
