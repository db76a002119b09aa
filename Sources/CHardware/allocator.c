// The allocator's settings are macros of a header that Swift's Glibc module leaves out.
#include "CHardware.h"

#if defined(__GLIBC__)
#include <malloc.h>

void millrace_keep_freed_memory(void) {
    // The greatest threshold that the library takes.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 20);
}
#else
void millrace_keep_freed_memory(void) {}
#endif
