// statx(2), which the C library declares for GNU sources only.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include "CHardware.h"

static int64_t milliseconds(struct statx_timestamp time) { return time.tv_sec * 1000 + time.tv_nsec / 1000000; }

void millrace_file_times(int file, int64_t *made, int64_t *changed) {
    struct statx status;
    *made = *changed = -1;
    if (statx(file, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &status) != 0) return;
    if (status.stx_mask & STATX_BTIME) *made = milliseconds(status.stx_btime);
    if (status.stx_mask & STATX_MTIME) *changed = milliseconds(status.stx_mtime);
}
