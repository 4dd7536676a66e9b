/* A directory or an archive that reproduces a finding without trapline (docs/reports.md). */
#ifndef TL_REPORTS_BUNDLE_H
#define TL_REPORTS_BUNDLE_H

#include "cases/case.h"
#include "harness/base/proof.h"
#include "harness/base/watch.h"
#include "reports/finding/finding.h"

struct tl_bundle_options {
    const char
        *target; /* a directory that does not exist or is empty; or an archive, DIR.tar.zst or DIR.zip */
    bool force;  /* a bundle that stands there is replaced */
    const char *runner_path;     /* of the runner's executable; NULL: it is not here */
    const json_t *build_object;  /* what the runner is told of the build; NULL */
    const json_t *case_document; /* of the case file; NULL when it is not known */
    const char
        *good_build; /* the version of a build on which the minimal variant passes; NULL: none is known */
    const char *good_library;     /* its library; NULL: it is not here */
    const struct tl_watch *watch; /* of what takes long; NULL */
    tl_proof_run prove;           /* runs the programs that are in it; NULL: they are not run */
    const struct tl_case *c;      /* the case where it was measured; NULL: it is not there any more */
    /* {"files": [{"path","top"}], "left_out": [path], "private": [{"path","why"}]} that its commands need; NULL */
    const json_t *files;

    /* What needs the case itself; NULL: it is not here, or not as it was. Each runs trials, and stores them. */
    void *arg;
    /* A trial of a variant (every axis) on the unit of the finding, in a fresh process; the record is the caller's. */
    int (*trial)(void *arg, const json_t *variant, struct tl_trial_record *r, struct tl_error *e);
    /* What the outputs of a variant are compared with, as files in a directory: [{"name","dtype","shape","npy","exact",
     * "whole","rtol","atol"}] (repro.h), the caller's. */
    int (*expected)(void *arg, const json_t *variant, const char *directory, json_t **list,
                    struct tl_error *e);
};
/* Writes a bundle; it appears at the target complete or not at all. *written (the caller's) says what
 * came of it, and is the "bundle" of its report: {"files": [{"name","about","size"}], "left_out": [sentence], "proved": [tl_proof_json], …}. Starts the runner and the programs of
 * the bundle as children and waits for them: not to be called while a supervisor of this process collects every SIGCHLD. */
int tl_bundle_write(const struct tl_report_source *source, const struct tl_bundle_options *o,
                    json_t **written, struct tl_error *e);

#endif
