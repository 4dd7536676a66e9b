/* The protocol of runners (docs/runners.md), as the supervisor reads and writes it.
 *
 * Theory of operation. A message is one line of JSON of at most TL_MESSAGE_MAX bytes. The reader cuts a
 * stream into lines and holds at most one of them; a longer one is dropped to its end and said to be too
 * long, so that a runner that floods its socket costs no memory. A line is parsed hard: it has exactly one of
 * the known keys, and every field that is read later has its type, so that nothing behind this file checks
 * again. What is wrong is told with the place and with what was expected there, without bytes of the message,
 * which may be hostile.
 *
 * A result with very many outputs does not fit into a line. It is left in a file then, which is read when the line
 * comes that names it, while its writer may still live and change it: it is opened once, only as a plain file of
 * the scratch directory, read once, at most TL_RESULT_MAX bytes, and held to everything a message is. */
#include "harness/supervise/message.h"

#include "harness/base/files.h"
#include "harness/base/left_file.h"
#include "harness/base/utf8.h"
#include "runners/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: the socket has SO_NOSIGPIPE */
#endif

#define WHAT "cannot understand a message of the runner"
#define COUNTS_MOST 1024
#define OPERATOR_MOST 256            /* bytes of each of its texts that are kept */
#define LONGEST (TL_MESSAGE_MAX - 1) /* of a line without its newline */

/* ---- lines ---- */

static enum tl_line give(const char *p, size_t n, const char **line, size_t *length)
{
    if (n > LONGEST)
        return TL_LINE_TOO_LONG;
    if (n && p[n - 1] == '\r')
        n--;
    *line = n ? p : "";
    *length = n;
    return TL_LINE_COMPLETE;
}

enum tl_line tl_line_next(struct tl_line_reader *r, const char **data, size_t *size, const char **line,
                          size_t *length)
{
    if (r->given)
        tl_buffer_clear(&r->held);
    r->given = false;
    while (*size) {
        const char *start = *data;
        const char *newline = memchr(start, '\n', *size);
        size_t n = newline ? (size_t)(newline - start) : *size;
        size_t used = newline ? n + 1 : n;
        *data += used;
        *size -= used;
        if (r->dropping) {
            r->dropping = !newline;
            continue;
        }
        if (r->held.size + n > LONGEST) {
            tl_buffer_clear(&r->held);
            r->dropping = !newline;
            return TL_LINE_TOO_LONG;
        }
        if (newline && !r->held.size)
            return give(start, n, line, length);
        tl_buffer_add(&r->held, start, n);
        if (newline) {
            r->given = true;
            return give(r->held.data, r->held.size, line, length);
        }
    }
    return TL_LINE_NONE;
}

enum tl_line tl_line_end(struct tl_line_reader *r, const char **line, size_t *length)
{
    if (r->given)
        tl_buffer_clear(&r->held);
    r->given = false;
    r->dropping = false;
    if (!r->held.size)
        return TL_LINE_NONE;
    r->given = true;
    return give(r->held.data, r->held.size, line, length);
}

void tl_line_reader_free(struct tl_line_reader *r)
{
    tl_buffer_free(&r->held);
    r->given = r->dropping = false;
}

/* ---- checks: a key that is missing or of another type is named, with what was expected ---- */

static const char *type_name(const json_t *v)
{
    if (!v)
        return "nothing";
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "a boolean";
    }
}

static int expected(struct tl_error *e, const char *where, const json_t *got, const char *what)
{
    return tl_fail(e, TL_ERROR_INPUT, WHAT, where, "expected %s, got %s", what, type_name(got));
}

static int want_string(const json_t *object, const char *key, bool required, const char *prefix,
                       struct tl_error *e)
{
    const json_t *v = json_object_get(object, key);
    if ((!v && !required) || (json_is_string(v) && (!required || json_string_length(v))))
        return 0;
    char where[200];
    snprintf(where, sizeof where, "%s.%s", prefix, key);
    return expected(e, where, v, "a string that is not empty");
}

static bool is_figure(const json_t *v)
{
    if (json_is_number(v) || json_is_null(v) || json_is_boolean(v))
        return true;
    const char *s = json_string_value(v); /* JSON has no numbers for these */
    return s && (!strcmp(s, "nan") || !strcmp(s, "-nan") || !strcmp(s, "inf") || !strcmp(s, "-inf"));
}

/* Of a complex number: its two parts. */
static bool is_pair(const json_t *v)
{
    return json_array_size(v) == 2 && is_figure(json_array_get(v, 0)) && is_figure(json_array_get(v, 1));
}

static int check_shape(const json_t *output, const char *prefix, struct tl_error *e)
{
    char where[160];
    snprintf(where, sizeof where, "%s.shape", prefix);
    const json_t *shape = json_object_get(output, "shape");
    if (!json_is_array(shape))
        return expected(e, where, shape, "a list of sizes");
    size_t i;
    json_t *v;
    json_array_foreach(shape, i, v) {
        if (!json_is_integer(v))
            return expected(e, where, v, "sizes that are integers");
        if (json_integer_value(v) < 0)
            return tl_fail(e, TL_ERROR_INPUT, WHAT, where, "expected sizes of at least 0, got %lld",
                           (long long)json_integer_value(v));
    }
    return 0;
}

static int check_output(const json_t *output, size_t index, struct tl_error *e)
{
    char prefix[64], where[160];
    snprintf(prefix, sizeof prefix, "result.outputs[%zu]", index);
    if (!json_is_object(output))
        return expected(e, prefix, output, "an object");
    if (want_string(output, "name", true, prefix, e) || want_string(output, "kind", false, prefix, e))
        return -1;
    const char *kind = json_string_value(json_object_get(output, "kind"));
    bool tensor = !kind || !strcmp(kind, "tensor"); /* a sequence or a map has no type and shape of its own */
    if (tensor && (want_string(output, "dtype", true, prefix, e) || check_shape(output, prefix, e)))
        return -1;
    if (want_string(output, "hash", true, prefix, e))
        return -1;
    const json_t *finite = json_object_get(output, "finite");
    if (!json_is_boolean(finite)) {
        snprintf(where, sizeof where, "%s.finite", prefix);
        return expected(e, where, finite, "true or false");
    }
    static const char *const figures[] = {"min", "max", "mean"};
    for (size_t i = 0; i < TL_COUNT(figures); i++) {
        const json_t *v = json_object_get(output, figures[i]);
        if (!v || is_figure(v))
            continue;
        snprintf(where, sizeof where, "%s.%s", prefix, figures[i]);
        return expected(e, where, v, "a number, null, \"nan\", \"inf\" or \"-inf\"");
    }
    const json_t *first = json_object_get(output, "first");
    if (!first)
        return 0;
    snprintf(where, sizeof where, "%s.first", prefix);
    if (!json_is_array(first))
        return expected(e, where, first, "a list of values");
    size_t i;
    json_t *v;
    json_array_foreach(first, i, v)
        if (!is_figure(v) && !json_is_string(v) && !is_pair(v)) /* a tensor of strings has strings */
            return expected(e, where, v,
                            "values that are numbers, null, booleans, strings or pairs of numbers");
    return 0;
}

static int check_result(const json_t *result, struct tl_error *e)
{
    if (!json_is_object(result))
        return expected(e, "result", result, "an object with \"outputs\"");
    const json_t *outputs = json_object_get(result, "outputs");
    if (!json_is_array(outputs))
        return expected(e, "result.outputs", outputs, "a list of outputs");
    size_t i;
    json_t *v;
    json_array_foreach(outputs, i, v)
        if (check_output(v, i, e))
            return -1;
    v = json_object_get(result, "observed");
    if (v && !json_is_null(v) && want_string(result, "observed", true, "result", e))
        return -1;
    v = json_object_get(result, "versions");
    if (v && !json_is_object(v))
        return expected(e, "result.versions", v, "an object");
    return 0;
}

static int take_result(const json_t *result, struct tl_message *m, struct tl_error *e)
{
    const json_t *file = json_object_get(result, "file");
    if (file && !json_object_get(result, "outputs")) {
        if (!tl_is_plain_name(json_string_value(file)))
            return expected(e, "result.file", file,
                            "the name of a file in the scratch directory, without a \"/\"");
        m->file = tl_strdup(json_string_value(file));
        return 0;
    }
    if (check_result(result, e))
        return -1;
    m->object = json_incref((json_t *)result);
    return 0;
}

static int take_error(const json_t *error, struct tl_message *m, struct tl_error *e)
{
    if (!json_is_object(error))
        return expected(e, "error", error, "an object with \"domain\", \"code\" and \"message\"");
    if (want_string(error, "domain", true, "error", e))
        return -1;
    const json_t *code = json_object_get(error, "code");
    if (!json_is_string(code) && !json_is_integer(code))
        return expected(e, "error.code", code, "a string or an integer");
    const json_t *text = json_object_get(error, "message");
    if (!json_is_string(text))
        return expected(e, "error.message", text, "a string");
    m->domain = tl_strdup(json_string_value(json_object_get(error, "domain")));
    m->code = json_is_string(code) ? tl_strdup(json_string_value(code))
                                   : tl_format("%lld", (long long)json_integer_value(code));
    m->text = tl_strdup(json_string_value(text));
    return 0;
}

static int check_description(const json_t *d, struct tl_error *e)
{
    if (want_string(d, "name", true, "description", e) || want_string(d, "version", true, "description", e))
        return -1;
    const json_t *devices = json_object_get(d, "devices");
    if (!json_is_array(devices))
        return expected(e, "description.devices", devices, "a list of devices");
    size_t i;
    json_t *v;
    json_array_foreach(devices, i, v) {
        char prefix[64], where[160];
        snprintf(prefix, sizeof prefix, "description.devices[%zu]", i);
        if (!json_is_object(v))
            return expected(e, prefix, v, "an object");
        const json_t *usable = json_object_get(v, "usable");
        if (want_string(v, "name", true, prefix, e) || want_string(v, "why", false, prefix, e))
            return -1;
        snprintf(where, sizeof where, "%s.usable", prefix);
        if (!json_is_boolean(usable))
            return expected(e, where, usable, "true or false");
    }
    const json_t *axes = json_object_get(d, "axes"); /* one that takes any has none */
    if (axes && !json_is_array(axes))
        return expected(e, "description.axes", axes, "a list of names of axes");
    json_array_foreach(axes, i, v)
        if (!json_is_string(json_is_object(v) ? json_object_get(v, "name") : v))
            return expected(e, "description.axes", v, "names that are strings, or objects with a \"name\"");
    const json_t *serve = json_object_get(d, "serve");
    if (serve && !json_is_boolean(serve))
        return expected(e, "description.serve", serve, "true or false");
    return 0;
}

static int take_counts(const json_t *counts, struct tl_message *m, struct tl_error *e)
{
    const char *name;
    json_t *v;
    if (!json_is_object(counts))
        return expected(e, "counts", counts, "an object of names and integers");
    if (json_object_size(counts) > COUNTS_MOST)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, "counts", "expected at most %d names, got %zu", COUNTS_MOST,
                       json_object_size(counts));
    json_object_foreach((json_t *)counts, name, v)
        if (!json_is_integer(v))
            return expected(e, "counts", v, "integers");
    m->object = json_incref((json_t *)counts);
    return 0;
}

static int take_operator(const json_t *v, struct tl_message *m, struct tl_error *e)
{
    static const char *const keys[] = {"name", "type"};
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_object(v))
        return expected(e, "operator", v, "an object with \"name\" or \"type\", or null");
    json_t *kept = json_object();
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        const char *text = json_string_value(json_object_get(v, keys[i]));
        if (want_string(v, keys[i], false, "operator", e)) {
            json_decref(kept);
            return -1;
        }
        if (text && *text)
            json_object_set_new(kept, keys[i], json_stringn(text, tl_utf8_cut(text, OPERATOR_MOST)));
    }
    if (json_object_size(kept)) {
        m->object = kept;
        return 0;
    }
    json_decref(kept);
    return tl_fail(e, TL_ERROR_INPUT, WHAT, "operator", "expected \"name\" or \"type\", got neither");
}

static int take_phase(const json_t *root, struct tl_message *m, struct tl_error *e)
{
    const json_t *phase = json_object_get(root, "phase"), *timeout = json_object_get(root, "timeout_s");
    int p = json_is_string(phase) ? tl_phase_parse(json_string_value(phase)) : -1;
    if (p < 0)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, "phase",
                       "expected one of start, generate, load, compile, execute, check, done; got %s%.40s",
                       json_is_string(phase) ? "" : type_name(phase),
                       json_is_string(phase) ? json_string_value(phase) : "");
    if (timeout && !(json_is_number(timeout) && json_number_value(timeout) > 0))
        return expected(e, "timeout_s", timeout, "a number of seconds above 0");
    m->phase = (enum tl_phase)p;
    m->timeout_s = json_number_value(timeout);
    return take_operator(json_object_get(root, "operator"), m, e);
}

static int take_died(const json_t *v, struct tl_message *m, struct tl_error *e)
{
    const json_t *signal = json_object_get(v, "signal"), *report = json_object_get(v, "report"),
                 *pid = json_object_get(v, "pid");
    if (!json_is_object(v))
        return expected(e, "died", v, "an object");
    if (want_string(v, "message", false, "died", e) || want_string(v, "report", false, "died", e))
        return -1;
    bool named = json_is_string(signal) && !strncmp(json_string_value(signal), "SIG", 3);
    m->signal = named ? tl_signal_parse(json_string_value(signal)) : 0;
    if (!named)
        return expected(e, "died.signal", signal, "the name of a signal, such as SIGSEGV");
    if (json_is_string(report) && !tl_is_plain_name(json_string_value(report)))
        return expected(e, "died.report", report, "the name of a file in the scratch directory");
    if (pid && (!json_is_integer(pid) || json_integer_value(pid) < 1 || json_integer_value(pid) > INT_MAX))
        return expected(e, "died.pid", pid, "the process id of what died");
    m->pid = (int)json_integer_value(pid);
    m->text = tl_strdup(json_string_value(json_object_get(v, "message")));
    m->file = tl_strdup(json_string_value(report));
    return 0;
}

static int take(const json_t *root, struct tl_message *m, struct tl_error *e)
{
    static const struct {
        const char *key;
        enum tl_message_kind kind;
    } kinds[] = {{"phase", TL_MESSAGE_PHASE},         {"result", TL_MESSAGE_RESULT},
                 {"error", TL_MESSAGE_ERROR},         {"unsupported", TL_MESSAGE_UNSUPPORTED},
                 {"died", TL_MESSAGE_DIED},           {"lost", TL_MESSAGE_LOST},
                 {"devices", TL_MESSAGE_DESCRIPTION}, {"serving", TL_MESSAGE_SERVING},
                 {"forked", TL_MESSAGE_FORKED},       {"counts", TL_MESSAGE_COUNTS},
                 {"operator", TL_MESSAGE_OPERATOR}};
    static const char all[] =
        "phase, operator, counts, result, error, unsupported, died, lost, devices (an answer to "
        "describe), serving, forked";
    const json_t *v = NULL;
    size_t n = 0;
    for (size_t i = 0; i < TL_COUNT(kinds); i++) {
        const json_t *found = json_object_get(root, kinds[i].key);
        if (!found || (kinds[i].kind == TL_MESSAGE_OPERATOR && json_object_get(root, "phase")))
            continue; /* a phase may begin with an operator */
        v = found;
        m->kind = kinds[i].kind;
        n++;
    }
    if (n != 1) {
        const char *first = n ? NULL : json_object_iter_key(json_object_iter((json_t *)root));
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL,
                       "expected an object with exactly one of the keys %s; got %s%.40s", all,
                       n       ? "several of them"
                       : first ? "the key "
                               : "an empty object",
                       first ? first : "");
    }
    switch (m->kind) {
    case TL_MESSAGE_PHASE:
        return take_phase(root, m, e);
    case TL_MESSAGE_RESULT:
        return take_result(v, m, e);
    case TL_MESSAGE_ERROR:
        return take_error(v, m, e);
    case TL_MESSAGE_COUNTS:
        return take_counts(v, m, e);
    case TL_MESSAGE_OPERATOR:
        return take_operator(v, m, e);
    case TL_MESSAGE_UNSUPPORTED:
    case TL_MESSAGE_LOST:
        if (want_string(root, m->kind == TL_MESSAGE_LOST ? "lost" : "unsupported", true, "message", e))
            return -1;
        m->text = tl_strdup(json_string_value(v));
        return 0;
    case TL_MESSAGE_DIED:
        return take_died(v, m, e);
    case TL_MESSAGE_DESCRIPTION:
        if (check_description(root, e))
            return -1;
        m->object = json_incref((json_t *)root);
        return 0;
    case TL_MESSAGE_SERVING:
        if (!json_is_true(v) && !(json_is_integer(v) && json_integer_value(v) == 1))
            return expected(e, "serving", v, "1");
        return 0;
    case TL_MESSAGE_FORKED:
        if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > INT_MAX)
            return expected(e, "forked", v, "the process id of the child");
        m->pid = (int)json_integer_value(v);
        return 0;
    }
    return -1;
}

int tl_message_parse(const char *line, size_t size, struct tl_message *m, struct tl_error *e)
{
    *m = (struct tl_message){0};
    if (size > LONGEST)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL, "expected a line of at most %d bytes, got %zu",
                       TL_MESSAGE_MAX, size + 1);
    if (!size)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL, "expected a line of JSON, got an empty line");
    if (memchr(line, '\0', size))
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL,
                       "expected a line of JSON, got one that holds a NUL byte");
    json_error_t je;
    /* jansson stops at 2048 levels of nesting, and the size of the line bounds the number of keys. */
    json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &je);
    if (!root) /* jansson quotes the text it stopped at; columns are enough, and cannot carry hostile bytes */
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL,
                       "expected a JSON object on one line; it stops being JSON at byte %d of %zu",
                       je.position, size);
    int rc;
    if (!json_is_object(root))
        rc = expected(e, NULL, root, "a JSON object");
    else
        rc = take(root, m, e);
    json_decref(root);
    if (rc)
        tl_message_free(m);
    return rc;
}

/* The bytes of a file that was left, at most TL_RESULT_MAX; NULL with *e. */
static char *read_left(const char *directory, const char *name, size_t *size, struct tl_error *e)
{
    uint64_t left = 0;
    char *bytes = NULL;
    int at = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = tl_open_left_file(at, name, WHAT, &left, e);
    if (fd >= 0 && left > TL_RESULT_MAX)
        tl_fail(e, TL_ERROR_INPUT, WHAT, name, "it is larger");
    else if (fd >= 0)
        bytes = tl_malloc((size_t)left + 1);
    int64_t n = bytes ? tl_read_at(fd, bytes, (size_t)left, 0) : 0;
    *size = n > 0 ? (size_t)n : 0;
    if (fd >= 0)
        close(fd);
    if (at >= 0)
        close(at);
    return bytes;
}

int tl_message_read_result(const char *scratch, struct tl_message *m, struct tl_error *e)
{
    size_t size = 0;
    struct tl_error cause;
    char *bytes = read_left(scratch, m->file, &size, &cause);
    if (!bytes)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, "result.file",
                       "expected a plain file of at most %d bytes in the scratch directory: %s",
                       TL_RESULT_MAX, cause.why);
    json_t *result = memchr(bytes, '\0', size) ? NULL : json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    int status =
        !result
            ? tl_fail(e, TL_ERROR_INPUT, WHAT, "result.file",
                      "expected a file with the JSON of a result, got one of %zu bytes that is none", size)
            : check_result(result, e);
    if (status)
        json_decref(result);
    else
        m->object = result;
    return status;
}

void tl_message_free(struct tl_message *m)
{
    json_decref(m->object);
    free(m->file);
    free(m->domain);
    free(m->code);
    free(m->text);
    *m = (struct tl_message){0};
}

/* ---- sending ---- */

int tl_send_line(int fd, const json_t *message, const int *fds, size_t n_fds)
{
    char *text = json_dumps(message, JSON_COMPACT);
    size_t size = text ? strlen(text) + 1 : 0;
    if (!text || size > TL_MESSAGE_MAX) {
        free(text);
        errno = text ? EMSGSIZE : EINVAL;
        return -1;
    }
    text[size - 1] = '\n';
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(3 * sizeof(int))];
    } control = {0};
    struct iovec iov = {text, size};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n_fds) {
        m.msg_control = control.space;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    ssize_t n;
    while ((n = sendmsg(fd, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    int err = errno;
    free(text);
    errno = n < 0 ? err : EAGAIN;
    return n == (ssize_t)size ? 0
                              : -1; /* the socket's buffer holds more than a message: short is a failure */
}
