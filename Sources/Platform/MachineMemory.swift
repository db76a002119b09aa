// How much memory the process may use: that of the machine, or less where a control group of Linux limits it, as containers do.
//
//     /proc/self/cgroup     one line a hierarchy, `number:controllers:path`; version 2 has number 0 and no controllers
//     version 2             /sys/fs/cgroup PATH /memory.max                        a number of bytes, or "max"
//     version 1             /sys/fs/cgroup/memory PATH /memory.limit_in_bytes      a number of bytes, a huge one for no limit
//
// Every group above counts, too. Inside a container the path may be one of the world outside: its folders are not there then, and the limit
// stands at the root.

import Glibc

/// Bytes of memory that the process may use: those of the machine or of its control group, whichever is less.
package func usableMemory(files: any FileSystem = HostFileSystem()) -> Int {
    let pages = max(1, sysconf(Int32(_SC_PHYS_PAGES))), pageBytes = max(1, sysconf(Int32(_SC_PAGESIZE)))
    let (machine, overflow) = pages.multipliedReportingOverflow(by: pageBytes)
    return min(overflow ? .max : machine, controlGroupMemory(files: files) ?? .max)
}

/// The least of the limits that control groups set for the process; nil when there is none.
package func controlGroupMemory(files: any FileSystem) -> Int? {
    var least: Int?
    for line in (text(of: "/proc/self/cgroup", files) ?? "").split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { continue }
        let isUnified = parts[0] == "0" && parts[1].isEmpty
        guard isUnified || parts[1].split(separator: ",").contains("memory") else { continue }
        let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
        var groups = parts[2].split(separator: "/")
        while true {
            let folder = ([root] + groups.map(String.init)).joined(separator: "/")
            let limit = text(of: folder + (isUnified ? "/memory.max" : "/memory.limit_in_bytes"), files)
            if let limit = limit.flatMap({ Int($0.prefix { $0.isNumber }) }), limit > 0 { least = min(limit, least ?? .max) }
            if groups.popLast() == nil { break }
        }
    }
    return least
}

/// The beginning of a file of the kernel, which says of itself that it is empty; nil when it cannot be read.
private func text(of path: String, _ files: any FileSystem) -> String? {
    guard files.exists(path), let file = try? files.open(path, .read) else { return nil }
    defer { file.close() }
    return (try? file.read(at: 0, count: 16_384, padding: 0)).map { String(decoding: $0, as: UTF8.self) }
}
