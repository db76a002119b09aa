// Memory for keys and rows: chunks that are filled one after the other. An entry is written once and never changed; a chunk of which more
// than half is dead gives what still lives to the current one and is freed. That happens only when asked (`reclaim`), so that places stay
// valid while a batch is processed, those of versions that have been replaced included.

/// Entries of bytes, each with its key, its row and the number of its owner.
@safe struct RowArena: ~Copyable {
    @safe struct Chunk: BitwiseCopyable {
        /// Nil for a chunk that has been freed; its number is given out again.
        var base: UnsafeMutableRawPointer?
        var size: Int
        var used = 0
        var dead = 0
        /// Whether it stands in `sparse`.
        var isSparse = false

        var isMostlyDead: Bool { dead * 2 > used }
    }

    private static let firstSize = 1 << 10, largestSize = 256 << 10

    private var chunks = PagedArray<Chunk>()
    private var freeNumbers = PagedArray<Int32>()
    /// Full chunks that are mostly dead.
    private var sparse = PagedArray<Int32>()
    private var current = -1
    private var nextSize = RowArena.firstSize
    private var chunkBytes = 0

    init() {}

    deinit {
        for number in 0..<chunks.count { unsafe chunks[number].base?.deallocate() }
    }

    /// Bytes of memory.
    var memory: Int { chunkBytes + chunks.memory + freeNumbers.memory + sparse.memory }

    /// Appends an entry. A `row` of nil stands for none.
    mutating func add(key: StoredBytes, row: StoredBytes?, owner: Int) -> RowPlace {
        let size = RowHeader.size(key.count, row?.count ?? 0)
        let number = chunk(for: size)
        let place = unsafe RowPlace(chunks[number].base.unsafelyUnwrapped + chunks[number].used)
        chunks[number].used += size
        let base = unsafe place.base.unsafelyUnwrapped
        let header = RowHeader(
            chunk: UInt32(truncatingIfNeeded: number), owner: UInt32(truncatingIfNeeded: owner),
            keyLength: UInt32(truncatingIfNeeded: key.count), rowLength: row.map { UInt32(truncatingIfNeeded: $0.count) } ?? RowHeader.none)
        unsafe base.storeBytes(of: header, as: RowHeader.self)
        unsafe (base + RowHeader.size).copyMemory(from: key.base, byteCount: key.count)
        if let row { unsafe (base + RowHeader.size + key.count).copyMemory(from: row.base, byteCount: row.count) }
        return place
    }

    /// The entry is nobody's any more. Its bytes stay as they are until `reclaim`.
    mutating func free(_ place: RowPlace) {
        let header = place.header
        let number = Int(header.chunk)
        place.setOwner(RowHeader.dead)
        chunks[number].dead += header.size
        list(number)
    }

    /// Notes a full chunk that is mostly dead.
    private mutating func list(_ number: Int) {
        guard number != current, chunks[number].isMostlyDead, !chunks[number].isSparse else { return }
        chunks[number].isSparse = true
        sparse.append(Int32(truncatingIfNeeded: number))
    }

    /// Frees the chunks that are mostly dead. Their live entries move: `moved` is told each one's owner and new place. No place that was
    /// given before holds afterwards, except by what `moved` is told.
    mutating func reclaim(_ moved: (_ owner: Int, _ place: RowPlace) -> Void) {
        while let number = sparse.popLast() {
            let chunk = chunks[Int(number)]
            guard let base = unsafe chunk.base else { continue }
            var offset = 0
            while offset < chunk.used {
                let place = unsafe RowPlace(base + offset)
                let header = place.header
                offset += header.size
                if header.owner == RowHeader.dead { continue }
                let row = header.rowLength == RowHeader.none ? nil : place.row
                moved(Int(header.owner), add(key: place.key, row: row, owner: Int(header.owner)))
            }
            release(Int(number))
        }
        if current >= 0, chunks[current].dead == chunks[current].used {
            chunks[current].used = 0
            chunks[current].dead = 0
        }
    }

    /// Forgets all entries and frees their memory, that of a small first chunk aside.
    mutating func removeAll() {
        for number in 0..<chunks.count where number != current { if unsafe chunks[number].base != nil { release(number) } }
        sparse.removeAll()
        guard current >= 0 else { return }
        chunks[current].used = 0
        chunks[current].dead = 0
    }

    /// The number of a chunk with room for `size` bytes.
    @inline(__always) private mutating func chunk(for size: Int) -> Int {
        if current >= 0, chunks[current].size - chunks[current].used >= size { return current }
        return newChunk(size)
    }

    @inline(never) private mutating func newChunk(_ size: Int) -> Int {
        // An entry that would waste much of a chunk has one of its own.
        let isLarge = size > nextSize / 4
        let room = isLarge ? size : nextSize
        let chunk = unsafe Chunk(base: .allocate(byteCount: room, alignment: 16), size: room)
        chunkBytes += room
        let number: Int
        if let free = freeNumbers.popLast() {
            number = Int(free)
            chunks[number] = chunk
        } else {
            number = chunks.count
            chunks.append(chunk)
        }
        if !isLarge {
            nextSize = min(RowArena.largestSize, nextSize * 2)
            let full = current
            current = number
            if full >= 0 { list(full) }
        } else if nextSize < RowArena.largestSize {
            nextSize *= 2
        }
        return number
    }

    private mutating func release(_ number: Int) {
        chunkBytes -= chunks[number].size
        unsafe chunks[number].base?.deallocate()
        unsafe chunks[number] = Chunk(base: nil, size: 0)
        freeNumbers.append(Int32(truncatingIfNeeded: number))
    }
}

/// Rows that leave without being kept, until they have left.
@safe final class PassingRows {
    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    private let arena: UnsafeMutablePointer<RowArena>

    init() {
        let arena = UnsafeMutablePointer<RowArena>.allocate(capacity: 1)
        unsafe arena.initialize(to: RowArena())
        unsafe self.arena = unsafe arena
    }

    deinit {
        unsafe arena.deinitialize(count: 1)
        unsafe arena.deallocate()
    }

    @inline(__always) func add(_ row: StoredBytes) -> RowPlace {
        unsafe arena.pointee.add(key: StoredBytes(row.base, 0), row: row, owner: 0)
    }

    func removeAll() { unsafe arena.pointee.removeAll() }
}
