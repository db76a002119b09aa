// A file for what a question puts aside for a while: pieces of bytes, each written once and read as a whole.
//
// The file loses its name as soon as it is open. So it is gone with its last reference, whatever happens to the process, and nothing must be
// tidied up after a question that ends, fails or is cancelled. Pieces take whole pages of the file, and the pages of pieces that are given
// back are used again for others of as many pages.

import Bytes
import Platform
import Quantities
import Synchronization

/// Where a piece stands in its file.
package struct SpillPiece: Hashable, Sendable {
    fileprivate let page: Int64
    /// Bytes of the piece.
    package let count: Int
    fileprivate let checksum: UInt32
}

/// A file of pieces. Any thread may read pieces that have been written; one thread at a time writes.
package final class SpillFile: Sendable {
    private struct Space {
        /// Pages that the file has.
        var pages: Int64 = 0
        /// The first pages of what was given back, by how many pages it has.
        var free: [Int64: [Int64]] = [:]
    }

    fileprivate static let pageBytes: Int64 = 4096

    private let file: any File
    private let room: DiskRoom
    private let space = Mutex(Space())

    /// A new file in a directory that exists. Errors: the system refuses it.
    init(files: any FileSystem, directory: String, name: String) throws(SystemError) {
        room = DiskRoom(files: files, directory: directory)
        let path = directory + "/" + name
        file = try files.open(path, .truncate)
        try files.removeFile(path)
    }

    /// How many pages so many bytes take.
    private static func pages(_ count: Int) -> Int64 { (Int64(count) + pageBytes - 1) / pageBytes }

    /// Bytes that the file takes on disk.
    package var byteCount: Int64 { space.withLock { $0.pages } * SpillFile.pageBytes }

    /// Puts a piece aside. Errors: there is no room on the disk, or it fails.
    package func write(_ bytes: [UInt8]) throws(DiskTableError) -> SpillPiece {
        let pages = SpillFile.pages(bytes.count)
        let (page, isNew) = space.withLock { space -> (Int64, Bool) in
            if let page = space.free[pages]?.popLast() { return (page, false) }
            defer { space.pages += pages }
            return (space.pages, true)
        }
        do throws(SystemError) {
            if isNew { try room.take(pages * SpillFile.pageBytes) }
            try file.write(bytes, at: page * SpillFile.pageBytes)
        } catch {
            throw DiskTableError("rows of a question could not be written: \(error)", isFull: error.kind == .noSpace)
        }
        return SpillPiece(page: page, count: bytes.count, checksum: crc32c(bytes))
    }

    /// The bytes of a piece. Errors: the disk fails, or gives other bytes than were written.
    package func read(_ piece: SpillPiece) throws(DiskTableError) -> [UInt8] {
        do throws(SystemError) {
            let bytes = try file.read(at: piece.page * SpillFile.pageBytes, count: piece.count, padding: 0)
            if bytes.count == piece.count, crc32c(bytes) == piece.checksum { return bytes }
        } catch {
            throw DiskTableError("rows of a question could not be read back: \(error)")
        }
        throw DiskTableError("rows of a question could not be read back: the disk gives other bytes for \(file.path) than it was given")
    }

    /// A piece is not needed any more.
    package func giveBack(_ piece: SpillPiece) {
        space.withLock { $0.free[SpillFile.pages(piece.count), default: []].append(piece.page) }
    }
}
