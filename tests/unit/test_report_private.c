/* Reports of findings: what is private in them, and what only looks so. */
#include "reports/redact/redact.h"
#include "tests/unit/report_fixture.h"

/* The home of a user may have any letters, and what prints paths spells those beyond ASCII as code points (Python) or as the
 * bytes that they are. */
Test(report_private, homes_of_other_letters_are_left_out)
{
    struct tl_redaction r = {.home = tl_strdup("/srv/döra 😀 é")};
    static const char *const pairs[][2] = {
        {"/srv/döra 😀 é/x, /srv/DÖRA 😀 É/x", "~/x, ~/x"},
        {"File \"/srv/d\\xf6ra \\U0001f600 \\xe9/run.py\", line 5", "File \"~/run.py\", line 5"},
        {"/srv/d\\u00f6ra \\ud83d\\ude00 \\u{e9}/x", "~/x"},
        {"/srv/d\\xc3\\xb6ra \\xf0\\x9f\\x98\\x80 \\303\\251/x", "~/x"},
        {"file:///srv/d%C3%B6ra%20%f0%9f%98%80%20%c3%a9/x", "file://~/x"},
        {"/SRV/D\\xd6RA \\U0001F600 \\xC9/x", "~/x"},
        {"/srv/d&#246;ra 😀 &#xE9;/x", "~/x"},
        {"/srv/do\xcc\x88ra 😀 e\xcc\x81/x, /srv/do\\u0308ra%20😀%20e%cc%81/x", "~/x, ~/x"},
        {"/srv/dora \\U0001f600 \\xe9/x", "/srv/dora \\U0001f600 \\xe9/x"},
        {"/home/j\\xf6rg/x and /Users/j\\xf6rg/y", "~/x and ~/y"},
    };
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        char *text = tl_redact(&r, pairs[i][0]);
        cr_expect_str_eq(text, pairs[i][1]);
        free(text);
    }
    tl_redaction_free(&r);
    /* one with a '%', and letters that are two */
    struct tl_redaction marked = {.home = tl_strdup("/srv/h%20 o\xcc\x88")};
    static const char *const spelled[] = {"/srv/h%20 o\xcc\x88/x", "/srv/h%20 \xc3\xb6/x",
                                          "/srv/h%2520%20%C3%B6/x", "/srv/h%252520%2520o%25cc%2588/x",
                                          "/srv/h%2520+\\u00f6/x"};
    for (size_t i = 0; i < TL_COUNT(spelled); i++) {
        char *text = tl_redact(&marked, spelled[i]);
        cr_expect_str_eq(text, "~/x");
        free(text);
    }
    tl_redaction_free(&marked);
    /* a home that is no UTF-8: Python keeps its bytes */
    struct tl_redaction odd = {.home = tl_strdup("/srv/d\xf6ra")};
    static const char *const bytes[] = {"/srv/d\\xf6ra/x", "/srv/d\\udcf6ra/x", "/srv/d\\366ra/x",
                                        "/srv/d%F6ra/x"};
    for (size_t i = 0; i < TL_COUNT(bytes); i++) {
        char *text = tl_redact(&odd, bytes[i]);
        cr_expect_str_eq(text, "~/x");
        free(text);
    }
    tl_redaction_free(&odd);
}

/* Where failures are compared a path ends at its first blank: what is left of a home with blanks goes as well. */
Test(report_private, what_is_left_of_homes_with_blanks_is_left_out)
{
    static const char *const rows[][3] = {
        {"/Users/Jane Doe", "(execute, <path> Doe/apple/bin/xcrun) <path> Doe: no",
         "(execute, <path>) <path>: no"},
        {"/srv/h %20 x", "no <path> %<n> x/bin/a<n> in it, <path> %<n> xylophone",
         "no <path> in it, <path> %<n> xylophone"},
        {"/srv/a lab 1.2", "<path> lab <n>/x.", "<path>."},
        {"/srv/jane", "<path> jane/x", "<path> jane/x"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_redaction r = {.home = tl_strdup(rows[i][0])};
        char *text = tl_redact(&r, rows[i][1]);
        cr_expect_str_eq(text, rows[i][2]);
        free(text);
        tl_redaction_free(&r);
    }
}

Test(report_private, homes_users_and_hosts_are_left_out)
{
    struct tl_redaction r = {.home = tl_strdup("/data/people/bob")};
    tl_redaction_add(&r, "bob", "USER");
    tl_redaction_add(&r, "megabox", "HOST");
    tl_redaction_add(&r, "root", "USER");
    tl_redaction_add(&r, "lab-07-x2", "HOST");
    tl_redaction_add(&r, "10-20", "HOST");
    tl_redaction_add_everywhere(&r, "0123456789abcdef", "DEVICE");
    tl_redaction_add_everywhere(&r, "Ada's phone", "DEVICE");
    tl_redaction_add_everywhere(&r, "iPhone", "DEVICE");
    static const char *const pairs[][2] = {
        {"/home/carol/x and /Users/dave/y", "~/x and ~/y"},
        {"/root/.cache", "~/.cache"},
        {"/rooted/x", "/rooted/x"},
        {"/data/people/bob/z, /data/people/bobby/z", "~/z, /data/people/bobby/z"},
        {"/srv/home/erin/x", "/srv/home/USER/x"},
        {"C:\\Users\\frank\\x", "C:\\Users\\USER\\x"},
        {"/private/var/folders/ab/cdefgh/T/x", "/private/var/folders/USER/T/x"},
        {"bob@megabox: bobsled", "USER@HOST: bobsled"},
        {"file:///home/carol", "file://~"},
        /* in other spellings */
        {"file:///home/j%20doe/m.onnx", "file://~/m.onnx"},
        {"/home/jane\\ doe/x and '/home/j\\303\\266rg/x'", "~/x and '~/x'"},
        {"a=%2Fhome%2Fcarol%2Fx&b=%252fhome%252fcarol", "a=~%2Fx&b=~"},
        {"{\"p\":\"\\/home\\/me2\\/x\"} \"\\\\/home\\\\/me2\\\\/x\"", "{\"p\":\"~\\/x\"} \"~\\\\/x\""},
        {"\\u002fhome\\u002fj\\u00f6rg\\u002fx", "~\\u002fx"},
        {"//home//carol//x, /home/./carol/x", "~//x, ~/x"},
        {"~carol/x ~/y '~bob' Session::~bob() 1.2~rc1/x", "~/x ~/y '~USER' Session::~bob() 1.2~rc1/x"},
        {"C:\\\\Users\\\\frank\\\\x C:/Users/frank/x c:\\users\\FRANK\\x",
         "C:\\\\Users\\\\USER\\\\x C:~/x c:\\users\\USER\\x"},
        {"C:\\Users\\Jane Doe\\x, /Users/Jane and /Users/Bob", "C:\\Users\\USER\\x, ~ and ~"},
        {"/USERS/Carol/x, /users/carol", "~/x, ~"},
        {"https://example.org/users/list and app/users/list",
         "https://example.org/users/list and app/users/list"},
        {"/PRIVATE/VAR/Folders/Ab/cdef/T and %2Fvar%2Ffolders%2Fab%2Fcdef%2FT",
         "/PRIVATE/VAR/Folders/USER/T and %2Fvar%2Ffolders%2FUSER%2FT"},
        {"/Data/People/Bob/x -I/data/people/bob/x /mnt/data/people/bob/x",
         "~/x -I~/x /mnt/data/people/USER/x"},
        {"cannot open /data/people/bob.", "cannot open ~."},
        {"line\\n/data/people/bob/x file%3A%2F%2F%2Fdata%2Fpeople%2Fbob", "line\\n~/x file%3A%2F%2F~"},
        {"/media/carol/stick, /run/media/carol/stick, a/media/logo.png",
         "/media/USER/stick, /run/media/USER/stick, a/media/logo.png"},
        {"/mnt/c/Users/carol/x", "/mnt/c/Users/USER/x"},
        /* what only looks like it */
        {"100% /home, 50%/x, \\home, /homes/x, /home/", "100% /home, 50%/x, \\home, /homes/x, /home/"},
        {"MEGABOX: bob::run(bob) in bob(int)", "HOST: bob::run(USER) in bob(int)"},
        {"root", "root"},
        {"--device=00008150-001A2B3C4D5E6F70 -- x", "--device=DEVICE -- x"},
        {"00008150-001A2B3C4D5E6F70,00008150-001A2B3C4D5E6F71", "DEVICE,DEVICE"},
        {"00008150-001A2B3C4D5E6F70A a00008150-001A2B3C4D5E6F70 0-1",
         "00008150-001A2B3C4D5E6F70A a00008150-001A2B3C4D5E6F70 0-1"},
        {"1A2B3C4D-1A2B-1A2B-1A2B-1A2B3C4D5E6F", "1A2B3C4D-1A2B-1A2B-1A2B-1A2B3C4D5E6F"},
        {"Ada's phone, 0123456789abcdef, an iPhone", "DEVICE, DEVICE, an iPhone"},
        {"on lab-07-x2, lab-#-x#: lab-<n>-x<n>; lab-8-x2", "on HOST, HOST: HOST; lab-8-x2"},
        {"#-# of <n>-<n>, 10-20", "#-# of <n>-<n>, HOST"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text = tl_redact(&r, pairs[i][0]);
        cr_expect_str_eq(text, pairs[i][1], "%s became %s", pairs[i][0], text);
        free(text);
    }
    /* A user that a path names is left out wherever the name stands, but a value of an axis stays what it is.
     */
    json_t *argv = json_pack("{s:[s,s]}", "case", "--device", "00008150-001A2B3C4D5E6F70"),
           *hidden = tl_redact_json(&r, argv), *device = json_pack("{s:[s,s]}", "case", "--device", "DEVICE");
    cr_expect(json_equal(hidden, device), "a device is taken out of commands, too");
    json_decref(argv);
    json_decref(hidden);
    json_decref(device);
    json_t *document = json_pack("{s:s,s:s,s:{s:s,s:s},s:[{s:[{s:s}]}]}", "a", "/home/grace/x", "b",
                                 "grace was here", "minimal", "c", "grace", "d", "/home/grace/y",
                                 "local_needs", "any_of", "value", "grace"),
           *got = tl_redact_json(&r, document),
           *wanted =
               json_pack("{s:s,s:s,s:{s:s,s:s},s:[{s:[{s:s}]}]}", "a", "~/x", "b", "USER was here", "minimal",
                         "c", "grace", "d", "~/y", "local_needs", "any_of", "value", "grace");
    cr_expect(json_equal(got, wanted));
    json_decref(document);
    json_decref(got);
    json_decref(wanted);
    tl_redaction_free(&r);
}

/* Somebody who is called as things are is left out where it is a name, and the things stay. */
Test(report_private, names_that_are_words)
{
    struct tl_redaction r = {0};
    static const char *const users[] = {"core", "Max", "jo", "42", "onnx"}, *const hosts[] = {"gpu",
                                                                                              "node.example"};
    for (size_t i = 0; i < TL_COUNT(users); i++)
        tl_redaction_add(&r, users[i], "USER");
    for (size_t i = 0; i < TL_COUNT(hosts); i++)
        tl_redaction_add_host(&r, hosts[i]);
    static const char *const pairs[][2] = {
        {"onnxruntime/core/session.cc: core::Run, core 3", "onnxruntime/core/session.cc: core::Run, core 3"},
        {"core@gpu: core dumped", "USER@HOST: core dumped"},
        {"ai.onnx.ml Max(jo, 42) on the gpu", "ai.onnx.ml Max(jo, 42) on the gpu"},
        {"user=jo, login: core, USER='Max', hostname: gpu",
         "user=USER, login: USER, USER='USER', hostname: HOST"},
        {"/home/core/core.py ~core", "~/core.py ~USER"},
        {"onnx@1.22.0:cpu, sim@26A5353q:ane, f@@GLIBC_2.2",
         "onnx@1.22.0:cpu, sim@26A5353q:ane, f@@GLIBC_2.2"},
        {"node.example: node 7", "HOST: node 7"},
    };
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        char *text = tl_redact(&r, pairs[i][0]);
        cr_expect_str_eq(text, pairs[i][1], "%s became %s", pairs[i][0], text);
        free(text);
    }
    tl_redaction_free(&r);
}

/* Who stands beside somebody known is known. */
Test(report_private, names_beside_names)
{
    struct tl_redaction r = {0};
    tl_redaction_add(&r, "carol", "USER");
    tl_redaction_add_host(&r, "megabox.lan");
    json_t *document = json_pack("{s:s,s:s,s:s,s:s,s:{s:s}}", "a", "carol@nimbus: dave@megabox erin@x7.org",
                                 "b", "nimbus and dave, erin", "c", "see ~frank/x", "d",
                                 "frank's, file:///home/gr%C3%A9ta/x", "e", "/home/heidi/x", "/home/heidi"),
           *got = tl_redact_json(&r, document);
    char *text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);
    cr_assert_str_eq(text, "{\"a\":\"USER@HOST: USER@HOST erin@x7.org\",\"b\":\"HOST and USER, erin\","
                           "\"c\":\"see ~/x\",\"d\":\"USER's, file://~/x\",\"e\":{\"~/x\":\"~\"}}");
    free(text);
    json_decref(document);
    json_decref(got);
    tl_redaction_free(&r);
}

Test(report_private, paths_are_kept_when_asked_for)
{
    json_t *finding = fixture(), *report = report_of(finding, true);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "/home/alice/.cache/trapline/builds");
    free(text);
    json_decref(report);
    json_decref(finding);
}
