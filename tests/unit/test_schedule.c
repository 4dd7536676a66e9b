/* Schedules of nightly runs, without any system: names, times, what is written for systemd and launchd, what
 * they say, and that files are written all or none. */
#include "harness/schedule/internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct tl_schedule plain = {
    .suite = "kv-write.2", .path = "/home/me/suites/kv.json", .program = "/bin/true", .at = "02:30"};

Test(schedule, times)
{
    int hour = -1, minute = -1;
    cr_expect_eq(tl_schedule_time("00:00", &hour, &minute, NULL), 0);
    cr_expect(hour == 0 && minute == 0);
    cr_expect_eq(tl_schedule_time("23:59", &hour, &minute, NULL), 0);
    cr_expect(hour == 23 && minute == 59);
    cr_expect_eq(tl_schedule_time("09:05", &hour, &minute, NULL), 0);
    cr_expect(hour == 9 && minute == 5);
    static const char *const wrong[] = {"",         "24:00",  "23:60", "9:05",  "09:5",  "0905",
                                        "09:05:00", " 09:05", "09.05", "-1:00", "+1:00", "1a:00",
                                        "99:99",    "09:05 ", "0x:10", "::::",  "09:0:", "\xd9\xa0:00"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tl_error e = {0};
        cr_expect_eq(tl_schedule_time(wrong[i], &hour, &minute, &e), -1, "%s", wrong[i]);
        cr_expect_eq(e.kind, TL_ERROR_INPUT);
        cr_expect_str_eq(e.where, wrong[i]);
    }
    cr_expect_eq(tl_schedule_time(NULL, NULL, NULL, NULL), -1);
    cr_expect(hour == 9 && minute == 5);
}

Test(schedule, suite_names)
{
    char long_name[103];
    memset(long_name, 'a', sizeof long_name);
    long_name[100] = '\0';
    static const char *const right[] = {"a", "7", "kv-write", "a.b_c-d", "0..", "x.service"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        cr_expect_eq(tl_schedule_suite_valid(right[i], NULL), 0, "%s", right[i]);
    cr_expect_eq(tl_schedule_suite_valid(long_name, NULL), 0);
    long_name[100] = 'a';
    long_name[101] = '\0';
    cr_expect_eq(tl_schedule_suite_valid(long_name, NULL), -1);
    static const char *const wrong[] = {"",    ".",   "..", "-a",  "_a",   ".a",      "A",
                                        "a b", "a/b", "a%", "a@b", "a\nb", "\xc3\xbc"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect_eq(tl_schedule_suite_valid(wrong[i], NULL), -1, "%s", wrong[i]);
}

static void refused(const struct tl_schedule *s, const char *where, const char *why)
{
    struct tl_error e = {0};
    cr_expect_eq(tl_schedule_check(s, &e), -1);
    cr_expect_eq(e.kind, TL_ERROR_INPUT);
    cr_expect_str_eq(e.where, where);
    cr_expect_not_null(strstr(e.why, why), "%s", e.why);
}

Test(schedule, checks)
{
    struct tl_error e = {0};
    cr_assert_eq(tl_schedule_check(&plain, &e), 0, "%s: %s", e.where, e.why);
    struct tl_schedule s = plain;
    s.path = "suites/kv.json";
    refused(&s, s.path, "absolute");
    s.path = "/a\nb";
    refused(&s, s.path, "line breaks");
    s.path = "/a\xff";
    refused(&s, s.path, "UTF-8");
    s = plain;
    s.db = "x.db";
    refused(&s, s.db, "absolute");
    s = plain;
    s.program = "trapline";
    refused(&s, s.program, "absolute");
    static const char *const texts[] = {"a\rb",         "\x1b[0m",      "\x7f",
                                        "\xef\xbf\xbf", "\xef\xb7\x90", "\xf0\x9f\xbf\xbe"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *list[] = {"fine", texts[i], NULL};
        s = plain;
        s.more = list;
        refused(&s, texts[i], "control characters");
        s = plain;
        s.environment = list;
        refused(&s, texts[i], "control characters");
    }
    const char *good[] = {"a\tb", "\xef\xbc\xbf", "\xf0\x9f\x98\x80", "", NULL};
    s = plain;
    s.more = good;
    cr_expect_eq(tl_schedule_check(&s, NULL), 0);
    s.program = "/nonexistent/trapline";
    cr_expect_eq(tl_schedule_check(&s, &e), -1);
    cr_expect_eq(e.kind, TL_ERROR_ENVIRONMENT);
}

static void quoted(const char *text, bool dollar, const char *expected)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_systemd_quote(&b, text, dollar);
    cr_expect_str_eq(b.data, expected, "%s: %s", text, b.data);
    tl_buffer_free(&b);
}

Test(unit_file, quoting)
{
    quoted("", true, "\"\"");
    quoted("/a b/c", true, "\"/a b/c\"");
    quoted("100%", true, "\"100%%\"");
    quoted("$HOME ${x}", true, "\"$$HOME $${x}\"");
    quoted("$HOME %h", false, "\"$HOME %%h\"");
    quoted("a\\b\\", true, "\"a\\\\b\\\\\"");
    quoted("say \"it's\"", true, "\"say \\\"it's\\\"\"");
    quoted("gr\xc3\xbc\xc3\x9f\t;", true, "\"gr\xc3\xbc\xc3\x9f\\t;\"");
}

static bool holds_line(const char *text, const char *line)
{
    char *whole = tl_format("\n%s\n", line);
    bool holds = strstr(text, whole) != NULL;
    free(whole);
    return holds;
}

Test(unit_file, service)
{
    const char *more[] = {"--notify", "mail -s '100% of $x' me", NULL};
    const char *environment[] = {"PATH=/a b:/c$d", "XDG_STATE_HOME=/50%", NULL};
    struct tl_schedule s = plain;
    s.program = "/opt/a $b/trapline";
    s.db = "/var/my db";
    s.more = more;
    s.environment = environment;
    char *text = tl_systemd_service(&s);
    cr_expect(holds_line(text,
                         "ExecStart=\"/opt/a $b/trapline\" \"nightly\" \"/home/me/suites/kv.json\" \"--db\" "
                         "\"/var/my db\" \"--notify\" \"mail -s '100%% of $$x' me\""),
              "%s", text);
    cr_expect(holds_line(text, "Environment=\"PATH=/a b:/c$d\""), "%s", text);
    cr_expect(holds_line(text, "Environment=\"XDG_STATE_HOME=/50%%\""), "%s", text);
    cr_expect(holds_line(text, "Type=oneshot"));
    cr_expect(holds_line(text, "SuccessExitStatus=1"));
    free(text);
}

Test(unit_file, timer)
{
    char *text = tl_systemd_timer(&plain);
    cr_expect(holds_line(text, "OnCalendar=*-*-* 02:30:00"), "%s", text);
    cr_expect(holds_line(text, "Persistent=true"));
    cr_expect(holds_line(text, "Unit=trapline-kv-write.2.service"));
    cr_expect(holds_line(text, "WantedBy=timers.target"));
    free(text);
}

Test(schedule, mark)
{
    const char *more[] = {"--notify", "a --> b -- c\\ \"d\" ---", "\xc3\xbc", NULL};
    struct tl_schedule s = plain;
    s.more = more;
    char *mark = tl_schedule_mark(&s);
    cr_expect_null(strstr(mark, "--"), "%s", mark);
    cr_expect_null(strchr(mark, '\n'));
    char *texts[] = {tl_systemd_service(&s), tl_systemd_timer(&s), tl_launchd_plist(&s, "label", "/log")};
    for (size_t i = 0; i < 3; i++) {
        json_t *j = tl_schedule_read_mark(texts[i]);
        cr_assert_not_null(j, "%s", texts[i]);
        cr_expect_str_eq(json_string_value(json_object_get(j, "suite")), plain.suite);
        cr_expect_str_eq(json_string_value(json_object_get(j, "path")), plain.path);
        cr_expect_str_eq(json_string_value(json_object_get(j, "at")), plain.at);
        json_t *command = json_object_get(j, "command");
        static const char *const words[] = {
            "/bin/true", "nightly", "/home/me/suites/kv.json", "--notify", "a --> b -- c\\ \"d\" ---",
            "\xc3\xbc"};
        cr_assert_eq(json_array_size(command), 6);
        for (size_t k = 0; k < 6; k++)
            cr_expect_str_eq(json_string_value(json_array_get(command, k)), words[k]);
        json_decref(j);
        free(texts[i]);
    }
    free(mark);
}

Test(schedule, no_mark)
{
    static const char *const texts[] = {
        "",
        "[Unit]\nDescription=trapline: {}\n",
        "# trapline: {\"suite\":\"a\"}\n",
        "# trapline: {\"suite\":\"a\",\"path\":\"/a\",\"at\":\"02:00\",\"command\":[\n\"x\"]}\n",
        "x # trapline: {\"suite\":\"a\",\"path\":\"/a\",\"at\":\"02:00\",\"command\":[]}\n",
        "# trapline: {",
        "# trapline: ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_expect_null(tl_schedule_read_mark(texts[i]), "%s", texts[i]);
    cr_expect_null(tl_schedule_read_mark(NULL));
    json_t *j = tl_schedule_read_mark(
        "; x\n# trapline: {\"suite\":\"a\",\"path\":\"/a\",\"at\":\"02:00\",\"command\":[]}");
    cr_expect_not_null(j);
    json_decref(j);
}

Test(unit_file, values)
{
    static const char shown[] =
        "Id=trapline-a.timer\nNextElapseUSecRealtime=x\n\nId=trapline-a.service\nResult=a=b\n"
        "Result=success\nResultOther=no\n";
    char *timer = tl_systemd_part(shown, "trapline-a.timer"),
         *service = tl_systemd_part(shown, "trapline-a.service");
    cr_assert(timer && service);
    cr_expect_str_eq(timer, "Id=trapline-a.timer\nNextElapseUSecRealtime=x\n");
    char *result = tl_systemd_value(service, "Result");
    cr_expect_str_eq(result, "success");
    cr_expect_null(tl_systemd_value(service, "Resul"));
    cr_expect_null(tl_systemd_value(timer, "Result"));
    cr_expect_null(tl_systemd_part(shown, "trapline-b.timer"));
    cr_expect_null(tl_systemd_part("", "x"));
    cr_expect_null(tl_systemd_part("\n\n\n\n", "x"));
    free(result);
    free(timer);
    free(service);
}

Test(unit_file, times)
{
    cr_expect_eq(tl_systemd_time_us("Fri 2026-11-27 02:00:00 UTC"), INT64_C(1795744800000000));
    cr_expect_eq(tl_systemd_time_us("2026-11-27 02:00:00 UTC"), INT64_C(1795744800000000));
    static const char *const none[] = {"",
                                       "n/a",
                                       "Fri 2026-11-27 02:00:00 CET",
                                       "Fri 2026-11-27 02:00:00",
                                       "0",
                                       "infinity",
                                       "56y 11month 2d",
                                       "Fri 2026-13-27 02:00:00 UTC"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        cr_expect_eq(tl_systemd_time_us(none[i]), -1, "%s", none[i]);
    cr_expect_eq(tl_systemd_time_us(NULL), -1);
}

Test(unit_file, at)
{
    static const char *const pairs[][2] = {{"*-*-* 02:30:00", "02:30"},
                                           {"*-*-* 02:30:15", "*-*-* 02:30:15"},
                                           {"*-*-* 99:30:00", "*-*-* 99:30:00"},
                                           {"Mon *-*-* 02:30:00", "Mon *-*-* 02:30:00"},
                                           {"daily", "daily"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *at = tl_systemd_at(pairs[i][0]);
        cr_expect_str_eq(at, pairs[i][1]);
        free(at);
    }
}

static void last_is(const char *service, const char *timer, const char *expected)
{
    json_t *last = tl_systemd_last(service, timer);
    char *text = json_dumps(last, JSON_ENCODE_ANY | JSON_COMPACT);
    cr_expect_str_eq(text, expected, "%s", text);
    free(text);
    json_decref(last);
}

#define STARTED "ExecMainStartTimestamp=Fri 2026-11-27 02:00:01 UTC\n"
#define TRIGGERED "LastTriggerUSec=Fri 2026-11-27 02:00:00 UTC\n"

Test(unit_file, last)
{
    last_is("ExecMainStartTimestamp=\nExecMainCode=0\nResult=success\n", "LastTriggerUSec=n/a\n", "null");
    last_is("", NULL, "null");
    last_is(STARTED "ExecMainCode=1\nExecMainStatus=1\nResult=success\nActiveState=inactive\n", TRIGGERED,
            "{\"started_us\":1795744801000000,\"result\":\"success\",\"exit_status\":1}");
    last_is(STARTED "ExecMainCode=1\nExecMainStatus=3\nResult=exit-code\nActiveState=failed\n", TRIGGERED,
            "{\"started_us\":1795744801000000,\"result\":\"exit-code\",\"exit_status\":3}");
    last_is(STARTED "ExecMainCode=2\nExecMainStatus=9\nResult=oom-kill\nActiveState=failed\n", TRIGGERED,
            "{\"started_us\":1795744801000000,\"result\":\"oom-kill\",\"signal\":9}");
    last_is(STARTED "ExecMainCode=0\nExecMainStatus=0\nResult=success\nActiveState=activating\n", TRIGGERED,
            "{\"started_us\":1795744801000000,\"result\":null}");
    last_is("ExecMainStartTimestamp=n/a\nExecMainCode=0\nResult=success\n", TRIGGERED,
            "{\"started_us\":1795744800000000,\"result\":null}");
}

Test(plist, escapes)
{
    const char *more[] = {"a<b> & \"c\" ]]>", "", NULL};
    const char *environment[] = {"A&B=1=2<3", "EMPTY=", NULL};
    struct tl_schedule s = plain;
    s.more = more;
    s.environment = environment;
    s.at = "09:05";
    char *text = tl_launchd_plist(&s, "org.trapline.nightly.kv", "/log & more");
    static const char *const held[] = {"<key>Label</key>\n\t<string>org.trapline.nightly.kv</string>",
                                       "<string>a&lt;b&gt; &amp; \"c\" ]]&gt;</string>",
                                       "<string></string>",
                                       "<key>A&amp;B</key>\n\t\t<string>1=2&lt;3</string>",
                                       "<key>EMPTY</key>\n\t\t<string></string>",
                                       "<key>Hour</key>\n\t\t<integer>9</integer>",
                                       "<key>Minute</key>\n\t\t<integer>5</integer>",
                                       "<key>StandardErrorPath</key>\n\t<string>/log &amp; more</string>"};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        cr_expect_not_null(strstr(text, held[i]), "%s in %s", held[i], text);
    free(text);
}

/* The program is an argument of caffeinate, not a word of a shell, and each argument stays one. */
Test(plist, keeps_the_machine_awake)
{
    struct tl_schedule s = plain;
    char *text = tl_launchd_plist(&s, "label", "/log"), *expected;
    const char *list = strstr(text, "<key>ProgramArguments</key>\n\t<array>\n");
    cr_assert_not_null(list, "%s", text);
    expected = tl_format("<key>ProgramArguments</key>\n\t<array>\n"
                         "\t\t<string>/usr/bin/caffeinate</string>\n\t\t<string>-i</string>\n"
                         "\t\t<string>-m</string>\n\t\t<string>-s</string>\n"
                         "\t\t<string>%s</string>\n\t\t<string>nightly</string>\n\t\t<string>%s</string>\n",
                         s.program, s.path);
    cr_expect_eq(strncmp(list, expected, strlen(expected)), 0, "%s", list);
    cr_expect_null(strstr(text, "/bin/sh"));
    free(expected);
    free(text);
}

static void launchctl_is(const char *printed, bool expected_running, const char *expected)
{
    bool running;
    json_t *last = tl_launchd_last(printed, &running);
    char *text = json_dumps(last, JSON_ENCODE_ANY | JSON_COMPACT);
    cr_expect_str_eq(text, expected, "%s", text);
    cr_expect_eq(running, expected_running);
    free(text);
    json_decref(last);
}

Test(plist, launchctl)
{
    launchctl_is("gui/501/x = {\n\tstate = not running\n\tlast exit code = 1\n}\n", false,
                 "{\"started_us\":null,\"result\":\"success\",\"exit_status\":1}");
    launchctl_is("x = {\n\tstate = running\n\tlast exit code = (never exited)\n}\n", true, "null");
    launchctl_is("x = {\n\tlast exit code = 78: EX_CONFIG\n\tspawn = {\n\t\tstate = running\n\t}\n}\n", false,
                 "{\"started_us\":null,\"result\":\"exit-code\",\"exit_status\":78}");
    launchctl_is("x = {\n\tlast terminating signal = Killed: 9\n}\n", false,
                 "{\"started_us\":null,\"result\":\"signal\",\"signal\":\"Killed: 9\"}");
    launchctl_is(NULL, false, "null");
}

static void next_is(const char *zone, const char *at, int64_t now_s, int64_t expected_s)
{
    int hour, minute;
    setenv("TZ", zone, 1);
    tzset();
    cr_assert_eq(tl_schedule_time(at, &hour, &minute, NULL), 0);
    int64_t next = tl_schedule_next_us(hour, minute, now_s * 1000000);
    cr_expect_eq(next, expected_s * 1000000, "%s %s: %lld", zone, at, (long long)(next / 1000000));
}

Test(schedule, next)
{
    const int64_t midnight = 1795737600; /* 2026-11-27 00:00 UTC */
    next_is("UTC", "02:00", midnight, midnight + 7200);
    next_is("UTC", "02:00", midnight + 7199, midnight + 7200);
    next_is("UTC", "02:00", midnight + 7200, midnight + 86400 + 7200); /* after, not at */
    next_is("UTC", "00:00", midnight, midnight + 86400);
    next_is("UTC", "23:59", 1798761500, 1798761540);        /* 2026-12-31 23:58:20 */
    next_is("UTC", "00:30", 1798761540, 1798761600 + 1800); /* over the end of the year */
    /* Clocks in Berlin: from 02:00 to 03:00 on 2026-03-29 (01:00 UTC), back from 03:00 to 02:00 on
     * 2026-10-25. */
    const char *berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
    next_is(berlin, "04:00", 1774738800, 1774738800 + 3 * 3600); /* from 2026-03-28 23:00 UTC: 02:00 UTC */
    next_is(berlin, "04:00", 1792879200, 1792879200 + 5 * 3600); /* from 2026-10-24 22:00 UTC: 03:00 UTC */
    next_is(berlin, "01:00", 1774738800, 1774738800 + 3600);
}

static char directory[] = "/tmp/trapline-schedule-XXXXXX";

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

static void tear_down(void)
{
    char *command = tl_format("rm -r %s", directory);
    cr_assert_eq(system(command), 0);
    free(command);
}

static char *inside(const char *name)
{
    return tl_format("%s/%s", directory, name);
}

static void put_text(const char *name, const char *text)
{
    char *path = inside(name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
    free(path);
}

static void is_in(const char *path, const char *expected)
{
    char *text = tl_read_file(path, 4096, NULL);
    if (expected)
        cr_expect_str_eq(text ? text : "(nothing)", expected);
    else
        cr_expect_null(text);
    free(text);
}

static unsigned names_in(const char *name)
{
    char *command = tl_format("ls -A %s/%s", directory, name), line[256];
    FILE *f = popen(command, "r");
    unsigned n = 0;
    cr_assert_not_null(f);
    while (fgets(line, sizeof line, f))
        n++;
    pclose(f);
    free(command);
    return n;
}

Test(files, written_and_replaced, .init = set_up, .fini = tear_down)
{
    struct tl_error e = {0};
    struct stat st;
    struct tl_schedule_file two[2] = {{inside("new/dir/a"), tl_strdup("first a"), NULL},
                                      {inside("new/dir/b"), tl_strdup("first b"), NULL}};
    cr_assert_eq(tl_schedule_write(two, 2, &e), 0, "%s", e.why);
    is_in(two[0].path, "first a");
    is_in(two[1].path, "first b");
    cr_assert_eq(stat(two[0].path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    two[0].text[0] = 'F';
    cr_assert_eq(tl_schedule_write(two, 2, &e), 0, "%s", e.why);
    is_in(two[0].path, "First a");
    cr_expect_eq(names_in("new/dir"), 2);
    tl_schedule_files_free(two, 2);
}

/* The second file cannot be put in its place: the first is as it was. */
Test(files, all_or_none, .init = set_up, .fini = tear_down)
{
    struct tl_error e = {0};
    struct tl_schedule_file two[2] = {{inside("x/a"), tl_strdup("new a"), NULL},
                                      {inside("x/b"), tl_strdup("new b"), NULL}};
    char *x = inside("x"), *obstacle = inside("x/b/c");
    cr_assert(mkdir(x, 0700) == 0 && mkdir(two[1].path, 0700) == 0 && mkdir(obstacle, 0700) == 0);
    cr_expect_eq(tl_schedule_write(two, 2, &e), -1);
    cr_expect_eq(e.kind, TL_ERROR_ENVIRONMENT);
    cr_expect_str_eq(e.where, two[1].path);
    is_in(two[0].path, NULL);
    cr_expect_eq(names_in("x"), 1);

    put_text("x/a", "old a");
    two[0].before = tl_strdup("old a");
    cr_expect_eq(tl_schedule_write(two, 2, &e), -1);
    is_in(two[0].path, "old a");
    cr_expect_eq(names_in("x"), 2);
    free(obstacle);
    free(x);
    tl_schedule_files_free(two, 2);
}

static int examined(const char *name, const char *suite, enum tl_error_kind *kind)
{
    struct tl_error e = {0};
    struct tl_schedule_file f = {.path = inside(name)};
    int rc = tl_schedule_examine(&f, suite, &e);
    int found = f.before != NULL;
    *kind = e.kind;
    tl_schedule_files_free(&f, 1);
    return rc ? rc : found;
}

Test(files, foreign, .init = set_up, .fini = tear_down)
{
    enum tl_error_kind kind;
    char *ours = tl_systemd_timer(&plain), *link = inside("link"),
         *big = tl_calloc(1, TL_SCHEDULE_FILE_MOST + 2);
    memset(big, '#', TL_SCHEDULE_FILE_MOST + 1);
    put_text("ours", ours);
    put_text("theirs", "[Timer]\n");
    put_text("big", big);
    cr_assert_eq(symlink("ours", link), 0);
    cr_expect_eq(examined("absent", plain.suite, &kind), 0);
    cr_expect_eq(examined("ours", plain.suite, &kind), 1);
    cr_expect_eq(examined("ours", "other", &kind), -1);
    cr_expect_eq(kind, TL_ERROR_INPUT);
    cr_expect_eq(examined("theirs", plain.suite, &kind), -1);
    cr_expect_eq(kind, TL_ERROR_INPUT);
    cr_expect_eq(examined("link", plain.suite, &kind), -1);
    cr_expect_eq(kind, TL_ERROR_INPUT);
    cr_expect_eq(examined("", plain.suite, &kind), -1);
    cr_expect_eq(examined("big", plain.suite, &kind), -1);
    free(big);
    free(link);
    free(ours);
}

Test(files, list, .init = set_up, .fini = tear_down)
{
    static const char *const suffixes[] = {".service", ".timer", NULL};
    static const char *const suites[] = {"b", "a", "x.service", "c"};
    for (size_t i = 0; i < 4; i++) {
        struct tl_schedule s = plain;
        s.suite = suites[i];
        char *timer = tl_format("trapline-%s.timer", suites[i]),
             *service = tl_format("trapline-%s.service", suites[i]);
        char *text = tl_systemd_timer(&s);
        put_text(timer, text);
        if (i != 3)
            put_text(service, text);
        free(text);
        free(service);
        free(timer);
    }
    put_text("trapline-theirs.timer", "[Timer]\n");
    put_text("trapline-.timer", "[Timer]\n");
    put_text("other-a.timer", "[Timer]\n");
    char **list = tl_schedule_list(directory, "trapline-", suffixes);
    struct tl_error e = {0};
    cr_expect_eq(tl_schedule_absent("z", list, &e), -1);
    cr_expect_str_eq(e.why, "installed: a, b, c, x.service");
    cr_expect_eq(e.kind, TL_ERROR_INPUT);
    tl_schedule_list_free(list);
    list = tl_schedule_list("/nonexistent", "trapline-", suffixes);
    cr_expect_null(list[0]);
    tl_schedule_absent("z", list, &e);
    cr_expect_str_eq(e.why, "none is");
    tl_schedule_list_free(list);
}
