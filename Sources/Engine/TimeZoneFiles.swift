// The system's time zone files (TZif, RFC 9636), by zone id.

import Platform
import Synchronization

enum TimeZoneFiles {
    private static let directory = "/usr/share/zoneinfo/"
    private static let known = Mutex<[String: [UInt8]]>([:])

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
