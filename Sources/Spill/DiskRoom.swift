// Leaves the log some of the disk: its commits must not fail because of what is there for a while only.

import Platform
import Quantities
import Synchronization

/// Looks now and then how much more may be written into a directory.
final class DiskRoom: Sendable {
    /// Bytes of the disk that are left to the log.
    private static let reservedBytes: Int64 = 256 << 20
    /// Bytes between two looks at how much room there is.
    private static let stepBytes: Int64 = 64 << 20

    private let files: any FileSystem
    private let directory: String
    /// Bytes that may be written until the next look.
    private let left = Mutex<Int64>(0)

    init(files: any FileSystem, directory: String) {
        self.files = files
        self.directory = directory
    }

    /// So many bytes more are about to be written. Error kind `noSpace` where what would be left of the disk is for the log.
    func take(_ count: Int64) throws(SystemError) {
        let mustLook = left.withLock { left in
            left -= min(left, count)
            return left == 0
        }
        guard mustLook else { return }
        let free = try files.freeBytes(in: directory)
        guard free.count >= DiskRoom.reservedBytes else {
            throw SystemError(
                kind: .noSpace, number: 0, attempt: "write \(count) bytes to", path: directory,
                reason: "the last \(DiskRoom.reservedBytes >> 20) MiB of the disk are for the log")
        }
        left.withLock { $0 = DiskRoom.stepBytes }
    }
}
