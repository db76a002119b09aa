// Rows on disk: what a question cannot hold in memory, in the order in which it was put there. A row may have a key in front of it, by which
// it is found again in order.
//
// A piece of the file is entries, one behind the other:
//
//     varint    bytes of the key
//     key
//     varint    bytes of the row
//     row       in the compact row format (see RowCodec.swift), without the columns that nobody needs

import Bytes
import Spill
import Values

/// Where the rows of a question go that it cannot hold.
final class QuestionDisk {
    private let makeFile: () throws(DiskTableError) -> SpillFile
    private var made: SpillFile?
    private let cancel: CancelFlag
    /// Whether there was no room for what was to be written.
    private(set) var isFull = false

    init(cancel: CancelFlag, makeFile: @escaping () throws(DiskTableError) -> SpillFile) {
        self.cancel = cancel
        self.makeFile = makeFile
    }

    /// The file, which is made with the first use.
    func file() throws(DataflowError) -> SpillFile {
        if let made { return made }
        let file = try carryOut { () throws(DiskTableError) in try makeFile() }
        made = file
        return file
    }

    func write(_ bytes: [UInt8]) throws(DataflowError) -> SpillPiece {
        let file = try file()
        return try carryOut { () throws(DiskTableError) in try file.write(bytes) }
    }

    func read(_ piece: SpillPiece) throws(DataflowError) -> [UInt8] {
        let file = try file()
        return try carryOut { () throws(DiskTableError) in try file.read(piece) }
    }

    func giveBack(_ piece: SpillPiece) { made?.giveBack(piece) }

    private func carryOut<Result>(_ body: () throws(DiskTableError) -> Result) throws(DataflowError) -> Result {
        if cancel.isSet { throw DataflowError("the question was cancelled", isCancelled: true) }
        do throws(DiskTableError) { return try body() } catch {
            isFull = isFull || error.isFull
            throw DataflowError(error.message)
        }
    }
}

/// A list of rows on disk. It is written, then read.
final class SpilledRows {
    let types: [SQLType]
    private(set) var count = 0
    /// Which columns are there; the others have no values. Nil while there are no rows.
    private(set) var filled: [Bool]?
    private let disk: QuestionDisk
    private let pieceBytes: Int
    private var buffer: [UInt8] = []
    private var pieces: [SpillPiece] = []
    private let packed = PackedRows()

    /// `pieceBytes`: how many bytes are written at once.
    init(_ types: [SQLType], _ disk: QuestionDisk, pieceBytes: Int) {
        self.types = types
        self.disk = disk
        self.pieceBytes = pieceBytes
    }

    deinit { for piece in pieces { disk.giveBack(piece) } }

    /// Appends rows of a chunk. `key` appends the key of the row at a place among them.
    func append(_ chunk: Batch, _ rows: Selection, key: ((_ place: Int, inout [UInt8]) -> Void)? = nil) throws(DataflowError) {
        if rows.isEmpty { return }
        let filled = self.filled ?? chunk.columns.map { $0.count > 0 }
        self.filled = filled
        packed.pack(zip(chunk.columns, filled).filter(\.1).map(\.0), rows, present: [])
        var keyBytes: [UInt8] = []
        for place in 0..<rows.count {
            if let key {
                keyBytes.removeAll(keepingCapacity: true)
                key(place, &keyBytes)
            }
            buffer.append(unsignedVarint: UInt64(keyBytes.count))
            buffer.append(contentsOf: keyBytes)
            let row = packed[place]
            buffer.append(unsignedVarint: UInt64(row.count))
            unsafe buffer.append(contentsOf: UnsafeRawBufferPointer(start: row.base, count: row.count))
            if buffer.count >= pieceBytes { try flush() }
        }
        count += rows.count
    }

    /// Appends an entry of other rows, which have the same columns.
    func append(_ entry: SpilledEntry, of bytes: [UInt8], filled: [Bool]?) throws(DataflowError) {
        self.filled = self.filled ?? filled
        buffer.append(unsignedVarint: UInt64(entry.key.count))
        buffer.append(contentsOf: bytes[entry.key])
        buffer.append(unsignedVarint: UInt64(entry.row.count))
        buffer.append(contentsOf: bytes[entry.row])
        count += 1
        if buffer.count >= pieceBytes { try flush() }
    }

    /// Writes what is still in memory. Behind this, rows can be read.
    func flush() throws(DataflowError) {
        if buffer.isEmpty { return }
        pieces.append(try disk.write(buffer))
        buffer.removeAll(keepingCapacity: true)
    }

    /// Nothing is appended any more: the memory for that goes.
    func finish() throws(DataflowError) {
        try flush()
        buffer = []
    }

    /// How many pieces there are.
    var pieceCount: Int { pieces.count }

    /// The entries of a piece.
    func piece(_ index: Int) throws(DataflowError) -> SpilledEntries { try SpilledEntries(try disk.read(pieces[index])) }

    /// Rows as a chunk: `places` says where in `bytes` each of them stands.
    func chunk(of bytes: [UInt8], _ places: ArraySlice<Range<Int>>) -> Batch {
        let gather = RowGather()
        let columns = types.map { Column($0) }
        unsafe bytes.withUnsafeBytes { bytes in
            // The address of no bytes is never read.
            let base = unsafe bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
            gather.begin(places.count) { row in
                let place = places[places.startIndex + row]
                return .bytes(unsafe StoredBytes(base + place.lowerBound, place.count))
            }
            for (column, isFilled) in zip(columns, filled ?? []) where isFilled {
                column.reset(places.count)
                gather.read(into: column)
            }
        }
        return Batch(columns, rows: places.count)
    }

    /// Hands all rows to `take`, in chunks, until that gives false.
    func forEachChunk(_ take: (Batch) throws(DataflowError) -> Bool) throws(DataflowError) {
        for index in pieces.indices {
            let entries = try piece(index)
            for first in stride(from: 0, to: entries.rows.count, by: OutputLimits.chunkRows) {
                let last = min(first + OutputLimits.chunkRows, entries.rows.count)
                guard try take(chunk(of: entries.bytes, entries.rows[first..<last])) else { return }
            }
        }
    }
}

/// Where an entry stands in the bytes of its piece.
struct SpilledEntry {
    var key: Range<Int>
    var row: Range<Int>
}

/// A piece in memory.
struct SpilledEntries {
    let bytes: [UInt8]
    /// Where the key and the row of each entry stand.
    private(set) var keys: [Range<Int>] = []
    private(set) var rows: [Range<Int>] = []

    /// Errors: the bytes are no entries.
    fileprivate init(_ bytes: [UInt8]) throws(DataflowError) {
        self.bytes = bytes
        var position = 0
        while position < bytes.count {
            let key = try SpilledEntries.part(of: bytes, &position)
            keys.append(key)
            rows.append(try SpilledEntries.part(of: bytes, &position))
        }
    }

    private static func part(of bytes: [UInt8], _ position: inout Int) throws(DataflowError) -> Range<Int> {
        guard let length = readVarint(bytes, at: &position, end: bytes.count), length <= UInt64(bytes.count - position) else {
            throw DataflowError.damagedOnDisk
        }
        defer { position += Int(length) }
        return position..<position + Int(length)
    }
}
