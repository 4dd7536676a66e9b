#include "harness/verdict/disk_limit.h"

#include "harness/base/buffer.h"

#include <signal.h>
#include <string.h>

#define MIB(bytes) ((unsigned long long)((bytes) >> 20))

char *tl_disk_limit_message(const struct tl_process_facts *f, const char *said)
{
    return tl_format(
        "its scratch directory, or a file, grew beyond limits.disk_mb (%llu MiB) of the case%s%s",
        MIB(f->disk_limit), said ? ": " : "", said ? said : "");
}

static bool speaks_of_room(const char *said)
{
    static const char *const words[] = {
        "No space left on device",
        "File too large",
        "File size limit exceeded",
        "ENOSPC",
        "EFBIG",
        "disk full",
        "Disk quota exceeded",
        "disk is full",
    };
    for (size_t i = 0; said && i < TL_COUNT(words); i++)
        if (strcasestr(said, words[i]))
            return true;
    return false;
}

char *tl_disk_limit_reached(const struct tl_process_facts *f, int signal, const char *said, bool *of_others)
{
    const char *between = said ? ": " : "", *words = said ? said : "";
    *of_others = false;
    if (!speaks_of_room(said) && !(signal == SIGBUS && f->full_scratch))
        return NULL;
    if (f->disk_over)
        return tl_disk_limit_message(f, said);
    if (!f->full_scratch)
        return NULL;
    if (f->filled_scratch)
        return tl_format(
            "it filled the file system of its scratch directory, %s, before it reached limits.disk_mb "
            "(%llu MiB) of the case%s%s",
            f->full_scratch, MIB(f->disk_limit), between, words);
    *of_others = true;
    return tl_format(
        "the file system of the scratch directory %s is full: free some space, or name another place with "
        "TMPDIR%s%s",
        f->full_scratch, between, words);
}
