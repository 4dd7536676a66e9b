#include "tests/integration/random_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const behaviours[] = {BEHAVIOURS(AS_NAME)};
static const char *const processes[] = {PROCESSES(AS_NAME)};
static const char *const threads[] = {THREADS(AS_NAME)};
static const char *const moments[] = {MOMENTS(AS_NAME)};
static const char *const handlers[] = {HANDLERS(AS_NAME)};
static const char *const stacks[] = {STACKS(AS_NAME)};
static const char *const limits[] = {LIMITS(AS_NAME)};
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* splitmix64: the same numbers everywhere. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int below(uint64_t *state, size_t n)
{
    return (int)(next(state) % n);
}

/* Happens within a few instructions, or within a call or two: nothing that takes longer under a tracer, and so
 * would lose a race that it wins without one. */
static bool is_immediate(enum tl_behaviour b)
{
    return b <= TL_send_to_thread && b != TL_bus_error && b != TL_stack_overflow && b != TL_assertion &&
           b != TL_double_free && b != TL_smashed_stack; /* which write first */
}

/* A signal that the kernel gives to whichever thread it likes. */
static bool is_for_any_thread(enum tl_behaviour b)
{
    return b == TL_send_to_process || b == TL_queue_to_process || b == TL_send_by_timer ||
           b == TL_send_segv_to_group || b == TL_send_abrt_to_group;
}

/* Makes of what was drawn something that says what it is: a program that takes all memory needs a limit. */
static void make_sensible(struct plan *p)
{
    if (plan_takes_memory(p))
        p->limit = TL_memory;
    else if (p->behaviour == TL_descriptors_then_abort || p->behaviour == TL_descriptors_then_words)
        p->limit = TL_descriptors;
    else if (p->behaviour == TL_file_too_large)
        p->limit = TL_file_size;
    if (plan_exits_beside(p) && !is_immediate(p->behaviour))
        p->moment = TL_at_once;
    if (p->threads == TL_main_gone &&
        p->moment == TL_in_constructor) /* the C library does not survive that */
        p->moment = TL_at_once;
    if (p->behaviour >= TL_hang_pause && (p->moment == TL_after_3000_faults || p->moment == TL_among_faults))
        p->moment = TL_after_30_faults; /* its deadline is too short for them on a busy machine */
    if (p->moment == TL_among_faults && (p->handler == TL_blocked || p->handler == TL_blocked_and_ignored))
        p->moment = TL_after_3000_faults;                             /* it would die of the first of them */
    if (is_for_any_thread(p->behaviour) && p->handler == TL_jump_out) /* which of them could is chance */
        p->handler = TL_exit_from_handler;
    if (is_for_any_thread(p->behaviour) && p->threads == TL_two_at_once) /* two may come as one */
        p->threads = TL_worker;
    /* Of two that exit, one may end the process while the other is at its place: 1 of 3000, natively. */
    if (p->threads == TL_two_at_once && p->moment == TL_in_atexit)
        p->moment = TL_at_once;
    /* The sender exits at once, and another thread is told of the signal: a race, which natively the exit wins. */
    bool tells_another = is_for_any_thread(p->behaviour)
                             ? p->threads != TL_alone
                             : p->behaviour == TL_send_to_main_thread && p->threads != TL_alone &&
                                   p->threads != TL_beside_idle && p->threads != TL_beside_churn;
    if (tells_another && p->moment == TL_in_atexit)
        p->moment = TL_at_once;
}

struct plan plan_random(uint64_t *state)
{
    struct plan p = {0};
    do /* a hang costs its deadline: few of them */
        p.behaviour = (enum tl_behaviour)below(state, COUNT(behaviours));
    while (p.behaviour >= TL_hang_pause && below(state, 4));
    /* The plain values, which leave the others to show, are drawn more often. */
    p.process = (enum tl_process_kind)(below(state, 2) ? below(state, COUNT(processes)) : TL_self);
    p.threads = (enum tl_threads)below(state, COUNT(threads));
    p.moment = (enum tl_moment)below(state, COUNT(moments));
    p.handler = (enum tl_handler)(below(state, 3) ? below(state, COUNT(handlers)) : TL_none);
    p.stack = (enum tl_stack)below(state, COUNT(stacks));
    p.limit = (enum tl_limit)(below(state, 2) ? below(state, COUNT(limits)) : TL_unlimited);
    p.place = below(state, PLACES);
    p.step = below(state, 3) == 0;
    make_sensible(&p);
    return p;
}

void plan_text(const struct plan *p, char text[PLAN_TEXT_SIZE])
{
    snprintf(text, PLAN_TEXT_SIZE, "%s/%s/%s/%s/%s/%s/%s/%d", behaviours[p->behaviour], processes[p->process],
             threads[p->threads], moments[p->moment], handlers[p->handler], stacks[p->stack],
             limits[p->limit], p->place);
}

void plan_print(const struct plan *p, char text[PLAN_TEXT_SIZE])
{
    size_t n = p->step ? 5 : 0;
    char whole[PLAN_TEXT_SIZE];
    plan_text(p, whole);
    snprintf(text, PLAN_TEXT_SIZE, "%.*s%.*s", (int)n, "step:", (int)(PLAN_TEXT_SIZE - 1 - n), whole);
}

static bool parse_word(char **rest, const char *const *names, size_t n, unsigned *value)
{
    const char *word = strsep(rest, "/");
    for (*value = 0; word && *value < n; ++*value)
        if (!strcmp(word, names[*value]))
            return true;
    return false;
}

bool plan_parse(const char *text, struct plan *p)
{
    char copy[PLAN_TEXT_SIZE], *rest = copy;
    unsigned v[7];
    *p = (struct plan){.step = !strncmp(text, "step:", 5)};
    snprintf(copy, sizeof copy, "%s", text + (p->step ? 5 : 0));
    bool good = parse_word(&rest, behaviours, COUNT(behaviours), &v[0]) &&
                parse_word(&rest, processes, COUNT(processes), &v[1]) &&
                parse_word(&rest, threads, COUNT(threads), &v[2]) &&
                parse_word(&rest, moments, COUNT(moments), &v[3]) &&
                parse_word(&rest, handlers, COUNT(handlers), &v[4]) &&
                parse_word(&rest, stacks, COUNT(stacks), &v[5]) &&
                parse_word(&rest, limits, COUNT(limits), &v[6]) && rest;
    if (!good)
        return false;
    p->behaviour = (enum tl_behaviour)v[0];
    p->process = (enum tl_process_kind)v[1];
    p->threads = (enum tl_threads)v[2];
    p->moment = (enum tl_moment)v[3];
    p->handler = (enum tl_handler)v[4];
    p->stack = (enum tl_stack)v[5];
    p->limit = (enum tl_limit)v[6];
    p->place = atoi(rest) % PLACES;
    return true;
}

bool plan_takes_memory(const struct plan *p)
{
    return p->behaviour >= TL_memory_then_abort && p->behaviour <= TL_memory_then_words;
}

bool plan_fails_as_child(const struct plan *p)
{
    return p->process == TL_child_128 || p->process == TL_child_fails || p->process == TL_child_again ||
           p->process == TL_grandchild_128 || p->process == TL_session_128 || p->process == TL_init_128;
}

bool plan_is_judged_itself(const struct plan *p)
{
    return p->process == TL_self || p->process == TL_executed || p->process == TL_executed_by_thread ||
           p->process == TL_after_children;
}

bool plan_exits_beside(const struct plan *p)
{
    return p->moment == TL_exit_beside || p->moment == TL_exit_after_100us || p->moment == TL_exit_after_1ms;
}

bool plan_hangs(const struct plan *p)
{
    return p->behaviour >= TL_hang_pause;
}

static bool is_fault(enum tl_behaviour b)
{
    return b <= TL_bus_error || b == TL_memory_then_write || b == TL_death_signal;
}

bool plan_dies_at_place(const struct plan *p)
{
    if (p->process == TL_child_again) /* whose own signal is the death */
        return false;
    switch (p->behaviour) {
    case TL_send_to_process: /* any of its threads may take it */
    case TL_queue_to_process:
    case TL_send_by_timer:
        return p->threads == TL_alone && !plan_exits_beside(p) && p->behaviour != TL_send_by_timer;
    case TL_send_to_main_thread:
        return p->threads == TL_alone || p->threads == TL_beside_idle || p->threads == TL_beside_churn;
    case TL_send_segv_to_group: /* and so may those of its parents */
    case TL_send_abrt_to_group:
        return p->threads == TL_alone && plan_is_judged_itself(p);
    default:
        return !plan_hangs(p);
    }
}

bool plan_signal_is_fatal(const struct plan *p)
{
    if (p->moment == TL_among_faults && p->behaviour == TL_raise_ill)
        return false; /* what has lived on such signals takes this one as well, and goes on */
    if (p->handler == TL_none)
        return true;
    return (p->handler == TL_blocked || p->handler == TL_ignored || p->handler == TL_blocked_and_ignored) &&
           is_fault(p->behaviour); /* which cannot wait, nor be passed over */
}

bool plan_brings_signal_back(const struct plan *p)
{
    return p->handler == TL_default_and_return || p->handler == TL_once || p->handler == TL_gives_up ||
           p->handler == TL_raise_again || p->handler == TL_kill_again;
}
