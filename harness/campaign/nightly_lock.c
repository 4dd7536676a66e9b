/* Lets one night run at a time for each database.
 *
 * The lock is flock() on a file of its own beside the database. The database's own locks will not do: builds
 * are fetched before it is opened, other commands may write to it while a night runs, and what the second of
 * two nights wants to know is who the first one is, which the file says. The kernel lets go of the lock when
 * the process ends, however it ends, so that a night that was killed leaves nothing behind that would have to
 * be cleared; the file stays, as removing it would let two processes lock two files of one name. */
#include "harness/campaign/nightly.h"

#include "db/store.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

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

static int busy(const char *path, int fd, struct tl_error *e)
{
    char who[256] = "";
    ssize_t n = pread(fd, who, sizeof who - 1, 0);
    who[n > 0 ? n : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
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
