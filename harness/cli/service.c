#include "harness/cli/service.h"

#include "harness/base/buffer.h"
#include "harness/cli/config.h"
#include "harness/schedule/schedule.h"
#include "harness/schedule/service.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

void tl_words_add(struct tl_words *w, const char *word)
{
    w->list = tl_realloc(w->list, w->n + 2, sizeof *w->list);
    w->list[w->n++] = tl_strdup(word);
    w->list[w->n] = NULL;
}

void tl_words_add_option(struct tl_words *w, const char *name, const char *value, bool given)
{
    if (!given)
        return;
    tl_words_add(w, name);
    if (value)
        tl_words_add(w, value);
}

void tl_words_free(struct tl_words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->list[i]);
    free(w->list);
    *w = (struct tl_words){0};
}

static void print_notes(const json_t *done)
{
    const json_t *note;
    size_t i;
    json_array_foreach(json_object_get(done, "notes"), i, note)
        tl_cli_note("%s", json_string_value(note));
}

static void print_files(const json_t *done, const char *key, const char *before)
{
    const json_t *file;
    size_t i;
    json_array_foreach(json_object_get(done, key), i, file)
        tl_cli_line("  %s%s", before, json_string_value(file));
}

int tl_cli_service_install(const struct tl_options *o, const char *name, const char *about,
                           const struct tl_words *words, json_t **out)
{
    struct tl_error e;
    struct tl_words argv = {0};
    json_t *done = NULL;
    char *program = tl_schedule_program(&e), *redacted = o->config ? tl_config_words(o->config) : NULL;
    if (redacted) /* it is run from another directory: what holds here goes with it */
        setenv("TRAPLINE_REDACT", redacted, true);
    free(redacted);
    char **environment = tl_schedule_environment();
    tl_words_add(&argv, program ? program : "");
    for (size_t i = 0; i < words->n; i++)
        tl_words_add(&argv, words->list[i]);
    const struct tl_service s = {.name = name,
                                 .about = about,
                                 .argv = (const char *const *)argv.list,
                                 .environment = (const char *const *)environment};
    int status = !program || tl_service_install(&s, &done, &e) ? tl_print_error(&e) : TL_EXIT_OK;
    tl_schedule_environment_free(environment);
    tl_words_free(&argv);
    free(program);
    if (status)
        return status;
    if (out) {
        *out = done;
        return TL_EXIT_OK;
    }
    if (o->json)
        return tl_print_json(done);
    tl_cli_line("the service %s runs, and is started with your session", name);
    print_files(done, "files", "");
    print_notes(done);
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

int tl_cli_service_uninstall(const struct tl_options *o, const char *name)
{
    struct tl_error e;
    json_t *done;
    if (tl_service_uninstall(name, &done, &e))
        return tl_print_error(&e);
    if (o->json)
        return tl_print_json(done);
    tl_cli_line("the service %s has ended, and is not started any more", name);
    print_files(done, "removed", "removed ");
    print_notes(done);
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}
