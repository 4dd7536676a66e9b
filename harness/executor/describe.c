/* Asking a runner what it can do loads the runtime once for each of its devices: a second, for a trial of a
 * tenth. So what it said of a library is kept, in one file for each runner and library below
 * $XDG_CACHE_HOME/trapline/descriptions, together with the hash of everything that decides which devices can
 * be used here:
 *
 *   trapline's version, and the content of the runner
 *   the content and the state of the library, and when something was last put beside it (a provider)
 *   the machine, its OS and kernel, the user and the user's groups
 *   the variables by which loaders and drivers are led
 *   the loader's cache, Vulkan's lists of drivers, the nodes of GPUs
 *   what the answer itself says that it depends on: the state of these files and directories
 *
 * With another hash, or when the file cannot be read or holds something else, the runner is asked anew. Never
 * kept are failures. What a script says, since the modules that it loads are not seen, and what is said
 * without a library, since only the runner knows where its runtime then is, are kept where the answer says
 * what it depends on. A kept answer can still be wrong, by a driver that nothing here shows. If it says too
 * much, trials say so. If it says too little, nobody would notice: whoever is about to say that a unit cannot
 * be used asks anew. */
#include "harness/executor/describe.h"

#include "db/machine.h"
#include "harness/base/buffer.h"
#include "harness/base/file_kind.h"
#include "harness/base/files.h"
#include "harness/base/known_hash.h"
#include "harness/base/paths.h"
#include "harness/executor/executor_impl.h"
#include "harness/executor/variables.h"
#include "harness/verdict/classify.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DESCRIBE_SECONDS 60
#define KEPT_MOST (1u << 20)
#define GROUPS_MOST 1024
#define DEPENDS_MOST 4096

/* --- what an answer is kept for ------------------------------------------------------------------------- */

static bool is_script(const char *path)
{
    enum tl_file_kind kind = TL_FILE_EMPTY;
    return tl_file_kind(path, &kind) || kind != TL_FILE_PROGRAM;
}

/* A device node has no content; its times change when it is used. */
static void add_state(struct tl_hash *h, const char *path)
{
    struct stat st;
    char *state = stat(path, &st)       ? tl_strdup("none")
                  : S_ISCHR(st.st_mode) ? tl_format("%llu", (unsigned long long)st.st_rdev)
                                        : tl_file_state(&st);
    tl_hash_add_string(h, path);
    tl_hash_add_string(h, state);
    if (strcmp(state, "none")) {
        const unsigned owner[] = {st.st_mode, st.st_uid, st.st_gid};
        tl_hash_add(h, owner, sizeof owner);
    }
    free(state);
}

static int is_seen(const struct dirent *x)
{
    return strcmp(x->d_name, ".") && strcmp(x->d_name, "..");
}

static void add_entries(struct tl_hash *h, const char *directory)
{
    struct dirent **list;
    int n = scandir(directory, &list, is_seen, alphasort), err = errno;
    tl_hash_add_string(h, directory);
    if (n < 0)
        tl_hash_add_string(h, strerror(err));
    for (int i = 0; i < n; i++) {
        char *path = tl_format("%s/%s", directory, list[i]->d_name);
        add_state(h, path);
        free(path);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

/* The variables that lead a loader, a driver or a runtime, by the beginnings of their names. */
static void add_variables(struct tl_hash *h)
{
    static const char *const names[] = {"LD_",
                                        "DYLD_",
                                        "GLIBC_",
                                        "VK_",
                                        "MESA_",
                                        "LIBGL_",
                                        "GALLIUM_",
                                        "DRI_",
                                        "EGL_",
                                        "__EGL",
                                        "__GL",
                                        "__NV",
                                        "NV",
                                        "CUDA",
                                        "HIP_",
                                        "HSA_",
                                        "ROC",
                                        "AMD_",
                                        "ORT_",
                                        "ONNX",
                                        "DAWN_",
                                        "MTL_",
                                        "METAL",
                                        "OMP_",
                                        "KMP_",
                                        "DISPLAY=",
                                        "WAYLAND_DISPLAY=",
                                        "XDG_RUNTIME_DIR=",
                                        "XDG_CONFIG_",
                                        "XDG_DATA_",
                                        "HOME=",
                                        "PATH=",
                                        "PYTHON",
                                        "VIRTUAL_ENV=",
                                        "ASAN_",
                                        "LSAN_",
                                        "UBSAN_",
                                        "TRAPLINE_"};
    tl_variables_add(h, names, TL_COUNT(names), true);
}

static void hash_machine(struct tl_hash *h)
{
    static const char *const directories[] = {"/etc/vulkan/icd.d",
                                              "/usr/share/vulkan/icd.d",
                                              "/usr/local/etc/vulkan/icd.d",
                                              "/usr/local/share/vulkan/icd.d",
                                              "/etc/vulkan/implicit_layer.d",
                                              "/usr/share/vulkan/implicit_layer.d",
                                              "/dev/dri"};
    static const char *const files[] = {"/etc/ld.so.cache", "/dev/nvidiactl", "/dev/nvidia0",
                                        "/dev/nvidia-uvm",  "/dev/kfd",       "/proc/driver/nvidia"};
    struct tl_machine_text m;
    gid_t groups[GROUPS_MOST];
    int n = getgroups(GROUPS_MOST, groups);
    uid_t user = geteuid();
    tl_machine_read(&m);
    tl_hash_add_string(h, m.id);
    tl_hash_add_string(h, m.os_build);
    tl_hash_add_string(h, m.kernel);
    tl_hash_add(h, &user, sizeof user);
    tl_hash_add(h, groups, n > 0 ? (size_t)n * sizeof *groups : 0);
    for (size_t i = 0; i < TL_COUNT(directories); i++)
        add_entries(h, directories[i]);
    for (size_t i = 0; i < TL_COUNT(files); i++)
        add_state(h, files[i]);
    char *user_drivers = tl_format("%s/.local/share/vulkan/icd.d", getenv("HOME") ? getenv("HOME") : "");
    add_entries(h, user_drivers);
    free(user_drivers);
    add_variables(h);
}

/* Of all that are asked about at once, which are many, the machine is looked at for the first one; a night is longer. */
static void add_machine(struct tl_hash *h)
{
    static char all[TL_SHA256_SIZE];
    static time_t when;
    time_t now = time(NULL);
    struct tl_hash machine;
    if ((!*all || now != when) && !tl_hash_begin(&machine)) {
        hash_machine(&machine);
        tl_hash_end(&machine, all);
        when = now;
    }
    tl_hash_add_string(h, all);
}

/* The time at which something at a path was last put in order, in seconds; 0 where nothing is there. */
static time_t changed_at(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : tl_modified(&st).tv_sec;
}

/* The paths that an answer says it depends on. Whether they can be used so: they are paths, and, where the runner was
 * asked just now, none of them has changed since it began to look. */
static bool add_depends(struct tl_hash *h, const json_t *depends, time_t asked)
{
    json_t *path;
    size_t i;
    json_array_foreach(depends, i, path) {
        const char *text = json_string_value(path);
        if (!text || *text != '/' || i >= DEPENDS_MOST || (asked && changed_at(text) >= asked))
            return false;
        add_state(h, text);
    }
    return true;
}

/* Whether the answer about a library can be kept as it is: by its content and the runner's. */
static bool is_of_library(const struct tl_description *d)
{
    const char *library = json_string_value(json_object_get(d->build, "path"));
    const char *content = json_string_value(json_object_get(d->build, "sha256"));
    return library && content && strlen(content) == TL_SHA256_SIZE - 1 && strchr(library, '/') &&
           !is_script(d->runner);
}

/* d->key: what an answer holds for; "" when it cannot be kept. `depends` is what the answer says of that, or NULL. */
static void make_key(struct tl_description *d, const json_t *depends, time_t asked)
{
    const char *library = json_string_value(json_object_get(d->build, "path"));
    char runner[TL_SHA256_SIZE];
    struct tl_hash h;
    *d->key = '\0';
    if (d->speaks_for || (!is_of_library(d) && !json_is_array(depends)) || tl_known_hash(d->runner, runner) ||
        tl_hash_begin(&h))
        return;
    char *build = d->build ? json_dumps(d->build, JSON_COMPACT | JSON_SORT_KEYS) : tl_strdup("");
    tl_hash_add_string(&h, TL_VERSION);
    tl_hash_add_string(&h, d->runner);
    tl_hash_add_string(&h, runner);
    tl_hash_add_string(&h, build);
    if (library && strchr(library, '/')) {
        char *beside = tl_format("%.*s/.", (int)(strrchr(library, '/') - library), library);
        add_state(&h, library); /* the hash of a build in the cache is that of its manifest */
        add_state(&h, beside);
        free(beside);
    }
    add_machine(&h);
    bool whole = add_depends(&h, depends, asked);
    tl_hash_end(&h, d->key);
    if (!whole)
        *d->key = '\0';
    free(build);
}

/* --- kept answers --------------------------------------------------------------------------------------- */

static char *kept_path(const struct tl_description *d)
{
    char id[TL_ID_SIZE];
    const char *library = json_string_value(json_object_get(d->build, "path"));
    char *question = tl_format("%s\n%s", d->runner, library ? library : "");
    tl_content_id(question, strlen(question), id);
    char *directory = tl_cache_home("descriptions");
    char *path = directory ? tl_format("%s/%s.json", directory, id) : NULL;
    free(directory);
    free(question);
    return path;
}

/* A build that is only a name is told to the runner, which may know it or not: too many names for a file of each. */
static bool may_be_kept(const struct tl_description *d)
{
    return !d->speaks_for && (!d->build || json_is_string(json_object_get(d->build, "path")));
}

bool tl_description_recall(struct tl_description *d, bool anew)
{
    char *path = may_be_kept(d) && !anew ? kept_path(d) : NULL;
    size_t size;
    char *text = path ? tl_read_file(path, KEPT_MOST, &size) : NULL;
    json_t *file = text ? json_loadb(text, size, 0, NULL) : NULL;
    const char *key = json_string_value(json_object_get(file, "key"));
    json_t *answer = json_object_get(file, "answer");
    if (key)
        make_key(d, json_object_get(answer, "depends"), 0);
    d->kept = key && *d->key && !strcmp(key, d->key) && json_is_array(json_object_get(answer, "devices"));
    d->answer = d->kept ? json_incref(answer) : NULL;
    json_decref(file);
    free(text);
    free(path);
    return d->kept;
}

/* That it cannot be kept costs time, and nothing else. */
static void keep(struct tl_description *d)
{
    const json_t *depends = json_object_get(d->answer, "depends");
    if (may_be_kept(d) && (depends || !is_of_library(d)))
        make_key(d, depends, d->asked);
    char *path = *d->key ? kept_path(d) : NULL;
    if (!path)
        return;
    json_t *file = json_pack("{s:s,s:s,s:O*,s:O}", "key", d->key, "runner", d->runner, "build", d->build,
                             "answer", d->answer);
    char *text = json_dumps(file, JSON_INDENT(1));
    if (text && strlen(text) <= KEPT_MOST && tl_make_parents(path, 0700) == 0)
        tl_replace_file(path, text, strlen(text), 0600, false);
    free(text);
    json_decref(file);
    free(path);
}

/* --- asking --------------------------------------------------------------------------------------------- */

static void on_described(void *arg, struct tl_trial_record *record, bool *taken)
{
    struct tl_description *d = arg;
    d->ended = true;
    d->record = *record;
    *taken = true;
}

int tl_description_request(struct tl_description *d, struct tl_supervisor *s, struct tl_error *e)
{
    const char *argv[] = {d->runner, NULL};
    json_t *request = json_pack("{s:i}", "describe", 1);
    if (d->build)
        json_object_set(request, "build", (json_t *)d->build);
    if (d->alias)
        json_object_update_new(request, json_pack("{s:s,s:s,s:s*}", "runner", d->speaks_for, "on", d->alias,
                                                  "device", d->device));
    struct tl_trial_spec spec = {
        .argv = argv,
        .protocol = true,
        .request = request,
        .limits = tl_limits_default,
        .unit = d->unit,
        .elsewhere = d->alias != NULL,
        .device = d->slots_of,
        .device_slots = d->slots_of ? 1 : 0,
    };
    spec.limits.timeout_s = DESCRIBE_SECONDS;
    d->asked = time(NULL);
    *d->key = '\0';
    if (is_of_library(d))
        make_key(d, NULL, 0); /* before it looks: what changes meanwhile makes the answer one of before */
    d->ended = d->kept = false;
    json_decref(d->answer);
    d->answer = NULL;
    int result = tl_supervisor_submit(s, &spec, on_described, d, e);
    json_decref(request);
    return result;
}

static int no_answer(const struct tl_description *d, struct tl_error *e)
{
    const struct tl_trial_record *r = &d->record;
    if (!tl_verdict_is_given(r) || tl_verdict_is_own_failure(r))
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot ask a runner what it can do", d->runner, "%s",
                       r->message ? r->message : "");
    char *said = tl_output_last_line(&r->err);
    const char *why = r->message  ? r->message
                      : r->signal ? tl_signal_name(r->signal)
                                  : "it answered something else";
    tl_fail(e, TL_ERROR_INPUT, "a runner does not say what it can do", d->runner,
            "%s: %s%s%s%s; it must answer {\"describe\":1} with name, version and devices",
            tl_outcome_name(r->outcome), why, said ? " (it wrote: " : "", said ? said : "", said ? ")" : "");
    free(said);
    return -1;
}

int tl_description_reply(struct tl_description *d, struct tl_error *e)
{
    int result = 0;
    if (json_is_array(json_object_get(d->record.result, "devices"))) {
        d->answer = json_incref(d->record.result);
        keep(d);
    } else {
        result = no_answer(d, e);
    }
    tl_trial_record_free(&d->record);
    d->ended = false;
    return result;
}

void tl_description_free(struct tl_description *d)
{
    json_decref(d->answer);
    if (d->ended)
        tl_trial_record_free(&d->record);
    d->answer = NULL;
    d->ended = false;
}

/* --- in a supervisor of its own ------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    (void)timer; /* the signals of children alone do not keep the loop alive */
}

static int ask_all(struct tl_description *list, size_t n, struct tl_error *failures, uv_loop_t *loop,
                   struct tl_error *e)
{
    struct tl_supervisor *s;
    const struct tl_supervisor_options options = {0};
    uv_timer_t tick;
    if (tl_supervisor_new(&s, loop, &options, e))
        return -1;
    uv_timer_init(loop, &tick);
    uv_timer_start(&tick, on_tick, TL_STEP_MS, TL_STEP_MS);
    bool *asked = tl_calloc(n, sizeof *asked);
    for (size_t i = 0; i < n; i++)
        asked[i] = !list[i].kept && !tl_description_request(&list[i], s, &failures[i]);
    while (tl_supervisor_in_flight(s) || tl_supervisor_waiting(s))
        uv_run(loop, UV_RUN_ONCE);
    for (size_t i = 0; i < n; i++)
        if (asked[i])
            tl_description_reply(&list[i], &failures[i]);
    free(asked);
    tl_supervisor_free(s);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}

int tl_describe(struct tl_description *list, size_t n, struct tl_error *failures, struct tl_error *e)
{
    uv_loop_t loop;
    size_t unknown = 0;
    for (size_t i = 0; i < n; i++)
        unknown += !tl_description_recall(&list[i], false);
    if (!unknown)
        return 0;
    int err = uv_loop_init(&loop);
    if (err)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, -err, "cannot begin", "",
                             "raise the limit of open files (ulimit -n)");
    int result = ask_all(list, n, failures, &loop, e);
    uv_loop_close(&loop);
    return result;
}
