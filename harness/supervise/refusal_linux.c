/* Allocations that the kernel refuses a trial for its memory limit.
 *
 * Theory of operation. RLIMIT_DATA makes mmap fail, and what a program makes of that is its own business: it
 * aborts, throws, exits with "MemoryError", or goes another way. None of these prove that the limit was the
 * reason, and by then what it held may be freed again, so the limit is no longer near. The refusal itself is
 * the evidence. It cannot be seen from outside but in the call: a seccomp filter stops mmap and mremap of
 * private writable memory of a MiB and more (others cost nothing), and the kernel's own sum is done again:
 * data + new > limit. A smaller allocation that fails ends up here, too: an allocator whose heap cannot grow
 * asks for a mapping of at least a MiB.
 *
 * The kernel's sum is of what may be written, touched or not, and what a program only reserves counts in it like
 * what it uses: a mapping that says so (MAP_NORESERVE), a private copy of a file, and the stacks of threads, 8 MiB
 * each. None of these is memory before it is touched; what is touched is held by the cgroup, or by trapline's own
 * watch. So they stop, too, and the soft limit is raised by their size before they go on (the hard one stays where
 * it was, or an ordinary user's could not be raised). It is kept up lazily: what has been unmapped since is known
 * only when an allocation goes beyond the limit itself, and then /proc/PID/smaps is read, once for every time that
 * the sum has become smaller. The stacks that exist are at most those that were mapped, and not more than there are
 * threads and a few that the C library keeps for the next ones.
 *
 * A program that fails in whatever way may have met a refusal. It counts when it was the last such call of the
 * process that fails, and what it wanted is still not to be had: one that went on with less has lived with it. */
#include "harness/supervise/refusal.h"

#include "harness/base/buffer.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/trial.h"
#include "harness/verdict/memory_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGE TL_MEMORY_UNSEEN
#define LARGE_MPROTECT (64u << 20) /* above the stacks of threads, which are made writable one by one */
#define KEPT_STACKS 6              /* 40 MiB of those of 8 MiB, and the one that is being made */
#define MOST_MAPPED (1ull << 47)

#define FIELD(field) ((unsigned)offsetof(struct seccomp_data, field))
#define LOW(n) (FIELD(args) + 8 * (n)) /* of an argument, on a little-endian machine */
#define HIGH(n) (LOW(n) + 4)
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define WHEN(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, yes, no)

size_t tl_refusal_filter(struct sock_filter *filter, uint32_t what)
{
    /* Places in the program; a jump counts from the next one. */
    enum { MMAP = 7, MREMAP = 16, MPROTECT = 19, LET = 24, STOP = 25 };
    const struct sock_filter program[TL_REFUSAL_FILTER] = {
        /* 0 */ LOAD(FIELD(arch)),
        /* 1 */ WHEN(BPF_JEQ, TL_FILTER_ARCH, 0, LET - 2),
        /* 2 */ LOAD(FIELD(nr)),
        /* 3 */ WHEN(BPF_JEQ, SYS_mmap, MMAP - 4, 0),
        /* 4 */ WHEN(BPF_JEQ, SYS_mremap, MREMAP - 5, 0),
        /* 5 */ WHEN(BPF_JEQ, SYS_mprotect, MPROTECT - 6, 0),
        /* 6 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* 7: mmap(address, size, protection, flags, …) */ LOAD(LOW(3)),
        /* 8 */ WHEN(BPF_JSET, MAP_PRIVATE, 0, LET - 9),
        /* 9 */ WHEN(BPF_JSET, MAP_STACK, 2, 0),
        /* 10 */ LOAD(LOW(2)),
        /* 11 */ WHEN(BPF_JSET, PROT_WRITE, 0, LET - 12),
        /* 12 */ LOAD(HIGH(1)),
        /* 13 */ WHEN(BPF_JEQ, 0, 0, STOP - 14),
        /* 14 */ LOAD(LOW(1)),
        /* 15 */ WHEN(BPF_JGE, LARGE, STOP - 16, LET - 16),
        /* 16: mremap(address, old size, new size, …) */ LOAD(HIGH(2)),
        /* 17 */ WHEN(BPF_JEQ, 0, 0, STOP - 18),
        /* 18 */ BPF_STMT(BPF_JMP | BPF_JA, 26 - 19),
        /* 19: mprotect(address, size, protection) */ LOAD(LOW(2)),
        /* 20 */ WHEN(BPF_JSET, PROT_WRITE, 0, LET - 21),
        /* 21 */ LOAD(HIGH(1)),
        /* 22 */ WHEN(BPF_JEQ, 0, 28 - 23, STOP - 23),
        /* 23 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* 24 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* 25 */ BPF_STMT(BPF_RET | BPF_K, what),
        /* 26: of mremap, less than 4 GiB */ LOAD(LOW(2)),
        /* 27 */ WHEN(BPF_JGE, LARGE, 30 - 28, 31 - 28),
        /* 28: of mprotect */ LOAD(LOW(1)),
        /* 29 */ WHEN(BPF_JGE, LARGE_MPROTECT, 0, 31 - 30),
        /* 30 */ BPF_STMT(BPF_RET | BPF_K, what),
        /* 31 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    memcpy(filter, program, sizeof program);
    return TL_COUNT(program);
}

void tl_refusal_watch(void)
{
    struct sock_filter program[TL_REFUSAL_FILTER];
    tl_filter_install(program, (unsigned short)tl_refusal_filter(program, SECCOMP_RET_TRACE));
}

/* --- what is only reserved ------------------------------------------------------------------------------ */

/* How many bytes of private mappings in a range are writable or not, as is asked; of reservations, or of all. */
static uint64_t mapped_in(pid_t pid, uint64_t from, uint64_t to, bool writable, bool reservations)
{
    char path[64], line[512], perms[8] = "";
    uint64_t start = 0, end = 0, inode = 0, sum = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        unsigned long long a, b, n;
        char p[8];
        if (sscanf(line, "%llx-%llx %7s %*x %*x:%*x %llu", &a, &b, p, &n) == 4) {
            start = a > from ? a : from;
            end = b < to ? b : to;
            inode = n;
            memcpy(perms, p, sizeof perms);
        } else if (!strncmp(line, "VmFlags:", 8) && end > start && perms[3] == 'p' &&
                   (perms[1] == 'w') == writable &&
                   (!reservations || (end - start >= LARGE && (inode || strstr(line, " nr"))))) {
            sum += end - start;
        }
    }
    if (f)
        fclose(f);
    return sum;
}

static uint64_t reserved_bytes(const struct tl_process *p)
{
    const struct tl_reserved *r = &p->reserved;
    uint64_t threads = KEPT_STACKS;
    if (r->stacks)
        for (const struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
            threads++;
    return r->mapped + (r->stacks < r->stack * threads ? r->stacks : r->stack * threads);
}

/* A limit that the program has changed itself is its own business. */
static void raise_limit(struct tl_process *p)
{
    struct tl_reserved *r = &p->reserved;
    struct rlimit now;
    uint64_t want = r->limit + reserved_bytes(p);
    if (want == r->set || prlimit(p->pid, RLIMIT_DATA, NULL, &now) || now.rlim_cur != r->set)
        return;
    now.rlim_cur = want < now.rlim_max ? want : now.rlim_max;
    if (!prlimit(p->pid, RLIMIT_DATA, &now, NULL))
        r->set = now.rlim_cur;
}

void tl_refusal_begin(struct tl_process *p, uint64_t limit)
{
    struct rlimit now;
    p->reserved.limit = limit;
    p->reserved.set =
        limit && !prlimit(p->pid, RLIMIT_DATA, NULL, &now) && now.rlim_max < limit ? now.rlim_max : limit;
    if (limit)
        raise_limit(p);
}

void tl_refusal_executed(struct tl_process *p)
{
    struct tl_reserved *r = &p->reserved;
    p->refused_bytes = 0;
    r->mapped = r->stacks = r->stack = r->seen = 0;
    r->counted = false;
    if (r->limit)
        raise_limit(p);
}

static void reserve(struct tl_process *p, uint64_t size, bool stack)
{
    struct tl_reserved *r = &p->reserved;
    if (size > MOST_MAPPED)
        return;
    if (stack) {
        r->stacks += size;
        r->stack = size > r->stack ? size : r->stack;
    } else {
        r->mapped += size;
        r->counted = false;
    }
    raise_limit(p);
}

/* What a process uses of its limit. */
static uint64_t used_bytes(struct tl_process *p, uint64_t data)
{
    uint64_t reserved = reserved_bytes(p);
    return data > reserved ? data - reserved : 0;
}

uint64_t tl_refusal_used_bytes(struct tl_process *p)
{
    return used_bytes(p, tl_process_data_bytes(tl_process_living(p)));
}

/* --- what is refused ------------------------------------------------------------------------------------ */

/* Before an allocation that is too much as things are known: whether they are still so. */
static void count_again(struct tl_process *p, uint64_t data)
{
    struct tl_reserved *r = &p->reserved;
    if (!r->mapped || (r->counted && data >= r->seen))
        return;
    r->mapped = mapped_in(tl_process_living(p), 0, UINT64_MAX, true, true);
    r->counted = true;
    r->seen = data;
    raise_limit(p);
}

static void wants(struct tl_process *p, uint64_t size, uint64_t old)
{
    struct tl_trial *trial = p->trial;
    uint64_t data = tl_process_data_bytes(tl_process_living(p)), more = size - old;
    if (!data || size <= old)
        return;
    if (data + more > p->reserved.limit)
        count_again(p, data);
    uint64_t used = used_bytes(p, data);
    bool refused = used + more > p->reserved.limit && more <= tl_limits_most_wanted(p->reserved.limit);
    p->refused_bytes = refused ? more : 0; /* it goes on with what it is granted now */
    if (!refused || !trial)
        return;
    /* An allocator that is refused asks once more, for more. */
    if (!trial->refused_bytes || trial->data_when_refused != used || size < trial->refused_bytes)
        trial->refused_bytes = size;
    trial->data_when_refused = used;
}

void tl_refusal_look(const struct tl_tracee *t)
{
    struct __ptrace_syscall_info call = {0};
    if (t->process && t->process->reserved.limit &&
        ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call) > 0 &&
        call.op == PTRACE_SYSCALL_INFO_SECCOMP)
        tl_refusal_call(t->process, (long)call.seccomp.nr, (const uint64_t *)call.seccomp.args);
}

void tl_refusal_call(struct tl_process *p, long call, const uint64_t *a)
{
    if (!p->reserved.limit)
        return;
    if (call == SYS_mremap) {
        wants(p, a[2], a[1]);
    } else if (call == SYS_mprotect) {
        uint64_t only = mapped_in(tl_process_living(p), a[0], a[0] + a[1], false, true);
        if (only)
            reserve(p, only, false);
        else
            wants(p, a[1], mapped_in(tl_process_living(p), a[0], a[0] + a[1], true, false));
    } else if (call != SYS_mmap) {
        return;
    } else if (a[3] & MAP_STACK) {
        reserve(p, a[1], true);
    } else if (a[3] & MAP_NORESERVE || !(a[3] & MAP_ANONYMOUS)) {
        reserve(p, a[1], false);
    } else {
        wants(p, a[1], 0);
    }
}

void tl_refusal_left(struct tl_process *p, int status)
{
    if (!p->reserved.limit || !WIFEXITED(status) || !WEXITSTATUS(status))
        return;
    uint64_t used = tl_refusal_used_bytes(p);
    p->left = used + TL_MEMORY_UNSEEN > p->reserved.limit                       ? TL_LEFT_FULL
              : p->refused_bytes && used + p->refused_bytes > p->reserved.limit ? TL_LEFT_REFUSED
                                                                                : TL_LEFT_OTHERWISE;
}
