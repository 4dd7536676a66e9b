#include "harness/fleet/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd[2];
static struct tl_frame_reader reader;

static void open_pair(void)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    reader = (struct tl_frame_reader){.fd = fd[1]};
}

static void close_pair(void)
{
    close(fd[0]);
    close(fd[1]);
    tl_frame_reader_free(&reader);
}

Test(fleet_frame, comes_as_it_was_sent, .init = open_pair, .fini = close_pair)
{
    struct tl_frame_in f;
    static const char bytes[] = "a\0b\xff";
    cr_assert_eq(tl_frame_next(&reader, 0, &f), 0);
    cr_assert_eq(tl_frame_send(fd[0], json_pack("{s:i}", "n", 1), bytes, sizeof bytes), 0);
    cr_assert_eq(tl_frame_send(fd[0], json_pack("{s:i}", "n", 2), NULL, 0), 0);
    cr_assert_eq(tl_frame_next(&reader, -1, &f), 1);
    cr_assert_eq(json_integer_value(json_object_get(f.head, "n")), 1);
    cr_assert_eq(f.size, sizeof bytes);
    cr_assert_eq(memcmp(f.body, bytes, sizeof bytes), 0);
    tl_frame_in_free(&f);
    cr_assert_eq(tl_frame_next(&reader, 0, &f), 1);
    cr_assert_eq(json_integer_value(json_object_get(f.head, "n")), 2);
    cr_assert_eq(f.size, 0);
    tl_frame_in_free(&f);
    shutdown(fd[0], SHUT_WR);
    cr_assert_eq(tl_frame_next(&reader, -1, &f), -1);
    cr_assert_eq(errno, 0);
}

Test(fleet_frame, comes_in_parts, .init = open_pair, .fini = close_pair)
{
    static const char whole[] = "\7\0\0\0\3\0\0\0{\"a\":1}xyz";
    struct tl_frame_in f;
    for (size_t i = 0; i + 1 < sizeof whole; i++) {
        cr_assert_eq(tl_frame_next(&reader, 0, &f), 0);
        cr_assert_eq(write(fd[0], whole + i, 1), 1);
    }
    cr_assert_eq(tl_frame_next(&reader, 0, &f), 1);
    cr_assert_str_eq(f.body, "xyz");
    tl_frame_in_free(&f);
}

Test(fleet_frame, that_is_none_ends_it, .init = open_pair, .fini = close_pair)
{
    struct tl_frame_in f;
    cr_assert_eq(write(fd[0], "\xff\xff\xff\x7f\0\0\0\0", 8), 8);
    cr_assert_eq(tl_frame_next(&reader, 0, &f), -1);
    cr_assert_eq(errno, EMSGSIZE);
    tl_frame_reader_free(&reader);
    cr_assert_eq(write(fd[0], "\3\0\0\0\0\0\0\0[1]", 11), 11);
    cr_assert_eq(tl_frame_next(&reader, 0, &f), -1);
    cr_assert_eq(errno, EBADMSG);
}

Test(fleet_frame, carries_errors)
{
    struct tl_error e, got;
    tl_fail(&e, TL_ERROR_INPUT, "a", "b", "c");
    json_t *j = tl_frame_error(&e);
    tl_frame_take_error(j, &got);
    json_decref(j);
    cr_assert_eq(got.kind, TL_ERROR_INPUT);
    cr_assert_str_eq(got.what, "a");
    cr_assert_str_eq(got.where, "b");
    cr_assert_str_eq(got.why, "c");
    tl_frame_take_error(NULL, &got);
    cr_assert_eq(got.kind, TL_ERROR_ENVIRONMENT);
}
