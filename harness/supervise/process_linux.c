/* What /proc tells of a process of a trial. */
#include "harness/supervise/process.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/supervise/trace.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MOST (8u << 20) /* bytes of a command line; the kernel takes 6 MiB */

uint64_t tl_process_number(pid_t pid, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = tl_read_file(path, 1 << 16, NULL);
    const char *line = text ? strstr(text, key) : NULL;
    uint64_t value = line ? strtoull(line + strlen(key), NULL, 10) : 0;
    free(text);
    return value;
}

/* Of its memory, in bytes. When its first thread has ended, only the others tell it. */
static uint64_t memory_bytes(pid_t pid, const char *key)
{
    char path[64];
    uint64_t kib = tl_process_number(pid, key);
    if (kib)
        return kib << 10;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && !kib && (e = readdir(d));)
        if (atoi(e->d_name) > 0 && atoi(e->d_name) != pid)
            kib = tl_process_number(atoi(e->d_name), key);
    if (d)
        closedir(d);
    return kib << 10;
}

pid_t tl_process_living(const struct tl_process *p)
{
    const struct tl_tracee *any = NULL;
    for (const struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (!t->leaving && (!any || t->tid == p->pid))
            any = t;
    return any ? any->tid : p->pid;
}

uint64_t tl_process_data_bytes(pid_t pid)
{
    return memory_bytes(pid, "\nVmData:");
}

uint64_t tl_process_rss_bytes(pid_t pid)
{
    return memory_bytes(pid, "\nVmRSS:");
}

uint64_t tl_process_charged_bytes(pid_t pid)
{
    static const char *const parts[] = {"\nPss_Anon:", "\nPss_Shmem:", "\nSwapPss:"};
    char path[64];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    char *text = tl_read_file(path, 1 << 16, NULL);
    bool told = text && strstr(text, parts[0]);
    for (size_t i = 0; told && i < TL_COUNT(parts); i++) {
        const char *line = strstr(text, parts[i]);
        sum += line ? strtoull(line + strlen(parts[i]), NULL, 10) << 10 : 0;
    }
    free(text);
    return told ? sum : tl_process_rss_bytes(pid);
}

uint64_t tl_process_peak_bytes(pid_t pid)
{
    return memory_bytes(pid, "\nVmHWM:");
}

void tl_process_read_command(struct tl_process *p)
{
    char path[64];
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)p->pid);
    /* To its end: two compilations may differ in nothing but the name of the file, after many options. */
    char *line = tl_read_file(path, COMMAND_MOST, &size);
    if (size)
        tl_content_id(line, size, p->command);
    free(line);
}

void tl_process_read_name(pid_t pid, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    char *text = tl_read_file(path, 64, NULL);
    snprintf(name, size, "%s", text ? text : "");
    name[strcspn(name, "\n")] = '\0';
    free(text);
}
