// The bytes of one in-memory file, in chunks so that a long file grows without being copied, and what of it is synced.
import Synchronization

/// A file's content; shared by the names and handles that refer to it.
final class MemoryFileContent: Sendable {
    private static let chunkSize = 1 << 18
    private static let blockSize = 512

    private struct Bytes {
        var chunks: [[UInt8]] = []
        var count = 0

        mutating func resize(_ newCount: Int) {
            let needed = (newCount + chunkSize - 1) / chunkSize
            if newCount < count {
                chunks.removeLast(chunks.count - needed)
                // What is cut must read as zero if the file grows again.
                if let last = chunks.indices.last {
                    chunks[last].removeLast(max(0, chunks[last].count - (newCount - last * chunkSize)))
                }
            }
            while chunks.count < needed { chunks.append([]) }
            count = newCount
        }

        mutating func write(_ source: ArraySlice<UInt8>, at position: Int) {
            if position + source.count > count { resize(position + source.count) }
            var from = source.startIndex
            var at = position
            while from < source.endIndex {
                let (chunk, within) = at.quotientAndRemainder(dividingBy: chunkSize)
                let length = min(source.endIndex - from, chunkSize - within)
                let missing = within + length - chunks[chunk].count
                // A file of more than one chunk is likely to fill the next.
                if chunk > 0 && chunks[chunk].capacity < chunkSize { chunks[chunk].reserveCapacity(chunkSize) }
                if missing == length {
                    chunks[chunk].append(contentsOf: source[from..<from + length])
                } else {
                    if missing > 0 { chunks[chunk].append(contentsOf: repeatElement(0, count: missing)) }
                    chunks[chunk].replaceSubrange(within..<within + length, with: source[from..<from + length])
                }
                from += length
                at += length
            }
        }

        func append(_ range: Range<Int>, to result: inout [UInt8]) {
            var at = range.lowerBound
            while at < range.upperBound {
                let (chunk, within) = at.quotientAndRemainder(dividingBy: chunkSize)
                let length = min(range.upperBound - at, chunkSize - within)
                let present = chunks[chunk].dropFirst(within).prefix(length)
                result.append(contentsOf: present)
                result.append(contentsOf: repeatElement(0, count: length - present.count))
                at += length
            }
        }
    }

    private struct State {
        var current = Bytes()
        /// nil when power cuts are not simulated.
        var durable: Bytes?
    }
    private let state: Mutex<State>

    init(keepsDurable: Bool) {
        state = Mutex(State(durable: keepsDurable ? Bytes() : nil))
    }

    var count: Int { state.withLock { $0.current.count } }

    func read(at position: Int, count: Int, padding: Int) -> [UInt8] {
        state.withLock { state in
            let end = min(state.current.count, position + count)
            var result: [UInt8] = []
            result.reserveCapacity(max(0, end - position) + padding)
            if position < end { state.current.append(position..<end, to: &result) }
            result.append(contentsOf: repeatElement(0, count: padding))
            return result
        }
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int) {
        state.withLock { $0.current.write(bytes[range], at: position) }
    }

    func resize(_ count: Int) {
        state.withLock { $0.current.resize(count) }
    }

    func synchronize() {
        state.withLock { state in
            if state.durable != nil { state.durable = state.current }
        }
    }

    /// The synced content, with some blocks of the newer one where `chance` says so.
    func afterPowerCut(_ chance: SeededRandom?) -> MemoryFileContent {
        let survivor = MemoryFileContent(keepsDurable: true)
        state.withLock { state in
            var left = state.durable ?? Bytes()
            if let chance, chance.below(4) != 0 {
                // The size and each block may have reached the disk or not, independently.
                let size = chance.below(2) == 0 ? state.current.count : left.count
                left.resize(size)
                for start in stride(from: 0, to: min(size, state.current.count), by: Self.blockSize) where chance.below(2) == 0 {
                    var block: [UInt8] = []
                    state.current.append(start..<min(start + Self.blockSize, size, state.current.count), to: &block)
                    left.write(block[...], at: start)
                }
            }
            survivor.state.withLock { $0 = State(current: left, durable: left) }
        }
        return survivor
    }
}
