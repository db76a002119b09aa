// What Swift cannot reach by itself: checksums and scans by the processor's own instructions, and calls of the C library that its module
// hides.
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

/// When an open file was made and when its content last changed, in milliseconds since the epoch; -1 for what the file system does not know.
/// See statx(2).
void millrace_file_times(int file, int64_t *made, int64_t *changed);

/// Asks the system to begin writing `length` bytes of an open file from `start` on to the disk, without waiting; see sync_file_range(2).
void millrace_begin_writeback(int file, int64_t start, int64_t length);

/// Microseconds by which the wall clock may be wrong, as the kernel says; -1 where nobody keeps it right, -2 where the kernel does not say. See
/// adjtimex(2).
int64_t millrace_clock_error(void);

/// Asks the processor to bring the memory at `address` near; any address may be asked for.
static inline void millrace_prefetch(const void *address) { __builtin_prefetch(address); }

#if defined(__SSE2__)
#include <emmintrin.h>

/// Marks those of sixteen bytes that are no plain ones of a JSON string: a quote, a backslash, or a control character.
static inline __m128i millrace_special_marks(__m128i block) {
    const __m128i quote = _mm_set1_epi8(0x22), slash = _mm_set1_epi8(0x5C), control = _mm_set1_epi8(0x1F);
    return _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash)),
        _mm_cmpeq_epi8(_mm_min_epu8(block, control), block));
}

/// The same as bits, one a byte from the lowest on.
static inline uint32_t millrace_special_bytes(__m128i block) { return (uint32_t)_mm_movemask_epi8(millrace_special_marks(block)); }

/// How many of the `length` bytes from `bytes` on are plain ones of a JSON string, as far as that can be told from 64 at a time: the next 64
/// hold one that is not, or are fewer. `high` gets a bit if any of them is above 0x7F.
int64_t millrace_long_plain_bytes(const uint8_t *bytes, int64_t length, uint32_t *high);

/// How many of the `length` bytes from `bytes` on come before the first that is no plain one of a JSON string. `high` gets a bit if any of
/// them is above 0x7F. Up to 15 bytes behind the last may be loaded; they decide nothing.
static inline int64_t millrace_plain_bytes(const uint8_t *bytes, int64_t length, uint32_t *high) {
    for (int64_t at = 0; at < length; at += 16) {
        // Most strings are short; a call is worth its while for those that are not.
        if (at == 48 && length - at >= 64) {
            at += millrace_long_plain_bytes(bytes + at, length - at, high);
            if (at == length) break;
        }
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + at));
        uint32_t found = millrace_special_bytes(block), tops = (uint32_t)_mm_movemask_epi8(block);
        if (found == 0) {
            if (at + 16 > length) tops &= (1u << (length - at)) - 1;
            *high |= tops;
            continue;
        }
        int64_t clean = __builtin_ctz(found);
        if (at + clean > length) clean = length - at;
        *high |= tops & ((1u << clean) - 1);
        return at + clean;
    }
    return length;
}

/// Copies `length` bytes up to the first that is no plain one of a JSON string; gives how many come before it. Nothing but the `length`
/// bytes is read; up to 15 bytes behind them may be written.
static inline int64_t millrace_copy_plain_bytes(uint8_t *to, const uint8_t *from, int64_t length) {
    int64_t at = 0;
    for (; length - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(from + at));
        _mm_storeu_si128((__m128i *)(to + at), block);
        uint32_t found = millrace_special_bytes(block);
        if (found) return at + __builtin_ctz(found);
    }
    while (at < length) {
        int64_t rest = length - at, count = rest < 8 ? rest : 8;
        uint64_t bytes = 0;
        if (count == 8) {
            __builtin_memcpy(&bytes, from + at, 8);
        } else if (count >= 4) {
            uint32_t first, last;
            __builtin_memcpy(&first, from + at, 4);
            __builtin_memcpy(&last, from + at + count - 4, 4);
            bytes = first | (uint64_t)last << (count - 4) * 8;
        } else {
            bytes = (uint64_t)from[at] | (uint64_t)from[at + count / 2] << count / 2 * 8 | (uint64_t)from[at + count - 1] << (count - 1) * 8;
        }
        __builtin_memcpy(to + at, &bytes, 8);
        uint32_t found = millrace_special_bytes(_mm_cvtsi64_si128((int64_t)bytes)) & ((1u << count) - 1);
        if (found) return at + __builtin_ctz(found);
        at += count;
    }
    return length;
}
#else
static inline int64_t millrace_copy_plain_bytes(uint8_t *to, const uint8_t *from, int64_t length) {
    int64_t at = 0;
    for (; at < length && from[at] >= 0x20 && from[at] != 0x22 && from[at] != 0x5C; at++) to[at] = from[at];
    return at;
}

static inline int64_t millrace_plain_bytes(const uint8_t *bytes, int64_t length, uint32_t *high) {
    int64_t at = 0;
    for (; at < length && bytes[at] >= 0x20 && bytes[at] != 0x22 && bytes[at] != 0x5C; at++) *high |= bytes[at] >> 7;
    return at;
}
#endif
