/* devicectl writes its answers as JSON into a file, and says on stderr why it did not do what it should. */
#include "runners/devicectl/tool.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"
#include "harness/base/record.h"
#include "harness/crash_report/ips.h"
#include "runners/devicectl/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MOST 24 /* more than any call has */
#define COPY_S 600.0
#define REPORT_COPY_S 20.0
#define REPORTS_MOST 5 /* that are copied, at a time */
#define AGAIN_MOST 3   /* of these, that were copied before and were not whole */
#define LISTED_MOST 32 /* of the newest, among which it is looked for */

int tl_tool_open(struct tl_tool *t, const struct tl_device *d, const char *bundle, const char *directory,
                 struct tl_error *e)
{
    *t = (struct tl_tool){.udid = d->udid, .bundle = bundle, .directory = directory};
    t->hidden = (struct tl_hidden){.alias = d->alias, .name = d->name};
    t->phone.udid = tl_strdup(d->udid); /* is known before the device has been seen */
    t->hidden.phone = &t->phone;
    t->xcrun = tl_program_find(".", "xcrun", e);
    return t->xcrun ? 0
                    : tl_fail(e, TL_ERROR_ENVIRONMENT, "devices cannot be used here", "xcrun",
                              "it is not in PATH; Xcode 15 or later brings it, on macOS only");
}

void tl_tool_close(struct tl_tool *t)
{
    tl_phone_free(&t->phone);
    free(t->xcrun);
    t->xcrun = NULL;
}

/* The last line of what a program said, without what is hidden: a new string, NULL when it said nothing. */
static char *last_line(const struct tl_tool *t, const struct tl_buffer *said)
{
    const struct tl_output o = {.head = said->data, .head_size = said->size, .total = said->size};
    char *line = said->size ? tl_output_last_line(&o) : NULL,
         *hidden = line ? tl_hide(&t->hidden, line) : NULL;
    free(line);
    return hidden;
}

static int failed(const struct tl_tool *t, const struct tl_buffer *said, int status, struct tl_error *e)
{
    char *line = last_line(t, said), *how = WIFSIGNALED(status)
                                                ? tl_format("it died of %s", tl_signal_name(WTERMSIG(status)))
                                                : tl_format("exit status %d", WEXITSTATUS(status));
    tl_fail(e, TL_ERROR_ENVIRONMENT, "devicectl failed", "", "%s%s%s", line ? line : "", line ? "; " : "",
            how);
    free(line);
    free(how);
    return -1;
}

int tl_tool_run(const struct tl_tool *t, const char *const *arguments, double seconds, char **json,
                size_t *size, struct tl_error *e)
{
    const char *argv[ARGUMENTS_MOST + 6] = {t->xcrun, "devicectl"};
    char *file = tl_format("%s/devicectl-%d.json", t->directory, (int)getpid());
    size_t n = 2, i = 0;
    for (; arguments[i] && strcmp(arguments[i], "--") != 0; i++)
        argv[n++] = arguments[i];
    argv[n++] = "--json-output";
    argv[n++] = file;
    for (; arguments[i]; i++) /* what is the app's */
        argv[n++] = arguments[i];
    struct tl_buffer said = TL_BUFFER_INIT, out = TL_BUFFER_INIT;
    struct tl_program p = {.argv = argv, .out = &out, .err = &said, .timeout_s = seconds};
    unlink(file);
    int result = tl_program_run(&p, e);
    if (!result && p.status)
        result = failed(t, said.size ? &said : &out, p.status, e);
    if (!result && json && !(*json = tl_read_file(file, TL_LISTING_MOST, size)))
        result = tl_fail(e, TL_ERROR_ENVIRONMENT, "devicectl failed", "",
                         "it wrote no JSON; is it that of Xcode 15 or later?");
    unlink(file);
    free(file);
    tl_buffer_free(&said);
    tl_buffer_free(&out);
    return result;
}

/* The lock is on a file that is named by a hash: no UDID is to stand in a name. It goes with this process. */
char *tl_tool_take(const struct tl_tool *t, double seconds)
{
    char id[TL_ID_SIZE];
    tl_content_id(t->udid, strlen(t->udid), id);
    char *name = tl_format("devices/%s.lock", id), *path = tl_state_home(name);
    int fd = path && !tl_make_parents(path, 0700) ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1,
        why = errno;
    char *reason = NULL;
    uint64_t end = tl_monotonic_ns() + (uint64_t)(seconds * 1e9);
    if (fd < 0)
        reason = tl_format("cannot take %s for this trial: %s: %s", t->hidden.alias,
                           path ? path : "XDG_STATE_HOME", strerror(why));
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && !reason) {
        if (tl_console_stop_asked() || tl_monotonic_ns() >= end)
            reason = tl_format("%s is used by another trapline", t->hidden.alias);
        else
            tl_console_wait(0.1);
    }
    free(name);
    free(path);
    return reason;
}

char *tl_tool_look(struct tl_tool *t, double seconds)
{
    static const char *const arguments[] = {"list", "devices", NULL};
    struct tl_error e;
    struct tl_phone found = {0};
    char *json = NULL;
    size_t size = 0;
    int there = tl_tool_run(t, arguments, seconds, &json, &size, &e);
    if (!there)
        there = tl_phone_find(json, size, t->udid, &found, &e);
    free(json);
    if (there < 0)
        return tl_format("cannot ask for the devices that are here: %s", e.why);
    if (!there)
        return tl_format(
            "%s is not among the devices that this Mac knows: connect it, unlock it, and choose to trust "
            "this Mac",
            t->hidden.alias);
    tl_phone_free(&t->phone);
    t->phone = found;
    return found.why ? tl_format("%s: %s", t->hidden.alias, found.why) : NULL;
}

static int copy(const struct tl_tool *t, const char *direction, const char *from, const char *to,
                struct tl_error *e)
{
    const char *const arguments[] = {"device",
                                     "copy",
                                     direction,
                                     "--device",
                                     t->udid,
                                     "--domain-type",
                                     "appDataContainer",
                                     "--domain-identifier",
                                     t->bundle,
                                     "--source",
                                     from,
                                     "--destination",
                                     to,
                                     NULL};
    return tl_tool_run(t, arguments, COPY_S, NULL, NULL, e);
}

int tl_tool_copy_to(const struct tl_tool *t, const char *from, const char *to, struct tl_error *e)
{
    return copy(t, "to", from, to, e);
}

int tl_tool_copy_from(const struct tl_tool *t, const char *from, const char *to, struct tl_error *e)
{
    return copy(t, "from", from, to, e);
}

/* --- reports -------------------------------------------------------------------------------------------- */

struct wanted {
    const char *process;
    int pid;
    int64_t launched_us, ended_us;
};

enum found {
    WANTED,
    ANOTHER,   /* a report of another crash */
    NOT_WHOLE, /* not there, or not all of it: it may be yet */
};

static enum found look_at(const char *path, const struct wanted *w)
{
    struct tl_ips ips;
    struct tl_error e;
    size_t size = 0;
    char *text = tl_read_file(path, TL_IPS_MOST, &size);
    enum found found = NOT_WHOLE;
    if (text && !tl_ips_parse(text, size, &ips, &e)) {
        bool is = tl_ips_matches(&ips, w->pid, w->launched_us, w->ended_us) && ips.process &&
                  !strcmp(ips.process, w->process);
        found = is ? WANTED : ANOTHER;
        tl_ips_free(&ips);
    }
    free(text);
    return found;
}

/* It is stored with the trial: what tells whose device it is of stays here. */
static bool keep_hidden(const struct tl_tool *t, const char *from, const char *to)
{
    size_t size = 0;
    char *text = tl_read_file(from, TL_IPS_MOST, &size), *hidden = text ? tl_hide(&t->hidden, text) : NULL;
    bool kept = hidden && !tl_replace_file(to, hidden, strlen(hidden), 0666, false);
    free(text);
    free(hidden);
    return kept;
}

/* One report of the device, if it is the one that is wanted: then it is there as `name`. */
static enum found fetch(const struct tl_tool *t, const char *source, const struct wanted *w, const char *name)
{
    char *to = tl_format("%s/report-%d.ips", t->directory, (int)getpid()),
         *kept = tl_format("%s/%s", t->directory, name);
    const char *const arguments[] = {
        "device",          "copy",     "from", "--device",      t->udid, "--domain-type",
        "systemCrashLogs", "--source", source, "--destination", to,      NULL};
    struct tl_error e;
    enum found found = tl_tool_run(t, arguments, REPORT_COPY_S, NULL, NULL, &e) ? NOT_WHOLE : look_at(to, w);
    if (found == WANTED && !keep_hidden(t, to, kept))
        found = NOT_WHOLE;
    tl_remove_tree(to);
    free(to);
    free(kept);
    return found;
}

/* What was another one is not copied again, and makes room for older ones: of several crashes within one second nobody
 * knows which name is the last. What could not be copied, or was not whole yet, is tried again. */
static bool look_once(const struct tl_tool *t, const struct wanted *w, json_t *seen, const char *name)
{
    const char *const arguments[] = {"device", "info",          "files",           "--device",
                                     t->udid,  "--domain-type", "systemCrashLogs", NULL};
    struct tl_error e;
    char *json = NULL;
    size_t size = 0;
    json_t *list = tl_tool_run(t, arguments, REPORT_COPY_S, &json, &size, &e)
                       ? NULL
                       : tl_phone_reports(json, size, w->process, LISTED_MOST, &e);
    bool got = false;
    free(json);
    json_t *before = json_copy(seen);
    size_t copied = 0;
    for (int fresh = 0; fresh < 2; fresh++)
        for (size_t i = 0; i < json_array_size(list) && !got; i++) {
            const char *source = json_string_value(json_array_get(list, i));
            const json_t *whole = json_object_get(before, source);
            if (fresh ? whole != NULL : !json_is_false(whole))
                continue;
            if (copied == (fresh ? REPORTS_MOST : AGAIN_MOST))
                break;
            enum found found = fetch(t, source, w, name);
            copied++;
            got = found == WANTED;
            json_object_set_new(seen, source, json_boolean(found != NOT_WHOLE));
        }
    json_decref(before);
    json_decref(list);
    return got;
}

bool tl_tool_report(const struct tl_tool *t, const char *process, int pid, int64_t launched_us,
                    int64_t ended_us, double patience_s, const char *name)
{
    const struct wanted w = {process, pid, launched_us, ended_us};
    uint64_t end = tl_monotonic_ns() + (uint64_t)(patience_s * 1e9);
    json_t *seen = json_object();
    bool got = false;
    for (double pause = 0.25;
         !(got = look_once(t, &w, seen, name)) && tl_monotonic_ns() < end && !tl_console_stop_asked();) {
        tl_console_wait(pause);
        pause = pause < 2 ? 2 * pause : pause;
    }
    json_decref(seen);
    return got;
}
