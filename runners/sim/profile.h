/* Profiles: JSON files that say on which devices, in which phase and how a simulated runtime fails
 * (docs/sim.md). */
#ifndef TL_SIM_PROFILE_H
#define TL_SIM_PROFILE_H

#include "runners/sim/model.h"

enum tl_sim_status {
    TL_SIM_NONE, /* no build was named: a runtime without defects */
    TL_SIM_READY,
    TL_SIM_UNKNOWN, /* there is no profile of that name */
    TL_SIM_BROKEN,  /* there is, and it has mistakes or cannot be read */
};

struct tl_sim_profile {
    enum tl_sim_status status;
    char *name; /* NULL with TL_SIM_NONE */
    char *path; /* of the file; NULL when there is none */
    char *why;  /* of TL_SIM_UNKNOWN and TL_SIM_BROKEN */
    char id[9]; /* of its content, for the version */
    json_t *document;
    struct tl_sim_scratch scratch;
};

/* The profile that a request's "build" names by its version. Release with tl_sim_profile_free. */
void tl_sim_profile_load(const json_t *build, struct tl_sim_profile *p);
/* The profile in a file, whatever its name. */
void tl_sim_profile_read(const char *path, struct tl_sim_profile *p);
void tl_sim_profile_free(struct tl_sim_profile *p);
/* Names of the profiles that can be found, in a list like "A, B"; the caller's to free. */
char *tl_sim_profile_names(void);

/* The rule, an object of the document, that fires in this phase on this device; or NULL. Rates are drawn. */
const json_t *tl_sim_profile_rule(const struct tl_sim_profile *p, const char *phase, const char *device,
                                  const struct tl_sim_model *model);

/* Directory of the running executable (self_linux.c, self_darwin.c). 0, or -1. */
int tl_sim_own_directory(char *path, size_t size);

#endif
