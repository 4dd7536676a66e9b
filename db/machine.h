/* Where trials run: the machine, read from the system, and the environment that a cached outcome is valid
 * for. */
#ifndef TL_MACHINE_H
#define TL_MACHINE_H

#include "harness/base/hash.h"

#include <stdint.h>

/* The machine trapline runs on. Strings may be NULL; the database copies what it needs. */
struct tl_machine {
    const char *name, *arch, *cpu;
    unsigned cores;
    uint64_t memory; /* bytes */
    const char *os, *os_build, *kernel;
    const char
        *processor; /* a JSON object: what processor.h tells, "hypervisor", "container", "usable" cores */
};
/* Content id of name, arch, cpu, cores and memory (not of the OS, nor of the processor's details). */
void tl_machine_id(const struct tl_machine *m, char id[TL_ID_SIZE]);

/* What a cached outcome is valid for. Strings may be NULL. */
struct tl_environment {
    const char *machine_id, *os_build, *driver, *device;
    const char *runner, *runner_version;
    const char *runtime_path, *runtime_sha256, *runtime_version;
    const char *content_sha256; /* of what a case adds to it */
    const char *versions;       /* what the commands in "versions" of a case answered: a JSON object */
};
/* Content id of everything but runtime_path. What is NULL of the last two is no part of it, so that
 * environments that were known before they had those keep their id. */
void tl_environment_id(const struct tl_environment *v, char id[TL_ID_SIZE]);

/* The machine's description and the storage of its strings. What cannot be found out is empty or 0. */
struct tl_machine_text {
    struct tl_machine machine;
    char id[TL_ID_SIZE];
    char name[256], arch[128], cpu[128], os[128], os_build[128], kernel[256], processor[4096];
};
void tl_machine_read(struct tl_machine_text *m); /* do not copy *m afterwards: it points into itself */

/* Of each system, in a file of its own. */
/* What names this run of the machine since it was booted; "" when it cannot be told. */
void tl_machine_boot(char id[TL_UUID_SIZE]);
/* When this run began, in microseconds since 1970; 0 when that cannot be known. */
int64_t tl_machine_booted_us(void);
/* Fills in what uname(2) and sysconf(3) do not tell: cpu, os, os_build, processor and memory. */
void tl_machine_platform(struct tl_machine_text *m);

#endif
