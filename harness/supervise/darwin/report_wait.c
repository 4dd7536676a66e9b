#include "harness/supervise/darwin/report_wait.h"

#include "harness/base/buffer.h"
#include "harness/crash_report/belongs.h"
#include "harness/verdict/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLACK_US 2000000 /* by which the file system's clock may be behind */
#define FILES_MOST 4096  /* of a directory, looked at in one go */
#define SEEN_MOST 4096   /* remembered; beyond that a file is read again */
#define PATIENCE_MS 60000
#define LITTLE_PATIENCE_MS 15000 /* the slowest report seen came 14 s after its crash */
#define MISSED_MOST 3
#define HELPERS_MOST 16 /* reports of helpers that are kept of one trial */

/* One that was read and is not the one. */
struct tl_report_file {
    char *name;
    off_t size;
    time_t modified;
};

void tl_report_seen_free(struct tl_report_seen *seen)
{
    for (size_t i = 0; i < seen->n; i++)
        free(seen->list[i].name);
    free(seen->list);
    *seen = (struct tl_report_seen){0};
}

static bool is_descendant(const struct tl_report_wanted *w, const struct tl_ips *ips)
{
    if (w->parent > 0 && ips->parent == w->parent)
        return true;
    for (size_t i = 0; i < w->n_descendants; i++)
        if (ips->pid == w->descendants[i] || ips->parent == w->descendants[i])
            return true;
    return false;
}

bool tl_report_fits(const struct tl_ips *ips, const struct tl_report_wanted *w)
{
    if ((w->signal && ips->report.signal != w->signal) || (!w->pid && !is_descendant(w, ips)))
        return false;
    return tl_ips_matches(ips, w->pid ? w->pid : ips->pid, w->launched_us, w->ended_us);
}

void tl_report_helpers_free(struct tl_report_helpers *h)
{
    for (size_t i = 0; i < h->n; i++)
        tl_system_report_free(&h->list[i]);
    free(h->list);
    *h = (struct tl_report_helpers){0};
}

/* Keeps a report of a process that worked for the one that is looked for. */
static void take_helper(const struct tl_report_wanted *w, const struct tl_ips *ips, const char *name,
                        const char *text)
{
    const struct tl_report_window window = {w->pid ? w->pid : w->parent, w->descendants, w->n_descendants,
                                            w->launched_us, w->ended_us};
    if (!w->helpers || w->helpers->n == HELPERS_MOST || !tl_report_is_of_helper(ips, &window))
        return;
    struct tl_system_report kept = tl_ips_kept(ips, TL_REPORT_HELPER, name, text);
    kept.title = tl_verdict_report_title(&ips->report);
    for (size_t i = 0; i < w->helpers->n; i++)
        if (!strcmp(w->helpers->list[i].id, kept.id)) {
            tl_system_report_free(&kept);
            return;
        }
    *TL_GROW(w->helpers->list, w->helpers->n) = kept;
}

static struct tl_report_file *find_seen(struct tl_report_seen *seen, const char *name)
{
    for (size_t i = 0; i < seen->n; i++)
        if (!strcmp(seen->list[i].name, name))
            return &seen->list[i];
    return NULL;
}

static void remember(struct tl_report_seen *seen, struct tl_report_file *at, const char *name,
                     const struct stat *st)
{
    if (!at) {
        if (seen->n == SEEN_MOST)
            return;
        at = TL_GROW(seen->list, seen->n);
        at->name = tl_strdup(name);
    }
    at->size = st->st_size;
    at->modified = st->st_mtime;
}

static char *read_report(int fd, size_t size)
{
    char *text = tl_malloc(size + 1);
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, text + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (got < size) { /* it has become shorter: it is being written again */
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

/* ips NULL: only helpers are looked for. */
static int look_at(int directory, const char *path, const char *name, const struct tl_report_wanted *w,
                   struct tl_report_seen *seen, struct tl_ips *ips)
{
    struct tl_ips read;
    struct stat st;
    struct tl_error ignored;
    int found = 0;
    /* Links and pipes are none of the system's reports, and a pipe would keep us waiting. */
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return 0;
    char *key = tl_format("%s/%s", path, name);
    struct tl_report_file *at = find_seen(seen, key);
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= (off_t)TL_IPS_MOST &&
        (int64_t)st.st_mtime * 1000000 + SLACK_US >= w->launched_us &&
        !(at && at->size == st.st_size && at->modified == st.st_mtime)) {
        char *text = read_report(fd, (size_t)st.st_size);
        if (text && !tl_ips_parse(text, (size_t)st.st_size, &read, &ignored)) {
            found = ips && tl_report_fits(&read, w);
            if (found && w->kept) {
                *w->kept = tl_ips_kept(&read, TL_REPORT_OWN, name, text);
                w->kept->title = tl_verdict_report_title(&read.report);
            }
            if (found) {
                *ips = read;
            } else {
                take_helper(w, &read, name, text);
                tl_ips_free(&read);
            }
        }
        if (text && !found)
            remember(seen, at, key, &st);
        free(text);
    }
    free(key);
    close(fd);
    return found;
}

/* After the report itself was found, the rest is looked through for helpers only where they are wanted. */
static int look_through(const char *const *directories, const struct tl_report_wanted *w,
                        struct tl_report_seen *seen, struct tl_ips *ips)
{
    int found = 0;
    for (size_t i = 0; directories[i] && (!found || w->helpers); i++) {
        DIR *d = opendir(directories[i]);
        struct dirent *x;
        for (unsigned n = 0; d && (!found || w->helpers) && n < FILES_MOST && (x = readdir(d)); n++) {
            size_t length = strlen(x->d_name);
            if (length > 4 && *x->d_name != '.' && !strcmp(x->d_name + length - 4, ".ips") &&
                look_at(dirfd(d), directories[i], x->d_name, w, seen, found ? NULL : ips))
                found = 1;
        }
        if (d)
            closedir(d);
    }
    return found;
}

int tl_report_find(const char *const *directories, const struct tl_report_wanted *w,
                   struct tl_report_seen *seen, struct tl_ips *ips)
{
    return look_through(directories, w, seen, ips);
}

void tl_report_find_helpers(const char *const *directories, const struct tl_report_wanted *w)
{
    struct tl_report_seen seen = {0};
    look_through(directories, w, &seen, NULL);
    tl_report_seen_free(&seen);
}

unsigned tl_report_patience_ms(unsigned missed)
{
    return missed < MISSED_MOST ? PATIENCE_MS : LITTLE_PATIENCE_MS;
}

unsigned tl_report_next_look_ms(unsigned elapsed_ms, unsigned patience_ms)
{
    if (elapsed_ms >= patience_ms)
        return 0;
    unsigned next = elapsed_ms < 2000 ? 100 : elapsed_ms < 15000 ? 250 : 1000;
    return next < patience_ms - elapsed_ms ? next : patience_ms - elapsed_ms;
}
