/* What a job and a record are on their way between two machines: JSON documents, read by whoever did not write them.
 *
 * A job says what is to be run, and by which id the trial is to be known; a record says what came of it, and where. Both have a number of the
 * protocol, and another one is refused in words. */
#ifndef TL_REMOTE_JOB_H
#define TL_REMOTE_JOB_H

#include "harness/executor/executor.h"
#include "harness/executor/remote_allow.h"

#define TL_REMOTE_PROTOCOL 1

/* --- of who asks */
struct tl_remote_wish {
    const char *id, *trial_id, *submitter, *kind;
    const struct tl_case *c;
    const struct tl_variant *variant;
    const char *unit;
    const json_t *files;             /* remote_files.h */
    bool fresh, new_server, outputs; /* outputs: they are to come with the record */
    double timeout_s;                /* 0: as the case says */
};
/* -1 where the case has something that cannot travel yet. The text is the caller's. */
int tl_remote_job_write(const struct tl_remote_wish *wish, char **text, struct tl_error *e);
/* What comes with a record. */
struct tl_remote_came {
    bool is_trial;                 /* it ran, and its environment is stored */
    int64_t delivered;             /* machines that were given the job, this one included */
    char session_id[TL_UUID_SIZE]; /* of trapline there; "" */
    json_t *outputs;               /* that are kept (remote_outputs.h); NULL */
    json_t *more;                  /* trials that belong to it (remote_reference.h): a reference; NULL */
};
/* Fills a record that has what was asked for already, and stores where it ran. kind: of the machines that were asked; NULL: it cannot be told. 0; -1
 * with *e: it is none of this job, or of another unit; 1: the worker says in *e why there is no trial. */
int tl_remote_record_read(struct tl_store *s, const char *text, size_t size, const char *id, const char *kind,
                          struct tl_trial_record *r, struct tl_remote_came *came, struct tl_error *e);
void tl_remote_came_free(struct tl_remote_came *came); /* what it has references to */
/* Whether where a trial of a case ran tells the kind of its machine: not where the case makes the environment, by what it runs. */
bool tl_remote_kind_tells(const json_t *document);
/* Of the text of a job: a case that has its metrics, and nothing else that counts. NULL: it has none. For tl_case_free. */
struct tl_case *tl_remote_metrics_of(const char *job);

/* --- of who runs it */
struct tl_remote_job {
    char *id, *submitter, *unit;
    char trial_id[TL_UUID_SIZE], case_hash[TL_ID_SIZE];
    char place[TL_ID_SIZE]; /* the name of the directory that its case is kept in: by all that is in there */
    bool fresh, new_server, outputs;
    char *outputs_place; /* the directory in which they are kept until the record is written; NULL */
    size_t delivered;    /* machines that were given it before this one */
    double timeout_s;
    json_t *document, *values; /* the case and the variant, as they came */
    json_t *files;             /* that have to be here before it is loaded */
    struct tl_case *c;         /* NULL: not loaded yet */
    struct tl_variant variant;
};
/* Reads a job that a stranger may have written. -1 with *e: id and submitter may be known all the same, so that it can be answered. To be
 * released in any case. */
int tl_remote_job_read(const char *text, size_t size, unsigned allow, struct tl_remote_job *job,
                       struct tl_error *e);
/* Loads its case, whose files are here; it and they are kept below a directory, for whoever looks at its trials there. */
int tl_remote_job_load(struct tl_remote_job *job, const char *below, struct tl_error *e);
void tl_remote_job_free(struct tl_remote_job *job);
/* What is sent back; the caller's. */
char *tl_remote_record_write(struct tl_executor *x, const struct tl_remote_job *job,
                             const struct tl_trial_record *r, struct tl_error *e);
char *tl_remote_refusal_write(const struct tl_remote_job *job, const struct tl_error *why);
/* That it was not run, for it took other machines with it, perhaps: the names of those that had it before. */
char *tl_remote_lost_write(const struct tl_remote_job *job, const json_t *machines);

/* --- of both */
/* What a machine says of itself: {"protocol", "trapline", "machine", "places", "allow": [NAME…], "units": [{"unit", "device", "kind", …}]}. A new reference. The
 * units are described. */
json_t *tl_remote_announcement(struct tl_executor *x, const struct tl_unit *const *units, size_t n,
                               unsigned allow, struct tl_error *e);

#endif
