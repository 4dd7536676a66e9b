/* Tries each way out of a trial, and says of each whether it is open: one line "WAY yes" or "WAY no". What is outside is
 * named by its arguments. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void tell(const char *way, int open)
{
    printf("%s %s\n", way, open ? "yes" : "no");
}

static long number(const char *path, const char *key)
{
    char line[256];
    long value = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            value = strtol(line + strlen(key), NULL, !strcmp(key, "CapEff:") ? 16 : 10);
    if (f)
        fclose(f);
    return value;
}

static int holds_something(const char *path)
{
    char c;
    FILE *f = fopen(path, "r");
    int has = f && fread(&c, 1, 1, f) == 1;
    if (f)
        fclose(f);
    return has;
}

static int connects(const char *name, int abstract)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path + abstract, sizeof a.sun_path - 1, "%s", name);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)abstract + strlen(name));
    int result = connect(fd, (struct sockaddr *)&a, abstract ? size : sizeof a);
    close(fd);
    return !result;
}

static int connects_to_port(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), result = connect(fd, (struct sockaddr *)&a, sizeof a);
    close(fd);
    return !result;
}

/* To itself, over the loopback of whatever network there is. */
static int has_loopback(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t size = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result = bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1) ||
                 getsockname(fd, (struct sockaddr *)&a, &size);
    return !result && connects_to_port(ntohs(a.sin_port));
}

static int reads(const char *path, const char *beginning)
{
    char text[64] = "";
    int fd = open(path, O_RDONLY);
    int result =
        fd >= 0 && read(fd, text, sizeof text - 1) > 0 && !strncmp(text, beginning, strlen(beginning));
    if (fd >= 0)
        close(fd);
    return result;
}

static int writes(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    int result = fd >= 0 && write(fd, "x", 1) == 1;
    if (fd >= 0)
        close(fd);
    return result;
}

static int opens(const char *path)
{
    int fd = open(path, O_WRONLY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Whether any process that made it, or made what made it, lets it have one of its files. */
static int reads_files_of_ancestors(const char *beginning)
{
    char path[320];
    int open = 0;
    for (long pid = getppid(); pid > 0 && !open;) {
        snprintf(path, sizeof path, "/proc/%ld/fd", pid);
        DIR *d = opendir(path);
        for (struct dirent *e; d && !open && (e = readdir(d));) {
            char link[300] = "";
            snprintf(path, sizeof path, "/proc/%ld/fd/%s", pid, e->d_name);
            open = readlink(path, link, sizeof link - 1) > 0 && *link == '/' && reads(path, beginning);
        }
        if (d)
            closedir(d);
        snprintf(path, sizeof path, "/proc/%ld/status", pid);
        pid = number(path, "PPid:");
    }
    return open;
}

static int types_into(const char *terminal)
{
    int fd = open(terminal, O_RDWR | O_NOCTTY);
    return fd >= 0 && (!ioctl(fd, TIOCSTI, "x") || write(fd, "x", 1) == 1);
}

int main(int n, char **v)
{
    if (n != 9)
        return 2;
    pid_t pid = atoi(v[1]);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    tell("kill", !kill(pid, 0));
    tell("ptrace", !ptrace(PTRACE_SEIZE, pid, 0, 0));
    int memory = open(path, O_RDONLY);
    tell("memory", memory >= 0);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    tell("see", !access(path, F_OK));
    tell("database", reads(v[2], "SQLite format 3"));
    tell("files_of_parents", reads_files_of_ancestors("SQLite format 3"));
    tell("bus", connects(v[3], 0));
    tell("abstract", connects(v[4], 1));
    tell("terminal", types_into(v[5]));
    tell("write", writes(v[6]));
    tell("port", connects_to_port(atoi(v[7])));
    tell("segment", shmget((key_t)strtol(v[8], NULL, 0), 1, 0) >= 0);
    tell("keys", holds_something("/proc/keys"));
    tell("kernel", opens("/proc/sys/kernel/core_pattern"));
    tell("devices", !access("/dev/mem", F_OK) || !access("/dev/kmsg", F_OK));
    tell("capabilities", number("/proc/self/status", "CapEff:") != 0);
    tell("new_privileges", !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    tell("scratch", writes("in-the-scratch-directory"));
    tell("shared_memory", writes("/dev/shm/trapline-test-of-the-sandbox"));
    tell("loopback", has_loopback());
    tell("itself", reads("/proc/self/comm", "outside"));
    return 0;
}
