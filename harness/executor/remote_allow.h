/* What a worker lets others run. Whoever may have a generator or steps run there runs programs of his own: so it has to be said, and a worker that
 * does not say it never gets such a case, for cases that run programs are jobs of classes of their own. */
#ifndef TL_REMOTE_ALLOW_H
#define TL_REMOTE_ALLOW_H

#include "harness/base/error.h"
#include "harness/base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum tl_remote_allow {
    TL_ALLOW_FAMILY = 1,
    TL_ALLOW_FILE = 2,     /* models that are files, which come with the job */
    TL_ALLOW_GENERATE = 4, /* programs that make models; and a case's "versions", "environment" and "files" */
    TL_ALLOW_STEPS = 8,    /* programs that run them; and those */
};
#define TL_ALLOW_DEFAULT (TL_ALLOW_FAMILY | TL_ALLOW_FILE)
#define TL_ALLOW_PROGRAMS (TL_ALLOW_GENERATE | TL_ALLOW_STEPS)

/* "family,file,generate,steps" or some of them; -1 with *e. */
int tl_remote_allow_parse(const char *text, unsigned *allow, struct tl_error *e);
json_t *tl_remote_allow_list(unsigned allow); /* as an announcement has them; a new reference */
unsigned
tl_remote_allow_of(const json_t *machine); /* of an announcement; one that says nothing allows the default */
/* As "family,file", in static memory of at most a few of them. */
const char *tl_remote_allow_text(unsigned allow);

/* What the document of a case needs; whoever runs it has to allow all of that. 0: it is no case that is known here. */
unsigned tl_remote_needs(const json_t *document);

#define TL_REMOTE_CLASS_SIZE (TL_ID_SIZE + 3)
/* The class of jobs of a kind of machines that a case with such needs is of: what stands for the kind in subjects. */
void tl_remote_class(const char *kind, unsigned needs, char name[TL_REMOTE_CLASS_SIZE]);
/* All that a worker takes: a list of names, a new reference. */
json_t *tl_remote_classes(const char *kind, unsigned allow);

#endif
