// Bytes and rows inside a store, named by address: what a store hands out instead of copies.

import Bytes

/// Bytes that lie in a buffer of their owner, valid until the owner changes that buffer.
@safe struct StoredBytes {
    let base: UnsafeRawPointer
    let count: Int

    /// `count` bytes from `base` on.
    @inline(__always) @unsafe init(_ base: UnsafeRawPointer, _ count: Int) {
        unsafe self.base = base
        self.count = count
    }

    @inline(__always) func hash(_ seed: UInt64) -> UInt64 {
        unsafe Hashing.hash(base.assumingMemoryBound(to: UInt8.self), count, seed)
    }

    @inline(__always) func isEqual(to other: StoredBytes) -> Bool {
        guard count == other.count else { return false }
        var offset = 0
        while count - offset >= 8 {
            if unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != other.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            {
                return false
            }
            offset += 8
        }
        while offset < count {
            if unsafe base.load(fromByteOffset: offset, as: UInt8.self) != other.base.load(fromByteOffset: offset, as: UInt8.self) {
                return false
            }
            offset += 1
        }
        return true
    }

    /// Whether the bytes come before `other`'s, byte by byte, a beginning before what it begins.
    func precedes(_ other: StoredBytes) -> Bool {
        var offset = 0
        while offset < min(count, other.count) {
            let (a, b) = unsafe (
                base.load(fromByteOffset: offset, as: UInt8.self), other.base.load(fromByteOffset: offset, as: UInt8.self)
            )
            if a != b { return a < b }
            offset += 1
        }
        return count < other.count
    }

    /// A part of the bytes.
    @inline(__always) func part(_ range: Range<Int>) -> StoredBytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the part lies outside the bytes")
        return unsafe StoredBytes(base + range.lowerBound, range.count)
    }

    /// The last eight bytes as a number, the highest byte first; nil when there are fewer.
    var lastWord: Int64? {
        guard count >= 8 else { return nil }
        return unsafe Int64(bigEndian: base.loadUnaligned(fromByteOffset: count - 8, as: Int64.self))
    }

    /// A copy of the bytes.
    var copy: [UInt8] { unsafe Array(UnsafeRawBufferPointer(start: base, count: count)) }

    /// Calls `body` with the bytes of a slice where they lie.
    @inline(__always) static func with<Result>(_ slice: ArraySlice<UInt8>, _ body: (StoredBytes) -> Result) -> Result {
        unsafe slice.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { return unsafe body(StoredBytes(base, bytes.count)) }
            // The address of no bytes is never read.
            return unsafe withUnsafeBytes(of: UInt64(0)) { unsafe body(StoredBytes($0.baseAddress.unsafelyUnwrapped, 0)) }
        }
    }
}

/// What stands in front of the bytes of an entry.
struct RowHeader: BitwiseCopyable {
    /// The chunk that the entry lies in.
    var chunk: UInt32
    /// Whose entry it is; `dead` when it is nobody's.
    var owner: UInt32
    var keyLength: UInt32
    /// `none` for a key without a row.
    var rowLength: UInt32

    static let dead = UInt32.max, none = UInt32.max
    static let size = 16
}

/// Where an entry, a key and perhaps a row, lies in an arena. Valid until the arena takes back what has been freed, also when the entry has
/// been freed before.
@safe struct RowPlace: BitwiseCopyable, Equatable {
    let base: UnsafeMutableRawPointer?

    /// No entry.
    static var missing: RowPlace { unsafe RowPlace(nil) }

    @inline(__always) @unsafe init(_ base: UnsafeMutableRawPointer?) { unsafe self.base = base }

    @inline(__always) static func == (a: RowPlace, b: RowPlace) -> Bool { unsafe a.base == b.base }

    @inline(__always) var isMissing: Bool { unsafe base == nil }

    /// Only of an entry that is there.
    @inline(__always) var header: RowHeader { unsafe base.unsafelyUnwrapped.load(as: RowHeader.self) }

    @inline(__always) func setOwner(_ owner: UInt32) {
        unsafe base.unsafelyUnwrapped.storeBytes(of: owner, toByteOffset: 4, as: UInt32.self)
    }

    @inline(__always) var key: StoredBytes {
        unsafe StoredBytes(base.unsafelyUnwrapped + RowHeader.size, Int(header.keyLength))
    }

    /// The row's bytes, none for a key without a row.
    @inline(__always) var row: StoredBytes {
        let header = header
        return unsafe StoredBytes(base.unsafelyUnwrapped + RowHeader.size + Int(header.keyLength), header.rowBytes)
    }

    /// Bytes of the row; 0 without an entry.
    @inline(__always) var rowBytes: Int { isMissing ? 0 : header.rowBytes }
}

extension RowHeader {
    @inline(__always) var rowBytes: Int { rowLength == RowHeader.none ? 0 : Int(rowLength) }

    /// Bytes of the whole entry. Entries begin at whole words.
    @inline(__always) var size: Int { RowHeader.size(Int(keyLength), rowBytes) }

    @inline(__always) static func size(_ key: Int, _ row: Int) -> Int { (RowHeader.size + key + row + 7) & ~7 }
}

/// Reads numbers and pieces off the front of bytes. Every method gives nil where they end too soon.
struct StoredBytesReader {
    /// What is left.
    private(set) var rest: StoredBytes

    init(_ bytes: StoredBytes) { rest = bytes }

    mutating func take(_ count: Int) -> StoredBytes? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = unsafe StoredBytes(rest.base + count, rest.count - count) }
        return unsafe StoredBytes(rest.base, count)
    }

    mutating func byte() -> UInt8? { take(1).map { unsafe $0.base.load(as: UInt8.self) } }

    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard let byte = byte() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    mutating func word() -> Int64? { varint().map(unzigzag) }

    /// A length and so many bytes.
    mutating func text() -> StoredBytes? { varint().flatMap { Int(exactly: $0) }.flatMap { take($0) } }
}

extension RecordSink {
    /// Appends a changelog record whose key is `kind` and then `key`; a `value` of nil is a deletion.
    @inline(__always) func append(_ kind: UInt8, key: StoredBytes, value: StoredBytes?, timestamp: Int64) {
        var place = unsafe bytes.reserve(1 + key.count + (value?.count ?? 0))
        unsafe place.pointee = kind
        unsafe place += 1
        unsafe UnsafeMutableRawPointer(place).copyMemory(from: key.base, byteCount: key.count)
        unsafe place += key.count
        if let value {
            unsafe UnsafeMutableRawPointer(place).copyMemory(from: value.base, byteCount: value.count)
            unsafe place += value.count
        }
        unsafe commit(place, keyCount: 1 + key.count, hasValue: value != nil, timestamp: timestamp)
    }
}
