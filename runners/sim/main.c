/* trapline-sim: a simulated runtime. It computes the decoder family with the reference engine and fails as a
 * profile says, for demonstrations, for teaching, and for tests with known answers. It is no runtime, and
 * what it does is no evidence about one; every text of it says so.
 *
 *   generate  the model is thought of as exported
 *   load      `loads` times
 *   compile
 *   execute   `runs` times: prefill (when there is more than one token), then one decode step
 *   check     outputs are described
 *
 * In each of them the rules of the profile are asked; the first one that holds fires. Nothing is written but
 * what is asked for, and the profile is the only thing read. */
#include "runners/outputs.h"
#include "runners/protocol.h"
#include "runners/sim/check.h"
#include "runners/sim/crash.h"
#include "runners/sim/fail.h"
#include "runners/sim/output.h"
#include "runners/sim/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "1.0"
#define SIMULATED "simulated, not a real runtime"
#define SLOTS 64 /* trials at a time: no device is there that could be busy */

/* What goes on in one trial. */
struct trial {
    struct tl_run *run;
    const struct tl_sim_profile *profile;
    struct tl_sim_model model;
    const json_t *wrong; /* of the rule that changes outputs; or NULL */
    const char *observed;
};

/* Asks the rules of a phase. -1: the trial is over, and everything has been said. */
static int ask(struct trial *t, const char *phase)
{
    const json_t *rule = tl_sim_profile_rule(t->profile, phase, t->run->device, &t->model);
    if (!rule)
        return 0;
    if (!tl_sim_fail(t->run, rule, &t->model))
        return -1;
    if (json_object_get(rule, "wrong"))
        t->wrong = json_object_get(rule, "wrong");
    if (json_object_get(rule, "fallback"))
        t->observed = json_string_value(json_object_get(rule, "fallback"));
    return 0;
}

static int prepare(struct trial *t)
{
    int64_t loads = tl_run_integer(t->run, "loads", 1);
    tl_run_phase(t->run, "generate");
    if (ask(t, "generate"))
        return -1;
    tl_run_phase(t->run, "load");
    for (t->model.load = 1; t->model.load <= loads; t->model.load++)
        if (ask(t, "load"))
            return -1;
    t->model.load = loads;
    tl_run_phase(t->run, "compile");
    return ask(t, "compile");
}

/* The answer is computed once: every run has the same. */
static int execute(struct trial *t, struct tl_decoder_tensors *outputs)
{
    int64_t runs = tl_run_integer(t->run, "runs", 1), seq = t->model.config.seq;
    struct tl_error e;
    tl_run_phase(t->run, "execute");
    for (t->model.run = 1; t->model.run <= runs; t->model.run++) {
        t->model.tokens = seq;
        if (seq > 1 && ask(t, "execute"))
            return -1;
        t->model.tokens = 1;
        if (ask(t, "execute"))
            return -1;
    }
    t->model.run = runs;
    if (tl_decoder_reference(&t->model.config, outputs, &e)) {
        tl_run_error(t->run, "sim", "reference", TL_SIM_MARK "%s", e.why);
        return -1;
    }
    for (size_t i = 0; t->wrong && outputs->n && i < outputs->list[0].count; i++)
        ((float *)outputs->list[0].data)[i] +=
            json_is_string(t->wrong) ? NAN : (float)json_number_value(t->wrong);
    return 0;
}

static int report(struct trial *t, const struct tl_decoder_tensors *outputs)
{
    struct tl_error e;
    tl_run_phase(t->run, "check");
    if (ask(t, "check"))
        return -1;
    json_t *list =
        tl_sim_outputs(outputs, json_string_value(json_object_get(t->run->request, "outputs")), &e);
    if (!list) {
        tl_run_error(t->run, "sim", "output", TL_SIM_MARK "%s: %s: %s", e.what, e.where, e.why);
        return -1;
    }
    json_t *result = json_pack("{s:b, s:o, s:s, s:{s:s}}", "simulated", 1, "outputs", list, "observed",
                               t->observed, "versions", "sim", VERSION ", " SIMULATED);
    if (t->profile->name)
        json_object_set_new(json_object_get(result, "versions"), "profile",
                            json_sprintf("%s (%s)", t->profile->name, t->profile->id));
    tl_run_result(t->run, result);
    return 0;
}

static bool is_device(const char *name)
{
    for (const char *const *d = tl_sim_devices; *d; d++)
        if (!strcmp(*d, name))
            return true;
    return false;
}

/* Whether there is something to simulate; says why not. */
static int accept(struct trial *t)
{
    struct tl_run *run = t->run;
    const char *family = json_string_value(json_object_get(run->request, "family"));
    struct tl_decoder_config config;
    struct tl_error e;
    if (t->profile->status == TL_SIM_UNKNOWN) {
        tl_run_unsupported(run, "%s", t->profile->why);
        return -1;
    }
    if (t->profile->status == TL_SIM_BROKEN) {
        tl_run_error(run, "sim", "profile", "%s", t->profile->why);
        return -1;
    }
    if (!is_device(run->device)) {
        tl_run_error(run, "sim", "device", "there is no device %s to simulate", run->device);
        return -1;
    }
    if (run->model || json_object_get(run->request, "steps") || (family && strcmp(family, "decoder"))) {
        tl_run_unsupported(run, "sim simulates a runtime for the family decoder only");
        return -1;
    }
    if (tl_decoder_config_parse(run->variant, &config, &e)) {
        tl_run_error(run, "sim", "variant", "%s%s%s: %s", e.what, *e.where ? ": " : "", e.where, e.why);
        return -1;
    }
    tl_sim_model_make(&t->model, run->variant, &config, &t->profile->scratch);
    return 0;
}

static int trial(struct tl_run *run, void *state)
{
    struct tl_sim_profile own = {0};
    struct tl_decoder_tensors outputs = {0};
    struct trial t = {.run = run, .profile = state, .observed = run->device};
    if (!state) {
        tl_sim_profile_load(run->build, &own);
        t.profile = &own;
    }
    fprintf(stderr, TL_SIM_MARK "profile %s, device %s: this is trapline-sim, " SIMULATED "\n",
            t.profile->name ? t.profile->name : "(none)", run->device);
    int rc = accept(&t) || prepare(&t) || execute(&t, &outputs) || report(&t, &outputs) ? -1 : 0;
    tl_decoder_tensors_free(&outputs);
    tl_sim_profile_free(&own);
    return rc;
}

static char version[160] = VERSION " (" SIMULATED ")";

/* The version tells one content of a profile from another, so that outcomes of the one are not taken for the
 * other's. */
static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    struct tl_sim_profile p;
    size_t n;
    int bad = 0;
    const struct tl_family_axis *runtime = tl_runtime_axes(&n);
    tl_sim_profile_load(build, &p);
    bool usable = p.status != TL_SIM_UNKNOWN;
    if (p.document || p.status == TL_SIM_BROKEN)
        snprintf(version, sizeof version, VERSION " (" SIMULATED ") profile %.64s %s", p.name, p.id);
    for (const char *const *d = tl_sim_devices; *d; d++)
        bad |= json_array_append_new(devices,
                                     json_pack("{s:s, s:b, s:s, s:i, s:b}", "name", *d, "usable", usable,
                                               "why", usable ? "" : p.why, "slots", SLOTS, "simulated", 1));
    for (size_t i = 0; i < n; i++)
        bad |= json_array_append_new(axes, json_string(runtime[i].name));
    tl_sim_profile_free(&p);
    return bad ? -1 : 0;
}

static int load(const json_t *request, void **state, char *why, size_t why_size)
{
    static struct tl_sim_profile profile;
    tl_sim_profile_load(json_object_get(request, "build"), &profile);
    *state = &profile;
    return 0;
}

static int list(void)
{
    size_t n;
    const struct tl_sim_quantity *q = tl_sim_quantities(&n);
    char *names = tl_sim_profile_names();
    printf("trapline-sim: " SIMULATED "\n\nprofiles: %s\n\nquantities\n", names);
    for (size_t i = 0; i < n; i++)
        printf("  %-24s %s\n", q[i].name, q[i].about);
    puts("\nplaces to crash in");
#define PRINT(name, about) printf("  %-24s %s\n", #name, about);
    TL_SIM_SITES(PRINT)
#undef PRINT
    free(names);
    return 0;
}

static int check(const char *path)
{
    struct tl_sim_profile p;
    tl_sim_profile_read(path, &p);
    int status = p.status == TL_SIM_READY ? 0 : 2;
    if (status)
        fprintf(stderr, "trapline-sim: %s\n", p.why);
    tl_sim_profile_free(&p);
    return status;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {.name = "sim",
                                            .version = version,
                                            .describe = describe,
                                            .trial = trial,
                                            .load = load,
                                            .can_serve = true,
                                            .fixed = true};
    if (argc == 2 && !strcmp(argv[1], "--list"))
        return list();
    if (argc == 3 && !strcmp(argv[1], "--check"))
        return check(argv[2]);
    return tl_runner_main(argc, argv, &runner);
}
