/* The first process of the machine in which scripts/arm64.sh runs tests, all by itself in the first file system of the kernel. It loads
 * the modules that the disks want, mounts what there is, runs the script /mnt/run.sh in it, says what that exited with, and
 * turns the machine off. MODULES are the paths of the modules, each with a comma after it. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void off(int status)
{
    printf("\narm64: exit status %d\n", status);
    fflush(stdout);
    sync();
    /* What the disks hold is thrown away: nothing has to be unmounted. */
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

static void fail(const char *what)
{
    printf("arm64: the machine: %s: %s\n", what, strerror(errno));
    off(125);
}

static void load(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
        fail(path);
    close(fd);
}

static void mount_at(const char *what, const char *where, const char *type, unsigned long flags)
{
    if (mkdir(where, 0755) && errno != EEXIST)
        fail(where);
    if (mount(what, where, type, flags, NULL))
        fail(where);
}

/* Tests talk to themselves over it. */
static void start_loopback(void)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    memcpy(r.ifr_name, "lo", 3);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || ioctl(s, SIOCGIFFLAGS, &r))
        return;
    r.ifr_flags |= IFF_UP | IFF_RUNNING;
    ioctl(s, SIOCSIFFLAGS, &r);
    close(s);
}

int main(void)
{
    static const char *const modules[] = {MODULES};
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
        load(modules[i]);
    mount_at("dev", "/dev", "devtmpfs", 0);
    /* The kernel finds the disks while this goes on. */
    for (int i = 0; i < 1000 && (access("/dev/vda", F_OK) || access("/dev/vdb", F_OK)); i++)
        usleep(10000);
    mount_at("/dev/vda", "/disk", "ext4", 0);
    mount_at("/dev/vdb", "/disk/mnt", "ext4", 0);
    mount_at("proc", "/disk/proc", "proc", 0);
    mount_at("sys", "/disk/sys", "sysfs", 0);
    mount_at("cgroup", "/disk/sys/fs/cgroup", "cgroup2", 0);
    mount_at("dev", "/disk/dev", "devtmpfs", 0);
    mount_at("pts", "/disk/dev/pts", "devpts", 0);
    mount_at("shm", "/disk/dev/shm", "tmpfs", 0);
    start_loopback();
    /* Moved there, too: who is in a chroot may not make namespaces of users. */
    if (chmod("/disk/tmp", 01777) || chdir("/disk") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ||
        chdir("/"))
        fail("/disk");
    pid_t script = fork();
    if (script < 0)
        fail("fork");
    if (!script) {
        setsid();
        static char *const argv[] = {"sh", "/mnt/run.sh", NULL};
        static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                                            "LANG=C.UTF-8", NULL};
        execve("/bin/sh", argv, environment);
        _exit(127);
    }
    /* Whatever loses its parent ends here, and is reaped. */
    int status;
    for (;;) {
        pid_t ended = wait(&status);
        if (ended == script)
            off(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        if (ended < 0 && errno != EINTR)
            fail("wait");
    }
}
