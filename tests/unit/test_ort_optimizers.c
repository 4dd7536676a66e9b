/* What the optimisers of a session did, out of the lines of its log. */
#include "runners/channel.h"
#include "runners/onnxruntime/optimizers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is told of some lines: the messages, one behind the other. */
static void tells(const char *const *lines, const char *expected)
{
    struct tl_optimizers o = {.run = NULL};
    struct tl_run run = {.variant = NULL};
    int s[2];
    char text[4096];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    tl_channel_use(s[0]);
    pthread_mutex_init(&o.lock, NULL);
    tl_optimizers_line(&o, lines[0]); /* nobody asked yet */
    tl_optimizers_start(&o, &run);
    for (size_t i = 0; lines[i]; i++)
        tl_optimizers_line(&o, lines[i]);
    tl_optimizers_stop(&o);
    tl_optimizers_line(&o, "GraphTransformer Late modified: 1 with status: OK");
    close(s[0]);
    ssize_t n = read(s[1], text, sizeof text - 1);
    cr_assert_geq(n, 0);
    text[n] = '\0';
    cr_assert_str_eq(text, expected);
    close(s[1]);
    tl_optimizers_free(&o);
}

Test(ort_optimizers, lines)
{
    static const char *const lines[] = {"GraphTransformer A modified: 0 with status: OK",
                                        "Saving initialized tensors.",
                                        "GraphTransformer B_1 modified: 1 with status: OK",
                                        "GraphTransformer A modified: 0 with status: OK",
                                        "GraphTransformer B_1 modified: true with status: OK",
                                        "GraphTransformer A modified: 1 with status: FAIL",
                                        NULL};
    tells(lines, "{\"counts\":{\"optimizer:A\":0}}\n{\"counts\":{\"optimizer:B_1\":1}}\n"
                 "{\"counts\":{\"optimizer:B_1\":2}}\n{\"counts\":{\"optimizer:A\":1}}\n");
}

Test(ort_optimizers, what_is_none)
{
    char *longest = malloc(100000);
    memset(longest, 'x', 99999);
    memcpy(longest, "GraphTransformer ", 17);
    longest[99999] = '\0';
    const char *const lines[] = {"GraphTransformer  modified: 1",
                                 "GraphTransformer A",
                                 "GraphTransformer A modified",
                                 "a GraphTransformer A modified: 1",
                                 longest,
                                 "",
                                 NULL};
    tells(lines, "");
    free(longest);
}

/* Names without an end are told of up to a number. */
Test(ort_optimizers, a_flood)
{
    struct tl_optimizers o = {.run = NULL};
    struct tl_run run = {.variant = NULL};
    char line[80];
    FILE *nowhere = fopen("/dev/null", "w");
    cr_assert_not_null(nowhere);
    tl_channel_use(fileno(nowhere));
    pthread_mutex_init(&o.lock, NULL);
    tl_optimizers_start(&o, &run);
    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof line, "GraphTransformer T%d modified: 0 with status: OK", i);
        tl_optimizers_line(&o, line);
    }
    cr_assert_eq(json_object_size(o.changes), 1000);
    tl_optimizers_free(&o);
    fclose(nowhere);
}
