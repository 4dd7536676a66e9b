/* What doctor says of a Mac, decided here from what a Mac would answer. */
#include "harness/base/buffer.h"
#include "harness/cli/doctor_rules.h"

#include <criterion/criterion.h>
#include <string.h>

#define GIB 1073741824ull

static void answer_is(struct tl_doctor_answer a, enum tl_doctor_verdict verdict, const char *what,
                      const char *advice)
{
    cr_expect_eq(a.verdict, verdict, "%s", a.what);
    cr_expect(strstr(a.what, what), "%s in: %s", what, a.what);
    if (advice)
        cr_expect(a.advice && strstr(a.advice, advice), "%s in: %s", advice, a.advice ? a.advice : "nothing");
    else
        cr_expect_null(a.advice, "%s", a.advice);
    tl_doctor_answer_free(&a);
}

Test(doctor, dialogs)
{
    static const char mend[] = "defaults write com.apple.CrashReporter DialogType server";
    answer_is(tl_doctor_dialogs(NULL), TL_DOCTOR_NOTE, "DialogType is not set", mend);
    answer_is(tl_doctor_dialogs(""), TL_DOCTOR_NOTE, "not set", mend);
    answer_is(tl_doctor_dialogs("crashreport\n"), TL_DOCTOR_NOTE, "DialogType is crashreport)", mend);
    answer_is(tl_doctor_dialogs("developer"), TL_DOCTOR_NOTE, "developer", mend);
    answer_is(tl_doctor_dialogs("serverless"), TL_DOCTOR_NOTE, "serverless", mend);
    answer_is(tl_doctor_dialogs("server\n"), TL_DOCTOR_GOOD, "shows no dialogs", NULL);
    answer_is(tl_doctor_dialogs("None\r\n"), TL_DOCTOR_GOOD, "DialogType is None)", NULL);
}

Test(doctor, disk_access)
{
    static const char mend[] = "Full Disk Access: turn it on";
    answer_is(tl_doctor_disk_access(TL_ACCESS_YES, "/r", NULL, "/p"), TL_DOCTOR_GOOD,
              "reports in /r can be read", NULL);
    answer_is(tl_doctor_disk_access(TL_ACCESS_NO, "/r", NULL, "/p"), TL_DOCTOR_NOTE,
              "has no Full Disk Access", mend);
    answer_is(tl_doctor_disk_access(TL_ACCESS_UNKNOWN, "/r", NULL, "/p"), TL_DOCTOR_NOTE, "cannot be told",
              "add /p");
    answer_is(tl_doctor_disk_access(TL_ACCESS_NO, "/r", "Operation not permitted", "/p"), TL_DOCTOR_BAD,
              "/r: Operation not permitted", mend);
    answer_is(tl_doctor_disk_access(TL_ACCESS_YES, "/r", "Permission denied", "/p"), TL_DOCTOR_BAD,
              "cannot be read", mend);
}

Test(doctor, scratch)
{
    answer_is(tl_doctor_scratch("/t", 100 * GIB, 4, 4096, true), TL_DOCTOR_GOOD, "/t: 100.0 GiB free", NULL);
    answer_is(tl_doctor_scratch("/t", 40 * GIB, 4, 4096, true), TL_DOCTOR_NOTE, "40.0 GiB",
              "/private/var/folders");
    answer_is(tl_doctor_scratch("/t", 40 * GIB, 4, 4096, false), TL_DOCTOR_GOOD, "40.0 GiB", NULL);
    answer_is(tl_doctor_scratch("/t", 8 * GIB, 4, 4096, false), TL_DOCTOR_NOTE, "8.0 GiB", "16 GiB");
    answer_is(tl_doctor_scratch("/t", 0, 1, 4096, false), TL_DOCTOR_BAD, "0.0 GiB", "TMPDIR");
    answer_is(tl_doctor_scratch("/t", 60 * GIB, 16, 4096, true), TL_DOCTOR_NOTE, "60.0", "64 GiB");
}

Test(doctor, shields)
{
    static const struct {
        const char *path;
        enum tl_doctor_shield shield;
    } rows[] = {
        {"/bin/sh", TL_SHIELD_WHOLE},
        {"/sbin/mount", TL_SHIELD_WHOLE},
        {"/usr/bin/env", TL_SHIELD_WHOLE},
        {"/usr/libexec/java_home", TL_SHIELD_WHOLE},
        {"/System/Library/Frameworks/A.framework/Versions/A/tool", TL_SHIELD_WHOLE},
        {"/usr/bin/xcrun", TL_SHIELD_STUB},
        {"/usr/bin/swift", TL_SHIELD_STUB},
        {"/usr/bin/python3", TL_SHIELD_STUB},
        {"/usr/local/bin/python3", TL_SHIELD_NONE},
        {"/opt/homebrew/Cellar/llama.cpp/1/bin/llama-cli", TL_SHIELD_NONE},
        {"/Users/me/bin/sh", TL_SHIELD_NONE},
        {"/binary/sh", TL_SHIELD_NONE},
        {"/System/Volumes/Data/Users/me/run", TL_SHIELD_NONE},
        {"/Applications/Xcode.app/Contents/Developer/usr/bin/coreai-build", TL_SHIELD_NONE},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        cr_expect_eq(tl_doctor_shield_of(rows[i].path), rows[i].shield, "%s", rows[i].path);
}

Test(doctor, programs)
{
    answer_is(tl_doctor_program("kv, step 1 (compile)", "/bin/sh", NULL, true), TL_DOCTOR_NOTE,
              "kv, step 1 (compile): /bin/sh is protected", "not part of the system");
    answer_is(tl_doctor_program("r", "/bin/sh", NULL, false), TL_DOCTOR_GOOD, "r: /bin/sh", NULL);
    answer_is(tl_doctor_program("r", "/usr/bin/xcrun", NULL, true), TL_DOCTOR_GOOD, "selected Xcode", NULL);
    answer_is(tl_doctor_program("r", NULL, "uv: not found", true), TL_DOCTOR_BAD, "uv: not found", "PATH");
}
