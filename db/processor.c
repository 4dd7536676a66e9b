#include "db/processor.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MOST 8192 /* bytes of a line: the longest one lists what the processor can do */
#define SETS_MOST 64

/* The value of the first line with that key, without the blanks around it. */
static bool find(const char *text, const char *key, char value[VALUE_MOST])
{
    size_t n = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *after = line + n + (strncmp(line, key, n) ? 0 : strspn(line + n, " \t"));
        if (strncmp(line, key, n) || *after != ':')
            continue;
        after += 1 + strspn(after + 1, " \t");
        snprintf(value, VALUE_MOST, "%.*s", (int)strcspn(after, "\n"), after);
        return *value != '\0';
    }
    return false;
}

bool tl_processor_matters(const char *set)
{
    static const char *const names[] = {"sse4_1", "sse4_2", "ssse3", "avx",     "avx2",    "fma",
                                        "f16c",   "fma4",   "asimd", "asimdhp", "asimddp", "asimdfhm",
                                        "fphp",   "i8mm",   "bf16",  "fcma",    "sme"};
    static const char *const beginnings[] = {"avx512", "avx10", "avx_", "amx", "sve", "sme2", "sme_"};
    for (size_t i = 0; i < TL_COUNT(beginnings); i++)
        if (!strncmp(set, beginnings[i], strlen(beginnings[i])))
            return true;
    return tl_is_one_of(set, names, TL_COUNT(names));
}

static json_t *sets_of(char *list)
{
    json_t *sets = json_array();
    char *save = NULL;
    for (char *set = strtok_r(list, " \t", &save); set; set = strtok_r(NULL, " \t", &save))
        if (json_array_size(sets) < SETS_MOST && tl_processor_matters(set))
            json_array_append_new(sets, json_string(set));
    return sets;
}

/* Cores of Arm's, which are told by their numbers alone. */
static const char *arm_name(long implementer, long part)
{
    static const struct {
        long part;
        const char *name;
    } known[] = {{0xd03, "Cortex-A53"},  {0xd05, "Cortex-A55"},  {0xd07, "Cortex-A57"},
                 {0xd08, "Cortex-A72"},  {0xd0b, "Cortex-A76"},  {0xd0c, "Neoverse N1"},
                 {0xd40, "Neoverse V1"}, {0xd49, "Neoverse N2"}, {0xd4f, "Neoverse V2"},
                 {0xd84, "Neoverse V3"}, {0xd8e, "Neoverse N3"}};
    for (size_t i = 0; implementer == 0x41 && i < TL_COUNT(known); i++)
        if (known[i].part == part)
            return known[i].name;
    return NULL;
}

json_t *tl_processor_of_cpuinfo(const char *text)
{
    static const struct {
        const char *key, *member;
        bool number;
    } keys[] = {{"model name", "name", false},        {"vendor_id", "vendor", false},
                {"CPU implementer", "vendor", false}, {"cpu family", "family", true},
                {"CPU architecture", "family", true}, {"model", "model", true},
                {"CPU part", "model", true},          {"stepping", "stepping", true},
                {"CPU revision", "stepping", true},   {"CPU variant", "variant", true}};
    char value[VALUE_MOST], other[VALUE_MOST];
    json_t *p = json_object();
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        if (json_object_get(p, keys[i].member) || !find(text, keys[i].key, value))
            continue;
        char *end;
        long n = strtol(value, &end, 0);
        json_t *v = !keys[i].number ? json_string(value) : *end || n < 0 ? NULL : json_integer(n);
        if (v)
            json_object_set_new(p, keys[i].member, v);
    }
    if (!json_object_get(p, "name") && find(text, "CPU implementer", value) &&
        find(text, "CPU part", other)) {
        const char *name = arm_name(strtol(value, NULL, 0), strtol(other, NULL, 0));
        if (name)
            json_object_set_new(p, "name", json_string(name));
    }
    if (find(text, "flags", value) || find(text, "Features", value))
        json_object_set_new(p, "sets", sets_of(value));
    return p;
}

bool tl_processor_is_virtual(const char *text)
{
    char value[VALUE_MOST], *save = NULL;
    if (find(text, "flags", value))
        for (char *flag = strtok_r(value, " \t", &save); flag; flag = strtok_r(NULL, " \t", &save))
            if (!strcmp(flag, "hypervisor"))
                return true;
    return false;
}
