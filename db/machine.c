#include "db/machine.h"
#include "harness/base/buffer.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

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
    tl_machine_platform(m);
    long cores = sysconf(_SC_NPROCESSORS_CONF);
    m->machine = (struct tl_machine){.name = m->name,
                                     .arch = m->arch,
                                     .cpu = m->cpu,
                                     .cores = cores > 0 ? (unsigned)cores : 0,
                                     .memory = m->machine.memory,
                                     .os = m->os,
                                     .os_build = m->os_build,
                                     .kernel = m->kernel,
                                     .processor = *m->processor ? m->processor : NULL};
    tl_machine_id(&m->machine, m->id);
}
