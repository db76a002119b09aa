// What the processor does faster than any compiler makes it: checksums by its own instruction, chosen at run time.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli; RFC 3720) of `length` bytes, continuing from `crc`; 0 starts a new one.
uint32_t millrace_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The same by tables only, for processors without the instruction and for comparing the two.
uint32_t millrace_crc32c_tables(uint32_t crc, const void *bytes, size_t length);

/// Makes the C library's allocator keep freed memory; see Platform's `keepFreedMemory`.
void millrace_keep_freed_memory(void);
