/* Members that a document always has are required; all else may be absent, and later versions add to it. docs/commands.md and
 * docs/nightly.md say in words what they hold. */
#include "harness/cli/documents.h"

#include "cases/forms.h"

#define INTEGER TYPE("integer")
#define LIST(of) "{\"type\":\"array\",\"items\":" of "}"
#define PAIR "{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"integer\"}}"
#define COUNTS "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}"
#define NUMBERS "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}}"
#define OUTCOME WORDS(OUTCOMES ",\"lost\"")
#define PHASE WORDS("\"start\"," PHASES ",\"done\"")
#define VARIANT OBJECT
#define MUST(name, form, about)                                                                              \
    {                                                                                                        \
        name, true, form, about                                                                              \
    }
#define MAY(name, form, about)                                                                               \
    {                                                                                                        \
        name, false, form, about                                                                             \
    }
#define RULE(rule_name, definition, list) static RULE_OF(rule_name, definition, list, 0)

/* --- parts ---------------------------------------------------------------------------------------------- */

static const struct tl_key_rule signature[] = {
    MUST("id", STRING, "Of failures in one build"),
    MUST("title", OR_NULL("string"), "In words"),
    MAY("coarse_id", OR_NULL("string"), "Of the part that can be compared across builds and machines"),
    MAY("coarse_title", OR_NULL("string"), "That part in words"),
};
RULE(rule_signature, "signature", signature);

static const struct tl_key_rule usable[] = {
    MUST("unit", STRING, "RUNNER[@BUILD]:DEVICE[%ALIAS]"),
    MUST("usable", TRUTH, NULL),
    MUST("why", OR_NULL("string"), "Why not"),
};
RULE(rule_usable, "usable_unit", usable);

/* Of the short form of a trial and of the whole. */
#define OF_A_TRIAL                                                                                           \
    MUST("id", STRING, "As `trapline show` takes it"), MUST("unit", STRING, "Where it ran"),                 \
        MUST("variant", VARIANT, "Every axis"), MUST("outcome", OUTCOME, "What came of it"),                 \
        MUST("phase", PHASE, "The furthest that it reached"),                                                \
        MUST("signal", OR_NULL("string"), "Such as SIGSEGV"),                                                \
        MUST("signature", REF_OR_NULL("signature"), "Of a failure"),                                         \
        MUST("message", OR_NULL("string"), NULL),                                                            \
        MUST("reference", OR_NULL("object"), "What was compared, and how it came out"),                      \
        MUST("exit_status", OR_NULL("integer"), "Where the process exited"),                                 \
        MUST("phases", NUMBERS, "Seconds in each phase"),                                                    \
        MUST("counts", OR_NULL("object"), "What was counted"),                                               \
        MUST("peak_rss", OR_NULL("integer"), "Bytes"), MAY("metrics", NUMBERS, "Numbers that it told"),      \
        MAY("operator", OR_NULL("object"), "That was in flight"),                                            \
        MAY("expected", OR_NULL("string"), "What is right, in words"), MAY("as_expected", TRUTH, NULL)

static const struct tl_key_rule trial_short[] = {
    OF_A_TRIAL,
    MUST("cached", TRUTH, "It was known already"),
};
RULE(rule_trial_short, "trial", trial_short);

static const struct tl_key_rule labelled[] = {
    MUST("letter", STRING, "That stands for it in cells"),
    MUST("id", STRING, NULL),
    MUST("coarse_id", OR_NULL("string"), NULL),
    MUST("title", OR_NULL("string"), NULL),
    MUST("outcome", OUTCOME, NULL),
    MUST("phase", PHASE, NULL),
    MUST("signal", OR_NULL("string"), NULL),
    MUST("trials", INTEGER, NULL),
};
RULE(rule_labelled, "lettered_signature", labelled);

static const struct tl_key_rule known_failure[] = {
    MAY("id", STRING, "Of what the database holds"),
    MAY("case", STRING, NULL),
    MUST("signature", STRING, "Of the failure across builds"),
    MAY("outcome", OUTCOME, NULL),
    MAY("phase", PHASE, NULL),
    MAY("signal", OR_NULL("string"), NULL),
    MAY("title", STRING, "Of the failure"),
    MUST("as", OR_NULL("string"), "What it is called elsewhere"),
    MUST("url", OR_NULL("string"), NULL),
    MUST("note", OR_NULL("string"), NULL),
    MUST("status", STRING, "known, filed or wontfix"),
    MUST("until", OR_NULL("string"), "fixed, or the last day"),
    MAY("since_us", INTEGER, "When it was said; microseconds since 1970 UTC"),
    MAY("state", STRING, "In a night"),
    MAY("by", STRING, "In a library without symbols: place, variant, kind or elsewhere"),
    MAY("places", LIST(OBJECT), "There: the build, signature and variant of each"),
};
RULE(rule_known_failure, "known_failure", known_failure);

static const struct tl_key_rule cell[] = {
    MUST("class", STRING, "Such as new-failure, fixed, still-failing"),
    MUST("case", STRING, NULL),
    MUST("which", OR_NULL("string"), "failing, baseline, or null of another variant"),
    MUST("variant", VARIANT, NULL),
    MUST("unit", STRING, NULL),
    MUST("passed", INTEGER, NULL),
    MUST("failed", INTEGER, NULL),
    MUST("refused", INTEGER, "Clean errors"),
    MUST("unsupported", INTEGER, NULL),
    MUST("lost", INTEGER, NULL),
    MAY("seconds", NUMBER, NULL),
    MAY("environment", OR_NULL("object"), NULL),
    MAY("as_expected", INTEGER, "Of those that passed, with another outcome that is right"),
    MAY("known", REF("known_failure"),
        "Of a failure that somebody has judged; state is open, again, over, gone or closed"),
    MAY("settings", OR_NULL("object"), "Axes away from the baseline"),
    MAY("failures", LIST(OBJECT), NULL),
    MAY("memory", OR_NULL("number"), NULL),
    MAY("before", OR_NULL("object"), "What it was compared with"),
    MAY("evidence", OR_NULL("string"), NULL),
    MAY("unexplained", "{}", NULL),
    MAY("isolation", OR_NULL("object"), NULL),
    MAY("why", OR_NULL("string"), NULL),
    MAY("lost_trial", OR_NULL("string"), NULL),
};
RULE(rule_cell, "cell", cell);

static const struct tl_key_rule trigger[] = {
    MUST("axis", STRING, NULL),
    MUST("value", "{}", "The simplest with which it fails"),
    MAY("fails_with", TYPE("array"), NULL),
    MAY("passes_with", TYPE("array"), NULL),
    MAY("unresolved", TRUTH, NULL),
    MAY("band", "{}", NULL),
    MAY("elements", "{}", NULL),
    MAY("gap", "{}", NULL),
    MAY("masked", "{}", NULL),
    MAY("non_monotone", "{}", NULL),
    MAY("not_shown", "{}", NULL),
    MAY("of", "{}", NULL),
    MAY("pattern", "{}", NULL),
    MAY("rarer_with", "{}", NULL),
    MAY("set", "{}", NULL),
    MAY("unsupported_with", "{}", NULL),
    MAY("up_to", "{}", NULL),
    MAY("counted", "{}", NULL),
    MAY("every", TRUTH, "All of its other values were tried"),
    MAY("other_with", TYPE("array"), "Values with which it fails in another way"),
    MAY("threshold", "{}", "The first value that fails, where it was searched along an order"),
};
RULE(rule_trigger, "trigger", trigger);

static const struct tl_key_rule decisive[] = {
    MUST("axis", STRING, "The one in which they differ"),
    MUST("fails", VARIANT, NULL),
    MUST("passes", VARIANT, NULL),
    MAY("n_fails", INTEGER, "Runs"),
    MAY("n_passes", INTEGER, "Runs"),
    MAY("fails_trial", OR_NULL("string"), NULL),
    MAY("passes_trial", OR_NULL("string"), NULL),
};
RULE(rule_decisive, "decisive_pair", decisive);

static const struct tl_key_rule build[] = {
    MUST("build", STRING, "As units name it"),
    MUST("runner", STRING, NULL),
    MUST("version", STRING, NULL),
    MUST("path", STRING, NULL),
    MUST("sha256", STRING, NULL),
    MUST("size", INTEGER, "Bytes of the library"),
    MUST("disk", INTEGER, "Bytes of all that was stored of it"),
    MUST("source", STRING, "Where it came from"),
    MAY("devices", LIST(OBJECT), NULL),
    MAY("last_used_us", OR_NULL("integer"),
        "When the last trial on it began, in microseconds since 1970 UTC; null: none did"),
};
RULE(rule_build, "build", build);

static const struct tl_key_rule option[] = {
    MUST("name", STRING, NULL),
    MUST("value", OR_NULL("string"), "What stands for its value; null: it takes none"),
    MUST("letter", OR_NULL("string"), NULL),
    MUST("common", TRUTH, "Every command has it"),
    MUST("about", STRING, "Markdown"),
    MUST("more", OR_NULL("string"), "Markdown"),
};
RULE(rule_option, "option", option);

/* --- documents ------------------------------------------------------------------------------------------ */

static const struct tl_key_rule run[] = {
    MUST("trials", LIST(REF("trial")), "In the order in which they ended")};
RULE(rule_run, "run", run);

static const struct tl_key_rule whole[] = {
    OF_A_TRIAL,
    MUST("case", OR_NULL("string"), NULL),
    MUST("case_hash", OR_NULL("string"), NULL),
    MAY("variant_hash", OR_NULL("string"), NULL),
    MAY("environment_id", OR_NULL("string"), NULL),
    MAY("environment", OR_NULL("object"), "What the outcome is valid for"),
    MUST("started_us", INTEGER, "Microseconds since 1970 UTC"),
    MAY("command", "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\"}}", "Of the runner"),
    MAY("request", OR_NULL("object"), "What the runner was sent"),
    MUST("fresh", TRUTH, "A process of its own, and no fork server's child"),
    MAY("observed_device", OR_NULL("string"), NULL),
    MAY("error", OR_NULL("object"), "Domain and code"),
    MUST("wall_s", NUMBER, NULL),
    MAY("user_s", NUMBER, NULL),
    MAY("system_s", NUMBER, NULL),
    MAY("result", OR_NULL("object"), "Of the runner"),
    MAY("stdout", OR_NULL("object"), "head, tail, bytes"),
    MAY("stderr", OR_NULL("object"), "head, tail, bytes"),
    MUST("captures", LIST(OBJECT), "Stacks"),
    MAY("pids", LIST(INTEGER), NULL),
    MUST("imported", TRUTH, "Made of a report of the system, and never run"),
    MAY("matches", LIST(OBJECT), "Trials that failed in the same way"),
    MAY("set_aside", "{}", "A later trial contradicts it"),
    MUST("reports", LIST(OBJECT), "Reports of the system that belong to it"),
};
RULE(rule_whole, "show", whole);

static const struct tl_key_rule finding[] = {
    MUST("finding", OR_NULL("string"), "Its id; null where nothing was stored"),
    MUST("case", STRING, NULL),
    MAY("kind", STRING, "isolation, builds, frontier or reduction"),
    MAY("unit", STRING, NULL),
    MAY("title", OR_NULL("string"), NULL),
    MAY("case_hash", STRING, NULL),
    MAY("case_path", OR_NULL("string"), NULL),
    MAY("source", OR_NULL("string"), NULL),
    MAY("runner", OR_NULL("string"), NULL),
    MAY("device", OR_NULL("string"), NULL),
    MAY("build", OR_NULL("object"), "version, path, sha256"),
    MAY("created_us", INTEGER, "Microseconds since 1970 UTC"),
    MAY("elapsed_s", NUMBER, NULL),
    MAY("reproduced", TRUTH, "Whether the variant failed at all"),
    MAY("judged", TRUTH, "false: nothing could be tried or judged"),
    MAY("complete", TRUTH, "The result is minimal"),
    MAY("outcome", OR_NULL("string"), NULL),
    MAY("signal", OR_NULL("string"), NULL),
    MAY("phase", OR_NULL("string"), NULL),
    MAY("message", OR_NULL("string"), NULL),
    MAY("signature", REF_OR_NULL("signature"), NULL),
    MAY("failing", OR_NULL("object"), "The variant from which it started"),
    MAY("baseline", OR_NULL("object"), NULL),
    MAY("minimal", OR_NULL("object"), "Every axis"),
    MAY("trigger", LIST(REF("trigger")), NULL),
    MAY("independent", LIST(STRING), NULL),
    MAY("reset", TYPE("array"), NULL),
    MAY("needs", LIST(OBJECT), NULL),
    MAY("or", LIST(OBJECT), "Other triggers of the same failure"),
    MAY("match", "{\"enum\":[\"wide\",\"strict\",null]}", NULL),
    MAY("strict", OR_NULL("object"), "The same by the signature alone"),
    MAY("decisive", LIST(REF("decisive_pair")), NULL),
    MAY("generalises", OR_NULL("object"), "held, broken: failures of runs"),
    MAY("rate", "{\"anyOf\":[" PAIR ",{\"type\":\"null\"}]}", "Failures, runs"),
    MAY("flaky", TRUTH, NULL),
    MAY("trials", "{}", "How many; of a finding by hand their ids"),
    MAY("search_trials", INTEGER, NULL),
    MAY("cached", INTEGER, NULL),
    MAY("builds", OR_NULL("object"), NULL),
    MAY("frontier", OR_NULL("object"), NULL),
    MAY("others", LIST(OBJECT), "Failures with other signatures"),
    MAY("places", LIST(OBJECT), NULL),
    MAY("axes", LIST(OBJECT), NULL),
    MAY("notes", TYPE("array"), NULL),
    MAY("newest", OR_NULL("object"), NULL),
    MAY("about", OR_NULL("object"), "Texts of the case for people"),
    MAY("evidence", OR_NULL("object"), "trial, control: ids"),
    MAY("joint", TYPE("array"), NULL),
    MAY("local_needs", LIST(OBJECT), NULL),
    MAY("generalises_strict", OR_NULL("object"), NULL),
    MAY("rate_interval", LIST(NUMBER), NULL),
    MAY("confidence", OR_NULL("number"), NULL),
    MAY("by_purpose", COUNTS, "Trials of each"),
    MAY("budget", OR_NULL("object"), NULL),
    MAY("effort", "{\"enum\":[\"quick\",\"thorough\"]}", "Where one was asked for"),
    MAY("suspects", OBJECT, "axes, finding: what was tried first, and which finding named it"),
    MAY("unread", LIST(STRING), "Axes that nothing reads"),
    MAY("path", LIST(OBJECT), "The trials in their order"),
    MAY("environment", OR_NULL("object"), NULL),
    MAY("environment_id", OR_NULL("string"), NULL),
    MAY("exit_status", OR_NULL("integer"), NULL),
    MAY("tool", OR_NULL("object"), "name, command and version of the program that failed"),
    MAY("comparison", OR_NULL("object"), NULL),
    MAY("operator", OR_NULL("object"), "That was in flight"),
    MAY("failure_kind", OR_NULL("string"), NULL),
    MAY("failure_words", OR_NULL("string"), NULL),
    MAY("error_code", OR_NULL("string"), NULL),
    MAY("common_frame", OR_NULL("object"), NULL),
    MAY("counted_runs", TYPE("array"), NULL),
    MAY("cached_from", LIST(STRING), NULL),
    MAY("metrics", LIST(OBJECT), NULL),
    MAY("contents", OR_NULL("object"), "Hashes of what the case's commands read"),
    MAY("isolation", OR_NULL("object"), "Over builds: the search of the trigger"),
    MAY("processes", OR_NULL("object"), NULL),
    MAY("reduction", OR_NULL("object"), "What is left of a model"),
    MAY("expected", OR_NULL("string"), NULL),
    MAY("as_expected", TRUTH, NULL),
    MAY("model", OR_NULL("object"), NULL),
    MAY("also", "{}", NULL),
    MAY("inferred", "{}", "Answers that were taken from what other trials counted"),
    MAY("not_held", "{}", NULL),
    MAY("set_aside", "{}", "Trials that a later one contradicts"),
    MAY("stands_for", OR_NULL("object"),
        "The failing variant, where another one was tried that shows its failure"),
};
RULE(rule_finding, "finding", finding);

static const struct tl_key_rule reduce[] = {
    MUST("reduction", INTEGER, "Version of the form"),
    MUST("case", STRING, NULL),
    MUST("unit", STRING, NULL),
    MUST("reproduced", TRUTH, NULL),
    MUST("complete", TRUTH, NULL),
    MUST("finding", OR_NULL("string"), "Its id; null where nothing was stored"),
    MAY("minimal", TRUTH, "None of its nodes can be left out"),
    MAY("interrupted", TRUTH, NULL),
    MAY("step", STRING, "Where it was interrupted"),
    MAY("outcome", OUTCOME, NULL),
    MAY("phase", PHASE, NULL),
    MAY("signal", OR_NULL("string"), NULL),
    MAY("signature", REF_OR_NULL("signature"), NULL),
    MAY("rate", PAIR, "Failures, runs"),
    MAY("original_rate", PAIR, "Of the original"),
    MAY("original_otherwise", OBJECT, "What came of its other runs"),
    MAY("original_processes", OBJECT, "Of children of a fork server, and of processes of their own"),
    MAY("nodes", PAIR, "Before, after"),
    MAY("bytes", PAIR, "Of weights: before, after"),
    MAY("trials", INTEGER, NULL),
    MAY("cached", INTEGER, NULL),
    MAY("directory", STRING, "Of the result"),
    MAY("model", STRING, "Path of what is left"),
    MAY("structural", OR_NULL("string"), "Path of the model whose inputs are none of its own"),
    MAY("steps", LIST(OBJECT), NULL),
    MAY("difference", OR_NULL("object"), "Where outputs begin to differ"),
    MAY("graph", "{}", NULL),
};
RULE(rule_reduce, "reduce", reduce);

static const struct tl_key_rule init[] = {
    MUST("case", STRING, "Path of the case that was written"),
    MUST("name", STRING, "Of the case"),
    MAY("unit", STRING, "Where it was run, or can be"),
    MAY("trial", REF("trial"), "As it was given"),
    MAY("always", TRUTH, "It fails with every axis at its simplest, too"),
    MAY("means", STRING, "What came of it, in a sentence"),
    MAY("next", LIST(STRING), "Commands that follow"),
    MAY("axes", LIST(OBJECT), "As the case has them"),
    MAY("notes", LIST(STRING), "What was guessed, and left out"),
    MAY("report", STRING, "The trial that a crash report was imported as"),
};
RULE(rule_init, "init", init);

static const struct tl_key_rule findings[] = {MUST("findings", LIST(REF("finding")), "One for each unit")};
RULE(rule_findings, "findings", findings);

static const struct tl_key_rule matrix[] = {
    MUST("matrix", LIST(OBJECT), "A table for each case: case, axes, rows of cells"),
    MUST("units", LIST(REF("usable_unit")), NULL),
    MUST("signatures", LIST(REF("lettered_signature")), NULL),
    MUST("unsupported", LIST(OBJECT), "Why variants could not be tried"),
    MAY("processes", LIST(OBJECT), "Where forked children do something else than fresh processes"),
    MUST("trials", INTEGER, NULL),
    MUST("cached", INTEGER, NULL),
    MUST("failed", INTEGER, NULL),
    MUST("not_judged", INTEGER, NULL),
    MUST("elapsed_s", NUMBER, NULL),
    MUST("complete", TRUTH, NULL),
    MAY("cached_from", TYPE("array"), NULL),
    MAY("set_aside", "{}", "Trials that a later one contradicts"),
};
RULE(rule_matrix, "matrix", matrix);

static const struct tl_key_rule compare[] = {
    MUST("by", "{\"enum\":[\"unit\",\"build\",\"machine\",\"session\",\"versions\"]}", NULL),
    MUST("sides", LIST(OBJECT), "id, name, trials, ratios, the largest error"),
    MUST("rows", LIST(OBJECT), NULL),
    MUST("signatures", LIST(REF("lettered_signature")), NULL),
    MUST("failures", LIST(OBJECT), NULL),
    MUST("compared", INTEGER, NULL),
    MUST("differ", INTEGER, NULL),
    MUST("regressed", INTEGER, NULL),
    MUST("alone", INTEGER, "Variants that were tried on one side only"),
};
RULE(rule_compare, "compare", compare);

static const struct tl_key_rule night[] = {
    MUST("night", OR_NULL("string"), "Its id"),
    MUST("suite", STRING, NULL),
    MUST("n", INTEGER, "1 is the first of that suite on this machine"),
    MUST("machine", STRING, NULL),
    MAY("os", OR_NULL("string"), NULL),
    MAY("os_build", OR_NULL("string"), NULL),
    MUST("started", STRING, NULL),
    MUST("started_us", INTEGER, "Microseconds since 1970 UTC"),
    MUST("elapsed_s", NUMBER, NULL),
    MUST("resumed", TRUTH, NULL),
    MUST("complete", TRUTH, NULL),
    MUST("repeat", INTEGER, NULL),
    MUST("trials", INTEGER, NULL),
    MUST("previous", OR_NULL("object"), NULL),
    MUST("units", LIST(REF("usable_unit")), NULL),
    MUST("changes", LIST(REF("cell")), "Regressions first"),
    MUST("retests", LIST(OBJECT), NULL),
    MUST("still_failing", LIST(REF("cell")), NULL),
    MAY("known", LIST(REF("cell")), "Failures that somebody has judged"),
    MAY("closed", LIST(REF("cell")), "In which such a failure has not been seen for three nights"),
    MUST("unclear", LIST(REF("cell")), NULL),
    MUST("first", LIST(REF("cell")), NULL),
    MUST("lost", LIST(REF("cell")), NULL),
    MUST("cut_short", LIST(OBJECT), NULL),
    MUST("not_supported", LIST(REF("cell")), NULL),
    MUST("untried", LIST(REF("cell")), NULL),
    MUST("cells", LIST(REF("cell")), "All of them"),
    MAY("processes", LIST(OBJECT), NULL),
    MAY("set_aside", OR_NULL("object"), "trials, because"),
    MUST("notes", TYPE("array"), NULL),
    MAY("news", LIST(STRING), "Why somebody is notified; empty: nobody is"),
    MUST("judged", INTEGER, NULL),
    MUST("could_not_be_tried", INTEGER, NULL),
    MUST("counts", COUNTS, "Cells of each class"),
    MUST("regressions", INTEGER, NULL),
};
RULE(rule_night, "nightly", night);

static const struct tl_key_rule history[] = {MUST("case", STRING, NULL),
                                             MUST("nights", LIST(OBJECT), "Oldest first")};
RULE(rule_history, "nightly-history", history);
static const struct tl_key_rule status[] = {MUST("suites", LIST(OBJECT), "What is installed")};
RULE(rule_status, "nightly-status", status);

static const struct tl_key_rule cases[] = {MAY("cases", LIST(OBJECT), "path, name, title, axes"),
                                           MAY("run", LIST(OBJECT), "With a selection: those that were run")};
RULE(rule_cases, "list-cases", cases);
static const struct tl_key_rule units[] = {MUST("units", LIST(REF("usable_unit")), NULL)};
RULE(rule_units, "list-units", units);
static const struct tl_key_rule builds[] = {MUST("builds", LIST(REF("build")), NULL)};
RULE(rule_builds, "list-builds", builds);

static const struct tl_key_rule removed[] = {MUST("removed", LIST(REF("build")), NULL)};
RULE(rule_removed, "builds-removed", removed);

static const struct tl_key_rule listed_trial[] = {
    MUST("id", STRING, NULL),
    MUST("started_us", INTEGER, NULL),
    MUST("case", OR_NULL("string"), NULL),
    MUST("unit", STRING, NULL),
    MUST("variant", VARIANT, NULL),
    MUST("outcome", OUTCOME, NULL),
    MUST("phase", PHASE, NULL),
    MUST("wall_s", OR_NULL("number"), NULL),
    MUST("signal", OR_NULL("string"), NULL),
    MUST("signature", REF_OR_NULL("signature"), NULL),
    MAY("set_aside", "{}", "A later trial contradicts it"),
};
RULE(rule_listed_trial, "listed_trial", listed_trial);
static const struct tl_key_rule trials[] = {MUST("trials", LIST(REF("listed_trial")), "Newest first")};
RULE(rule_trials, "list-trials", trials);
static const struct tl_key_rule signatures[] = {MUST("signatures", LIST(OBJECT), NULL)};
RULE(rule_signatures, "list-signatures", signatures);

static const struct tl_key_rule report[] = {
    MUST("report", INTEGER, "Version of the form"),
    MUST("finding",
         "{\"anyOf\":[" REF("finding") ",{\"type\":\"object\",\"not\":{\"required\":[\"finding\"]}}]}",
         "Of a trial that was imported what is known of it"),
    MAY("matches", LIST(OBJECT), "Trials that failed in the same way"),
    MAY("failing_trial", OR_NULL("object"), NULL),
    MAY("control_trial", OR_NULL("object"), NULL),
    MAY("elsewhere", LIST(OBJECT), NULL),
    MAY("title", STRING, NULL),
};
RULE(rule_report, "report", report);
static const struct tl_key_rule report_for[] = {
    MUST("project", STRING, NULL),
    MUST("name", STRING, "Of the project"),
    MUST("form", "{}", "Where it is filed"),
    MUST("title", STRING, NULL),
    MUST("body", STRING, "Markdown"),
    MUST("fields", "{}", "Of the form, filled in"),
    MUST("warnings", LIST(STRING), NULL),
    MAY("bundle", STRING, "Path of it"),
    MAY("files", LIST(OBJECT), "In the bundle"),
    MAY("left_out", LIST(STRING), NULL),
    MAY("proved", "{}", "Whether its reproducers did as reported"),
};
RULE(rule_report_for, "report-for", report_for);
static const struct tl_key_rule report_bundle[] = {
    MUST("bundle", STRING, "Path of it"),
    MUST("files", LIST(OBJECT), "In the bundle: name, about, size"),
    MUST("left_out", LIST(STRING), "What is not in it, and why"),
    MUST("proved", "{}", "Whether its reproducers did as reported"),
};
RULE(rule_report_bundle, "report-bundle", report_bundle);
static const struct tl_key_rule report_site[] = {
    MUST("site", STRING, "Path of the folder"),
    MUST("files", INTEGER, NULL),
    MUST("bytes", INTEGER, NULL),
    MUST("largest", INTEGER, NULL),
    MUST("pages", INTEGER, NULL),
    MUST("trials", INTEGER, NULL),
    MUST("findings", INTEGER, NULL),
    MUST("nights", INTEGER, NULL),
    MUST("failures", INTEGER, "Of a case, with all its signatures"),
    MUST("signatures", INTEGER, NULL),
    MUST("cases", INTEGER, NULL),
    MUST("units", INTEGER, NULL),
};
RULE(rule_report_site, "report-site", report_site);

static const struct tl_key_rule retest[] = {
    MUST("retest", INTEGER, "Version of the form"),
    MUST("finding", OR_NULL("string"), NULL),
    MUST("case", OR_NULL("string"), NULL),
    MAY("source", OR_NULL("string"), NULL),
    MUST("retests", LIST(OBJECT), "Of each unit what came of it, and its sentence"),
};
RULE(rule_retest, "report-retest", retest);

static const struct tl_key_rule import[] = {MUST("reports", LIST(OBJECT), "Of each file what it is"),
                                            MUST("counts", OBJECT, NULL)};
RULE(rule_import, "import", import);
static const struct tl_key_rule known[] = {
    MAY("known", LIST(REF("known_failure")), NULL),
    MAY("case_files", LIST(OBJECT), "Of `list`: what the files of cases that were run here make known"),
    MAY("removed", LIST(REF("known_failure")), "Of `remove`"),
};
RULE(rule_known, "known", known);
static const struct tl_key_rule devices[] = {MUST("devices", LIST(OBJECT), NULL)};
RULE(rule_devices, "devices", devices);
static const struct tl_key_rule fleet[] = {
    MUST("url", STRING, "Where machines reach the server"),
    MUST("runs", TRUTH, NULL),
    MUST("key", OR_NULL("string"), "Of `invite`: the key file of the machine"),
    MUST("submit_key", STRING, "The key file of who asks"),
    MUST("admin_key", STRING, NULL),
    MUST("directory", STRING, "The server's files"),
    MUST("members", OBJECT, "Everybody who was invited: NAME: ROLE"),
    MUST("servers", LIST(OBJECT), "Of each listen and directory"),
    MUST("number", INTEGER, "Which of them this is, from 1"),
};
RULE(rule_fleet, "fleet", fleet);
static const struct tl_key_rule fleet_status[] = {
    MUST("url", STRING, NULL),
    MUST("runs", TRUTH, NULL),
    MUST("waiting", INTEGER, "Jobs that are not done"),
    MUST("machines", LIST(REF("fleet_machine")), "Everybody who was invited"),
    MUST("queues", LIST(REF("fleet_queue")), NULL),
};
RULE(rule_fleet_status, "fleet-status", fleet_status);
static const struct tl_key_rule fleet_machine[] = {
    MUST("machine", STRING, "Its name"),
    MUST("here", TRUTH, "It was heard of just now, and has not said that it ends"),
    MUST("silent_s", OR_NULL("integer"), "Since it was heard of, by the server's clock; null: never"),
    MUST("state", STRING,
         "well, checking, recovering, held, drained, unhealthy, ended, silent, refused, never seen"),
    MUST("why", STRING, "Of that state"),
    MUST("os", STRING, NULL),
    MUST("os_build", STRING, NULL),
    MUST("cpu", STRING, NULL),
    MUST("trapline", STRING, "Its version"),
    MUST("boot", STRING, "What names this run of the machine since it was booted"),
    MUST("places", INTEGER, "Trials at a time"),
    MUST("units", LIST(STRING), NULL),
    MUST("running", LIST(OBJECT), "case, unit, seconds"),
    MUST("done", INTEGER, "Jobs since its worker began"),
    MUST("lost", INTEGER, "Trials, likewise"),
    MUST("clock_s", OR_NULL("integer"), "So far its clock is ahead of the server's"),
};
RULE(rule_fleet_machine, "fleet_machine", fleet_machine);
static const struct tl_key_rule fleet_queue[] = {
    MUST("queue", STRING, NULL),
    MUST("of", STRING, "A kind of machine, or the name of one"),
    MUST("device", STRING, "Of jobs for one machine alone: none"),
    MUST("night", TRUTH, "Of nights, which everything else goes before"),
    MUST("waiting", INTEGER, "Jobs that nobody has taken"),
    MUST("running", INTEGER, "Jobs that somebody has"),
    MUST("units", LIST(STRING), "What those are jobs for, as machines say"),
    MUST("here", LIST(STRING), "Machines that take from it"),
    MUST("away", LIST(STRING), "Machines that would, and are not there, or take nothing"),
};
RULE(rule_fleet_queue, "fleet_queue", fleet_queue);
static const struct tl_key_rule fleet_control[] = {
    MUST("machine", STRING, NULL),
    MUST("want", STRING, "well, held or drained"),
    MUST("why", STRING, NULL),
};
RULE(rule_fleet_control, "fleet-control", fleet_control);

static const struct tl_key_rule check[] = {MUST("db", STRING, NULL), MUST("sound", TRUTH, NULL),
                                           MUST("found", TYPE("array"), "What is broken")};
RULE(rule_check, "db-check", check);
static const struct tl_key_rule compact[] = {MUST("db", STRING, NULL), MUST("before", INTEGER, "Bytes"),
                                             MUST("after", INTEGER, "Bytes"), MUST("rows", INTEGER, NULL)};
RULE(rule_compact, "db-compact", compact);
static const struct tl_key_rule exported[] = {MAY("trials", LIST(OBJECT), NULL),
                                              MAY("findings", LIST(REF("finding")), NULL)};
RULE(rule_exported, "db-export", exported);
static const struct tl_key_rule merge[] = {MUST("db", STRING, NULL), MUST("merged", LIST(OBJECT), NULL)};
RULE(rule_merge, "db-merge", merge);

static const struct tl_key_rule doctor[] = {MUST("sound", TRUTH, NULL),
                                            MUST("checks", LIST(OBJECT), "check, verdict, what, advice")};
RULE(rule_doctor, "doctor", doctor);

static const struct tl_key_rule command[] = {MUST("name", STRING, NULL), MUST("arguments", STRING, NULL),
                                             MUST("about", STRING, NULL),
                                             MUST("options", LIST(REF("option")), NULL)};
RULE(rule_command, "command", command);
static const struct tl_key_rule help[] = {MUST("commands", LIST(REF("command")), NULL)};
RULE(rule_help, "help", help);
static const struct tl_key_rule version[] = {MUST("version", STRING, "Of trapline")};
RULE(rule_version, "version", version);

static const struct tl_key_rule place[] = {
    MUST("value", "{}", "null: nothing says it"),
    MUST("from", STRING, "option, variable, trapline.json, config.json or default"),
    MUST("where", OR_NULL("string"), "FILE:LINE, or the option or variable"),
};
RULE(rule_place, "place_of_a_setting", place);
static const struct tl_key_rule setting[] = {
    MUST("name", STRING, NULL),
    MUST("option", OR_NULL("string"), NULL),
    MUST("variable", STRING, NULL),
    MUST("value", "{}", "That holds; null: nothing says it"),
    MUST("from", STRING, "option, variable, trapline.json, config.json or default"),
    MUST("where", OR_NULL("string"), "FILE:LINE, or the option or variable"),
    MUST("instead_of", LIST(REF("place_of_a_setting")), "What would hold without it"),
};
RULE(rule_setting, "setting", setting);
static const struct tl_key_rule configuration[] = {MUST("settings", LIST(REF("setting")), NULL),
                                                   MUST("files", OBJECT, "Of each path, read, aside")};
RULE(rule_configuration, "config", configuration);

const struct tl_object_rule *const tl_documents[] = {&rule_run,
                                                     &rule_init,
                                                     &rule_reduce,
                                                     &rule_retest,
                                                     &rule_whole,
                                                     &rule_finding,
                                                     &rule_findings,
                                                     &rule_matrix,
                                                     &rule_compare,
                                                     &rule_night,
                                                     &rule_history,
                                                     &rule_status,
                                                     &rule_cases,
                                                     &rule_units,
                                                     &rule_builds,
                                                     &rule_trials,
                                                     &rule_signatures,
                                                     &rule_report,
                                                     &rule_report_for,
                                                     &rule_report_site,
                                                     &rule_import,
                                                     &rule_devices,
                                                     &rule_fleet,
                                                     &rule_fleet_status,
                                                     &rule_fleet_control,
                                                     &rule_known,
                                                     &rule_check,
                                                     &rule_compact,
                                                     &rule_merge,
                                                     &rule_exported,
                                                     &rule_doctor,
                                                     &rule_help,
                                                     &rule_version,
                                                     &rule_configuration,
                                                     &rule_removed,
                                                     &rule_report_bundle,
                                                     0};
const struct tl_object_rule *const tl_document_parts[] = {
    &rule_signature,     &rule_usable,        &rule_trial_short,
    &rule_labelled,      &rule_known_failure, &rule_cell,
    &rule_trigger,       &rule_decisive,      &rule_build,
    &rule_option,        &rule_place,         &rule_setting,
    &rule_finding,       &rule_command,       &rule_listed_trial,
    &rule_fleet_machine, &rule_fleet_queue,   0};
