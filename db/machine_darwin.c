/* The machine on macOS, whose kernel answers by name: sysctl(3). Written from documentation; it has not been run on
 * a Mac.
 *
 * kern.boottime is corrected when the clock is set, as btime of Linux is. hw.model ("Mac16,8") tells machines apart
 * whose processors have one name, so it stands behind that. */
#include "db/machine.h"
#include "db/processor.h"
#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
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

static bool is_set(const char *name)
{
    int value = 0;
    size_t size = sizeof value;
    return !sysctlbyname(name, &value, &size, NULL, 0) && value;
}

/* Instruction sets by the names that Linux has for them, so that machines can be compared. */
static json_t *instruction_sets(void)
{
    static const char *const known[][2] = {
        {"hw.optional.sse4_1", "sse4_1"},
        {"hw.optional.sse4_2", "sse4_2"},
        {"hw.optional.avx1_0", "avx"},
        {"hw.optional.avx2_0", "avx2"},
        {"hw.optional.fma", "fma"},
        {"hw.optional.f16c", "f16c"},
        {"hw.optional.avx512f", "avx512f"},
        {"hw.optional.avx512bw", "avx512bw"},
        {"hw.optional.avx512vl", "avx512vl"},
        {"hw.optional.avx512dq", "avx512dq"},
        {"hw.optional.AdvSIMD", "asimd"},
        {"hw.optional.arm.FEAT_FP16", "asimdhp"},
        {"hw.optional.arm.FEAT_DotProd", "asimddp"},
        {"hw.optional.arm.FEAT_FHM", "asimdfhm"},
        {"hw.optional.arm.FEAT_I8MM", "i8mm"},
        {"hw.optional.arm.FEAT_BF16", "bf16"},
        {"hw.optional.arm.FEAT_SME", "sme"},
        {"hw.optional.arm.FEAT_SME2", "sme2"},
    };
    json_t *sets = json_array();
    for (size_t i = 0; i < TL_COUNT(known); i++)
        if (is_set(known[i][0]))
            json_array_append_new(sets, json_string(known[i][1]));
    return sets;
}

static void read_processor(struct tl_machine_text *m, const char *name)
{
    static const char *const numbers[][2] = {{"machdep.cpu.family", "family"},
                                             {"machdep.cpu.model", "model"},
                                             {"machdep.cpu.stepping", "stepping"},
                                             {"hw.activecpu", "usable"}};
    json_t *p = json_object();
    if (*name)
        json_object_set_new(p, "name", json_string(name));
    for (size_t i = 0; i < TL_COUNT(numbers); i++) { /* the first three only Intel's have */
        int value;
        size_t size = sizeof value;
        if (!sysctlbyname(numbers[i][0], &value, &size, NULL, 0))
            json_object_set_new(p, numbers[i][1], json_integer(value));
    }
    json_object_set_new(p, "sets", instruction_sets());
    if (is_set("kern.hv_vmm_present"))
        json_object_set_new(p, "hypervisor", json_string("unknown"));
    char *text = json_dumps(p, JSON_COMPACT | JSON_SORT_KEYS);
    if (text && strlen(text) < sizeof m->processor)
        snprintf(m->processor, sizeof m->processor, "%s", text);
    free(text);
    json_decref(p);
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
    read_processor(m, cpu);
    size_t size = sizeof m->machine.memory;
    if (sysctlbyname("hw.memsize", &m->machine.memory, &size, NULL, 0))
        m->machine.memory = 0;
}
