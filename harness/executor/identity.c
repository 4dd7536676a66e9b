/* The identity of a case, as docs/case-files.md has it: from what trapline was started with (its variables), what the
 * case names (content.c) and what it can only ask for ("versions", versions.c). */
#include "harness/executor/identity.h"

#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/executor/executor_impl.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* Variables that differ from one terminal, login or job to the next, and decide nothing. All others may be read by
 * anything that runs, so they count. The beginning of a name, or all of it with '='. */
static const char *const passing[] = {"_=",
                                      "SHLVL=",
                                      "SHELL=",
                                      "USER=",
                                      "USERNAME=",
                                      "LOGNAME=",
                                      "PWD=",
                                      "OLDPWD=",
                                      "TMPDIR=",
                                      "TERM=",
                                      "TERM_",
                                      "COLORTERM=",
                                      "COLUMNS=",
                                      "LINES=",
                                      "LS_COLORS=",
                                      "EDITOR=",
                                      "VISUAL=",
                                      "PAGER=",
                                      "LESS",
                                      "MAIL=",
                                      "MAILCHECK=",
                                      "HIST",
                                      "PS1=",
                                      "PROMPT_COMMAND=",
                                      "WINDOWID=",
                                      "STY=",
                                      "TMUX",
                                      "ZELLIJ",
                                      "SSH_",
                                      "GPG_",
                                      "ITERM_",
                                      "LC_TERMINAL",
                                      "VSCODE_",
                                      "VTE_",
                                      "GNOME_",
                                      "KONSOLE_",
                                      "KITTY_",
                                      "WEZTERM_",
                                      "ALACRITTY_",
                                      "WT_",
                                      "SESSION_MANAGER=",
                                      "DESKTOP_",
                                      "INVOCATION_ID=",
                                      "JOURNAL_STREAM=",
                                      "MANAGERPID=",
                                      "SYSTEMD_EXEC_PID=",
                                      "LISTEN_",
                                      "NOTIFY_SOCKET=",
                                      "DBUS_",
                                      "MAKEFLAGS=",
                                      "MAKELEVEL=",
                                      "MFLAGS=",
                                      "XPC_",
                                      "SECURITYSESSIONID=",
                                      "XDG_STATE_HOME=",
                                      "XDG_CACHE_HOME=",
                                      "XDG_SESSION_",
                                      "XDG_RUNTIME_DIR=",
                                      "XDG_SEAT",
                                      "XDG_VTNR=",
                                      "XAUTHORITY=",
                                      "GITHUB_",
                                      "RUNNER_",
                                      "CI_",
                                      "BUILD_",
                                      "JOB_",
                                      "JENKINS_",
                                      "BUILDKITE_",
                                      "TRAPLINE_RUNNERS=",
                                      "TRAPLINE_BIN="};

static bool is_passing(const char *variable)
{
    for (size_t i = 0; i < TL_COUNT(passing); i++)
        if (!strncmp(variable, passing[i], strlen(passing[i])))
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* They are what they are for as long as trapline runs. */
static void add_variables(struct tl_executor *x, struct tl_hash *h)
{
    if (!*x->variables) {
        struct tl_hash inner;
        size_t n = 0, total = 0;
        while (environ[total])
            total++;
        char **chosen = tl_calloc(total + 1, sizeof *chosen);
        for (size_t i = 0; i < total; i++)
            if (!is_passing(environ[i]))
                chosen[n++] = environ[i];
        qsort(chosen, n, sizeof *chosen, by_text);
        if (tl_hash_begin(&inner))
            abort(); /* out of memory */
        for (size_t i = 0; i < n; i++)
            tl_hash_add_string(&inner, chosen[i]);
        tl_hash_end(&inner, x->variables);
        free(chosen);
    }
    tl_hash_add_string(h, x->variables);
}

static void add_command(struct tl_executor *x, struct tl_hash *h, const struct tl_case *c,
                        const struct tl_variant *v, const char *const *settings, const char *const *argv,
                        size_t n)
{
    /* What is made anew each time stands for itself. */
    static const struct tl_placeholder_paths unfilled = {"{model}", "{inputs}", "{outputs}", "{scratch}"};
    char **words = tl_calloc(n + 1, sizeof *words);
    for (size_t i = 0; i < n; i++)
        words[i] = tl_case_fill(c, v, argv[i], &unfilled);
    tl_content_begin(&x->content, c->directory, tl_store_path(x->store));
    tl_content_command(&x->content, h, c->directory, settings, words);
    for (size_t i = 0; i < n; i++)
        free(words[i]);
    free(words);
}

/* What every program of the case is given, and what was asked for. */
static int add_common(struct tl_executor *x, struct tl_hash *h, const struct tl_case *c,
                      char *const *settings, struct tl_error *e)
{
    bool failed;
    const char *versions = tl_identity_versions(x, c, &failed, e);
    add_variables(x, h);
    for (; settings && *settings; settings++)
        tl_hash_add_string(h, *settings);
    if (versions)
        tl_hash_add_string(h, versions);
    return failed ? -1 : 0;
}

static void free_all(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static int identity_of_model(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                             char sha[TL_SHA256_SIZE], struct tl_error *e)
{
    struct tl_hash h;
    char **settings = tl_case_environment(c, v);
    if (tl_hash_begin(&h))
        abort(); /* out of memory */
    int result = add_common(x, &h, c, settings, e);
    add_command(x, &h, c, v, (const char *const *)settings, c->generate, c->n_generate);
    tl_hash_end(&h, sha);
    free_all(settings);
    return result;
}

int tl_identity_plan(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                     struct tl_generated *g, struct tl_error *e)
{
    char sha[TL_SHA256_SIZE];
    *g = (struct tl_generated){0};
    if (identity_of_model(x, c, v, sha, e))
        return -1;
    char **settings = tl_case_environment(c, v);
    int result = tl_generated_plan(c, v, sha, (const char *const *)settings, g, e);
    free_all(settings);
    return result;
}

/* The reference's outputs decide what is right: what they are valid for, the trial's outcome is. */
static int add_reference(struct tl_executor *x, struct tl_hash *h, const struct tl_case *c,
                         const struct tl_variant *v, const struct tl_unit *u, struct tl_error *e)
{
    const struct tl_reference *r = &c->reference;
    if (!r->unit || c->model_kind == TL_MODEL_STEPS)
        return 0;
    bool same = !strcmp(r->unit, "same") || !strcmp(r->unit, u->text);
    if (same && !r->as)
        return 0;
    const struct tl_unit *reference = same ? u : tl_executor_unit(x, r->unit, e);
    if (!reference)
        return -1;
    char id[TL_ID_SIZE];
    struct tl_variant variant = tl_reference_variant(c, v);
    int result = tl_executor_environment(x, r->as ? r->as : c, &variant, reference, id, e);
    tl_variant_free(&variant);
    if (!result)
        tl_hash_add_string(h, id);
    return result;
}

int tl_identity_of_trial(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                         const struct tl_unit *u, char sha[TL_SHA256_SIZE], struct tl_error *e)
{
    struct tl_hash h;
    char **settings = tl_case_environment(c, v);
    if (tl_hash_begin(&h))
        abort(); /* out of memory */
    int result = add_common(x, &h, c, settings, e);
    if (c->n_generate)
        add_command(x, &h, c, v, (const char *const *)settings, c->generate, c->n_generate);
    for (size_t i = 0; i < c->n_steps; i++)
        add_command(x, &h, c, v, (const char *const *)settings, c->steps[i].argv, c->steps[i].n_argv);
    if (u->path) {
        tl_content_begin(&x->content, c->directory, tl_store_path(x->store));
        tl_content_runner(&x->content, &h, u->path, (const char *const *)settings);
    }
    if (!result)
        result = add_reference(x, &h, c, v, u, e);
    tl_hash_end(&h, sha);
    free_all(settings);
    return result;
}
