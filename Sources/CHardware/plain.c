// Long pieces of JSON strings, four blocks at a time: of thirty-two bytes where the processor has them, else of sixteen.
#include "CHardware.h"

#if defined(__SSE2__)
#include <immintrin.h>

static int64_t by_sixteen(const uint8_t *bytes, int64_t length, uint32_t *high) {
    __m128i tops = _mm_setzero_si128();
    int64_t at = 0;
    for (; length - at >= 64; at += 64) {
        __m128i found = _mm_setzero_si128(), all = _mm_setzero_si128();
        for (int n = 0; n < 64; n += 16) {
            __m128i block = _mm_loadu_si128((const __m128i *)(bytes + at + n));
            found = _mm_or_si128(found, millrace_special_marks(block));
            all = _mm_or_si128(all, block);
        }
        if (_mm_movemask_epi8(found)) break;
        tops = _mm_or_si128(tops, all);
    }
    *high |= (uint32_t)_mm_movemask_epi8(tops);
    return at;
}

__attribute__((target("avx2")))
static int64_t by_thirty_two(const uint8_t *bytes, int64_t length, uint32_t *high) {
    const __m256i quote = _mm256_set1_epi8(0x22), slash = _mm256_set1_epi8(0x5C), control = _mm256_set1_epi8(0x1F);
    __m256i tops = _mm256_setzero_si256();
    int64_t at = 0;
    for (; length - at >= 64; at += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(bytes + at));
        __m256i b = _mm256_loadu_si256((const __m256i *)(bytes + at + 32));
        __m256i quotes = _mm256_or_si256(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote));
        __m256i slashes = _mm256_or_si256(_mm256_cmpeq_epi8(a, slash), _mm256_cmpeq_epi8(b, slash));
        // One of two bytes is a control character when the smaller one is.
        __m256i least = _mm256_min_epu8(a, b);
        __m256i controls = _mm256_cmpeq_epi8(_mm256_min_epu8(least, control), least);
        if (_mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quotes, slashes), controls))) break;
        tops = _mm256_or_si256(tops, _mm256_or_si256(a, b));
    }
    *high |= (uint32_t)_mm256_movemask_epi8(tops);
    return at;
}

static int has_thirty_two;

__attribute__((constructor)) static void prepare(void) {
    __builtin_cpu_init();
    has_thirty_two = __builtin_cpu_supports("avx2");
}

int64_t millrace_long_plain_bytes(const uint8_t *bytes, int64_t length, uint32_t *high) {
    return has_thirty_two ? by_thirty_two(bytes, length, high) : by_sixteen(bytes, length, high);
}
#endif
