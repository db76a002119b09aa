// What Swift cannot reach by itself: checksums by the processor's own instruction, chosen at run time, and calls of the C library that its
// module hides.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli; RFC 3720) of `length` bytes, continuing from `crc`; 0 starts a new one.
uint32_t millrace_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The same by tables only, for processors without the instruction and for comparing the two.
uint32_t millrace_crc32c_tables(uint32_t crc, const void *bytes, size_t length);

/// Makes the C library's allocator keep freed memory; see Platform's `keepFreedMemory`.
void millrace_keep_freed_memory(void);

/// Gives freed memory back to the kernel when the allocator holds more than `kept` bytes of it.
void millrace_release_freed_memory(size_t kept);

/// Asks the system to begin writing `length` bytes of an open file from `start` on to the disk, without waiting; see sync_file_range(2).
void millrace_begin_writeback(int file, int64_t start, int64_t length);
