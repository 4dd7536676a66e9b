/* A command that judges is handed a path, and may write there, as quantisers and converters do that work in place: to the model,
 * or to the weights beside it, which variants share with the original by hard links. So each of its runs has a copy of all files
 * of the variant, which goes when the run has ended. Files systems that share blocks make that cheap, and holes stay holes. */
#include "harness/campaign/reduce/lend.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

static bool shares_blocks(int in, int out)
{
#ifdef FICLONE
    return !ioctl(out, FICLONE, in);
#else
    (void)in;
    (void)out;
    return false;
#endif
}

/* What is between holes. */
static int copy_data(int in, int out, off_t size)
{
    static const size_t block = 1 << 16;
    char *bytes = tl_calloc(1, block);
    off_t at = 0;
    int failed = ftruncate(out, size);
    while (!failed && at < size) {
        off_t from = lseek(in, at, SEEK_DATA), end = from < 0 ? -1 : lseek(in, from, SEEK_HOLE);
        if (from < 0 && errno == ENXIO) /* nothing but a hole is left */
            break;
        if (from < 0 || end < 0) { /* it cannot say */
            from = at;
            end = size;
        }
        for (at = from; !failed && at < end;) {
            size_t wanted = end - at < (off_t)block ? (size_t)(end - at) : block;
            ssize_t n = pread(in, bytes, wanted, at);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0 || pwrite(out, bytes, (size_t)n, at) != n)
                failed = -1;
            at += n > 0 ? n : 0;
        }
    }
    free(bytes);
    return failed;
}

int tl_reduce_copy_file(const char *from, const char *to)
{
    struct stat st;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), failed = -1;
    int out = in < 0 || fstat(in, &st) ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out >= 0)
        failed = shares_blocks(in, out) ? 0 : copy_data(in, out, st.st_size);
    int err = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) && !failed) {
        failed = -1;
        err = errno;
    }
    errno = err;
    return failed;
}

struct lending {
    const char *from, *to;
    int error;
};

static bool lend_entry(void *arg, int directory, const char *name, const char *path, const struct stat *st)
{
    struct lending *l = arg;
    char *from = tl_format("%s/%s", l->from, path), *to = tl_format("%s/%s", l->to, path);
    (void)directory;
    (void)name;
    errno = 0;
    if (S_ISDIR(st->st_mode) ? mkdir(to, 0700) : S_ISREG(st->st_mode) && tl_reduce_copy_file(from, to))
        l->error = errno;
    free(from);
    free(to);
    return l->error != 0;
}

char *tl_reduce_lend(const struct tl_reduce_files *f, size_t number, struct tl_error *e)
{
    char *lent = tl_format("%s-lent-%zu", f->directory, number);
    struct lending l = {.from = f->directory, .to = lent};
    if (tl_make_directories(lent, 0700) || (tl_tree_each(f->directory, lend_entry, &l) && !l.error))
        l.error = errno;
    if (l.error) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, l.error, "cannot copy a model for a run of the command", lent,
                      "free some space, or set XDG_CACHE_HOME to another place");
        tl_remove_tree(lent);
        free(lent);
        return NULL;
    }
    return lent;
}
