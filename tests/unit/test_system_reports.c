/* Reports of a system as they are given away: without what tells whose they are, and with all that tells what happened. */
#include "reports/system_reports.h"

#include "harness/base/buffer.h"
#include "reports/redact/redact.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *redacted(const char *text)
{
    struct tl_redaction r = {0};
    tl_redaction_add(&r, "megabox", "HOST");
    char *got = tl_redact_report(&r, text);
    tl_redaction_free(&r);
    return got;
}

Test(system_reports, redaction)
{
    static const char *const pairs[][2] = {
        /* homes and users, in JSON's own way of writing a slash */
        {"\"procPath\" : \"\\/Users\\/carol\\/bin\\/runner\"", "\"procPath\" : \"~/bin/runner\""},
        {"{\"a\":\"\\/Users\\/carol\\/x\",\"b\":\"carol's tool\"}", "{\"a\":\"~/x\",\"b\":\"USER's tool\"}"},
        {"\"path\":\"\\/private\\/var\\/folders\\/zz\\/abc0123\\/T\\/x\"",
         "\"path\":\"/private/var/folders/USER/T/x\""},
        {"\"on megabox today\"", "\"on HOST today\""},
        {"\"at Carols-MacBook-Pro.local:80\"", "\"at HOST.local:80\""},
        {"\"mail carol.x@example.org now\"", "\"mail REDACTED now\""},
        /* who reported, on what device */
        {"\"crashReporterKey\" : \"6E786EDD-1862-5B8C-FEFD-5B3B6F24CC06\",",
         "\"crashReporterKey\" : \"REDACTED\","},
        {"\"bootSessionUUID\":\"B36D33F3-29DD-4072-82D8-6B0239998DFC\"", "\"bootSessionUUID\":\"REDACTED\""},
        {"\"storeInfo\":{\"deviceIdentifierForVendor\":\"2F53\",\"thirdParty\":true}",
         "\"storeInfo\":{\"deviceIdentifierForVendor\":\"REDACTED\",\"thirdParty\":true}"},
        {"\"userID\" : 501, \"uptime\" : 98000", "\"userID\" : 0, \"uptime\" : 98000"},
        {"\"SerialNumber\" : \"a \\\" b\", \"x\" : 1", "\"SerialNumber\" : \"REDACTED\", \"x\" : 1"},
        {"udid 0123456789abcdef0123456789abcdef01234567.", "udid REDACTED."},
        {"phone 00008110-001A2B3C4D5E801E", "phone REDACTED"},
        {"serial C02XG0FDJGH5, Wi-Fi a4:83:e7:00:11:22", "serial REDACTED, Wi-Fi REDACTED"},
        {"ether a4-83-e7-00-11-22", "ether REDACTED"},
        {"at 192.168.178.23:80, fe80::1c2a:3bff:fe4d:5e6f%en0.", "at REDACTED:80, REDACTED%en0."},
        {"at 2001:db8:0:0:0:0:0:1", "at REDACTED"},
        {"mail jane@example.org.", "mail REDACTED."},
        {"from nas.fritz.box and build01.lan", "from HOST.fritz.box and HOST.lan"},
        {"on Janes-MacBook-Pro, janes-mbp.corp.example", "on HOST, HOST.corp.example"},
        {"\"computerName\":\"quiet-owl\",\"asi\":\"quiet-owl said no\"",
         "\"computerName\":\"REDACTED\",\"asi\":\"HOST said no\""},
        {"quiet-owl is quiet-owl.local", "HOST is HOST.local"},
        /* of a title, in which numbers are no more */
        {"(a4:<n>:e7:<n>:<n>:<n>, fe80::<n>c2a:<n>bff:fe4d:<n>f)", "(REDACTED, REDACTED)"},
        /* what has to stay */
        {"\"incident\" : \"CF0B19F1-8A6C-45DF-868C-FFC21EE1A3D0\"",
         "\"incident\" : \"CF0B19F1-8A6C-45DF-868C-FFC21EE1A3D0\""},
        {"\"uuid\" : \"c6e3fdec-2492-33b0-a29d-9554351a9b9f\"",
         "\"uuid\" : \"c6e3fdec-2492-33b0-a29d-9554351a9b9f\""},
        {"\"codes\":\"0x0000000000000001, 0x0000000000000008\",\"far\":{\"value\":10589627118893992742}",
         "\"codes\":\"0x0000000000000001, 0x0000000000000008\",\"far\":{\"value\":10589627118893992742}"},
        {"\"flavor\":\"ARM_THREAD_STATE64\",\"type\":\"EXC_BAD_ACCESS\"",
         "\"flavor\":\"ARM_THREAD_STATE64\",\"type\":\"EXC_BAD_ACCESS\""},
        {"\"symbol\":\"-[MTLDevice newBuffer:]\",\"captureTime\":\"2031-02-03 10:20:30.2500 +0100\"",
         "\"symbol\":\"-[MTLDevice newBuffer:]\",\"captureTime\":\"2031-02-03 10:20:30.2500 +0100\""},
        {"\"path\":\"\\/System\\/Library\\/x\",\"os\":\"macOS 26.3 "
         "(25D125)\",\"modelCode\":\"MacBookPro18,3\"",
         "\"path\":\"/System/Library/x\",\"os\":\"macOS 26.3 (25D125)\",\"modelCode\":\"MacBookPro18,3\""},
        {"at 127.0.0.1 or ::1, c10::add and a::b at f.cc:12:34",
         "at 127.0.0.1 or ::1, c10::add and a::b at f.cc:12:34"},
        {"\"CFBundleVersion\":\"1.2.3.4\", version 5.6.7.8",
         "\"CFBundleVersion\":\"1.2.3.4\", version 5.6.7.8"},
        {"com.apple.local settings.local.json Debug-iphoneos",
         "com.apple.local settings.local.json Debug-iphoneos"},
        {"c<n>::add <n>:<n> 10:20:30", "c<n>::add <n>:<n> 10:20:30"},
        {"\"not a key: serial\", \"serial\"", "\"not a key: serial\", \"serial\""},
        /* what is cut off, or odd */
        {"", ""},
        {"\"serial\" :", "\"serial\" :"},
        {"\"serial\" : \"abc", "\"serial\" : \"abc"},
        {"\"a\\", "\"a\\"},
        {"a4", "a4"},
        {"a4:", "a4:"},
        {"a4:83:", "a4:83:"},
        {"00008110-", "00008110-"},
    };
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        /* exactly as long as it is, for the sanitizers */
        char *text = tl_strdup(pairs[i][0]), *got = redacted(text);
        cr_assert_str_eq(got, pairs[i][1], "%s became %s", pairs[i][0], got);
        free(got);
        free(text);
    }
}

/* What is made of a report says no more than the report itself, once it has been learned; names of things stay. */
Test(system_reports, what_is_made_of_it)
{
    struct tl_redaction r = {0};
    json_t *made =
        json_pack("{s:{s:s,s:s},s:s,s:s,s:s}", "signature", "id", "C02XL0GTJGH5", "title",
                  "no device on quiet-owl, serial C02XL0GTJGH5", "message", "at 10.0.0.7 of owl-tower.lan",
                  "case", "quiet-owl", "build_id", "0123456789abcdef0123456789abcdef01234567");
    json_t *plain = tl_redact_json(&r, made);
    cr_assert(json_equal(plain, made), "of no report");
    tl_redaction_learn_report(&r, "{\"hostname\" : \"quiet-owl\"}");
    json_t *got = tl_redact_json(&r, made);
    char *text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);
    cr_assert_str_eq(text,
                     "{\"build_id\":\"0123456789abcdef0123456789abcdef01234567\",\"case\":\"quiet-owl\","
                     "\"message\":\"at REDACTED of HOST.lan\",\"signature\":{\"id\":\"C02XL0GTJGH5\","
                     "\"title\":\"no device on HOST, serial REDACTED\"}}");
    free(text);
    json_decref(got);
    json_decref(plain);
    json_decref(made);
    tl_redaction_free(&r);
}

/* Words of any length cost what they are long. */
Test(system_reports, long_words)
{
    static const char *const parts[] = {"a-",    "a.",     "a4:", "0123456789abcdef", "\"",  "\\",
                                        "A1",    "a@",     "1.",  "fe80::",           "<n>", "<n>:",
                                        "-mac-", "a.local"};
    for (size_t i = 0; i < TL_COUNT(parts); i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        while (b.size < 1u << 18)
            tl_buffer_add_string(&b, parts[i]);
        char *got = redacted(b.data);
        cr_assert(*got);
        free(got);
        tl_buffer_free(&b);
    }
}

Test(system_reports, rows)
{
    struct tl_system_report p = {.relation = TL_REPORT_HELPER,
                                 .bug_type = 309,
                                 .kind = tl_strdup("crash report"),
                                 .process = tl_strdup("aned"),
                                 .pid = 77,
                                 .exception = tl_strdup("EXC_BAD_ACCESS"),
                                 .subtype = tl_strdup("KERN_INVALID_ADDRESS at 0x8"),
                                 .queue = tl_strdup("q"),
                                 .incident = tl_strdup("I"),
                                 .os = tl_strdup("macOS 31.1"),
                                 .os_build = tl_strdup("31B77"),
                                 .name = tl_strdup("a\xff.ips")};
    struct tl_trial_record r = {.n_reports = 1, .reports = &p};
    json_t *list = tl_system_reports_json(&r, true), *rows = tl_system_report_rows(json_array_get(list, 0));
    char *text = json_dumps(rows, JSON_COMPACT), *line = tl_system_reports_line(list),
         *heading = tl_system_report_heading(json_array_get(list, 0));
    cr_assert_str_eq(
        text,
        "[[\"process\",\"aned, pid 77\"],[\"exception\",\"EXC_BAD_ACCESS, KERN_INVALID_ADDRESS at 0x8\"],"
        "[\"queue\",\"q\"],[\"os\",\"macOS 31.1 "
        "(31B77)\"],[\"incident\",\"I\"],[\"file\",\"a\xef\xbf\xbd.ips\"]]");
    cr_assert_str_eq(
        line, "crash report of aned, EXC_BAD_ACCESS, KERN_INVALID_ADDRESS at 0x8, queue q, incident I, file "
              "a\xef\xbf\xbd.ips");
    cr_assert_str_eq(
        heading,
        "Report of the system: crash report of aned (of a process that worked for this trial, or for "
        "others at the time)");
    cr_assert(json_is_null(json_object_get(json_array_get(list, 0), "text")));
    free(text);
    free(line);
    free(heading);
    json_decref(rows);
    json_decref(list);
    tl_system_report_free(&p);
}
