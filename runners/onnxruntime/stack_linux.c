/* The stack of the first thread on Linux. The kernel puts the stack of every process at another place within its pages,
 * and the environment lies on it too: some 8 KiB more or less, which moves the depth at which recursion overflows. Here
 * a function begins where the same is left every time, so that the same depth always overflows; what a large environment takes
 * beyond the usual is added to the limit, where that may be raised. */
#include "runners/onnxruntime/stack.h"

#include <alloca.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define STACK_STEP ((size_t)24 << 10) /* more than the arguments, the environment and the start take */

static uintptr_t stack_end; /* its upper end, where it begins; 0: not known */

void tl_ort_find_stack(void)
{
    char line[512];
    unsigned long long start, end;
    FILE *f = stack_end ? NULL : fopen("/proc/self/maps", "re");
    while (f && fgets(line, sizeof line, f))
        if (strstr(line, "[stack]") && sscanf(line, "%llx-%llx", &start, &end) == 2) {
            stack_end = (uintptr_t)end;
            break;
        }
    if (f)
        fclose(f);
}

/* Bytes that the stack of this thread, the first one, can still grow; 0 when that cannot be known. */
static size_t stack_left(size_t *most)
{
    struct rlimit limit;
    tl_ort_find_stack();
    if (!stack_end || getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    size_t used = (size_t)(stack_end - (uintptr_t)__builtin_frame_address(0));
    *most = (size_t)limit.rlim_cur;
    return used < *most ? *most - used : 0;
}

__attribute__((noinline)) void *tl_ort_on_even_stack(void *(*function)(void *), void *argument)
{
    size_t most = 0, left = stack_left(&most), take = 0;
    if (left > STACK_STEP) {
        size_t used = most - left, even = (used + STACK_STEP - 1) / STACK_STEP * STACK_STEP;
        struct rlimit limit;
        take = even - used;
        if (even > STACK_STEP && getrlimit(RLIMIT_STACK, &limit) == 0) {
            limit.rlim_cur += even - STACK_STEP;
            setrlimit(RLIMIT_STACK, &limit); /* else it is shorter by that */
        }
    }
    // cppcheck-suppress allocaCalled ; the stack itself is what is wanted
    volatile char *filler = alloca(take + 1);
    filler[0] = 0;
    return function(argument);
}
