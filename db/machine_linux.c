/* The machine on Linux, which tells of itself in files. */
#include "db/machine.h"
#include "db/processor.h"
#include "harness/base/buffer.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <sched.h>
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

/* The name by which a hypervisor is known that gives itself this one to its guests. */
static const char *hypervisor_name(const char *signature)
{
    static const char *const known[][2] = {{"KVMKVMKVM", "KVM"},          {"Microsoft Hv", "Hyper-V"},
                                           {"VMwareVMware", "VMware"},    {"XenVMMXenVMM", "Xen"},
                                           {"TCGTCGTCGTCG", "QEMU"},      {"bhyve bhyve ", "bhyve"},
                                           {"VBoxVBoxVBox", "VirtualBox"}};
    for (size_t i = 0; i < TL_COUNT(known); i++)
        if (!strcmp(signature, known[i][0]))
            return known[i][1];
    return NULL;
}

/* Only of x86-64 a flag says that there is one, and an instruction which. */
static const char *hypervisor(void)
{
#if defined(__x86_64__)
    unsigned r[4] = {0};
    char signature[13] = "";
    __cpuid(0x40000000, r[0], r[1], r[2], r[3]);
    memcpy(signature, &r[1], 12);
    const char *name = hypervisor_name(signature);
#else
    const char *name = hypervisor_name("");
#endif
    return name ? name : "unknown";
}

static const char *container(void)
{
    static const char *const marks[][2] = {{"/.dockerenv", "Docker"},
                                           {"/run/.containerenv", "Podman"},
                                           {"/var/run/secrets/kubernetes.io", "Kubernetes"},
                                           {"/run/systemd/container", "systemd-nspawn or its like"}};
    for (size_t i = 0; i < TL_COUNT(marks); i++)
        if (!access(marks[i][0], F_OK))
            return marks[i][1];
    return NULL;
}

/* How many cores may be used: of those that the machine has, those that this process is let run on, and of their time what
 * its group is given. */
static long usable_cores(void)
{
    cpu_set_t set;
    long n = sched_getaffinity(0, sizeof set, &set) ? 0 : CPU_COUNT(&set), quota, period;
    char *text = tl_read_file("/sys/fs/cgroup/cpu.max", 256, NULL);
    if (text && sscanf(text, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0) {
        long given = (quota + period - 1) / period;
        n = n && given > n ? n : given;
    }
    free(text);
    return n;
}

static void read_processor(struct tl_machine_text *m, const char *cpuinfo)
{
    json_t *p = tl_processor_of_cpuinfo(cpuinfo);
    const char *inside = container();
    long usable = usable_cores();
    if (tl_processor_is_virtual(cpuinfo))
        json_object_set_new(p, "hypervisor", json_string(hypervisor()));
    if (inside)
        json_object_set_new(p, "container", json_string(inside));
    if (usable > 0)
        json_object_set_new(p, "usable", json_integer(usable));
    char *text = json_dumps(p, JSON_COMPACT | JSON_SORT_KEYS);
    if (text && strlen(text) < sizeof m->processor)
        snprintf(m->processor, sizeof m->processor, "%s", text);
    free(text);
    json_decref(p);
}

void tl_machine_platform(struct tl_machine_text *m)
{
    size_t size;
    char *text = tl_read_file("/proc/cpuinfo", 4 << 20, &size);
    if (text) {
        find_line(text, "model name", m->cpu, sizeof m->cpu);
        if (!m->cpu[0]) /* arm64 has numbers only */
            find_line(text, "CPU part", m->cpu, sizeof m->cpu);
        read_processor(m, text);
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
