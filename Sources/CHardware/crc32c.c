// CRC-32C by the SSE4.2 instruction on three streams at once (after Mark Adler's crc32c.c and Gopal et al., "Fast CRC
// Computation for iSCSI Polynomial Using CRC32 Instruction", 2011), and by slicing-by-8 (Kounavis and Berry, 2008) elsewhere.
// The instruction has a latency of three cycles and a throughput of one, so three independent streams fill it; their results
// are joined by multiplying with x^(8n) modulo the polynomial, for which there are tables.
#include "CHardware.h"
#include <string.h>

#define POLYNOMIAL 0x82f63b78u
#define LONG_BLOCK 8192
#define SHORT_BLOCK 256

static uint32_t slices[8][256];

static void make_slices(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
        slices[0][n] = crc;
    }
    for (uint32_t n = 0; n < 256; n++)
        for (int k = 1; k < 8; k++) slices[k][n] = (slices[k - 1][n] >> 8) ^ slices[0][slices[k - 1][n] & 0xff];
}

uint32_t millrace_crc32c_tables(uint32_t crc, const void *bytes, size_t length) {
    const unsigned char *next = bytes;
    crc = ~crc;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        word ^= crc;
        crc = slices[7][word & 0xff] ^ slices[6][(word >> 8) & 0xff] ^ slices[5][(word >> 16) & 0xff] ^
              slices[4][(word >> 24) & 0xff] ^ slices[3][(word >> 32) & 0xff] ^ slices[2][(word >> 40) & 0xff] ^
              slices[1][(word >> 48) & 0xff] ^ slices[0][word >> 56];
        next += 8;
        length -= 8;
    }
#endif
    while (length--) crc = (crc >> 8) ^ slices[0][(crc ^ *next++) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

static int has_instruction;
static uint32_t after_long[4][256];
static uint32_t after_short[4][256];

// The product of a vector with a 32 by 32 matrix over GF(2).
static uint32_t times(const uint32_t *matrix, uint32_t vector) {
    uint32_t sum = 0;
    for (; vector; vector >>= 1, matrix++)
        if (vector & 1) sum ^= *matrix;
    return sum;
}

static void square(uint32_t *result, const uint32_t *matrix) {
    for (int n = 0; n < 32; n++) result[n] = times(matrix, matrix[n]);
}

// Tables that tell what a CRC becomes after `length` zero bytes; `length` is a power of two.
static void make_zeros(uint32_t tables[4][256], size_t length) {
    uint32_t odd[32], even[32];
    odd[0] = POLYNOMIAL;
    for (int n = 1; n < 32; n++) odd[n] = 1u << (n - 1);
    square(even, odd); // two zero bits
    square(odd, even); // four
    uint32_t *now = odd, *other = even;
    do {
        square(other, now);
        uint32_t *swap = now;
        now = other;
        other = swap;
        length >>= 1;
    } while (length);
    for (uint32_t n = 0; n < 256; n++)
        for (int k = 0; k < 4; k++) tables[k][n] = times(now, n << (8 * k));
}

static inline uint32_t shift(uint32_t tables[4][256], uint32_t crc) {
    return tables[0][crc & 0xff] ^ tables[1][(crc >> 8) & 0xff] ^ tables[2][(crc >> 16) & 0xff] ^ tables[3][crc >> 24];
}

static inline uint64_t load(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

__attribute__((target("sse4.2")))
static inline uint64_t three_streams(uint64_t crc, const unsigned char *next, size_t block, uint32_t tables[4][256]) {
    uint64_t second = 0, third = 0;
    for (const unsigned char *end = next + block; next < end; next += 8) {
        crc = __builtin_ia32_crc32di(crc, load(next));
        second = __builtin_ia32_crc32di(second, load(next + block));
        third = __builtin_ia32_crc32di(third, load(next + 2 * block));
    }
    crc = shift(tables, (uint32_t)crc) ^ second;
    return shift(tables, (uint32_t)crc) ^ third;
}

__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t start, const void *bytes, size_t length) {
    const unsigned char *next = bytes;
    uint64_t crc = (uint32_t)~start;
    for (; length >= 3 * LONG_BLOCK; next += 3 * LONG_BLOCK, length -= 3 * LONG_BLOCK)
        crc = three_streams(crc, next, LONG_BLOCK, after_long);
    for (; length >= 3 * SHORT_BLOCK; next += 3 * SHORT_BLOCK, length -= 3 * SHORT_BLOCK)
        crc = three_streams(crc, next, SHORT_BLOCK, after_short);
    for (; length >= 8; next += 8, length -= 8) crc = __builtin_ia32_crc32di(crc, load(next));
    for (; length; length--) crc = __builtin_ia32_crc32qi((uint32_t)crc, *next++);
    return ~(uint32_t)crc;
}

__attribute__((constructor)) static void prepare(void) {
    make_slices();
    __builtin_cpu_init();
    has_instruction = __builtin_cpu_supports("sse4.2");
    make_zeros(after_long, LONG_BLOCK);
    make_zeros(after_short, SHORT_BLOCK);
}

uint32_t millrace_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return has_instruction ? by_instruction(crc, bytes, length) : millrace_crc32c_tables(crc, bytes, length);
}

#else

__attribute__((constructor)) static void prepare(void) { make_slices(); }

uint32_t millrace_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return millrace_crc32c_tables(crc, bytes, length);
}

#endif
