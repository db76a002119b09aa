// The system's time zone files (TZif, RFC 9636), by zone id.

import Operators
import Platform
import Synchronization

enum TimeZoneFiles: TimeZoneSource {
    private static let directory = "/usr/share/zoneinfo/"
    private static let known = Mutex<[String: [UInt8]]>([:])

    /// The ids of the table of regions that comes with the files; none where that is missing.
    static let ids: [String] = {
        guard let table = try? HostFileSystem().contents(of: directory + "zone1970.tab") else { return [] }
        return table.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: "\t"))
            return line.first == UInt8(ascii: "#") || fields.count < 3 ? nil : String(decoding: fields[2], as: UTF8.self)
        }
    }()

    /// The file of a zone such as `Europe/Berlin`; nil for unknown zones. Ids with other characters than zone ids have are unknown, so
    /// that no other file can be named.
    static func contents(of zone: String) -> [UInt8]? {
        let isID = zone.utf8.allSatisfy { byte in
            (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte == 95 || byte == 45
                || byte == 43
                || byte == 47
        }
        guard isID, !zone.isEmpty, !zone.hasPrefix("/") else { return nil }
        if let contents = known.withLock({ $0[zone] }) { return contents }
        // A zone that cannot be read is an unknown zone.
        guard let contents = try? HostFileSystem().contents(of: directory + zone), contents.starts(with: Array("TZif".utf8)) else {
            return nil
        }
        known.withLock { $0[zone] = contents }
        return contents
    }
}
