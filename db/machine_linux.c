/* The machine on Linux, which tells of itself in files. */
#include "db/machine.h"
#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value of the first line that starts with key, up to the end of the line, without quotes. */
static void find_line(const char *text, const char *key, char *to, size_t size)
{
    size_t n = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, n))
            continue;
        const char *value = line + n + strspn(line + n, " \t:=\"");
        size_t length = strcspn(value, "\"\n");
        snprintf(to, size, "%.*s", (int)(length < size ? length : size - 1), value);
        return;
    }
}

void tl_machine_boot(char id[TL_UUID_SIZE])
{
    size_t size;
    char *text = tl_read_file("/proc/sys/kernel/random/boot_id", 4096, &size);
    snprintf(id, TL_UUID_SIZE, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
    free(text);
}

int64_t tl_machine_booted_us(void)
{
    char *text = tl_read_file("/proc/stat", 1 << 22, NULL);
    const char *line = text ? strstr(text, "\nbtime ") : NULL;
    int64_t us = line ? strtoll(line + 7, NULL, 10) * 1000000 : 0;
    free(text);
    return us;
}

void tl_machine_platform(struct tl_machine_text *m)
{
    size_t size;
    char *text = tl_read_file("/proc/cpuinfo", 4 << 20, &size);
    if (text) {
        find_line(text, "model name", m->cpu, sizeof m->cpu);
        if (!m->cpu[0]) /* arm64 has numbers only */
            find_line(text, "CPU part", m->cpu, sizeof m->cpu);
    }
    free(text);
    text = tl_read_file("/etc/os-release", 65536, &size);
    if (text) {
        find_line(text, "PRETTY_NAME", m->os, sizeof m->os);
        find_line(text, "BUILD_ID", m->os_build, sizeof m->os_build);
        if (!m->os_build[0])
            find_line(text, "VERSION_ID", m->os_build, sizeof m->os_build);
    }
    free(text);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0)
        m->machine.memory = (uint64_t)pages * (uint64_t)page;
}
