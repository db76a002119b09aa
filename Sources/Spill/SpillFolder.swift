// The directory of the tables and files on disk of one server. What is in it belongs to the process that has the data directory, and to no later one.

package import Platform
import Synchronization

/// Makes tables, each in a file with a name of its own, and files for questions.
package final class SpillFolder: Sendable {
    private let files: any FileSystem
    private let directory: String
    private let made = Mutex(0)
    private let makeTable: @Sendable (_ path: String) throws(DiskTableError) -> any DiskTable

    /// Tables below `directory`, which is made with the first of them. `makeTable` makes one at a path: in a file of the machine, unless told
    /// otherwise.
    package init(
        files: any FileSystem, directory: String,
        makeTable: @escaping @Sendable (_ path: String) throws(DiskTableError) -> any DiskTable = { path throws(DiskTableError) in
            try LMDBTable(path: path)
        }
    ) {
        self.files = files
        self.directory = directory
        self.makeTable = makeTable
    }

    /// Removes what an earlier process has left.
    package func clear() throws(SystemError) { try files.removeTree(directory) }

    /// A new table for a state store. Two for one store, of a query that has ended and of the same that has started again, are apart.
    package func table(for store: String) throws(DiskTableError) -> any DiskTable {
        let number = nextNumber()
        do throws(SystemError) { try files.createDirectory(directory) } catch {
            throw DiskTableError("\(error)", isFull: error.kind == .noSpace)
        }
        return try makeTable("\(directory)/\(number)-\(store.suffix(SpillFolder.nameBytes))")
    }

    /// A new file for what a question puts aside. Errors: the system refuses it.
    package func file() throws(DiskTableError) -> SpillFile {
        let number = nextNumber()
        do throws(SystemError) {
            try files.createDirectory(directory)
            return try SpillFile(files: files, directory: directory, name: "\(number)-question")
        } catch {
            throw DiskTableError("\(error)", isFull: error.kind == .noSpace)
        }
    }

    private func nextNumber() -> Int {
        made.withLock { made in
            made += 1
            return made
        }
    }

    /// Bytes of a store's name in that of its file: file systems take 255 in all.
    private static let nameBytes = 120
}
