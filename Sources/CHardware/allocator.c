// The allocator's settings are macros of a header that Swift's Glibc module leaves out.
#include "CHardware.h"

#if defined(__GLIBC__)
#include <malloc.h>

void millrace_keep_freed_memory(void) {
    // The greatest threshold that the library takes.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 20);
    // Each arena keeps what was free in it at its worst moment; with eight a core, the default, that multiplies what many clients
    // have needed.
    mallopt(M_ARENA_MAX, 4);
}

void millrace_release_freed_memory(size_t kept) {
    if (mallinfo2().fordblks > kept) malloc_trim(kept / 4);
}
#else
void millrace_keep_freed_memory(void) {}
void millrace_release_freed_memory(size_t kept) { (void)kept; }
#endif
