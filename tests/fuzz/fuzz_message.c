/* Fuzzes what comes from a runner. The first byte chooses: 'L' the line reader, in pieces of the second
 * byte's size, and every line as a message; 'A' a text of stderr in which an abort message is looked for; 'F'
 * the name of a function; anything else is one message. */
#include "harness/supervise/message.h"
#include "harness/supervise/output_ends.h"

#include "harness/base/last_words.h"
#include "harness/verdict/function_name.h"
#include "harness/verdict/normalise.h"
#include "harness/verdict/signature.h"
#include "runners/protocol.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition)
        abort();
}

/* One clean line of UTF-8: jansson checks the encoding. */
static void check_text(const char *s, size_t most)
{
    check(strlen(s) <= most && !strchr(s, '\n'));
    json_t *v = json_string(s);
    check(v != NULL);
    json_decref(v);
}

static void use_message(const char *line, size_t size)
{
    struct tl_message m;
    struct tl_error e = {0};
    if (tl_message_parse(line, size, &m, &e)) {
        check(e.kind == TL_ERROR_INPUT && e.what[0] && strstr(e.why, "expected"));
        check(!m.object && !m.text && !m.domain && !m.code);
        return;
    }
    check((m.kind == TL_MESSAGE_RESULT || m.kind == TL_MESSAGE_DESCRIPTION || m.kind == TL_MESSAGE_COUNTS) ==
          (m.object != NULL));
    check((m.kind == TL_MESSAGE_ERROR || m.kind == TL_MESSAGE_UNSUPPORTED) == (m.text != NULL));
    check((m.kind == TL_MESSAGE_FORKED) == (m.pid > 0));
    tl_message_free(&m);
}

/* The ends of the output hold what the lines were made of, whole as long as it is small. */
static void use_lines(const char *data, size_t size, size_t piece)
{
    struct tl_line_reader r = {0};
    struct tl_output_ends d = {0};
    const char *line;
    size_t n, lines = 0;
    enum tl_line k;
    for (size_t at = 0; at < size; at += piece) {
        size_t left = size - at < piece ? size - at : piece;
        /* A copy of the exact size, so that a read beyond it is seen. */
        char *copy = malloc(left);
        check(copy != NULL);
        memcpy(copy, data + at, left);
        const char *p = copy;
        tl_output_ends_feed(&d, copy, left);
        while ((k = tl_line_next(&r, &p, &left, &line, &n)) != TL_LINE_NONE) {
            lines++;
            check(k == TL_LINE_TOO_LONG || (n < TL_MESSAGE_MAX && !memchr(line, '\n', n)));
            if (k == TL_LINE_COMPLETE)
                use_message(line, n);
        }
        check(left == 0 && r.held.size < TL_MESSAGE_MAX);
        free(copy);
    }
    if (tl_line_end(&r, &line, &n) == TL_LINE_COMPLETE)
        use_message(line, n);
    tl_line_reader_free(&r);
    size_t newlines = 0;
    for (size_t i = 0; i < size; i++)
        newlines += data[i] == '\n';
    check(lines >= newlines || size >= TL_MESSAGE_MAX);
    struct tl_output o;
    tl_output_ends_take(&d, &o);
    check(o.total == size && o.head_size + o.tail_size <= size);
    check(o.head_size == (size < TL_OUTPUT_HEAD ? size : TL_OUTPUT_HEAD) &&
          !memcmp(o.head, data, o.head_size));
    check(!o.tail_size || !memcmp(o.tail, data + size - o.tail_size, o.tail_size));
    free(o.head);
    free(o.tail);
}

static void use_message_text(const char *text)
{
    char *normal = tl_normalise_message(text);
    check_text(normal, 2000);
    free(normal);
    struct tl_trial_record r = {.outcome = TL_OUTCOME_CRASH, .signal = 6};
    r.message = strdup(text);
    tl_signature_make(&r);
    check_text(r.signature.title, 400);
    tl_trial_record_free(&r);
}

static void use_stderr(const char *data, size_t size)
{
    char *message = tl_find_abort_message(data, size);
    if (message) {
        check_text(message, 2000);
        use_message_text(message);
        free(message);
    }
    char *all = strndup(data, size);
    use_message_text(all);
    free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    if (size > 2 && data[0] == 'L') {
        use_lines(text + 2, size - 2, data[1] ? data[1] : 4096);
    } else if (size > 1 && data[0] == 'A') {
        use_stderr(text + 1, size - 1);
    } else if (size > 1 && data[0] == 'F') {
        char *raw = strndup(text + 1, size - 1), *name = tl_function_name(raw);
        check(*name);
        check_text(name, 90);
        free(name);
        free(raw);
    } else {
        use_message(text, size);
    }
    return 0;
}
