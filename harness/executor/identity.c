/* The identity of a case, as docs/case-files.md has it: from what trapline was started with (its variables), what the
 * case names (content.c) and what it can only ask for ("versions", versions.c). */
#include "harness/executor/identity.h"

#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/executor/executor_impl.h"
#include "harness/executor/variables.h"

#include <stdlib.h>
#include <string.h>

/* Variables that differ from one terminal, login or job to the next, and decide nothing. All others may be read by
 * anything that runs, so they count. The beginning of a name, where nobody else would begin one so, or all of it with
 * '='. */
static const char *const passing[] = {
    "_=", "SHLVL=", "SHELL=", "USER=", "USERNAME=", "LOGNAME=", "PWD=", "OLDPWD=", "TMPDIR=", "TERM=",
    "TERM_PROGRAM", "TERM_SESSION_ID=", "COLORTERM=", "COLUMNS=", "LINES=", "LS_COLORS=", "EDITOR=",
    "VISUAL=", "PAGER=", "LESS=", "LESSOPEN=", "LESSCLOSE=", "MAIL=", "MAILCHECK=", "HISTFILE=", "HISTSIZE=",
    "HISTFILESIZE=", "HISTCONTROL=", "HISTTIMEFORMAT=", "PS1=", "PROMPT_COMMAND=", "WINDOWID=", "STY=",
    "TMUX=", "TMUX_PANE=", "ZELLIJ=", "ZELLIJ_", "SSH_", "GPG_", "ITERM_", "LC_TERMINAL", "VSCODE_",
    "VTE_VERSION=", "GNOME_", "KONSOLE_", "KITTY_", "WEZTERM_", "ALACRITTY_",
    "WT_SESSION=", "WT_PROFILE_ID=", "SESSION_MANAGER=", "DESKTOP_SESSION=", "DESKTOP_STARTUP_ID=",
    "INVOCATION_ID=", "JOURNAL_STREAM=", "MANAGERPID=", "SYSTEMD_EXEC_PID=", "LISTEN_PID=", "LISTEN_FDS=",
    "LISTEN_FDNAMES=", "NOTIFY_SOCKET=", "DBUS_SESSION_BUS_ADDRESS=", "DBUS_STARTER_",
    "MAKEFLAGS=", "MAKELEVEL=", "MFLAGS=", "XPC_FLAGS=", "XPC_SERVICE_NAME=", "SECURITYSESSIONID=",
    "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_SESSION_", "XDG_RUNTIME_DIR=", "XDG_SEAT",
    "XDG_VTNR=", "XAUTHORITY=",
    /* jobs: of GitHub, GitLab, Jenkins, Buildkite */
    "GITHUB_", "RUNNER_ARCH=", "RUNNER_DEBUG=", "RUNNER_ENVIRONMENT=", "RUNNER_NAME=", "RUNNER_OS=",
    "RUNNER_TEMP=", "RUNNER_TOOL_CACHE=", "RUNNER_TRACKING_ID=", "RUNNER_WORKSPACE=", "CI_API_", "CI_BUILD",
    "CI_COMMIT_", "CI_CONCURRENT_", "CI_CONFIG_PATH=", "CI_DEFAULT_BRANCH", "CI_DEPENDENCY_PROXY_",
    "CI_DEPLOY_", "CI_ENVIRONMENT_", "CI_JOB_", "CI_MERGE_REQUEST_", "CI_NODE_",
    "CI_OPEN_MERGE_REQUESTS=", "CI_PAGES_", "CI_PIPELINE_", "CI_PROJECT_", "CI_REGISTRY",
    "CI_REPOSITORY_URL=", "CI_RUNNER_", "CI_SERVER", "CI_TEMPLATE_", "CI_TRIGGER_",
    "BUILD_DISPLAY_NAME=", "BUILD_ID=", "BUILD_NUMBER=", "BUILD_TAG=", "BUILD_URL=", "JOB_BASE_NAME=",
    "JOB_DISPLAY_URL=", "JOB_NAME=", "JOB_URL=", "JENKINS_", "BUILDKITE_",
    "TRAPLINE_RUNNERS=", "TRAPLINE_BIN=", "TRAPLINE_FLEET"};

json_t *tl_identity_variables(void)
{
    return tl_variables_digests(passing, TL_COUNT(passing));
}

/* They are what they are for as long as trapline runs. */
static void add_variables(struct tl_executor *x, struct tl_hash *h)
{
    if (!*x->variables) {
        struct tl_hash inner;
        if (tl_hash_begin(&inner))
            abort(); /* out of memory */
        tl_variables_add(&inner, passing, TL_COUNT(passing), false);
        tl_hash_end(&inner, x->variables);
    }
    tl_hash_add_string(h, x->variables);
}

static void add_command(struct tl_executor *x, struct tl_hash *h, const struct tl_case *c,
                        const struct tl_variant *v, const char *const *settings, const struct tl_argv *argv)
{
    /* What is made anew each time stands for itself. */
    static const struct tl_placeholder_paths unfilled = {"{model}", "{inputs}", "{outputs}", "{scratch}",
                                                         "{elements}"};
    char **words = tl_case_command(c, v, argv, &unfilled);
    tl_content_begin(&x->content, c->directory, tl_store_path(x->store));
    tl_content_command(&x->content, h, c->directory, settings, words);
    tl_strings_free(words);
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

int tl_identity_plan(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                     struct tl_generated *g, struct tl_error *e)
{
    struct tl_hash h;
    char sha[TL_SHA256_SIZE];
    char **settings = tl_case_environment(c, v);
    *g = (struct tl_generated){0};
    if (tl_hash_begin(&h))
        abort(); /* out of memory */
    int result = add_common(x, &h, c, settings, e);
    add_command(x, &h, c, v, (const char *const *)settings, &c->generate);
    tl_hash_end(&h, sha);
    if (!result)
        result = tl_generated_plan(c, v, sha, (const char *const *)settings, g, e);
    tl_strings_free(settings);
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
    if (c->generate.n)
        add_command(x, &h, c, v, (const char *const *)settings, &c->generate);
    for (size_t i = 0; i < c->n_steps; i++)
        add_command(x, &h, c, v, (const char *const *)settings, &c->steps[i].argv);
    if (u->path) {
        tl_content_begin(&x->content, c->directory, tl_store_path(x->store));
        tl_content_runner(&x->content, &h, u->path, (const char *const *)settings);
    }
    if (!result)
        result = add_reference(x, &h, c, v, u, e);
    tl_hash_end(&h, sha);
    tl_strings_free(settings);
    return result;
}
