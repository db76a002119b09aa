// The state of the kernel's clock.
#define _GNU_SOURCE
#include <string.h>
#include <sys/timex.h>

#include "CHardware.h"

int64_t millrace_clock_error(void) {
    struct timex state;
    memset(&state, 0, sizeof state);
    int result = adjtimex(&state);
    if (result < 0) return -2;
    return result == TIME_ERROR || (state.status & STA_UNSYNC) != 0 ? -1 : (int64_t)state.maxerror;
}
