/* Lets one night run at a time for each database.
 *
 * The lock is flock() on a file of its own beside the database. The database's own locks will not do: builds
 * are fetched before it is opened, other commands may write to it while a night runs, and what the second of
 * two nights wants to know is who the first one is, which the file says. The kernel lets go of the lock when
 * the process ends, however it ends, so that a night that was killed leaves nothing behind that would have to
 * be cleared; the file stays, as removing it would let two processes lock two files of one name.
 *
 * The name is written once the lock is held. Who is refused in that moment finds nothing, or the name of a night that was killed
 * (one that ends takes its name away): it looks again until there is one of a process that is there. */
#include "harness/campaign/nightly.h"

#include "db/store.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOOKS 40 /* for the name of who has the lock; of one in another container it is the last */
#define LOOK_AGAIN_NS (50 * 1000000) /* between two */

static const char cannot[] = "cannot begin a night";

/* The lock of a database that is not there yet is made with it, so that its directories are made by one rule.
 */
static int make_database(const char *db, struct tl_error *e)
{
    struct tl_store *s;
    if (tl_store_open(db, TL_STORE_WRITE, &s, e))
        return -1;
    return tl_store_close(s, e);
}

/* The line of a night, whole, whose process is there. */
static bool read_who(int fd, char who[256])
{
    long pid = 0;
    ssize_t n = pread(fd, who, 255, 0);
    who[n > 0 ? n : 0] = '\0';
    size_t line = strcspn(who, "\n");
    bool whole = who[line] == '\n';
    who[line] = '\0';
    return whole && sscanf(who, "process %ld ", &pid) == 1 && pid > 0 &&
           (!kill((pid_t)pid, 0) || errno == EPERM);
}

static int busy(const char *path, int fd, struct tl_error *e)
{
    const struct timespec turn = {.tv_nsec = LOOK_AGAIN_NS};
    char who[256] = "";
    for (int i = 0; !read_who(fd, who) && i < LOOKS; i++)
        nanosleep(&turn, NULL);
    return tl_fail(e, TL_ERROR_ENVIRONMENT, "another night is running", path,
                   "%s; nothing was done. Wait for it to end, or use another database with --db",
                   *who ? who : "it does not say which");
}

int tl_nightly_lock(const char *db, const char *suite, struct tl_error *e)
{
    char *chosen = db ? tl_strdup(db) : tl_store_default_path(e), *path, *text;
    if (!chosen)
        return -1;
    path = tl_format("%s-nightly", chosen);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 && errno == ENOENT && !make_database(db, e))
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    else if (fd < 0 && errno == ENOENT)
        goto failed; /* make_database has said why */
    if (fd < 0) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot, path, "its lock cannot be made");
        goto failed;
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK)
            busy(path, fd, e);
        else
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot, path, "flock");
        close(fd);
        fd = -1;
        goto failed;
    }
    text = tl_format("process %ld runs suite %s\n", (long)getpid(), suite);
    if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot, path, "its lock cannot be written");
        close(fd);
        fd = -1;
    }
    free(text);
failed:
    free(path);
    free(chosen);
    return fd;
}

void tl_nightly_unlock(int fd)
{
    if (fd < 0)
        return;
    (void)!ftruncate(fd, 0);
    close(fd);
}
