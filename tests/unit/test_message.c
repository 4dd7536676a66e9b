/* Lines from a stream, and messages of a runner. */
#include "harness/supervise/message.h"

#include "harness/base/files.h"
#include "runners/protocol.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- lines ---- */

/* Feeds text in pieces and joins what comes out: lines as [line], too long as !, the unfinished end as
 * (line). */
static char *cut(const char *text, size_t size, size_t piece)
{
    struct tl_line_reader r = {0};
    struct tl_buffer out = TL_BUFFER_INIT;
    const char *line;
    size_t n;
    enum tl_line k;
    tl_buffer_add(&out, "", 0);
    for (size_t at = 0; at < size; at += piece) {
        const char *data = text + at;
        size_t left = size - at < piece ? size - at : piece;
        while ((k = tl_line_next(&r, &data, &left, &line, &n)) != TL_LINE_NONE) {
            tl_buffer_add(&out, k == TL_LINE_COMPLETE ? "[" : "!", 1);
            if (k == TL_LINE_COMPLETE) {
                tl_buffer_add(&out, line, n);
                tl_buffer_add(&out, "]", 1);
            }
        }
        cr_assert_eq(left, 0);
        cr_assert_leq(r.held.capacity, 2 * TL_MESSAGE_MAX);
    }
    if (tl_line_end(&r, &line, &n) == TL_LINE_COMPLETE) {
        tl_buffer_add(&out, "(", 1);
        tl_buffer_add(&out, line, n);
        tl_buffer_add(&out, ")", 1);
    }
    cr_assert_eq(tl_line_end(&r, &line, &n), TL_LINE_NONE);
    tl_line_reader_free(&r);
    return tl_buffer_take(&out);
}

Test(lines, cut_the_same_however_they_arrive)
{
    static const char text[] = "one\ntwo\r\n\n\r\nfi\rve\nlast";
    for (size_t piece = 1; piece <= sizeof text; piece++) {
        char *got = cut(text, sizeof text - 1, piece);
        cr_assert_str_eq(got, "[one][two][][][fi\rve](last)", "piece %zu: %s", piece, got);
        free(got);
    }
}

Test(lines, a_nul_byte_does_not_end_a_line)
{
    struct tl_line_reader r = {0};
    const char *data = "a\0b\n", *line;
    size_t left = 4, n;
    cr_assert_eq(tl_line_next(&r, &data, &left, &line, &n), TL_LINE_COMPLETE);
    cr_assert_eq(n, 3);
    tl_line_reader_free(&r);
}

static char *repeated(char c, size_t n, const char *after)
{
    char *s = tl_malloc(n + strlen(after) + 1);
    memset(s, c, n);
    memcpy(s + n, after, strlen(after) + 1);
    return s;
}

Test(lines, limit)
{
    static const size_t pieces[] = {1000, 65535, 65536, 1u << 20};
    for (size_t k = 0; k < 4; k++) {
        char *fits = repeated('x', TL_MESSAGE_MAX - 1, "\nnext\n");
        char *got = cut(fits, strlen(fits), pieces[k]);
        cr_assert_eq(strlen(got), TL_MESSAGE_MAX - 1 + 2 + 6);
        free(got);
        free(fits);
        char *over = repeated('x', TL_MESSAGE_MAX, "\nnext\n");
        got = cut(over, strlen(over), pieces[k]);
        cr_assert_str_eq(got, "![next]");
        free(got);
        free(over);
        char *endless = repeated('x', 5 * TL_MESSAGE_MAX, "");
        got = cut(endless, strlen(endless), pieces[k]);
        cr_assert_str_eq(got, "!", "reported once, and not again at the end");
        free(got);
        free(endless);
    }
}

/* ---- messages ---- */

static struct tl_message parse(const char *line)
{
    struct tl_message m;
    struct tl_error e = {0};
    cr_assert_eq(tl_message_parse(line, strlen(line), &m, &e), 0, "%s: %s: %s", line, e.where, e.why);
    return m;
}

Test(message, phase)
{
    struct tl_message m = parse("{\"phase\":\"compile\"}");
    cr_assert_eq(m.kind, TL_MESSAGE_PHASE);
    cr_assert_eq(m.phase, TL_PHASE_COMPILE);
    cr_assert_eq(m.timeout_s, 0);
    m = parse(" {\"phase\":\"execute\",\"timeout_s\":2.5,\"later\":[1]} ");
    cr_assert_eq(m.phase, TL_PHASE_EXECUTE);
    cr_assert_float_eq(m.timeout_s, 2.5, 1e-9);
    tl_message_free(&m);
}

Test(message, error)
{
    struct tl_message m = parse("{\"error\":{\"domain\":\"ORT\",\"code\":3,\"message\":\"no\"}}");
    cr_assert_eq(m.kind, TL_MESSAGE_ERROR);
    cr_assert_str_eq(m.domain, "ORT");
    cr_assert_str_eq(m.code, "3");
    cr_assert_str_eq(m.text, "no");
    tl_message_free(&m);
    m = parse("{\"error\":{\"domain\":\"AIModelError\",\"code\":\"\",\"message\":\"\"}}");
    cr_assert_str_eq(m.code, "");
    tl_message_free(&m);
}

Test(message, result)
{
    struct tl_message m = parse(
        "{\"result\":{\"outputs\":[{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[1,2],\"hash\":\"ab\","
        "\"finite\":false,\"min\":null,\"max\":\"inf\",\"mean\":-1.5e3,\"first\":[1,\"nan\",null,true]}],"
        "\"observed\":\"cpu\",\"versions\":{\"onnxruntime\":\"1.22.0\"}}}");
    cr_assert_eq(m.kind, TL_MESSAGE_RESULT);
    cr_assert_str_eq(json_string_value(json_object_get(m.object, "observed")), "cpu");
    tl_message_free(&m);
    m = parse("{\"result\":{\"outputs\":[{\"name\":\"s\",\"kind\":\"sequence\",\"hash\":\"ab\",\"finite\":"
              "true}]}}");
    cr_assert_eq(m.kind, TL_MESSAGE_RESULT, "what is no tensor has no type and shape");
    tl_message_free(&m);
    m = parse("{\"result\":{\"outputs\":[],\"observed\":null}}");
    tl_message_free(&m);
}

Test(message, the_others)
{
    struct tl_message m = parse("{\"unsupported\":\"no GPU\"}");
    cr_assert_eq(m.kind, TL_MESSAGE_UNSUPPORTED);
    cr_assert_str_eq(m.text, "no GPU");
    tl_message_free(&m);
    m = parse("{\"lost\":\"unplugged\"}");
    cr_assert_eq(m.kind, TL_MESSAGE_LOST);
    cr_assert_str_eq(m.text, "unplugged");
    tl_message_free(&m);
    m = parse("{\"died\":{\"signal\":\"SIGSEGV\",\"message\":\"it said so\",\"report\":\"crash.ips\"}}");
    cr_assert_eq(m.kind, TL_MESSAGE_DIED);
    cr_assert_eq(m.signal, SIGSEGV);
    cr_assert_str_eq(m.text, "it said so");
    cr_assert_str_eq(m.file, "crash.ips");
    tl_message_free(&m);
    m = parse("{\"died\":{\"signal\":\"SIGEMT\",\"pid\":4711}}");
    cr_assert_eq(m.kind, TL_MESSAGE_DIED, "a signal of another system");
    cr_assert_eq(m.pid, 4711);
    tl_message_free(&m);
    m = parse("{\"name\":\"sim\",\"version\":\"1\",\"devices\":[{\"name\":\"cpu\",\"usable\":true},{\"name\":"
              "\"gpu\","
              "\"usable\":false,\"why\":\"none\"}],\"axes\":[\"layers\"],\"serve\":true,\"protocol\":1}");
    cr_assert_eq(m.kind, TL_MESSAGE_DESCRIPTION);
    cr_assert_eq(json_array_size(json_object_get(m.object, "devices")), 2);
    tl_message_free(&m);
    m = parse("{\"serving\":1}");
    cr_assert_eq(m.kind, TL_MESSAGE_SERVING);
    m = parse("{\"forked\":4711}");
    cr_assert_eq(m.kind, TL_MESSAGE_FORKED);
    cr_assert_eq(m.pid, 4711);
    m = parse("{\"operator\":{\"name\":\"n\",\"type\":\"Conv\",\"more\":1}}");
    cr_assert_eq(m.kind, TL_MESSAGE_OPERATOR);
    cr_assert_str_eq(json_string_value(json_object_get(m.object, "type")), "Conv");
    cr_assert_eq(json_object_size(m.object), 2);
    tl_message_free(&m);
    m = parse("{\"operator\":null}");
    cr_assert(m.kind == TL_MESSAGE_OPERATOR && !m.object);
    m = parse("{\"phase\":\"execute\",\"operator\":{\"type\":\"Conv\"}}");
    cr_assert(m.kind == TL_MESSAGE_PHASE && m.phase == TL_PHASE_EXECUTE && json_object_size(m.object) == 1);
    tl_message_free(&m);
    m = parse("{\"counts\":{\"regions\":0,\"tokens\":-3}}");
    cr_assert_eq(m.kind, TL_MESSAGE_COUNTS);
    cr_assert_eq(json_integer_value(json_object_get(m.object, "tokens")), -3);
    tl_message_free(&m);
}

/* Lines that are refused, and a text that the reason or the place must hold. */
static const struct {
    const char *line, *says;
} refused[] = {
    {"", "empty line"},
    {"{\"operator\":\"Conv\"}", "an object with"},
    {"{\"operator\":{\"name\":3}}", "a string"},
    {"{\"operator\":{}}", "got neither"},
    {"{\"operator\":{\"type\":\"\"}}", "got neither"},
    {"{\"phase\":\"load\",\"operator\":[]}", "an object with"},
    {"{\"counts\":[1]}", "an object of names and integers"},
    {"{\"counts\":{\"a\":1.5}}", "integers"},
    {"{\"counts\":{},\"phase\":\"load\"}", "several"},
    {"hello", "JSON"},
    {"{\"phase\":\"load\"", "JSON"},
    {"{\"phase\":\"load\"} x", "JSON"},
    {"[1]", "a list"},
    {"3", "JSON"},
    {"{}", "empty object"},
    {"{\"fase\":\"load\"}", "fase"},
    {"{\"phase\":\"load\",\"result\":{}}", "several"},
    {"{\"phase\":\"loading\"}", "loading"},
    {"{\"phase\":3}", "an integer"},
    {"{\"phase\":\"load\",\"phase\":\"load\"}", "JSON"},
    {"{\"phase\":\"lo\\u0000ad\"}", "JSON"},
    {"{\"phase\":\"load\",\"timeout_s\":0}", "timeout_s"},
    {"{\"phase\":\"load\",\"timeout_s\":\"9\"}", "a string"},
    {"{\"error\":\"no\"}", "domain"},
    {"{\"error\":{\"code\":3,\"message\":\"no\"}}", "error.domain"},
    {"{\"error\":{\"domain\":\"d\",\"code\":3.5,\"message\":\"no\"}}", "error.code"},
    {"{\"error\":{\"domain\":\"d\",\"code\":3}}", "error.message"},
    {"{\"unsupported\":true}", "unsupported"},
    {"{\"unsupported\":\"\"}", "unsupported"},
    {"{\"lost\":\"\"}", "lost"},
    {"{\"died\":\"SIGSEGV\"}", "died"},
    {"{\"died\":{}}", "died.signal"},
    {"{\"died\":{\"signal\":11}}", "died.signal"},
    {"{\"died\":{\"signal\":\"SIGSEGV\",\"pid\":0}}", "died.pid"},
    {"{\"died\":{\"signal\":\"SIGSEGV\",\"pid\":\"7\"}}", "died.pid"},
    {"{\"died\":{\"signal\":\"SIGSEGV\",\"pid\":4294967297}}", "died.pid"},
    {"{\"died\":{\"signal\":\"11\"}}", "died.signal"},
    {"{\"died\":{\"signal\":\"SIGSEGV\",\"report\":\"../x.ips\"}}", "died.report"},
    {"{\"died\":{\"signal\":\"SIGSEGV\",\"message\":3}}", "died.message"},
    {"{\"serving\":0}", "serving"},
    {"{\"forked\":0}", "forked"},
    {"{\"forked\":-1}", "forked"},
    {"{\"forked\":99999999999}", "forked"},
    {"{\"forked\":99999999999999999999999}", "JSON"},
    {"{\"result\":[]}", "result"},
    {"{\"result\":{}}", "result.outputs"},
    {"{\"result\":{\"outputs\":[3]}}", "result.outputs[0]"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\"}]}}", "result.outputs[0].dtype"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"kind\":\"tensor\"}]}}", "result.outputs[0].dtype"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"kind\":3}]}}", "result.outputs[0].kind"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"kind\":\"map\"}]}}", "result.outputs[0].hash"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"dtype\":\"f\",\"hash\":\"a\",\"shape\":[-1],\"finite\":"
     "true}]}}",
     "result.outputs[0].shape"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"dtype\":\"f\",\"hash\":\"a\",\"shape\":[1.5],\"finite\":"
     "true}]}}",
     "result.outputs[0].shape"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"dtype\":\"f\",\"hash\":\"a\",\"shape\":[],\"finite\":1}]}}",
     "result.outputs[0].finite"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"dtype\":\"f\",\"hash\":\"a\",\"shape\":[],\"finite\":true,"
     "\"mean\":\"x\"}]}}",
     "result.outputs[0].mean"},
    {"{\"result\":{\"outputs\":[{\"name\":\"y\",\"dtype\":\"f\",\"hash\":\"a\",\"shape\":[],\"finite\":true,"
     "\"first\":[[]]}]}}",
     "result.outputs[0].first"},
    {"{\"result\":{\"outputs\":[],\"observed\":7}}", "result.observed"},
    {"{\"result\":{\"outputs\":[],\"versions\":[]}}", "result.versions"},
    {"{\"result\":{\"file\":3}}", "result.file"},
    {"{\"result\":{\"file\":\"\"}}", "result.file"},
    {"{\"result\":{\"file\":\"..\"}}", "result.file"},
    {"{\"result\":{\"file\":\"/etc/passwd\"}}", "result.file"},
    {"{\"result\":{\"file\":\"../other/result.json\"}}", "result.file"},
    {"{\"devices\":[],\"axes\":[]}", "description.name"},
    {"{\"name\":\"x\",\"version\":\"1\",\"devices\":[{\"name\":\"cpu\"}],\"axes\":[]}",
     "description.devices[0].usable"},
    {"{\"name\":\"x\",\"version\":\"1\",\"devices\":[],\"axes\":[1]}", "description.axes"},
    {"{\"phase\":\"\xff\"}", "JSON"},
};

Test(message, refused_with_what_was_expected)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct tl_message m;
        struct tl_error e = {0};
        cr_assert_eq(tl_message_parse(refused[i].line, strlen(refused[i].line), &m, &e), -1, "%s",
                     refused[i].line);
        cr_assert(strstr(e.why, refused[i].says) || strstr(e.where, refused[i].says), "%s: %s: %s",
                  refused[i].line, e.where, e.why);
        cr_assert(strstr(e.why, "expected"), "%s", e.why);
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
        cr_assert_null(m.object);
        cr_assert_null(m.text);
    }
}

static void leave(const char *directory, const char *name, const char *text, off_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
    if (size)
        cr_assert_eq(truncate(path, size), 0);
}

/* A file is held to what a message is, and is nothing but a plain file of the scratch directory. */
Test(message, result_in_a_file)
{
    static const char good[] = "{\"outputs\":[],\"observed\":\"cpu\"}";
    static const struct {
        const char *name, *says; /* NULL: it is read */
    } files[] = {{"good", NULL},
                 {"none", "No such file"},
                 {"link", "a link"},
                 {"waits", "not a regular"},
                 {"inside", "not a regular"},
                 {"large", "larger"},
                 {"cut", "is none"},
                 {"empty", "is none"},
                 {"other", "result.outputs"}};
    char directory[] = "/tmp/test-message-XXXXXX", path[256];
    cr_assert(mkdtemp(directory));
    leave(directory, "good", good, 0);
    leave(directory, "large", good, TL_RESULT_MAX + 1);
    leave(directory, "cut", good, 9);
    leave(directory, "empty", "", 0);
    leave(directory, "other", "{\"outputs\":3}", 0);
    snprintf(path, sizeof path, "%s/link", directory);
    cr_assert_eq(symlink("good", path), 0);
    snprintf(path, sizeof path, "%s/waits", directory);
    cr_assert_eq(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/inside", directory);
    cr_assert_eq(mkdir(path, 0700), 0);
    for (size_t i = 0; i < TL_COUNT(files); i++) {
        char line[128];
        struct tl_error e = {0};
        snprintf(line, sizeof line, "{\"result\":{\"file\":\"%s\"}}", files[i].name);
        struct tl_message m = parse(line);
        cr_assert_eq(m.kind, TL_MESSAGE_RESULT);
        cr_assert_null(m.object);
        int status = tl_message_read_result(directory, &m, &e);
        cr_expect_eq(status, files[i].says ? -1 : 0, "%s", files[i].name);
        if (files[i].says)
            cr_expect(strstr(e.why, files[i].says) || strstr(e.where, files[i].says), "%s: %s: %s",
                      files[i].name, e.where, e.why);
        else
            cr_expect_str_eq(json_string_value(json_object_get(m.object, "observed")), "cpu");
        tl_message_free(&m);
    }
    cr_assert_eq(tl_remove_tree(directory), 0);
}

Test(message, nul_byte_and_size)
{
    struct tl_message m;
    struct tl_error e = {0};
    cr_assert_eq(tl_message_parse("{\"phase\":\"load\"}\0", 17, &m, &e), -1);
    cr_assert(strstr(e.why, "NUL"));
    char *big = repeated(' ', TL_MESSAGE_MAX, "");
    cr_assert_eq(tl_message_parse(big, TL_MESSAGE_MAX, &m, &e), -1);
    cr_assert(strstr(e.why, "65536"), "%s", e.why);
    free(big);
}

Test(message, deep_nesting_is_refused)
{
    struct tl_message m;
    struct tl_error e = {0};
    char *deep = repeated('[', TL_MESSAGE_MAX - 2, "");
    cr_assert_eq(tl_message_parse(deep, strlen(deep), &m, &e), -1);
    free(deep);
}
