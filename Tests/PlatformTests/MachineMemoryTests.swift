// What control groups say of memory, in both of their versions.

import Platform
import Testing

@Suite struct MachineMemoryTests {
    private func files(_ contents: [String: String]) throws -> MemoryFileSystem {
        let files = MemoryFileSystem()
        for (path, text) in contents {
            try files.createDirectory(path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 })
            let file = try files.open(path, .create)
            try file.write(Array(text.utf8), at: 0)
        }
        return files
    }

    @Test func theLeastLimitOfTheGroupsAbove() throws {
        let unified = try files([
            "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "1073741824\n",
        ])
        #expect(controlGroupMemory(files: unified) == 1 << 30)
        // Inside a container the path is that of the world outside.
        let inside = try files(["/proc/self/cgroup": "0::/machine/x\n", "/sys/fs/cgroup/memory.max": "536870912\n"])
        #expect(controlGroupMemory(files: inside) == 512 << 20)
        let first = try files([
            "/proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "268435456\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        ])
        #expect(controlGroupMemory(files: first) == 256 << 20)
    }

    @Test func withoutALimitItIsTheMachines() throws {
        #expect(controlGroupMemory(files: MemoryFileSystem()) == nil)
        #expect(controlGroupMemory(files: try files(["/proc/self/cgroup": "nonsense\n\n0::\n:::\n", "/sys/fs/cgroup/memory.max": "x"])) == nil)
        #expect(usableMemory(files: MemoryFileSystem()) > 1 << 20 && usableMemory() <= usableMemory(files: MemoryFileSystem()))
        let small = try files(["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "65536\n"])
        #expect(usableMemory(files: small) == 65_536)
    }
}
