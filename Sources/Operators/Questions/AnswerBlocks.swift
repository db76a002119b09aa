// The rows of an answer as the client gets them. An answer waits until all of it is there, and may be larger than what a question may hold:
// then it waits on disk.

package import Bytes
import Spill
import Synchronization
import Values

/// The blocks of an answer. Any thread may take them.
package final class AnswerBlocks: Sendable {
    private enum Block {
        case memory(RowBlock)
        case disk(SpillPiece, SpillFile)
    }

    private let blocks: Mutex<[Block]>

    /// An answer without rows.
    package init() { blocks = Mutex([]) }

    /// How many blocks there are.
    package var count: Int { blocks.withLock { $0.count } }

    /// The block at a place. Errors: it cannot be read back from the disk.
    package func block(_ index: Int) throws(DataflowError) -> RowBlock {
        switch blocks.withLock({ $0[index] }) {
        case .memory(let block): return block
        case .disk(let piece, let file):
            let bytes: [UInt8]
            do throws(DiskTableError) { bytes = try file.read(piece) } catch { throw DataflowError(error.message) }
            guard let block = RowBlock(stored: bytes) else { throw DataflowError.damagedOnDisk }
            return block
        }
    }

    func append(_ block: RowBlock) { blocks.withLock { $0.append(.memory(block)) } }

    /// Puts the blocks that are in memory on disk; gives how many bytes these were.
    func spill(to disk: QuestionDisk) throws(DataflowError) -> Int {
        let file = try disk.file()
        var bytes = 0
        for index in 0..<count {
            guard case .memory(let block) = blocks.withLock({ $0[index] }) else { continue }
            let piece = try disk.write(block.stored)
            blocks.withLock { $0[index] = .disk(piece, file) }
            bytes += block.bytes.count
        }
        return bytes
    }
}

extension RowBlock {
    /// As bytes: how many rows there are, where each of them stands, and their bytes. No row of a question is a deletion.
    fileprivate var stored: [UInt8] {
        var stored: [UInt8] = []
        stored.append(unsignedVarint: UInt64(rows.count))
        for row in rows {
            stored.append(unsignedVarint: UInt64(clamping: row.start))
            stored.append(unsignedVarint: UInt64(clamping: row.length))
        }
        return stored + bytes
    }

    /// Nil where the bytes are no block.
    fileprivate init?(stored: [UInt8]) {
        var position = 0
        guard let count = readVarint(stored, at: &position, end: stored.count), count <= UInt64(stored.count) else { return nil }
        var ranges: [(start: UInt64, length: UInt64)] = []
        for _ in 0..<count {
            guard let start = readVarint(stored, at: &position, end: stored.count),
                let length = readVarint(stored, at: &position, end: stored.count)
            else { return nil }
            ranges.append((start, length))
        }
        let bytes = Array(stored[position...])
        var rows: [ByteRange] = []
        for (start, length) in ranges {
            guard start <= UInt64(bytes.count), length <= UInt64(bytes.count) - start,
                let range = ByteRange(exactly: Int(start), count: Int(length))
            else { return nil }
            rows.append(range)
        }
        self.init(bytes: bytes, rows: rows)
    }
}

/// Writes rows as the client gets them.
final class QuestionOutput: QuestionStage {
    private let writer = RowBlockWriter()
    private let order: [Int]
    let blocks = AnswerBlocks()
    private(set) var rowCount = 0
    /// Bytes of the blocks in memory.
    private var held = 0
    /// Bytes of one block.
    private static let blockBytes = 256 << 10

    init(_ width: Int, _ context: QuestionContext) {
        order = Array(0..<width)
        super.init(context, next: nil)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        for row in 0..<chunk.rowCount {
            writer.append(chunk.columns, row, order: order, isDeleted: false, keyCount: 0)
            if writer.byteCount >= QuestionOutput.blockBytes { try cut() }
        }
        rowCount += chunk.rowCount
    }

    override func end() throws(DataflowError) { try cut() }

    private func cut() throws(DataflowError) {
        guard writer.count > 0 else { return }
        let block = writer.take()
        try hold(block.bytes.count)
        blocks.append(block)
        if let disk = context.disk, context.mustSpill(held) { try hold(-(try blocks.spill(to: disk))) }
    }

    private func hold(_ bytes: Int) throws(DataflowError) {
        held += bytes
        try context.hold(bytes, for: .answer)
    }
}
