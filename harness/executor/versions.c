/* Runs the commands of "versions" of a case, which say what stands behind its programs. That is done once in each run of
 * trapline: each command is a child of the supervisor as a trial is, with limits and a scratch directory, without a
 * shell. What it writes is the version. One that fails has none: that is said, and is the version too. */
#include "harness/executor/identity.h"

#include "harness/base/buffer.h"
#include "harness/base/program.h"
#include "harness/base/utf8.h"
#include "harness/executor/executor_impl.h"
#include "harness/verdict/classify.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_SECONDS 30
#define VERSION_MOST 4096 /* bytes of an answer that are kept */

struct asked {
    struct tl_trial_record record;
    bool ended;
    char *text;
};

static void on_answered(void *arg, struct tl_trial_record *record, bool *taken)
{
    struct asked *a = arg;
    a->record = *record;
    a->ended = *taken = true;
}

static int ask(struct tl_executor *x, const struct tl_case *c, const struct tl_version_command *command,
               char *const *settings, struct asked *a, struct tl_error *e)
{
    const struct tl_variant none = {0};
    struct tl_error why;
    char **words = tl_calloc(command->n_argv + 1, sizeof *words);
    for (size_t i = 0; i < command->n_argv; i++)
        words[i] = tl_case_substitute(c, &none, command->argv[i], NULL, NULL, NULL);
    char *program = tl_program_find_in(tl_environment_value((const char *const *)settings, "PATH"),
                                       c->directory, words[0], &why);
    int result = 0;
    if (program) {
        free(words[0]);
        words[0] = program;
        struct tl_trial_spec spec = {
            .argv = (const char *const *)words,
            .env = (const char *const *)settings,
            .directory = c->directory,
            .phase = TL_PHASE_START,
            .limits = tl_limits_default,
            .unit = command->name,
        };
        spec.limits.timeout_s = VERSION_SECONDS;
        result = tl_supervisor_submit(x->supervisor, &spec, on_answered, a, e);
    } else {
        a->text = tl_format("unknown: %s: %s", why.where, why.why);
    }
    tl_strings_free(words);
    return result;
}

static char *beginning(const struct tl_output *o)
{
    size_t n = o->head_size < VERSION_MOST ? o->head_size : VERSION_MOST;
    return tl_clean_text(o->head ? o->head : "", n, false);
}

static char *text_of(const struct asked *a)
{
    const struct tl_trial_record *r = &a->record;
    if (r->outcome != TL_OUTCOME_PASS) {
        char *said = tl_output_last_line(&r->err);
        char *text = tl_format("unknown: %s%s%s%s%s", tl_outcome_name(r->outcome), r->message ? ": " : "",
                               r->message ? r->message : "", said ? ": " : "", said ? said : "");
        free(said);
        return text;
    }
    char *text = beginning(&r->out);
    if (!*text) { /* some say it on stderr */
        free(text);
        text = beginning(&r->err);
    }
    return text;
}

static char *ask_all(struct tl_executor *x, const struct tl_case *c, struct tl_error *e)
{
    struct tl_variant baseline = tl_variant_baseline(c);
    char **settings = tl_case_environment(c, &baseline), *document = NULL;
    struct asked *list = tl_calloc(c->n_versions, sizeof *list);
    json_t *versions = json_object();
    int result = 0;
    for (size_t i = 0; i < c->n_versions; i++) {
        list[i].ended = true;
        if (!result && !(result = ask(x, c, &c->versions[i], settings, &list[i], e)))
            list[i].ended = list[i].text != NULL;
    }
    for (size_t i = 0; i < c->n_versions; i++) {
        while (!list[i].ended &&
               (tl_supervisor_in_flight(x->supervisor) || tl_supervisor_waiting(x->supervisor)))
            tl_executor_turn(x, TL_STEP_MS);
        if (!result && (x->interrupted || !list[i].ended))
            result = tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", c->path, "while a version was asked for");
        if (!result && !list[i].text)
            list[i].text = text_of(&list[i]);
        if (!result && !strncmp(list[i].text, "unknown: ", 9))
            tl_content_note(
                &x->content,
                "%s: the version of %s is not known (%s): that it changed will not be seen, and outcomes "
                "that are known from before may be of another one",
                c->path, c->versions[i].name, list[i].text + 9);
        if (!result)
            json_object_set_new(versions, c->versions[i].name, json_string(list[i].text));
        if (list[i].record.unit)
            tl_trial_record_free(&list[i].record);
        free(list[i].text);
    }
    if (!result)
        document = json_dumps(versions, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(versions);
    tl_strings_free(settings);
    free(list);
    tl_variant_free(&baseline);
    return document;
}

const char *tl_identity_versions(struct tl_executor *x, const struct tl_case *c, bool *failed,
                                 struct tl_error *e)
{
    *failed = false;
    if (!c->n_versions)
        return NULL;
    char *key = tl_format("%s %s", c->hash, c->directory);
    const char *known = json_string_value(json_object_get(x->versions, key));
    if (!known) {
        tl_content_begin(&x->content, c->directory, tl_store_path(x->store));
        char *document = ask_all(x, c, e);
        *failed = !document;
        if (document) {
            x->versions = x->versions ? x->versions : json_object();
            json_object_set_new(x->versions, key, json_string(document));
            known = json_string_value(json_object_get(x->versions, key));
        }
        free(document);
    }
    free(key);
    return known;
}
