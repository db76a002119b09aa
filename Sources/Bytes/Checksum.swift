// CRC-32C, the checksum of Kafka's record batches and of everything else that Millrace writes to a disk.
import CHardware

/// CRC-32C (RFC 3720) of `bytes[range]`, continuing from `start`; 0 starts a new one.
package func crc32c(_ bytes: [UInt8], _ range: Range<Int>, continuing start: UInt32 = 0) -> UInt32 {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range lies in the bytes")
    return unsafe bytes.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress else { return start }
        return unsafe millrace_crc32c(start, base + range.lowerBound, range.count)
    }
}

/// CRC-32C of all of `bytes`.
package func crc32c(_ bytes: [UInt8]) -> UInt32 {
    crc32c(bytes, 0..<bytes.count)
}

/// The same by tables, as on a processor without the instruction.
package func crc32cByTables(_ bytes: [UInt8]) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe millrace_crc32c_tables(0, $0.baseAddress, $0.count) }
}

/// CRC-32C of memory that the caller keeps alive.
@inlinable package func crc32c(_ start: UnsafeRawPointer, count: Int) -> UInt32 {
    unsafe crc32cOfMemory(start, count)
}

/// The call behind the inlined one, so that the C module stays inside this room.
@usableFromInline func crc32cOfMemory(_ start: UnsafeRawPointer, _ count: Int) -> UInt32 {
    unsafe millrace_crc32c(0, start, count)
}
