/* The runner of steps: what it expects, and what it says of a step that does otherwise. */
#include "tests/unit/runner_process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(command, .timeout = 60);

static const char *const command[] = {COMMAND_PATH, NULL};

/* What came of a list of steps. */
struct ending {
    char code[64], message[1024], phases[256], counts[256]; /* counts: as they were told last */
    bool result;
    int status; /* wait status */
    char *out, *err;
};

static void run(struct ending *e, const char *steps)
{
    char scratch[] = "/tmp/test-command-XXXXXX", request[8192], remove[128];
    struct runner_process r;
    cr_assert(mkdtemp(scratch));
    *e = (struct ending){0};
    runner_start(&r, command, 1);
    snprintf(
        request, sizeof request,
        "{\"trial\":1,\"case\":\"t\",\"device\":\"host\",\"variant\":{},\"scratch\":\"%s\",\"steps\":%s}\n",
        scratch, steps);
    runner_send(&r, request);
    for (json_t *j; (j = runner_next(&r)); json_decref(j)) {
        if (json_object_get(j, "phase"))
            snprintf(e->phases + strlen(e->phases), sizeof e->phases - strlen(e->phases), "%s ",
                     runner_text(j, "phase"));
        if (json_object_get(j, "counts")) {
            char *counts = json_dumps(json_object_get(j, "counts"), JSON_COMPACT | JSON_SORT_KEYS);
            snprintf(e->counts, sizeof e->counts, "%s", counts);
            free(counts);
        }
        if (json_object_get(j, "result"))
            e->result = true;
        if (json_object_get(j, "error")) {
            cr_assert_str_eq(runner_text(j, "error.domain"), "step");
            snprintf(e->code, sizeof e->code, "%s", runner_text(j, "error.code"));
            snprintf(e->message, sizeof e->message, "%s", runner_text(j, "error.message"));
        }
    }
    e->out = runner_read_all(r.out);
    e->err = runner_read_all(r.err);
    e->status = runner_wait(&r);
    snprintf(remove, sizeof remove, "rm -rf %s", scratch);
    cr_assert_eq(system(remove), 0);
}

static void end(struct ending *e)
{
    free(e->out);
    free(e->err);
}

static void expect_error(const char *steps, const char *code, const char *in_message)
{
    struct ending e;
    run(&e, steps);
    cr_assert_str_eq(e.code, code, "%s: %s", e.code, e.message);
    cr_assert(strstr(e.message, in_message), "%s", e.message);
    cr_assert(!e.result);
    cr_assert_eq(e.status, 0);
    end(&e);
}

/* Of what a program wrote before it failed, the line that says why. */
Test(command, complaint)
{
    static const struct {
        const char *wrote, *says; /* wrote: as in JSON */
    } lines[] = {
        {"loading\\nerror: no such op\\n1 error generated.\\n", "was expected: error: no such op"},
        {"x.c:3:1: error: one\\nx.c:4:1: error: two\\nstopping\\n",
         "was expected: x.c:3:1: error: one (x.c:4:1: error: two)"},
        {"Traceback (most recent call last):\\n  File x\\nValueError: bad shape\\n\\n",
         "was expected: ValueError: bad shape"},
        {"no space left\\n-----\\n  \\n", "was expected: no space left"},
        {"\\u001b[31mfatal: not a model\\u001b[0m\\n", "was expected: fatal: not a model"},
        {"10%\\r20%\\rcannot open", "was expected: cannot open"},
        {"no space\\nwarning: slow\\n", "was expected: no space"},
        {"error: rank 3\\nerror: MLIR pass manager failed\\n", "was expected: error: rank 3 (MLIR pass"},
    };
    static const char other[] =
        "{\"phase\":\"load\",\"argv\":[\"sh\",\"-c\",\"echo error: of another step >&2\"]}";
    char steps[1024];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(steps, sizeof steps,
                 "[%s,{\"phase\":\"execute\",\"argv\":[\"sh\",\"-c\",\"printf %%s \\\"$0\\\" >&2; exit "
                 "1\",\"%s\"]}]",
                 other, lines[i].wrote);
        expect_error(steps, "exit 1", lines[i].says);
    }
    struct ending e;
    snprintf(steps, sizeof steps, "[%s,{\"phase\":\"execute\",\"argv\":[\"false\"]}]", other);
    run(&e, steps);
    cr_assert(strstr(e.message, "0 was expected") && !strstr(e.message, "another"), "%s", e.message);
    end(&e);
    expect_error("[{\"phase\":\"load\",\"argv\":[\"sh\",\"-c\",\"yes x | head -c 40000 >&2; echo error: "
                 "the end >&2; "
                 "exit 1\"]}]",
                 "exit 1", "was expected: error: the end");
}

Test(command, steps_that_do_what_they_should)
{
    struct ending e;
    run(&e,
        "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"echo made it; echo warned >&2; touch model.bin\"],"
        "\"expect\":{\"text\":[\"made\",\"warned\"],\"no_text\":[\"error\"],\"files\":[\"model.*\"]}},"
        "{\"phase\":\"execute\",\"argv\":[\"sh\",\"-c\",\"test -f model.bin; exit 3\"],"
        "\"expect\":{\"exit_status\":3}},"
        "{\"phase\":\"check\",\"argv\":[\"false\"],\"expect\":{\"exit_status\":\"any\"}}]");
    cr_assert(e.result, "%s", e.message);
    cr_assert_str_eq(e.phases, "compile execute check ");
    cr_assert_str_eq(e.out, "made it\n");
    cr_assert_str_eq(e.err, "warned\n");
    cr_assert_eq(e.status, 0);
    end(&e);
}

Test(command, expectations_that_are_not_met)
{
    expect_error("[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"exit 4\"]}]", "exit 4",
                 "step 1 of 1 (compile, sh) exited with status 4; 0 was expected");
    expect_error("[{\"phase\":\"compile\",\"argv\":[\"true\"]},"
                 "{\"phase\":\"execute\",\"argv\":[\"echo\",\"hello\"],\"expect\":{\"text\":[\"hallo\"]}}]",
                 "text", "step 2 of 2 (execute, echo) did not write \"hallo\"");
    expect_error(
        "[{\"phase\":\"execute\",\"argv\":[\"echo\",\"no error\"],\"expect\":{\"no_text\":[\"error\"]}}]",
        "no_text", "wrote \"error\"");
    /* The line that was found and what follows; or what came instead. */
    expect_error(
        "[{\"phase\":\"execute\",\"argv\":[\"sh\",\"-c\",\"echo start; echo 'x: FAILED'; echo '  for a "
        "reason'; echo; echo later\"],\"expect\":{\"no_text\":[\"FAILED\"]}}]",
        "no_text", "which it should not: x: FAILED for a reason");
    expect_error(
        "[{\"phase\":\"execute\",\"argv\":[\"sh\",\"-c\",\"echo RESULT WRONG; echo; echo error: bye >&2; "
        "exit 7\"],\"expect\":{\"no_text\":[\"WRONG\"]}}]",
        "exit 7", "exited with status 7; 0 was expected: RESULT WRONG");
    expect_error(
        "[{\"phase\":\"execute\",\"argv\":[\"sh\",\"-c\",\"echo RESULT WRONG; echo bye\"],\"expect\":{"
        "\"text\":[\"RESULT OK\"]}}]",
        "text", "was expected: RESULT WRONG");
    expect_error(
        "[{\"phase\":\"execute\",\"argv\":[\"sh\",\"-c\",\"echo 'error: no device' >&2; echo RESULT WRONG\"],"
        "\"expect\":{\"text\":[\"RESULT OK\"]}}]",
        "text", "was expected: error: no device");
    expect_error("[{\"phase\":\"execute\",\"argv\":[\"true\"],\"expect\":{\"files\":[\"*.bin\"]}}]", "files",
                 "*.bin");
    expect_error("[{\"phase\":\"execute\",\"argv\":[\"/nonexistent/tool\"]}]", "exec", "No such file");
    /* Nothing goes through a shell. */
    expect_error("[{\"phase\":\"execute\",\"argv\":[\"echo $HOME; false\"]}]", "exec", "No such file");
}

Test(command, wrong_steps_are_found_before_any_is_run)
{
    struct ending e;
    run(&e, "[{\"phase\":\"compile\",\"argv\":[\"echo\",\"ran\"]},{\"phase\":\"execute\",\"argv\":[]}]");
    cr_assert_str_eq(e.code, "request");
    cr_assert_str_eq(e.out, "");
    end(&e);
    expect_error("[]", "request", "steps");
    expect_error("[{\"phase\":\"compile\",\"argv\":[1]}]", "request", "argv");
    expect_error("[{\"phase\":\"compile\",\"argv\":[\"true\"],\"expect\":{\"text\":\"x\"}}]", "request",
                 "text");
    expect_error("[{\"argv\":[\"true\"]}]", "request", "phase");
}

Test(command, a_signal_is_passed_on)
{
    static const char *const steps[] = {
        "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"kill -SEGV $$\"]}]",
        "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"sh -c 'kill -SEGV $$'; exit $?\"]}]",
        "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"kill -SEGV "
        "$$\"],\"expect\":{\"exit_status\":-1}}]",
        "[{\"phase\":\"compile\",\"argv\":[\"" SELFTEST_PATH "\",\"--misbehave\",\"null_read\"]}]",
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct ending e;
        run(&e, steps[i]);
        cr_assert(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 128 + SIGSEGV, "%s: %x", steps[i],
                  (unsigned)e.status);
        cr_assert(!e.result);
        cr_assert_str_eq(e.code, i == 1 ? "exit 139" : ""); /* nothing need have died for a status */
        end(&e);
    }
    struct ending e;
    run(&e,
        "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"exit 139\"],\"expect\":{\"exit_status\":139}}]");
    cr_assert(e.result);
    end(&e);
}

/* The scratch directory is known only once the trial runs. */
Test(command, scratch_is_filled_in)
{
    struct ending e;
    run(&e, "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"echo $1 >{scratch}/a; cat a; "
            "ls\",\"sh\",\"<{scratch}:{scratch}>\"],"
            "\"expect\":{\"text\":[\"<{scratch}:{scratch}>\"],\"files\":[\"{scratch}/a\"]}}]");
    cr_assert(e.result, "%s", e.message);
    cr_assert(strncmp(e.out, "</tmp/test-command-", 19) == 0 && !strstr(e.out, "{scratch}"), "%s", e.out);
    end(&e);
}

/* A text that comes in two pieces, with more output before and after it. */
Test(command, texts_are_found_anywhere)
{
    struct ending e;
    run(&e, "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\","
            "\"head -c 20000 /dev/zero; printf nee; sleep 0.05; printf 'dle'; head -c 5000 /dev/zero\"],"
            "\"expect\":{\"text\":[\"needle\"]}}]");
    cr_assert(e.result, "%s", e.message);
    end(&e);
}

/* A process that a step leaves behind holds its pipes and does not hold it up. */
Test(command, a_step_ends_when_its_process_does)
{
    struct ending e;
    run(&e, "[{\"phase\":\"compile\",\"argv\":[\"sh\",\"-c\",\"sleep 1000 & echo $!\"]},"
            "{\"phase\":\"execute\",\"argv\":[\"true\"]}]");
    cr_assert(e.result, "%s", e.message);
    int left = atoi(e.out);
    cr_assert_gt(left, 1);
    cr_assert_eq(kill(left, SIGKILL), 0);
    end(&e);
}

Test(command, a_phase_carries_the_limit_of_its_step)
{
    struct runner_process r;
    runner_start(&r, command, 1);
    runner_send(&r, "{\"trial\":1,\"device\":\"host\",\"variant\":{},\"steps\":[{\"phase\":\"compile\","
                    "\"argv\":[\"true\"],"
                    "\"timeout_s\":2.5}]}\n");
    json_t *j = runner_next(&r);
    cr_assert_eq(json_number_value(json_object_get(j, "timeout_s")), 2.5);
    json_decref(j);
    runner_wait(&r);
}

/* A phase begins with a line of either stream, and with one that is not complete yet; of several in a line the last. */
Test(command, a_line_begins_a_phase)
{
    static const struct {
        const char *script, *markers, *phases;
    } lines[] = {
        {"echo loaded in 3 s", "{\"execute\":\"loaded in\"}", "load execute "},
        {"echo loaded in 3 s >&2", "{\"execute\":\"^loaded in [0-9]+ s$\"}", "load execute "},
        {"echo reloaded in 3 s", "{\"execute\":\"^loaded\"}", "load "},
        {"printf Generating...; sleep 0.2", "{\"execute\":\"Generating...\"}", "load execute "},
        {"echo '[go] (1'", "{\"execute\":\"[go] (1\"}", "load execute "}, /* no expression, but a text */
        {"echo a; echo b; echo a; echo a", "{\"compile\":[\"a\",\"x\"],\"execute\":\"b\"}",
         "load compile execute compile "},
        {"echo b, a", "{\"compile\":\"a\",\"execute\":\"b\"}", "load compile "},
        {"head -c 30000 /dev/zero; echo; printf ab; sleep 0.1; echo cd", "{\"execute\":\"abcd\"}",
         "load execute "},
    };
    char steps[1024];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct ending e;
        snprintf(steps, sizeof steps,
                 "[{\"phase\":\"load\",\"argv\":[\"sh\",\"-c\",\"%s\"],\"phase_marker\":%s}]",
                 lines[i].script, lines[i].markers);
        run(&e, steps);
        cr_assert(e.result, "%s", e.message);
        cr_assert_str_eq(e.phases, lines[i].phases, "%s: %s", lines[i].script, e.phases);
        end(&e);
    }
}

/* What is counted is told however the step ends, and while it runs. */
Test(command, what_is_counted_is_told)
{
    static const char counts[] = "\"expect\":{\"count\":[{\"name\":\"n\",\"number\":\"n=(-?[0-9]+)\"},{"
                                 "\"name\":\"r\",\"regex\":\"n\"},"
                                 "{\"name\":\"f\",\"glob\":\"{scratch}/*.o\"}]}";
    static const struct {
        const char *script, *counts;
    } ends[] = {
        {"echo n=1 n=7; touch a.o b.o", "{\"f\":2,\"n\":7,\"r\":2}"},
        {"echo n=-4; kill -SEGV $$", "{\"f\":0,\"n\":-4,\"r\":1}"},
        {"echo n=x; exit 3", "{\"f\":0,\"r\":1}"}, /* no number was written */
        {"echo n=99999999999999999999", "{\"f\":0,\"n\":9223372036854775807,\"r\":1}"},
        {"printf n=5", "{\"f\":0,\"n\":5,\"r\":1}"},
    };
    char steps[1024];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct ending e;
        snprintf(steps, sizeof steps, "[{\"phase\":\"load\",\"argv\":[\"sh\",\"-c\",\"%s\"],%s}]",
                 ends[i].script, counts);
        run(&e, steps);
        cr_assert_str_eq(e.counts, ends[i].counts, "%s: %s", ends[i].script, e.counts);
        end(&e);
    }
    struct runner_process r;
    runner_start(&r, command, 1);
    runner_send(
        &r, "{\"trial\":1,\"device\":\"host\",\"variant\":{},\"steps\":[{\"phase\":\"load\",\"argv\":[\"sh\","
            "\"-c\",\"sleep 0.3; echo n=3; exec sleep 2\"],\"expect\":{\"count\":[{\"name\":\"n\","
            "\"number\":\"n=([0-9]+)\"}]}}]}\n");
    bool told = false;
    while (!told) {
        json_t *j = runner_next(&r);
        told = json_integer_value(json_object_get(json_object_get(j, "counts"), "n")) == 3;
        cr_assert(j, "it ended");
        json_decref(j);
    }
    kill(r.pid, SIGKILL);
    runner_wait(&r);
}
