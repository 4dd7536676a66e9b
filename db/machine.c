#include "db/machine.h"
#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

void tl_machine_id(const struct tl_machine *m, char id[TL_ID_SIZE])
{
    const char *strings[] = {m->name, m->arch, m->cpu};
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < 3; i++)
        tl_buffer_add(&b, strings[i] ? strings[i] : "", strings[i] ? strlen(strings[i]) + 1 : 1);
    tl_buffer_printf(&b, "%u %llu", m->cores, (unsigned long long)m->memory);
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
}

void tl_environment_id(const struct tl_environment *v, char id[TL_ID_SIZE])
{
    const char *strings[] = {v->machine_id, v->os_build,       v->driver,         v->device,
                             v->runner,     v->runner_version, v->runtime_sha256, v->runtime_version};
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < TL_COUNT(strings); i++)
        tl_buffer_add(&b, strings[i] ? strings[i] : "", strings[i] ? strlen(strings[i]) + 1 : 1);
    if (v->content_sha256)
        tl_buffer_printf(&b, "content %s", v->content_sha256);
    if (v->versions)
        tl_buffer_printf(&b, "versions %s", v->versions);
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
}

#ifdef __APPLE__

static void from_sysctl(const char *name, char *to, size_t size)
{
    if (sysctlbyname(name, to, &size, NULL, 0))
        to[0] = '\0';
}

void tl_machine_boot(char id[TL_UUID_SIZE])
{
    from_sysctl("kern.bootsessionuuid", id, TL_UUID_SIZE);
}

static void read_platform(struct tl_machine_text *m)
{
    char version[64] = "";
    from_sysctl("machdep.cpu.brand_string", m->cpu, sizeof m->cpu);
    from_sysctl("kern.osproductversion", version, sizeof version);
    snprintf(m->os, sizeof m->os, "macOS %s", version);
    from_sysctl("kern.osversion", m->os_build, sizeof m->os_build);
    size_t size = sizeof m->machine.memory;
    if (sysctlbyname("hw.memsize", &m->machine.memory, &size, NULL, 0))
        m->machine.memory = 0;
}

#else

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

static void read_platform(struct tl_machine_text *m)
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

#endif

void tl_machine_read(struct tl_machine_text *m)
{
    memset(m, 0, sizeof *m);
    struct utsname u;
    if (uname(&u) == 0) {
        snprintf(m->name, sizeof m->name, "%s", u.nodename);
        snprintf(m->arch, sizeof m->arch, "%s", u.machine);
        snprintf(m->kernel, sizeof m->kernel, "%s", u.release);
        snprintf(m->os, sizeof m->os, "%s", u.sysname);
    }
    read_platform(m);
    long cores = sysconf(_SC_NPROCESSORS_CONF);
    m->machine = (struct tl_machine){.name = m->name,
                                     .arch = m->arch,
                                     .cpu = m->cpu,
                                     .cores = cores > 0 ? (unsigned)cores : 0,
                                     .memory = m->machine.memory,
                                     .os = m->os,
                                     .os_build = m->os_build,
                                     .kernel = m->kernel};
    tl_machine_id(&m->machine, m->id);
}
