// Finds lines in large buffers, as fast as the C library finds a byte.
import Glibc

/// Cuts `bytes` into lines from `start`, where a line begins, and appends the place of each without its LF or CR LF to `lines`. Before
/// `searched` there is no LF. Stops in front of a line that begins with `mark`, if there is one, or is longer than `longest` bytes, and at
/// the last LF; gives where it stopped.
package func cutLines(
    _ bytes: [UInt8], from start: Int, searched: Int, mark: UInt8?, longest: Int, into lines: inout [ByteRange]
) -> Int {
    unsafe bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return start }
        var start = start
        var search = max(start, searched)
        while search < buffer.count, unsafe (mark == nil || base[start] != mark),
            let found = unsafe memchr(base + search, 0x0A, buffer.count - search) {
            let end = unsafe UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
            var length = end - start
            if length > 0, unsafe base[end - 1] == 0x0D { length -= 1 }
            // Buffers end long before 2 GiB; what lies behind would stay for the next call.
            guard length <= longest, let line = ByteRange(exactly: start, count: length) else { break }
            lines.append(line)
            start = end + 1
            search = start
        }
        return start
    }
}

/// Where the first line end is in `bytes` from `start` on; nil when there is none.
package func lineEnd(in bytes: [UInt8], from start: Int) -> Int? {
    unsafe bytes.withUnsafeBufferPointer { buffer -> Int? in
        guard start < buffer.count, let base = buffer.baseAddress, let found = unsafe memchr(base + start, 0x0A, buffer.count - start)
        else {
            return nil
        }
        return unsafe UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
    }
}

/// Where in `bytes`, from `start` on, the first line begins that has `mark` as its first byte. `start` counts as the beginning of a line.
package func lineStart(with mark: UInt8, in bytes: [UInt8], from start: Int) -> Int? {
    unsafe bytes.withUnsafeBufferPointer { buffer -> Int? in
        guard let base = buffer.baseAddress else { return nil }
        var start = start
        while start < buffer.count {
            if unsafe base[start] == mark { return start }
            guard let found = unsafe memchr(base + start, 0x0A, buffer.count - start) else { return nil }
            start = unsafe UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base + 1
        }
        return nil
    }
}
