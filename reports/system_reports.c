#include "reports/system_reports.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/time_text.h"
#include "reports/json_text.h"
#include "reports/members.h"
#include "reports/redact/redact.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_MOST 120 /* bytes of the name of a file */

static json_t *time_json(int64_t us)
{
    char *text = us ? tl_time_format(us, TL_TIME_ISO) : NULL;
    json_t *j = tl_string_json(text);
    free(text);
    return j;
}

static json_t *number_json(int n)
{
    return n ? json_integer(n) : json_null();
}

static json_t *report_json(const struct tl_system_report *r, bool text)
{
    const struct {
        const char *name, *value;
    } texts[] = {
        {"incident", r->incident},   {"process", r->process}, {"os", r->os},
        {"os_build", r->os_build},   {"model", r->model},     {"cpu", r->cpu},
        {"exception", r->exception}, {"subtype", r->subtype}, {"codes", r->codes},
        {"queue", r->queue},         {"reason", r->reason},   {"termination", r->termination},
        {"title", r->title},         {"file", r->name},
    };
    json_t *j =
        json_pack("{s:s,s:o,s:i,s:o,s:o,s:o,s:o,s:o}", "relation", tl_report_relation_name(r->relation),
                  "kind", tl_string_json(r->kind), "bug_type", r->bug_type, "pid", number_json(r->pid),
                  "parent", number_json(r->parent), "responsible", number_json(r->responsible), "launched",
                  time_json(r->launched_us), "captured", time_json(r->captured_us));
    for (size_t i = 0; i < TL_COUNT(texts); i++)
        json_object_set_new(j, texts[i].name, tl_string_json(texts[i].value));
    if (text)
        json_object_set_new(j, "text", tl_string_json(r->text));
    return j;
}

json_t *tl_system_reports_json(const struct tl_trial_record *r, bool text)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_reports; i++)
        json_array_append_new(list, report_json(&r->reports[i], text));
    return list;
}

/* ---- words ---- */

static void add_row(json_t *rows, const char *name, const char *value)
{
    if (value && *value)
        json_array_append_new(rows, json_pack("[s,s]", name, value));
}

static void add_made(json_t *rows, const char *name, char *value) /* takes it */
{
    add_row(rows, name, value);
    free(value);
}

/* "a, b": of two texts those that are there; NULL for none. */
static char *joined(const json_t *j, const char *a, const char *glue, const char *b, const char *end)
{
    const char *x = tl_member_text(j, a), *y = tl_member_text(j, b);
    if (!x || !y)
        return tl_strdup(x ? x : y);
    return tl_format("%s%s%s%s", x, glue, y, end);
}

json_t *tl_system_report_rows(const json_t *j)
{
    json_t *rows = json_array();
    json_int_t pid = tl_member_integer(j, "pid");
    const char *process = tl_member_text(j, "process");
    if (process || pid)
        add_made(rows, "process",
                 pid ? tl_format("%s, pid %lld", process ? process : "unknown", (long long)pid)
                     : tl_strdup(process));
    add_made(rows, "exception", joined(j, "exception", ", ", "subtype", ""));
    add_row(rows, "codes", tl_member_text(j, "codes"));
    add_row(rows, "queue", tl_member_text(j, "queue"));
    add_row(rows, "reason", tl_member_text(j, "reason"));
    add_row(rows, "termination", tl_member_text(j, "termination"));
    add_row(rows, "says", tl_member_text(j, "title"));
    add_made(rows, "os", joined(j, "os", " (", "os_build", ")"));
    add_made(rows, "machine", joined(j, "model", ", ", "cpu", ""));
    add_row(rows, "launched", tl_member_text(j, "launched"));
    add_row(rows, "captured", tl_member_text(j, "captured"));
    add_row(rows, "incident", tl_member_text(j, "incident"));
    add_row(rows, "file", tl_member_text(j, "file"));
    return rows;
}

static const char *relation_words(const json_t *j)
{
    static const char *const words[] = {"this trial was imported from it", "of a process of this trial",
                                        "of a process that worked for this trial, or for others at the time",
                                        "of the machine, while this trial ran"};
    int relation = tl_report_relation_parse(tl_member_text(j, "relation"));
    return relation < 0 ? "" : words[relation];
}

char *tl_system_report_heading(const json_t *j)
{
    const char *kind = tl_member_or(j, "kind", "report"), *process = tl_member_text(j, "process");
    return tl_format("Report of the system: %s%s%s (%s)", kind, process ? " of " : "", process ? process : "",
                     relation_words(j));
}

char *tl_system_reports_line(const json_t *reports)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *j;
    size_t i;
    json_array_foreach(reports, i, j) {
        const char *process = tl_member_text(j, "process"), *incident = tl_member_text(j, "incident"),
                   *file = tl_member_text(j, "file"), *queue = tl_member_text(j, "queue");
        char *exception = joined(j, "exception", ", ", "subtype", "");
        tl_buffer_printf(&b, "%s%s%s%s", b.size ? "; " : "", tl_member_or(j, "kind", "report"),
                         process ? " of " : "", process ? process : "");
        if (exception)
            tl_buffer_printf(&b, ", %s", exception);
        if (queue)
            tl_buffer_printf(&b, ", queue %s", queue);
        if (incident)
            tl_buffer_printf(&b, ", incident %s", incident);
        if (file)
            tl_buffer_printf(&b, ", file %s", file);
        free(exception);
    }
    return b.size ? tl_buffer_take(&b) : NULL;
}

/* ---- files ---- */

void tl_system_reports_learn(const struct tl_trial_record *r, struct tl_redaction *redaction)
{
    for (size_t i = 0; r && i < r->n_reports; i++)
        tl_redaction_learn_report(redaction, r->reports[i].text ? r->reports[i].text : "");
}

/* A name that is one on every system, and tells nobody. */
static char *file_name(const struct tl_system_report *r, const struct tl_redaction *redaction, size_t number)
{
    char *name = tl_redact(redaction, r->name && *r->name ? r->name : "report.ips");
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            *p = '_';
    size_t n = strlen(name);
    char *numbered = tl_format("%zu-%s", number, n > NAME_MOST ? name + n - NAME_MOST : name);
    free(name);
    return numbered;
}

int tl_system_reports_write(const struct tl_trial_record *r, struct tl_redaction *redaction,
                            const char *directory, const char *folder, tl_system_report_written have,
                            void *arg)
{
    char *place = tl_format("%s/%s", directory, folder);
    int rc = 0;
    for (size_t i = 0; i < r->n_reports && rc == 0; i++) {
        const struct tl_system_report *x = &r->reports[i];
        if (!x->text || !x->size)
            continue;
        if (mkdir(place, 0777) && errno != EEXIST) {
            rc = -1;
            break;
        }
        struct tl_redaction none = {0};
        char *name = file_name(x, redaction ? redaction : &none, i + 1),
             *path = tl_format("%s/%s", place, name),
             *text = redaction ? tl_redact_report(redaction, x->text) : tl_strdup(x->text);
        rc = tl_replace_file(path, text, strlen(text), 0666, false);
        if (rc == 0) {
            char *shown = tl_format("%s/%s", folder, name),
                 *about = tl_format("%s of the system%s", x->kind ? x->kind : "report",
                                    redaction ? ", without what tells whose it is" : "");
            have(arg, shown, about);
            free(shown);
            free(about);
        }
        free(text);
        free(path);
        free(name);
    }
    free(place);
    return rc;
}
