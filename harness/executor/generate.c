#include "harness/executor/generate.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"
#include "harness/base/utf8.h"
#include "harness/executor/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int tl_generated_plan(const struct tl_case *c, const struct tl_variant *v, const char *identity,
                      const char *const *settings, struct tl_generated *g, struct tl_error *e)
{
    *g = (struct tl_generated){0};
    char *cache = tl_cache_home("models");
    if (!cache)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for generated models", "",
                       "set HOME or XDG_CACHE_HOME to a directory that can be written");
    struct tl_hash h;
    char id[TL_SHA256_SIZE];
    const char *suffix = c->suffix ? c->suffix : "";
    if (tl_hash_begin(&h)) {
        free(cache);
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot hash a generator", c->path,
                       "libcrypto has no memory");
    }
    char *name = tl_case_substitute(c, v, c->generate.words[0].text, "", "", "");
    char *program = tl_program_find_in(tl_environment_value(settings, "PATH"), c->directory, name, e);
    free(name);
    if (!program) {
        tl_hash_end(&h, id);
        free(cache);
        return -1;
    }
    /* Not the variant: what of it the generator is not told makes no difference to the model. */
    tl_hash_add_string(&h, "model 2");
    tl_hash_add_string(&h, identity);
    tl_hash_add_string(&h, c->directory);
    tl_hash_add_string(&h, suffix);
    tl_hash_end(&h, id);
    g->directory = tl_format("%s/%.32s", cache, id);
    g->making = tl_kept_making(g->directory);
    g->model = tl_format("%s/model%s", g->directory, suffix);
    g->inputs = tl_format("%s/inputs", g->directory);
    g->outputs = tl_format("%s/outputs", g->directory);
    g->making_model = tl_format("%s/model%s", g->making, suffix);
    g->making_inputs = tl_format("%s/inputs", g->making);
    g->making_outputs = tl_format("%s/outputs", g->making);
    char *elements = tl_cache_home(TL_CASE_ELEMENTS);
    const struct tl_placeholder_paths paths = {g->making_model, g->making_inputs, g->making_outputs,
                                               "{scratch}", elements};
    g->argv = tl_case_command(c, v, &c->generate, &paths);
    free(elements);
    free(g->argv[0]);
    g->argv[0] = program;
    free(cache);
    return 0;
}

bool tl_generated_exists(const struct tl_generated *g)
{
    return !access(g->model, R_OK);
}

int tl_generated_prepare(const struct tl_generated *g, struct tl_error *e)
{
    if (!tl_make_directories(g->making, 0700) && !tl_make_directories(g->making_outputs, 0700))
        return 0;
    return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory for a generated model",
                         g->making, "free some space, or set XDG_CACHE_HOME to another place");
}

/* What the generator left under the name of the model with something more at its end; NULL. */
static char *name_beside(const struct tl_generated *g)
{
    const char *model = strrchr(g->making_model, '/') + 1;
    size_t n = strlen(model);
    char *found = NULL;
    DIR *d = opendir(g->making);
    for (struct dirent *x; d && !found && (x = readdir(d));)
        if (!strncmp(x->d_name, model, n) && x->d_name[n])
            found = tl_clean_text(x->d_name, strlen(x->d_name), false);
    if (d)
        closedir(d);
    return found;
}

int tl_generated_keep(const struct tl_generated *g, struct tl_error *e)
{
    if (access(g->making_model, R_OK)) {
        char *beside = name_beside(g);
        tl_generated_drop(g);
        if (beside)
            tl_fail(e, TL_ERROR_INPUT, "the generator wrote no model", g->argv[0],
                    "it ended well, but there is nothing at the path it was given as {model}; it left %s "
                    "beside it: "
                    "\"suffix\" in $.model says how the name of a model ends",
                    beside);
        else
            tl_fail(e, TL_ERROR_INPUT, "the generator wrote no model", g->argv[0],
                    "it ended well, but there is no file at the path it was given as {model}");
        free(beside);
        return -1;
    }
    if (!tl_kept_put(g->making, g->directory))
        return 0;
    int err = errno;
    tl_generated_drop(g);
    return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot keep a generated model", g->directory,
                         "free some space, or set XDG_CACHE_HOME to another place");
}

void tl_generated_drop(const struct tl_generated *g)
{
    tl_remove_tree(g->making);
}

void tl_generated_free(struct tl_generated *g)
{
    tl_strings_free(g->argv);
    free(g->directory);
    free(g->making);
    free(g->model);
    free(g->inputs);
    free(g->outputs);
    free(g->making_model);
    free(g->making_inputs);
    free(g->making_outputs);
    *g = (struct tl_generated){0};
}
