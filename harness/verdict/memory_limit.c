/* Whether the memory limit was the reason of a failure.
 *
 * Words alone are no evidence: a program may say that it is out of memory for reasons of its own, and a size that was
 * computed wrongly is refused with any limit. And evidence that holds at the very end of what failed needs no words:
 * what a program makes of an allocation that failed is an assertion about something else, a write to NULL, or
 * silence. What was seen earlier (a refusal that the process went on after, a limit that was near) counts for one
 * that says that it ran out of memory, or that says nothing. */
#include "harness/verdict/memory_limit.h"

#include "harness/base/buffer.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MIB(bytes) ((unsigned long long)((bytes) >> 20))

/* Whether a message speaks of an allocation that failed. */
static bool speaks_of_memory(const char *message)
{
    static const char *const words[] = {
        "bad_alloc",           "out of memory",      "Cannot allocate memory", "memory allocation of",
        "MemoryError",         "failed to allocate", "allocation failed",      "std::bad_array_new_length",
        "cannot allocate",     "not enough memory",  "malloc failed",          "calloc failed",
        "realloc failed",      "unable to allocate", "could not allocate",     "allocation failure",
        "insufficient memory", "OutOfMemory",        "failed allocation",
    };
    for (size_t i = 0; message && i < TL_COUNT(words); i++)
        if (strcasestr(message, words[i]))
            return true;
    return false;
}

static bool is_near_limit(const struct tl_process_facts *f)
{
    return f->data_at_crash && f->data_at_crash >= f->memory_limit / 10 * 9;
}

/* Whether a message speaks of memory that is not the process's own: what a device has of it no limit here bounds. */
static bool speaks_of_a_device(const char *message)
{
    static const char *const words[] = {"MPS ", "CUDA", "GPU",    "Metal",         "MTL",    "HIP ",
                                        "ROCm", "XPU",  "Vulkan", "device memory", "OpenCL", "VRAM"};
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (strstr(message, words[i]))
            return true;
    return false;
}

/* The largest amount of memory that a message names: "Unable to allocate 3.73 GiB", "of 4294967296 bytes",
 * "buffer of size 20971520000". 0: none. */
static double amount_in_words(const char *s)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"KB", 1e3},
                 {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},    {"byte", 1}};
    double most = 0;
    for (const char *p = s; (p = strpbrk(p, "0123456789"));) {
        char *end;
        bool size = p - s >= 5 && !strncasecmp(p - 5, "size ", 5),
             word = p > s && isalnum((unsigned char)p[-1]);
        double number = strtod(p, &end), factor = size ? 1 : 0;
        const char *unit = end + (*end == ' ');
        for (size_t i = 0; i < TL_COUNT(units); i++)
            if (!strncmp(unit, units[i].unit, strlen(units[i].unit)))
                factor = units[i].bytes;
        if (!word && number * factor > most && number * factor < 0x1p80)
            most = number * factor;
        p = end > p ? end : p + 1;
    }
    return most;
}

/* How it was seen that the limit was reached; NULL. A new string. */
static char *seen_at_limit(const struct tl_process_facts *f)
{
    if (f->refused_bytes)
        return tl_format("an allocation of %llu MiB was refused with %llu MiB in use", MIB(f->refused_bytes),
                         MIB(f->data_when_refused));
    if (is_near_limit(f))
        return tl_format("%llu MiB were in use when an allocation failed", MIB(f->data_at_crash));
    return NULL;
}

char *tl_memory_limit_evidence(const struct tl_process_facts *f, const struct tl_trial_record *r,
                               const char *said)
{
    if (!f->memory_limit || !speaks_of_memory(said))
        return NULL;
    char *seen = seen_at_limit(f);
    if (seen)
        return seen;
    if (speaks_of_a_device(said))
        return NULL;
    double amount = amount_in_words(said), left = (double)f->memory_limit - (double)r->peak_rss;
    bool possible = !f->most_wanted || amount <= (double)f->most_wanted;
    if (amount > (left > 0 ? left : 0) && amount > 0 && possible)
        return tl_format("%.0f MiB were asked for", amount * 0x1p-20);
    return NULL;
}

char *tl_memory_limit_left(const struct tl_process_facts *f)
{
    return f->memory_limit && f->left_refused ? seen_at_limit(f) : NULL;
}

bool tl_memory_limit_is_meant(const char *said)
{
    return speaks_of_memory(said);
}

char *tl_memory_limit_alone(const struct tl_process_facts *f, const struct tl_capture *death)
{
    uint64_t wanted = f->refused_at_crash;
    if (!f->memory_limit)
        return NULL;
    if (!death)
        return f->left_full ? tl_strdup("all of it was in use when the process gave up") : NULL;
    if (f->data_at_crash && f->data_at_crash + TL_MEMORY_UNSEEN > f->memory_limit)
        return tl_format("%llu MiB were in use, and no more was to be had", MIB(f->data_at_crash));
    /* What was written to is NULL, and what should have been there. */
    bool missed = death->signal != SIGSEGV || (death->has_address && death->fault_address < wanted);
    return wanted && missed && f->data_at_crash + wanted > f->memory_limit
               ? tl_format("an allocation of %llu MiB was refused with %llu MiB in use", MIB(wanted),
                           MIB(f->data_at_crash))
               : NULL;
}

bool tl_memory_limit_silent(const struct tl_process_facts *f, const struct tl_trial_record *r,
                            const char *said, int capture)
{
    bool still_refused = f->refused_at_crash && f->data_at_crash + f->refused_at_crash > f->memory_limit;
    if (said || !f->memory_limit || !f->data_at_crash || !(is_near_limit(f) || still_refused))
        return false;
    if (r->signal == SIGABRT || r->signal == SIGTRAP || r->signal == SIGILL)
        return true;
    return r->signal == SIGSEGV && capture >= 0 && r->captures[capture].has_address &&
           r->captures[capture].fault_address < 65536;
}
