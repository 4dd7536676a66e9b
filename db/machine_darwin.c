/* The machine on macOS, whose kernel answers by name: sysctl(3). Written from documentation; it has not been run on
 * a Mac.
 *
 * kern.boottime is corrected when the clock is set, as btime of Linux is. hw.model ("Mac16,8") tells machines apart
 * whose processors have one name, so it stands behind that. */
#include "db/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysctl.h>
#include <sys/time.h>

static void from_sysctl(const char *name, char *to, size_t size)
{
    size_t used = size; /* its end is part of it */
    if (sysctlbyname(name, to, &used, NULL, 0))
        used = 0;
    to[used < size ? used : size - 1] = '\0';
}

void tl_machine_boot(char id[TL_UUID_SIZE])
{
    from_sysctl("kern.bootsessionuuid", id, TL_UUID_SIZE);
}

int64_t tl_machine_booted_us(void)
{
    struct timeval booted = {0};
    size_t size = sizeof booted;
    if (sysctlbyname("kern.boottime", &booted, &size, NULL, 0) || size != sizeof booted)
        return 0;
    return (int64_t)booted.tv_sec * 1000000 + booted.tv_usec;
}

void tl_machine_platform(struct tl_machine_text *m)
{
    char cpu[96], model[24], version[64];
    from_sysctl("machdep.cpu.brand_string", cpu, sizeof cpu);
    from_sysctl("hw.model", model, sizeof model);
    from_sysctl("kern.osproductversion", version, sizeof version);
    from_sysctl("kern.osversion", m->os_build, sizeof m->os_build);
    snprintf(m->cpu, sizeof m->cpu, "%s%s%s%s", cpu, *model ? " (" : "", model, *model ? ")" : "");
    snprintf(m->os, sizeof m->os, "macOS %s", version);
    size_t size = sizeof m->machine.memory;
    if (sysctlbyname("hw.memsize", &m->machine.memory, &size, NULL, 0))
        m->machine.memory = 0;
}
