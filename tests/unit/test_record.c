#include "harness/base/buffer.h"
#include "harness/base/record.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

Test(record, names_and_parsers_agree)
{
    for (int i = 0; i < TL_OUTCOME_COUNT; i++)
        cr_assert_eq(tl_outcome_parse(tl_outcome_name((enum tl_outcome)i)), i);
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        cr_assert_eq(tl_phase_parse(tl_phase_name((enum tl_phase)i)), i);
    cr_assert_eq(tl_outcome_parse("unsupported"), TL_OUTCOME_UNSUPPORTED);
    cr_assert_eq(tl_phase_parse("execute"), TL_PHASE_EXECUTE);
    cr_assert_eq(tl_outcome_parse("Pass"), -1);
    cr_assert_eq(tl_outcome_parse(""), -1);
    cr_assert_eq(tl_outcome_parse(NULL), -1);
    cr_assert_eq(tl_phase_parse("unknown"), -1);
    cr_assert_str_eq(tl_outcome_name((enum tl_outcome)99), "unknown");
    cr_assert_str_eq(tl_phase_name((enum tl_phase) - 1), "unknown");
}

Test(record, what_is_a_failure)
{
    cr_assert(!tl_outcome_is_failure(TL_OUTCOME_PASS));
    cr_assert(!tl_outcome_is_failure(TL_OUTCOME_UNSUPPORTED));
    cr_assert(tl_outcome_is_failure(TL_OUTCOME_LOST));
    cr_assert(tl_outcome_is_failure(TL_OUTCOME_CRASH));
}

Test(record, signal_names)
{
    cr_assert_str_eq(tl_signal_name(SIGSEGV), "SIGSEGV");
    cr_assert_str_eq(tl_signal_name(SIGSYS), "SIGSYS");
    cr_assert_str_eq(tl_signal_name(0), "signal 0");
    cr_assert_str_eq(tl_signal_name(-3), "signal -3");
    for (int i = 1; i < 64; i++)
        cr_assert_eq(tl_signal_parse(tl_signal_name(i)), i, "%s", tl_signal_name(i));
    cr_assert_eq(tl_signal_parse("SIGNOTHERE"), TL_SIGNAL_ELSEWHERE);
    cr_assert_str_neq(tl_signal_name(TL_SIGNAL_ELSEWHERE), "signal 999");
#ifdef SIGRTMIN
    cr_assert_str_eq(tl_signal_name(SIGRTMIN), "SIGRTMIN");
    cr_assert_str_eq(tl_signal_name(SIGRTMIN + 2), "SIGRTMIN+2");
#endif
}

Test(record, the_last_line_of_an_output)
{
    char long_line[1001] = "";
    memset(long_line, 'x', 1000);
    const struct {
        const char *head, *tail, *line;
    } outputs[] = {
        {"", NULL, NULL},
        {" \r\n\n", NULL, NULL},
        {"one\ntwo \r\n\n", NULL, "two"},
        {"one", "ragged\nlast", "last"},
        {"one\n", "no newline at all", "no newline at all"},
    };
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        struct tl_output o = {.head = (char *)outputs[i].head, .head_size = strlen(outputs[i].head)};
        if (outputs[i].tail) {
            o.tail = (char *)outputs[i].tail;
            o.tail_size = strlen(o.tail);
        }
        char *line = tl_output_last_line(&o);
        if (outputs[i].line)
            cr_assert_str_eq(line, outputs[i].line);
        else
            cr_assert_null(line);
        free(line);
    }
    char *line = tl_output_last_line(&(struct tl_output){.head = long_line, .head_size = 1000});
    cr_assert_eq(strlen(line), 400);
    free(line);
}

Test(record, release_of_an_empty_record)
{
    struct tl_trial_record r = {0};
    tl_trial_record_free(&r);
    struct tl_capture c = {0};
    tl_capture_free(&c);
}

static struct tl_frame frames[] = {
    {0, TL_FRAME_FIRST, 0x10, 0x8}, {1, 0, 0x20, 0}, {TL_NO_MODULE, TL_FRAME_WILD, 0x30, 0}};

static void id_of(struct tl_module *m, struct tl_thread *t, char id[TL_ID_SIZE])
{
    t->frames = frames;
    t->n_frames = 3;
    tl_stack_id(m, t, id);
    cr_assert_eq(strlen(id), TL_ID_SIZE - 1);
}

Test(record, a_stack_is_the_same_wherever_its_files_are_loaded)
{
    char lib[] = "/usr/lib/libx.so", other[] = "/opt/lib/libx.so", y[] = "/usr/lib/liby.so";
    struct tl_module a[2] = {{lib, "abcd", 0x1000, 0x1000, 0x2000}, {y, "", 0x5000, 0x5000, 0x6000}};
    struct tl_module b[2] = {{other, "abcd", 0x7000, 0x7000, 0x8000}, {y, "", 0x9000, 0x9000, 0xa000}};
    struct tl_thread t = {.tid = 1}, u = {.tid = 2};
    char one[TL_ID_SIZE], two[TL_ID_SIZE];
    id_of(a, &t, one);
    id_of(b, &u, two);
    cr_assert_str_eq(one, two, "load address, directory and thread do not count");

    strcpy(b[0].build_id, "abce");
    id_of(b, &u, two);
    cr_assert_str_neq(one, two, "another build does");
    strcpy(b[0].build_id, "abcd");

    frames[1].offset++;
    id_of(b, &u, two);
    frames[1].offset--;
    cr_assert_str_neq(one, two, "another place does");

    frames[1].flags = TL_FRAME_GUESSED;
    id_of(b, &u, two);
    frames[1].flags = 0;
    cr_assert_str_neq(one, two, "a guess is not the same as a fact");

    u.omitted = 5;
    id_of(b, &u, two);
    cr_assert_str_neq(one, two, "left-out frames count");
    u.omitted = 0;
    u.omitted_at = 2;
    id_of(b, &u, two);
    cr_assert_str_eq(one, two, "where none were left out does not");
}

Test(record, a_build_id_and_a_name_do_not_run_together)
{
    char path[] = "/x/abcd";
    struct tl_module named = {path, "", 0, 0, 0}, built = {path, "abcd", 0, 0, 0};
    struct tl_frame f = {0, 0, 1, 0};
    struct tl_thread t = {.n_frames = 1, .frames = &f};
    char one[TL_ID_SIZE], two[TL_ID_SIZE];
    tl_stack_id(&named, &t, one);
    tl_stack_id(&built, &t, two);
    cr_assert_str_neq(one, two);
}
