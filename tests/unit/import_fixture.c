#include "tests/unit/import_fixture.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/verdict/signature.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char folder[96];
const struct tl_machine mac = {"mini", "arm64", "Invented M9", 8, 16ull << 30, "macOS 31.1", "31B77", "30.1"},
                        phone_host = {"host",      "arm64",      "Invented M9", 8,
                                      16ull << 30, "macOS 31.0", "31A5",        "30.0"};

void import_setup(void)
{
    store_setup();
    snprintf(folder, sizeof folder, "%s/reports", directory);
    mkdir(folder, 0700);
}

void import_teardown(void)
{
    char *command = tl_format("rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    free(command);
    store_teardown();
}

void on_told(void *arg, const struct tl_import_answer *a)
{
    struct answers *x = arg;
    x->n++;
    x->counts[a->result]++;
    x->completed = a->completed;
    x->n_trials = a->n_trials;
    snprintf(x->why, sizeof x->why, "%s", a->why ? a->why : "");
    if (a->n_trials)
        memcpy(x->trial, a->trials[0], sizeof x->trial);
    if (a->record) {
        x->outcome = a->record->outcome;
        x->signal = a->record->signal;
        snprintf(x->title, sizeof x->title, "%s",
                 a->record->signature.title ? a->record->signature.title : "");
    }
}

struct answers import(struct tl_store *s, const char *what)
{
    struct answers x = {0};
    OK(tl_import(s, what, NULL, on_told, &x, &error));
    return x;
}

struct answers fixture(struct tl_store *s, const char *name)
{
    char *file = tl_format("%s/%s", FIXTURES, name);
    struct answers x = import(s, file);
    free(file);
    return x;
}

struct answers changed(struct tl_store *s, const char *name, const char *from, const char *to)
{
    size_t size;
    char *file = tl_format("%s/%s", FIXTURES, name), *text = tl_read_file(file, 1 << 20, &size);
    char *other = tl_format("%s/changed.ips", folder);
    cr_assert_not_null(text);
    FILE *f = fopen(other, "w");
    const char *at, *p = text;
    for (; (at = strstr(p, from)); p = at + strlen(from))
        fprintf(f, "%.*s%s", (int)(at - p), p, to);
    cr_assert_neq(p, text, "%s does not hold %s", name, from);
    fputs(p, f);
    fclose(f);
    struct answers x = import(s, other);
    free(file);
    free(text);
    free(other);
    return x;
}

void own(struct tl_store *s, const struct tl_machine *m, enum tl_outcome outcome, int signal, int pid,
         int child, char id[TL_UUID_SIZE])
{
    struct tl_trial_record r = asked(1);
    OK(tl_store_session_begin(s, m, "0", "run", NULL, &error));
    r.started_us = BEGAN;
    r.wall_seconds = SECONDS;
    r.command = tl_strdup("[\"/opt/runner\"]");
    r.outcome = outcome;
    r.phase = TL_PHASE_EXECUTE;
    r.signal = signal;
    tl_trial_record_joined(&r, pid);
    tl_trial_record_joined(&r, child);
    tl_signature_make(&r);
    OK(tl_store_trial(s, &r, &error));
    OK(tl_store_session_end(s, &error));
    memcpy(id, r.id, TL_UUID_SIZE);
    tl_trial_record_free(&r);
}

struct tl_trial_record read_trial(struct tl_store *s, const char *id)
{
    struct tl_trial_record r;
    OK(tl_query_trial(s, id, &r, &error));
    return r;
}
