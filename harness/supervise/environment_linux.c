#include "harness/base/buffer.h"
#include "harness/supervise/environment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value of a line "key<separator>value" in a file, without quotes and white space; NULL when there is none. */
static char *value_in(const char *path, const char *key, char separator)
{
    char *text = tl_read_file(path, 1 << 20, NULL);
    char *found = NULL;
    size_t n = strlen(key);
    for (char *save, *line = text ? strtok_r(text, "\n", &save) : NULL; line && !found;
         line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, key, n))
            continue;
        char *at = line + n + strspn(line + n, " \t");
        if (*at != separator)
            continue;
        at += 1 + strspn(at + 1, " \t\"");
        at[strcspn(at, "\"")] = '\0';
        found = tl_strdup(at);
    }
    free(text);
    return found;
}

static const char *or_unknown(char *text)
{
    return text ? text : tl_strdup("unknown");
}

void tl_machine_read(struct tl_machine *m)
{
    struct utsname u;
    char host[256] = "";
    bool known = !uname(&u);
    gethostname(host, sizeof host - 1);
    m->name = or_unknown(*host ? tl_strdup(host) : NULL);
    m->arch = or_unknown(known ? tl_strdup(u.machine) : NULL);
    m->kernel = or_unknown(known ? tl_format("%s %s", u.sysname, u.release) : NULL);
    char *cpu = value_in("/proc/cpuinfo", "model name", ':');
    m->cpu = or_unknown(cpu ? cpu : value_in("/proc/cpuinfo", "CPU part", ':'));
    long cores = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    m->cores = cores > 0 ? (unsigned)cores : 0;
    m->memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    char *os = value_in("/etc/os-release", "PRETTY_NAME", '=');
    m->os = or_unknown(os ? os : value_in("/usr/lib/os-release", "PRETTY_NAME", '='));
    /* Linux has no build of the whole system: the release of the distribution and of the kernel stand for it. */
    char *release = tl_read_file("/etc/debian_version", 256, NULL);
    if (release)
        release[strcspn(release, "\n")] = '\0';
    char *version = release ? release : value_in("/etc/os-release", "VERSION_ID", '=');
    m->os_build = tl_format("%s, kernel %s", version ? version : "unknown", known ? u.release : "unknown");
    free(version);
}

void tl_machine_free(struct tl_machine *m)
{
    const char *owned[] = {m->name, m->arch, m->kernel, m->cpu, m->os, m->os_build};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free((char *)owned[i]);
    *m = (struct tl_machine){0};
}
