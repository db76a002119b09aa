// The directory of the tables and files on disk of one server. What is in it belongs to the process that has the data directory, and to no later one.

package import Platform
import Synchronization

/// Makes tables, each with files of its own, and files for questions.
package final class SpillFolder: Sendable {
    private let files: any FileSystem
    private let directory: String
    private let made = Mutex(0)
    private let makeTable: @Sendable (_ path: String, _ sectionBytes: Int) -> any DiskTable

    /// Tables and files below `directory`, which is made with the first of them. `makeTable` makes a table whose files begin with a path.
    package init(
        files: any FileSystem, directory: String, makeTable: (@Sendable (_ path: String, _ sectionBytes: Int) -> any DiskTable)? = nil
    ) {
        self.files = files
        self.directory = directory
        self.makeTable = makeTable ?? { RunTable(path: $0, sectionBytes: $1, files: files) }
    }

    /// Removes what an earlier process has left.
    package func clear() throws(SystemError) { try files.removeTree(directory) }

    /// A new table for a state store, whose entries are removed by the first `sectionBytes` bytes of their keys (0: never). Two for one store,
    /// of a query that has ended and of the same that has started again, are apart.
    package func table(for store: String, sectionBytes: Int) throws(DiskTableError) -> any DiskTable {
        let number = nextNumber()
        do throws(SystemError) { try files.createDirectory(directory) } catch {
            throw DiskTableError("\(error)", isFull: error.kind == .noSpace)
        }
        return makeTable("\(directory)/\(number)-\(store.suffix(SpillFolder.nameBytes))", sectionBytes)
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
