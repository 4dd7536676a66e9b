#include "harness/executor/generate.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"

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
    if (tl_hash_begin(&h)) {
        free(cache);
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot hash a generator", c->path,
                       "libcrypto has no memory");
    }
    char *name = tl_case_substitute(c, v, c->generate[0], "", "", "");
    char *program = tl_program_find_in(tl_environment_value(settings, "PATH"), c->directory, name, e);
    free(name);
    if (!program) {
        tl_hash_end(&h, id);
        free(cache);
        return -1;
    }
    char **words = tl_calloc(c->n_generate + 1, sizeof *words);
    words[0] = program;
    char *json = tl_variant_json(c, v);
    tl_hash_add_string(&h, identity);
    tl_hash_add_string(&h, json);
    tl_hash_end(&h, id);
    free(json);
    char unique[TL_UUID_SIZE];
    tl_uuid7(unique);
    g->directory = tl_format("%s/%.32s", cache, id);
    g->making = tl_format("%s/making-%s", cache, unique);
    g->model = tl_format("%s/model", g->directory);
    g->inputs = tl_format("%s/inputs", g->directory);
    g->outputs = tl_format("%s/outputs", g->directory);
    g->making_model = tl_format("%s/model", g->making);
    g->making_inputs = tl_format("%s/inputs", g->making);
    g->making_outputs = tl_format("%s/outputs", g->making);
    const struct tl_placeholder_paths paths = {g->making_model, g->making_inputs, g->making_outputs,
                                               "{scratch}"};
    for (size_t i = 1; i < c->n_generate; i++) {
        words[i] = tl_case_fill(c, v, c->generate[i], &paths);
    }
    g->argv = words;
    free(cache);
    return 0;
}

bool tl_generated_exists(const struct tl_generated *g)
{
    return !access(g->model, R_OK);
}

/* A run that was killed leaves what its generators were making. After a day nobody is making it any more. */
static void remove_abandoned(const char *models)
{
    DIR *d = opendir(models);
    for (struct dirent *x; d && (x = readdir(d));) {
        struct stat st;
        if (strncmp(x->d_name, "making-", 7) || fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISDIR(st.st_mode) || time(NULL) - st.st_mtime < 86400)
            continue;
        char *path = tl_format("%s/%s", models, x->d_name);
        tl_remove_tree(path);
        free(path);
    }
    if (d)
        closedir(d);
}

int tl_generated_prepare(const struct tl_generated *g, struct tl_error *e)
{
    char *models = tl_format("%.*s", (int)(strrchr(g->making, '/') - g->making), g->making);
    remove_abandoned(models);
    free(models);
    if (!tl_make_directories(g->making, 0700) && !tl_make_directories(g->making_outputs, 0700))
        return 0;
    return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory for a generated model",
                         g->making, "free some space, or set XDG_CACHE_HOME to another place");
}

int tl_generated_keep(const struct tl_generated *g, struct tl_error *e)
{
    if (access(g->making_model, R_OK)) {
        tl_generated_drop(g);
        return tl_fail(e, TL_ERROR_INPUT, "the generator wrote no model", g->argv[0],
                       "it ended well, but there is no file at the path it was given as {model}");
    }
    /* When another process made the same one in the meantime its directory is there and not empty: ours goes.
     */
    if (rename(g->making, g->directory)) {
        int err = errno;
        tl_generated_drop(g);
        if (!tl_generated_exists(g))
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot keep a generated model", g->directory,
                                 NULL);
    }
    return 0;
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
