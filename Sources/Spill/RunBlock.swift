// A block of a sorted run: some entries in the order of their keys, read together.
//
//   each entry   varint   bytes of the key
//                varint   bytes of the value
//                key, value
//   at the end   4 bytes for each entry: where it begins, big-endian
//                4 bytes: the number of entries
//
// Only this process reads what it has written, and checks the sum of the bytes before.

import Bytes

/// The entries of a block.
struct RunBlock: Sendable {
    /// Bytes of entries that a block has, unless a single one has more.
    static let usualBytes = 2048

    let bytes: [UInt8]
    let count: Int

    /// A block that was read, whose sum is right.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        count = bytes.count < 4 ? 0 : RunBlock.number(bytes, bytes.count - 4)
    }

    private static func number(_ bytes: [UInt8], _ place: Int) -> Int {
        Int(bytes[place]) << 24 | Int(bytes[place + 1]) << 16 | Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
    }

    /// Where the key and the value of an entry stand in `bytes`.
    func entry(_ place: Int) -> (key: Range<Int>, value: Range<Int>) {
        var position = RunBlock.number(bytes, bytes.count - 4 * (count - place + 1))
        let (key, value) = (length(&position), length(&position))
        return (position..<position + key, position + key..<position + key + value)
    }

    private func length(_ position: inout Int) -> Int {
        var (result, shift) = (0, 0)
        while true {
            let byte = bytes[position]
            position += 1
            result |= Int(byte & 0x7f) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
    }

    /// The first entry whose key is `key[range]` or comes after it; `count` if there is none.
    func firstPlace(notBefore key: [UInt8], _ range: Range<Int>) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if compare(bytes, entry(middle).key, with: key, range) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Appends an entry to a block that is being made, whose entries begin at `starts` from `blockStart` on.
    static func append(_ list: [UInt8], key: Range<Int>, value: Range<Int>, to bytes: inout [UInt8], blockStart: Int, starts: inout [UInt32]) {
        starts.append(UInt32(clamping: bytes.count - blockStart))
        bytes.append(unsignedVarint: UInt64(key.count))
        bytes.append(unsignedVarint: UInt64(value.count))
        bytes += list[key]
        bytes += list[value]
    }

    /// Appends what stands at the end of a block.
    static func end(_ starts: [UInt32], to bytes: inout [UInt8]) {
        for start in starts { bytes.append(uint32: start) }
        bytes.append(uint32: UInt32(clamping: starts.count))
    }
}
