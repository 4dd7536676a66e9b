/* trapline-selftest: a runner that misbehaves on request, so that trapline and the machine it runs on can be
 * tested with crashes, hangs and floods that are real.
 *
 * This file has the trial around a behaviour, the table of all behaviours, and what they share. It calls the
 * other files through that table, and they call it for what they share, which selftest.h explains. */
#include "cases/family.h"
#include "runners/selftest/selftest.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define VERSION "1.0"

extern const struct tl_family tl_family_selftest;

static const struct behaviour {
    const char *name, *about;
    int (*run)(const struct tl_selftest *t);
} behaviours[] = {
#define ROW(name, about) {#name, about, tl_selftest_##name},
    TL_SELFTEST_BEHAVIOURS(ROW)
#undef ROW
};
#define N_BEHAVIOURS (sizeof behaviours / sizeof behaviours[0])

static const struct behaviour *find(const char *name)
{
    for (size_t i = 0; i < N_BEHAVIOURS; i++) {
        if (!strcmp(behaviours[i].name, name))
            return &behaviours[i];
    }
    return NULL;
}

int64_t tl_selftest_count(const struct tl_selftest *t, int64_t otherwise)
{
    return t->count ? t->count : otherwise;
}

void tl_selftest_nap(int64_t seconds)
{
    struct timespec left = {.tv_sec = seconds};
    if (!seconds) {
        for (;;)
            pause();
    }
    while (nanosleep(&left, &left))
        ;
}

void tl_selftest_leave(const struct tl_selftest *t, int status)
{
    fflush(stdout);
    fflush(stderr);
    if (t->run->forked)
        _exit(status);
    exit(status);
}

json_t *tl_selftest_result_of(const struct tl_selftest *t, double shift)
{
    float values[4];
    double sum = 0;
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a of the values' bytes */
    json_t *first = json_array();
    for (size_t i = 0; i < 4; i++) {
        values[i] = (float)((double)i * 0.25 + shift);
        sum += (double)values[i];
        json_array_append_new(first, json_real((double)values[i]));
    }
    for (size_t i = 0; i < sizeof values; i++)
        hash = (hash ^ ((const unsigned char *)values)[i]) * UINT64_C(0x100000001b3);
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return json_pack("{s:[{s:s,s:s,s:[i,i],s:s,s:b,s:f,s:f,s:f,s:o}],s:s,s:{s:s}}", "outputs", "name", "y",
                     "dtype", "float32", "shape", 1, 4, "hash", text, "finite", 1, "min", (double)values[0],
                     "max", (double)values[3], "mean", sum / 4, "first", first, "observed", t->run->device,
                     "versions", "selftest", VERSION);
}

void tl_selftest_exec(const char *behaviour)
{
    execl("/proc/self/exe", "trapline-selftest", "--misbehave", behaviour, (char *)NULL);
    fprintf(stderr, "trapline-selftest: cannot exec itself\n");
}

struct call {
    const struct behaviour *behaviour;
    const struct tl_selftest *t;
    int next;
};

static void *in_thread(void *argument)
{
    struct call *c = argument;
    c->next = c->behaviour->run(c->t);
    return NULL;
}

static int perform(const struct behaviour *b, const struct tl_selftest *t)
{
    if (strcmp(tl_run_string(t->run, "thread", "main"), "other"))
        return b->run(t);
    struct call c = {b, t, TL_SELFTEST_GO_ON};
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, &c)) {
        tl_run_error(t->run, "selftest", "thread", "cannot start a thread");
        return TL_SELFTEST_OVER;
    }
    pthread_join(thread, NULL);
    return c.next;
}

/* Whether this trial is one that misbehaves. */
static bool is_meant(const struct tl_run *run)
{
    int64_t layers = tl_run_integer(run, "layers", 1);
    if (layers < tl_run_integer(run, "at_least", 1) || layers > tl_run_integer(run, "at_most", INT64_MAX))
        return false;
    int64_t chance = tl_run_integer(run, "chance", 100);
    if (chance >= 100)
        return true;
    uint32_t drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
        return false;
    return (int64_t)(drawn % 100) < chance; /* the bias of 2^32 % 100 is below one in ten million */
}

static bool is_phase(const char *name)
{
    const struct tl_family_axis *axes = tl_family_selftest.axes;
    for (size_t i = 0; i < tl_family_selftest.n_axes; i++) {
        for (const char *const *v = axes[i].values; !strcmp(axes[i].name, "phase") && *v; v++) {
            if (!strcmp(*v, name))
                return true;
        }
    }
    return false;
}

static int trial(struct tl_run *run, void *state)
{
    static const char *const phases[] = {"load", "compile", "execute", "check"};
    struct tl_selftest t = {run, tl_run_integer(run, "count", 0), tl_run_integer(run, "seconds", 0)};
    const char *name = tl_run_string(run, "behaviour", "pass"), *at = tl_run_string(run, "phase", "execute");
    const struct behaviour *b = find(name);
    if (!b || !is_phase(at) || t.count < 0 || t.seconds < 0) {
        tl_run_error(run, "selftest", "variant",
                     "there is no behaviour %s in phase %s with this count and time", name, at);
        return -1;
    }
    if (strcmp(run->device, "cpu") && strcmp(run->device, "slow")) {
        tl_run_error(run, "selftest", "device", "the device %s cannot be used", run->device);
        return -1;
    }
    bool meant = is_meant(run);
    if (meant && !strcmp(at, "start") && perform(b, &t) == TL_SELFTEST_OVER)
        return 0;
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        tl_run_phase(run, phases[i]);
        if (!strcmp(run->device, "slow"))
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        if (meant && !strcmp(at, phases[i]) && perform(b, &t) == TL_SELFTEST_OVER)
            return 0;
    }
    tl_run_result(run, tl_selftest_result_of(&t, 0));
    if (meant && !strcmp(at, "done"))
        perform(b, &t);
    return 0;
}

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    int bad = 0;
    bad |= json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", "cpu", "usable", 1, "why", ""));
    bad |= json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", "slow", "usable", 1, "why", ""));
    bad |= json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", "broken", "usable", 0, "why",
                                                    "never usable, so that there is a device that is not"));
    for (size_t i = 0; i < tl_family_selftest.n_axes; i++)
        bad |= json_array_append_new(axes, json_string(tl_family_selftest.axes[i].name));
    return bad ? -1 : 0;
}

/* What a process started by a behaviour does, and a way to try a behaviour by hand without a trial around it.
 */
static int misbehave(const char *name)
{
    const struct behaviour *b = find(name);
    if (!b) {
        fprintf(stderr, "trapline-selftest: there is no behaviour %s; see --list\n", name);
        return 2;
    }
    json_t *none = json_object();
    struct tl_run run = {
        .request = none, .case_name = "by hand", .variant = none, .device = "cpu", .scratch = "."};
    struct tl_selftest t = {&run, 0, 0};
    tl_channel_use(STDOUT_FILENO);
    b->run(&t);
    json_decref(none);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {.name = "selftest",
                                            .version = VERSION,
                                            .describe = describe,
                                            .trial = trial,
                                            .no_builds = true,
                                            .fixed = true,
                                            .load = tl_selftest_load,
                                            .can_serve = true};
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (size_t i = 0; i < N_BEHAVIOURS; i++)
            printf("%-24s %s\n", behaviours[i].name, behaviours[i].about);
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "--misbehave"))
        return misbehave(argv[2]);
    return tl_runner_main(argc, argv, &runner);
}
