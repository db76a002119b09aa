// The file in a data directory that says where the server of that directory listens, for commands that find the directory in use.

import Platform
package import Settings

/// `DIR/address`: one line, HOST:PORT. It is there while a server listens; one that a killed server left is removed by the next process
/// that gets the directory.
package struct AddressFile {
    private let path: String
    private let files = HostFileSystem()

    /// The file of that data directory.
    package init(_ directory: String) { path = directory + "/address" }

    /// The address in it; nil when there is none, or when what stands there is none.
    package var address: NetworkAddress? {
        // Another program may have written it: it is read as far as an address can be long, and shown only when it is one.
        guard let file = try? files.open(path, .read) else { return nil }
        defer { file.close() }
        guard let bytes = try? file.read(at: 0, count: 300, padding: 0), let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
            bytes[..<end].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return NetworkAddress(String(decoding: bytes[..<end], as: UTF8.self))
    }

    /// Writes it. Failures are ignored: without the file, commands cannot say where the server listens.
    package func write(_ address: NetworkAddress) {
        guard let file = try? files.open(path, .truncate) else { return }
        defer { file.close() }
        let bytes = Array("\(address)\n".utf8)
        try? file.write(bytes, 0..<bytes.count, at: 0)
    }

    /// Removes it, if it is there.
    package func remove() { try? files.removeFile(path) }
}
