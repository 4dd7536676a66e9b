/* Clean ends, messages that break the protocol, and results that do not say what they should.
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sends bytes as they are. */
static void send_raw(const void *data, size_t size)
{
    fflush(stdout);
    fflush(stderr);
    tl_channel_write(data, size);
}

static void send_text(const char *text)
{
    send_raw(text, strlen(text));
}

static int send_result(const struct tl_selftest *t)
{
    tl_run_result(t->run, tl_selftest_result_of(t, 0));
    return TL_SELFTEST_OVER;
}

/* `size` times a byte, between a beginning and an end. */
static void send_filled(const char *begin, char fill, size_t size, const char *end)
{
    char *text = malloc(size + 1);
    if (!text)
        return;
    memset(text, fill, size);
    send_text(begin);
    send_raw(text, size);
    send_text(end);
    free(text);
}

int tl_selftest_pass(const struct tl_selftest *t)
{
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_error(const struct tl_selftest *t)
{
    tl_run_error(t->run, "selftest", "refused", "refused on request, at offset 0x7f12 of 64 bytes");
    return TL_SELFTEST_OVER;
}

int tl_selftest_error_long(const struct tl_selftest *t)
{
    size_t size = (size_t)tl_selftest_count(t, 100) * 1024;
    char *text = malloc(size + 1);
    if (!text)
        return TL_SELFTEST_OVER;
    for (size_t i = 0; i < size; i++)
        text[i] = i % 16 == 15 ? '\xff' : (char)('a' + i % 16);
    text[size] = '\0';
    tl_run_error(t->run, "selftest", "refused", "%s", text);
    free(text);
    return TL_SELFTEST_OVER;
}

int tl_selftest_unsupported(const struct tl_selftest *t)
{
    tl_run_unsupported(t->run, "not here, on request");
    return TL_SELFTEST_OVER;
}

int tl_selftest_exit_nonzero(const struct tl_selftest *t)
{
    tl_selftest_leave(t, (int)(tl_selftest_count(t, 3) & 0xff));
}

int tl_selftest_exit_zero_silent(const struct tl_selftest *t)
{
    return TL_SELFTEST_OVER;
}

int tl_selftest_malformed_json(const struct tl_selftest *t)
{
    send_text("{\"phase\":\"exec\n");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_not_an_object(const struct tl_selftest *t)
{
    send_text("[\"phase\",\"execute\",null,17]\n");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_deep_json(const struct tl_selftest *t)
{
    send_filled("", '[', 20000, "\n");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_unknown_message(const struct tl_selftest *t)
{
    send_text("{\"weather\":{\"sky\":\"grey\"}}\n");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_oversized_message(const struct tl_selftest *t)
{
    send_filled("{\"phase\":\"", 'x', (size_t)tl_selftest_count(t, 128) * 1024, "\"}\n");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_oversized_unterminated(const struct tl_selftest *t)
{
    send_filled("{\"phase\":\"", 'x', (size_t)tl_selftest_count(t, 1024) * 1024, "");
    return TL_SELFTEST_OVER;
}

int tl_selftest_no_newline(const struct tl_selftest *t)
{
    json_t *message = json_pack("{s:o}", "result", tl_selftest_result_of(t, 0));
    char *text = json_dumps(message, JSON_COMPACT);
    if (text)
        send_text(text);
    free(text);
    json_decref(message);
    return TL_SELFTEST_OVER;
}

int tl_selftest_binary_garbage(const struct tl_selftest *t)
{
    uint32_t state = 2463534242u; /* xorshift: every byte value comes up, newlines and NULs too */
    for (int64_t left = tl_selftest_count(t, 4096); left > 0; left -= 256) {
        unsigned char block[256];
        for (size_t i = 0; i < sizeof block; i++) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            block[i] = (unsigned char)state;
        }
        send_raw(block, left < 256 ? (size_t)left : sizeof block);
    }
    send_text("\n");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_unknown_phase(const struct tl_selftest *t)
{
    tl_run_phase(t->run, "teatime");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_phase_backwards(const struct tl_selftest *t)
{
    tl_run_phase(t->run, "check");
    tl_run_phase(t->run, "load");
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_phase_lies(const struct tl_selftest *t)
{
    tl_run_phase(t->run, "done");
    return tl_selftest_null_read(t);
}

int tl_selftest_flood_phases(const struct tl_selftest *t)
{
    static const char *const phases[] = {"load", "compile", "execute"};
    for (int64_t i = 0; i < tl_selftest_count(t, 100000); i++)
        tl_run_phase(t->run, phases[i % 3]);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_message_late(const struct tl_selftest *t)
{
    fflush(stdout);
    fflush(stderr);
    if (fork() == 0) {
        tl_selftest_nap(t->seconds ? t->seconds
                                   : 10); /* longer than a supervisor on a busy machine looks away */
        send_result(t);
        _exit(0);
    }
    return TL_SELFTEST_OVER;
}

int tl_selftest_close_channel(const struct tl_selftest *t)
{
    close(tl_channel_fd());
    return TL_SELFTEST_OVER;
}

int tl_selftest_close_channel_crash(const struct tl_selftest *t)
{
    close(tl_channel_fd());
    return tl_selftest_null_read(t);
}

int tl_selftest_shutdown_channel(const struct tl_selftest *t)
{
    shutdown(tl_channel_fd(), SHUT_WR);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_two_results(const struct tl_selftest *t)
{
    send_result(t);
    tl_run_result(t->run, tl_selftest_result_of(t, 1));
    return TL_SELFTEST_OVER;
}

int tl_selftest_result_then_error(const struct tl_selftest *t)
{
    send_result(t);
    return tl_selftest_error(t);
}

int tl_selftest_result_then_exit_nonzero(const struct tl_selftest *t)
{
    send_result(t);
    return tl_selftest_exit_nonzero(t);
}

static volatile int *volatile nowhere;

static void crash_at_exit(void)
{
    *nowhere = 1;
}

int tl_selftest_result_then_crash(const struct tl_selftest *t)
{
    send_result(t);
    if (t->run->forked)
        return tl_selftest_null_read(t);
    atexit(crash_at_exit);
    return TL_SELFTEST_OVER;
}

/* Larger than a message may be, and than the file that takes its place may be. */
int tl_selftest_result_too_large(const struct tl_selftest *t)
{
    size_t n = TL_RESULT_MAX + 1;
    char *text = malloc(n + 1);
    if (!text)
        return -1;
    memset(text, 'x', n);
    text[n] = '\0';
    json_t *result = tl_selftest_result_of(t, 0);
    json_object_set_new(result, "versions", json_pack("{s:s}", "selftest", text));
    free(text);
    tl_run_result(t->run, result);
    return TL_SELFTEST_OVER;
}

/* Larger than a message may be: it goes by way of a file. */
int tl_selftest_result_large(const struct tl_selftest *t)
{
    json_t *values = json_array();
    for (int i = 0; i < 20000; i++)
        json_array_append_new(values, json_real(i * 0.001));
    json_t *result = tl_selftest_result_of(t, 0);
    json_object_set_new(json_array_get(json_object_get(result, "outputs"), 0), "first", values);
    tl_run_result(t->run, result);
    return TL_SELFTEST_OVER;
}

int tl_selftest_not_finite(const struct tl_selftest *t)
{
    tl_run_result(t->run,
                  json_pack("{s:[{s:s,s:s,s:[i,i],s:s,s:b,s:n,s:n,s:n,s:[f,n,f,n]}],s:s}", "outputs", "name",
                            "y", "dtype", "float32", "shape", 1, 4, "hash", "7ff8000000000000", "finite", 0,
                            "min", "max", "mean", "first", 0.0, 0.5, "observed", t->run->device));
    return TL_SELFTEST_OVER;
}

int tl_selftest_wrong_output(const struct tl_selftest *t)
{
    tl_run_result(t->run, tl_selftest_result_of(t, 1));
    return TL_SELFTEST_OVER;
}

int tl_selftest_missing_fields(const struct tl_selftest *t)
{
    send_text("{\"result\":{\"outputs\":[{\"name\":\"y\"},{}]}}\n");
    return TL_SELFTEST_OVER;
}

int tl_selftest_wrong_types(const struct tl_selftest *t)
{
    send_text(
        "{\"result\":{\"outputs\":[{\"name\":7,\"dtype\":[],\"shape\":\"wide\",\"hash\":null,\"finite\":"
        "\"yes\","
        "\"min\":{},\"max\":true,\"mean\":\"0\",\"first\":3}],\"observed\":[\"cpu\"],\"versions\":1}}\n");
    return TL_SELFTEST_OVER;
}

int tl_selftest_other_device(const struct tl_selftest *t)
{
    json_t *result = tl_selftest_result_of(t, 0);
    json_object_set_new(result, "observed", json_string("fallback-cpu"));
    tl_run_result(t->run, result);
    return TL_SELFTEST_OVER;
}
