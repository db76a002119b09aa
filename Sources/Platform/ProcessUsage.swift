// What this process has used of the machine, for measurements of itself.

import Glibc
package import Quantities

/// Nanoseconds of processor time that all threads of this process have used so far, in its own code and in the kernel for it.
package func processorNanoseconds() -> Int64 {
    var used = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
    return Int64(used.tv_sec).multipliedSaturated(by: 1_000_000_000).addingSaturated(Int64(used.tv_nsec))
}

/// Nanoseconds of processor time that the calling thread has used so far, in its own code and in the kernel for it.
package func threadProcessorNanoseconds() -> Int64 {
    var used = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used)
    return Int64(used.tv_sec).multipliedSaturated(by: 1_000_000_000).addingSaturated(Int64(used.tv_nsec))
}

/// Bytes of this process that lie in memory.
package struct ResidentMemory: Hashable, Sendable {
    /// Now.
    package let current: ByteCount
    /// The most since the start of the process, or since `forgetPeak`.
    package let peak: ByteCount

    /// As the kernel tells it; both are 0 where it does not.
    package static var ofThisProcess: ResidentMemory {
        // A kernel without this file leaves the figures out, which is all that can be done about it.
        let file = try? HostFileSystem().open("/proc/self/status", .read)
        let bytes = (try? file?.read(at: 0, count: 1 << 14, padding: 0)) ?? []
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        func figure(_ name: String) -> ByteCount {
            let words = lines.first { $0.hasPrefix(name) }?.split(whereSeparator: \.isWhitespace) ?? []
            return words.count > 1 ? .kibibytes(Int64(words[1]) ?? 0) : .zero
        }
        return ResidentMemory(current: figure("VmRSS:"), peak: figure("VmHWM:"))
    }

    /// Lets the peak begin anew with what is in memory now. False where the kernel does not allow it: the peak then stays that of the
    /// process.
    @discardableResult
    package static func forgetPeak() -> Bool {
        let descriptor = unsafe open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let wanted: [UInt8] = [UInt8(ascii: "5")]
        return unsafe write(descriptor, wanted, wanted.count) == wanted.count
    }
}
