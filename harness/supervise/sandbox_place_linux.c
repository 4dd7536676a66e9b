/* The places that a sandboxed trial sees, made by its warden: see sandbox_linux.c for what they are and why. Nothing
 * here may take memory: it runs between fork and exec of a process that may have had threads. */
#include "harness/supervise/sandbox_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MOST 4096
#define TAKEN_MOST 128

/* What is below /proc that root may write also without capabilities. */
static const char *const kernel[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus",
                                     "/proc/fs",  "/proc/acpi"};
/* The numbers of keys, by which those of the same user are had in any namespace. */
static const char *const keys[] = {"/proc/keys", "/proc/key-users"};

static int set_attributes(const char *path, unsigned flags, uint64_t set)
{
    struct mount_attr a = {.attr_set = set};
    return mount_setattr(AT_FDCWD, path, flags, &a, sizeof a);
}

static int take(const char *path)
{
    return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

/* The directories above a path, and a place for what is mounted there. Those that are there already are left. */
static int make_place(const char *path, bool directory)
{
    char text[PATH_MOST];
    size_t n = strlen(path);
    if (n >= sizeof text) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(text, path, n + 1);
    for (char *at = text + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        if (mkdir(text, 0755) && errno != EEXIST && errno != EROFS)
            return -1;
    }
    if (!access(path, F_OK))
        return 0;
    if (directory)
        return mkdir(path, 0755);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

static int put(int taken, const char *path, bool directory)
{
    int result = make_place(path, directory) || move_mount(taken, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH)
                     ? -1
                     : 0;
    int why = errno;
    close(taken);
    errno = why;
    return result;
}

/* An empty directory in the place of one, but for these. */
static int cover(const char *path, const char *options, const struct tl_paths *but)
{
    int taken[TAKEN_MOST];
    size_t n = but->n < TAKEN_MOST ? but->n : TAKEN_MOST;
    for (size_t i = 0; i < n; i++)
        taken[i] = take(but->list[i].path);
    int result = mount("none", path, "tmpfs", MS_NOSUID | MS_NOEXEC, options);
    for (size_t i = 0; i < n; i++)
        if (taken[i] >= 0 && !result)
            result = put(taken[i], but->list[i].path, but->list[i].directory);
    return result;
}

static int make_devices(const struct tl_sandbox_place *p)
{
    char memory[64] = "mode=1777";
    if (cover("/dev", "mode=0755,size=1m", &p->sandbox->devices))
        return -1;
    if (p->memory_mb)
        snprintf(memory, sizeof memory, "mode=1777,size=%llum", (unsigned long long)p->memory_mb);
    if (mkdir("/dev/pts", 0755) || mkdir("/dev/shm", 01777) ||
        mount("none", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") ||
        mount("none", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, memory) ||
        symlink("pts/ptmx", "/dev/ptmx") || symlink("/proc/self/fd", "/dev/fd") ||
        symlink("/proc/self/fd/0", "/dev/stdin") || symlink("/proc/self/fd/1", "/dev/stdout") ||
        symlink("/proc/self/fd/2", "/dev/stderr"))
        return -1;
    return set_attributes("/dev", 0, MOUNT_ATTR_RDONLY);
}

static bool is_gone(int why)
{
    return why == ENOENT || why == ENOTDIR;
}

static int hide(const struct tl_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++) {
        const struct tl_path *p = &paths->list[i];
        if (p->directory ? mount("none", p->path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                                 "mode=0555,size=4k,nr_inodes=2")
                         : mount("/dev/null", p->path, NULL, MS_BIND, NULL))
            if (!is_gone(errno))
                return -1;
    }
    return 0;
}

static int make_proc(void)
{
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
        return -1;
    for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++)
        if (mount(kernel[i], kernel[i], NULL, MS_BIND, NULL)
                ? !is_gone(errno)
                : set_attributes(kernel[i], 0,
                                 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
                                     MOUNT_ATTR_NODEV) != 0)
            return -1;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (mount("/dev/null", keys[i], NULL, MS_BIND, NULL) && !is_gone(errno))
            return -1;
    return 0;
}

/* Programs talk to themselves over it. */
static int raise_loopback(void)
{
    struct ifreq r = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0; /* a kernel without it has nothing to cut either */
    int result = ioctl(fd, SIOCGIFFLAGS, &r);
    r.ifr_flags |= IFF_UP;
    result = result ? result : ioctl(fd, SIOCSIFFLAGS, &r);
    close(fd);
    return result;
}

int tl_sandbox_furnish(const struct tl_sandbox_place *p, const char **what)
{
    const struct tl_sandbox *s = p->sandbox;
    *what = "mounts of its own";
    if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL))
        return -1;
    *what = "its scratch directory";
    int scratch = take(p->scratch), writable = p->writable ? take(p->writable) : -1;
    if (scratch < 0 || (p->writable && writable < 0))
        return -1;
    *what = "a disk that it cannot write to (Linux 5.12)";
    if (set_attributes("/", AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID))
        return -1;
    *what = "a /dev of its own";
    if (make_devices(p))
        return -1;
    *what = "a /run of its own";
    bool has_run = !access("/run", F_OK);
    if (has_run && cover("/run", "mode=0755,size=1m", &s->run))
        return -1;
    *what = "hiding the database and sockets";
    if (hide(&s->hidden))
        return -1;
    *what = "its scratch directory";
    if (put(scratch, p->scratch, true) || (writable >= 0 && put(writable, p->writable, true)) ||
        (has_run && set_attributes("/run", 0, MOUNT_ATTR_RDONLY)))
        return -1;
    *what = "a /proc of its own";
    if (make_proc())
        return -1;
    *what = "a network of its own";
    return chdir("/") || (!s->network && raise_loopback()) ? -1 : 0;
}
