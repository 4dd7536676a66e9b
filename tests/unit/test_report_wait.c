/* Finding the crash report of a process among the files that a system writes, and when to look for it. */
#include "harness/supervise/darwin/report_wait.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAUNCHED INT64_C(1927876800500000) /* 2031-02-03 09:20:00.5 UTC, as in fault.ips */
#define ENDED INT64_C(1927876830300000)    /* 50 ms after its capture */
#define PID 4242

static char *directory;
static const char *directories[3];

static void set_up(void)
{
    char template[] = "/tmp/trapline-reports-XXXXXX";
    directory = tl_strdup(mkdtemp(template));
    directories[0] = "/nonexistent/DiagnosticReports";
    directories[1] = directory;
}

static void tear_down(void)
{
    char *command = tl_format("rm -r %s", directory);
    cr_assert_eq(system(command), 0);
    free(command);
    free(directory);
}

/* A file that was modified `seconds` after the launch. */
static void put(const char *name, const char *text, size_t size, int seconds)
{
    char *path = tl_format("%s/%s", directory, name);
    struct timespec times[2] = {{.tv_sec = LAUNCHED / 1000000 + seconds},
                                {.tv_sec = LAUNCHED / 1000000 + seconds}};
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(text, 1, size, f), size);
    fclose(f);
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

static char *fixture(const char *name, size_t *size)
{
    char *path = tl_format("%s/%s", FIXTURES, name);
    char *text = tl_read_file(path, TL_IPS_MOST, size);
    cr_assert_not_null(text, "%s", path);
    free(path);
    return text;
}

static void put_fixture(const char *from, const char *name, int seconds)
{
    size_t size;
    char *text = fixture(from, &size);
    put(name, text, size, seconds);
    free(text);
}

/* A report of a process of that pid and parent that died of a signal 30 s after the launch. */
static void put_report(const char *name, int pid, int parent, const char *signal)
{
    char *text =
        tl_format("{\"bug_type\":\"309\"}\n{\"pid\":%d,\"parentPid\":%d,\"captureTime\":\"2031-02-03 "
                  "10:20:30.25 +0100\",\"exception\":{\"signal\":\"%s\"},\"threads\":[]}\n",
                  pid, parent, signal);
    put(name, text, strlen(text), 31);
    free(text);
}

static struct tl_report_wanted wanted(int pid)
{
    return (struct tl_report_wanted){.pid = pid, .launched_us = LAUNCHED, .ended_us = ENDED};
}

TestSuite(report_wait, .init = set_up, .fini = tear_down);

Test(report_wait, found_among_others)
{
    struct tl_report_wanted w = wanted(PID);
    struct tl_report_seen seen = {0};
    struct tl_ips ips;
    put_fixture("trap.ips", "other-2031-02-03-102031.ips", 31);
    put_fixture("jetsam.ips", "JetsamEvent-2031-02-03-102031.ips", 31);
    put("noise.txt", "hello", 5, 31);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 0);
    put_fixture("fault.ips", "Python-2031-02-03-102031.ips", 31);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 1);
    cr_assert_eq(ips.pid, PID);
    cr_assert_gt(ips.report.capture.n_threads, 0);
    tl_ips_free(&ips);
    tl_report_seen_free(&seen);
}

Test(report_wait, name_decides_nothing)
{
    struct tl_report_wanted w = wanted(PID);
    struct tl_report_seen seen = {0};
    struct tl_ips ips;
    put_fixture("fault.ips", "something-else.ips", 31);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 1);
    tl_ips_free(&ips);
    tl_report_seen_free(&seen);
}

Test(report_wait, not_of_another_process_or_time)
{
    struct tl_report_seen seen = {0};
    struct tl_ips ips;
    struct tl_report_wanted other = wanted(PID + 1), later = wanted(PID), earlier = wanted(PID);
    put_fixture("fault.ips", "Python.ips", 31);
    cr_assert_eq(tl_report_find(directories, &other, &seen, &ips), 0);
    tl_report_seen_free(&seen);
    later.launched_us = ENDED + 3000000; /* the pid, used again */
    later.ended_us = later.launched_us + 1000000;
    cr_assert_eq(tl_report_find(directories, &later, &seen, &ips), 0);
    tl_report_seen_free(&seen);
    earlier.launched_us = LAUNCHED - 60000000;
    earlier.ended_us = LAUNCHED - 50000000;
    cr_assert_eq(tl_report_find(directories, &earlier, &seen, &ips), 0);
    tl_report_seen_free(&seen);
}

Test(report_wait, files_from_before_the_launch_are_not_opened)
{
    struct tl_report_wanted w = wanted(PID);
    struct tl_report_seen seen = {0};
    struct tl_ips ips;
    put_fixture("fault.ips", "Python.ips", -60);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 0);
    cr_assert_eq(seen.n, 0);
    tl_report_seen_free(&seen);
}

Test(report_wait, half_written_and_then_whole)
{
    struct tl_report_wanted w = wanted(PID);
    struct tl_report_seen seen = {0};
    struct tl_ips ips;
    size_t size;
    char *text = fixture("fault.ips", &size);
    put("Python.ips", text, size / 3, 31);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 0);
    put("Python.ips", text, size, 31); /* within the same second: only its size tells */
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 1);
    tl_ips_free(&ips);
    free(text);
    tl_report_seen_free(&seen);
}

Test(report_wait, read_once_and_again_when_it_has_changed)
{
    struct tl_report_wanted w = wanted(PID);
    struct tl_report_seen seen = {0};
    struct tl_ips ips;
    size_t size;
    char *text = fixture("fault.ips", &size);
    char *other = tl_strdup(text);
    char *pid = strstr(other, "4242");
    cr_assert_not_null(pid);
    memcpy(pid, "4243", 4); /* as long, but of another process */
    put("Python.ips", other, size, 31);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 0);
    cr_assert_eq(seen.n, 1);
    put("Python.ips", text, size, 31);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 0,
                 "same size, same time: it is not read again");
    put("Python.ips", text, size, 33);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 1);
    tl_ips_free(&ips);
    free(text);
    free(other);
    tl_report_seen_free(&seen);
}

Test(report_wait, links_pipes_directories_and_garbage, .timeout = 10)
{
    struct tl_report_wanted w = wanted(PID);
    struct tl_report_seen seen = {0};
    struct tl_ips ips;
    char *real = tl_format("%s/real.txt", directory), *link = tl_format("%s/link.ips", directory);
    char *pipe = tl_format("%s/pipe.ips", directory), *sub = tl_format("%s/sub.ips", directory);
    put_fixture("fault.ips", "real.txt", 31);
    cr_assert_eq(symlink(real, link), 0);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    cr_assert_eq(mkdir(sub, 0700), 0);
    put("empty.ips", "", 0, 31);
    put("garbage.ips", "\0\xff{[", 4, 31);
    put(".ips", "{", 1, 31);
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 0);
    free(real);
    free(link);
    free(pipe);
    free(sub);
    tl_report_seen_free(&seen);
}

Test(report_wait, of_a_descendant)
{
    int known[] = {501, 502};
    struct tl_report_wanted w = {.parent = 500,
                                 .descendants = known,
                                 .n_descendants = 2,
                                 .signal = SIGSEGV,
                                 .launched_us = LAUNCHED,
                                 .ended_us = ENDED};
    static const struct {
        int pid, parent;
        const char *signal;
        int fits;
    } reports[] = {
        {700, 1, "SIGSEGV", 0},   /* a stranger */
        {501, 1, "SIGABRT", 0},   /* one of ours, but not what the wrapper tells of */
        {700, 500, "SIGSEGV", 1}, /* a child that was never seen */
        {502, 1, "SIGSEGV", 1},   /* one that was seen, and was orphaned */
        {700, 501, "SIGSEGV", 1}, /* a grandchild */
    };
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        struct tl_report_seen seen = {0};
        struct tl_ips ips;
        put_report("one.ips", reports[i].pid, reports[i].parent, reports[i].signal);
        int found = tl_report_find(directories, &w, &seen, &ips);
        cr_assert_eq(found, reports[i].fits, "report %zu", i);
        if (found)
            tl_ips_free(&ips);
        tl_report_seen_free(&seen);
    }
}

Test(report_wait, patience)
{
    for (unsigned missed = 0; missed < 6; missed++) {
        unsigned patience = tl_report_patience_ms(missed), at = 0, looks = 0, next;
        cr_assert_eq(patience, missed < 3 ? 60000 : 15000);
        while ((next = tl_report_next_look_ms(at, patience))) {
            cr_assert_leq(next, 1000);
            at += next;
            looks++;
        }
        cr_assert_eq(at, patience, "the last look is at the end");
        cr_assert_lt(looks, 200);
    }
    cr_assert_leq(tl_report_next_look_ms(0, 60000), 100);
    cr_assert_eq(tl_report_next_look_ms(UINT32_MAX, 60000), 0);
}

/* ---- what is kept, and who helped ---- */

static void put_crash(const char *name, int pid, const char *process, const char *path)
{
    char *text = tl_format(
        "{\"bug_type\":\"309\",\"incident_id\":\"%s\"}\n{\"pid\":%d,\"parentPid\":1,\"procName\":\"%s\","
        "\"procPath\":\"%s\",\"captureTime\":\"2031-02-03 10:20:30.25 +0100\",\"exception\":{\"signal\":"
        "\"SIGSEGV\"},\"threads\":[]}\n",
        name, pid, process, path);
    put(name, text, strlen(text), 31);
    free(text);
}

Test(report_wait, keeps_the_report_and_those_of_helpers)
{
    struct tl_report_seen seen = {0};
    struct tl_system_report kept = {0};
    struct tl_report_helpers helpers = {0};
    struct tl_report_wanted w = wanted(PID);
    struct tl_ips ips;
    w.kept = &kept;
    w.helpers = &helpers;
    put_crash("ANECompilerService-1.ips", 70, "ANECompilerService", "/System/Library/a/ANECompilerService");
    put_crash("Finder-1.ips", 71, "Finder", "/System/Library/CoreServices/Finder");
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 0);
    cr_assert_eq(helpers.n, 1);
    put_fixture("fault.ips", "Python.ips", 31);
    put_crash("z-aned.ips", 72, "aned", "/usr/libexec/aned");
    cr_assert_eq(tl_report_find(directories, &w, &seen, &ips), 1);
    cr_assert_eq(ips.pid, PID);
    cr_assert_str_eq(kept.process, "Python");
    cr_assert_str_eq(kept.name, "Python.ips");
    cr_assert_eq(kept.relation, TL_REPORT_OWN);
    cr_assert(strstr(kept.text, "Mac99,1") && kept.size == strlen(kept.text));
    cr_assert(!strncmp(kept.title, "SIGSEGV in inv::SliceUpdate::eval", 33), "%s", kept.title);
    cr_assert_eq(helpers.n, 2, "one that was seen before is not added again: %zu", helpers.n);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(helpers.list[i].relation, TL_REPORT_HELPER);
    tl_ips_free(&ips);
    tl_report_seen_free(&seen);
    tl_system_report_free(&kept);
    tl_report_helpers_free(&helpers);
    /* Where no report of the process itself is expected. */
    w.kept = NULL;
    tl_report_find_helpers(directories, &w);
    cr_assert_eq(helpers.n, 2);
    tl_report_helpers_free(&helpers);
    w.ended_us = LAUNCHED + 5000000;
    tl_report_find_helpers(directories, &w);
    cr_assert_eq(helpers.n, 0, "they crashed later");
}
