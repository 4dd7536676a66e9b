/* The table of all keys; what a form cannot say is left to the checks. Forms are more lenient than the checks where they differ, so
 * that no editor complains of a file that trapline takes: bytes are counted as characters, and a number 1.0 is an integer. */
#include "cases/keys.h"

#include "cases/forms.h"

#define TEXT_FROM(least, most) "{\"type\":\"string\",\"minLength\":" #least ",\"maxLength\":" #most "}"
/* tl_check_string: no control characters */
#define LINE(least, most)                                                                                    \
    "{\"type\":\"string\",\"minLength\":" #least ",\"maxLength\":" #most                                     \
    ",\"pattern\":\"^[^\\\\u0000-\\\\u001f\\\\u007f]*$\"}"
#define MATCH(pattern, most) "{\"type\":\"string\",\"maxLength\":" #most ",\"pattern\":\"" pattern "\"}"
#define INTEGER(least, most) "{\"type\":\"integer\",\"minimum\":" #least ",\"maximum\":" #most "}"
#define NUMBER_ABOVE(more_than, most)                                                                        \
    "{\"type\":\"number\",\"exclusiveMinimum\":" #more_than ",\"maximum\":" #most "}"
#define NUMBER_FROM(least, most) "{\"type\":\"number\",\"minimum\":" #least ",\"maximum\":" #most "}"
#define LIST(least, most, of)                                                                                \
    "{\"type\":\"array\",\"minItems\":" #least ",\"maxItems\":" #most ",\"items\":" of "}"
#define ONE_OR_LIST(least, most, of) "{\"anyOf\":[" of "," LIST(least, most, of) "]}"
#define EXACTLY_ONE(a, b, c)                                                                                 \
    "{\"oneOf\":[{\"required\":[\"" a "\"]},{\"required\":[\"" b "\"]},{\"required\":[\"" c "\"]}]}"

#define PEOPLE REF("people")
#define NAME MATCH("^[a-z0-9][a-z0-9._-]*$", 128)
#define SCHEMA_KEY                                                                                           \
    {                                                                                                        \
        "$schema", false, "{\"type\":\"string\"}", "The schema, for editors; trapline does not read it"      \
    }
#define RULE(rule_name, definition, list, more_members) RULE_OF(rule_name, definition, list, more_members)

static const struct tl_key_rule case_keys[] = {
    {"trapline", true, "{\"type\":\"integer\",\"const\":1}", "Version of the format"},
    {"name", true, NAME, "Short name: a-z, 0-9, '.', '_' and '-'"},
    {"title", false, LINE(0, 65536), "One line for people"},
    {"model", true, REF("model"), "Where the model comes from"},
    {"axes", false, LIST(0, 128, REF("axis")), "What can vary; the first value of each is the baseline"},
    {"failing", false, REF("variant"),
     "The variant that is known to fail; an axis that is not named is at its baseline"},
    {"forbid", false, LIST(0, 1024, REF("combination")), "Combinations that make no sense"},
    {"reference", false, REF("reference"), "What outputs are compared with"},
    {"limits", false, REF("limits"), "What one trial may use"},
    {"inputs", false, LIST(0, 1024, REF("input")),
     "What the model is fed; otherwise made from the model's own input types"},
    {"source", false, LINE(0, 65536), "Where the case comes from, such as the address of a report"},
    {"environment", false,
     "{\"type\":\"object\",\"maxProperties\":1024,\"propertyNames\":{\"pattern\":\"^(?!TMPDIR$)[A-Za-z_][A-"
     "Za-z0-9_]*$\",\"maxLength\":256},"
     "\"additionalProperties\":{\"type\":\"string\",\"maxLength\":65536}}",
     "Variables that are set for generator, steps and runner"},
    {"files", false, LIST(1, 64, REF("file")),
     "Texts that are written into {scratch} of each trial, with the values of its axes"},
    {"versions", false, LIST(0, 64, REF("version")), "Commands that tell the versions of what the case uses"},
    {"expected", false, ONE_OR_LIST(1, 1024, REF("expected")), "What is right where that is not a pass"},
    {"known", false, ONE_OR_LIST(1, 1024, REF("known")),
     "Failures that somebody has judged: reported, or not to be fixed"},
    {"expect", false, REF("runner_expect"), "What has to be in what the runner writes, and what must not"},
    {"phase_marker", false, REF("markers"), "Lines with which phases begin"},
    {"count", false, ONE_OR_LIST(0, 256, REF("count")), "What is counted in what the runner writes"},
    {"metrics", false, LIST(0, 32, REF("metric")), "Numbers that trials tell besides their outcome"},
    {"notes", false, PEOPLE, "Remarks, printed in the report"},
    {"expected_text", false, PEOPLE, "What should happen instead"},
    {"impact", false, PEOPLE, "Whom it hits"},
    {"related", false, PEOPLE, "Other reports"},
    {"tried", false, PEOPLE, "What did not help"},
    SCHEMA_KEY,
};
RULE(
    tl_keys_case, "case", case_keys,
    "{\"if\":{\"properties\":{\"model\":{\"required\":[\"steps\"]}},\"required\":[\"model\"]},"
    "\"then\":{\"properties\":{\"expect\":false,\"phase_marker\":false,\"count\":false,\"reference\":false}},"
    "\"else\":{\"properties\":{\"files\":false}}"
    "}");

static const struct tl_key_rule model_keys[] = {
    {"family", false, LINE(1, 256),
     "A model that trapline builds itself: `trapline list cases` names the families"},
    {"generate", false, REF("argv"), "A program that writes a model to {model}"},
    {"file", false, LINE(1, 4096), "A model that exists"},
    {"steps", false, LIST(1, 256, REF("step")), "A chain of commands, each of them watched like a runtime"},
    {"suffix", false, MATCH("^\\\\.[A-Za-z0-9_.+-]*[A-Za-z0-9_+-]$", 64),
     "How the name of a generated model ends"},
};
RULE(tl_keys_model, "model", model_keys,
     "{\"anyOf\":[{\"required\":[\"family\"],\"maxProperties\":1},{\"required\":[\"file\"],\"maxProperties\":"
     "1},"
     "{\"required\":[\"file\",\"steps\"],\"maxProperties\":2},{\"required\":[\"steps\"],\"maxProperties\":1},"
     "{\"required\":[\"generate\"],\"properties\":{\"family\":false,\"file\":false}}]}");

static const struct tl_key_rule step_keys[] = {
    {"phase", true, WORDS(PHASES), "The phase that a failure is said to be in"},
    {"argv", true, REF("argv"), "Program and arguments; nothing goes through a shell"},
    {"expect", false, REF("expect"), "What it takes to have succeeded"},
    {"timeout_s", false, NUMBER_ABOVE(0, 604800), "Deadline of this step in seconds"},
    {"trace", false, TRUTH, "false: the step is not traced"},
    {"phase_marker", false, REF("markers"), "Lines of its output with which other phases begin"},
    {"count", false, ONE_OR_LIST(0, 256, REF("count")), "What is counted in its output"},
    {"platform", false, LINE(1, 256), "What it works for, as a compiler that works for another machine"},
    {"architecture", false, LINE(1, 256), "What it works for, as a compiler that works for another machine"},
};
RULE(tl_keys_step, "step", step_keys, NULL);

static const struct tl_key_rule word_keys[] = {
    {"when", true, REF("combination"), "The axes and values with which the arguments are there"},
    {"argv", true, LIST(1, 4096, REF("argument")), "The arguments"},
};
RULE(tl_keys_word, "conditional_arguments", word_keys, NULL);

#define TEXTS LIST(0, 1024, TEXT_FROM(1, 65536))
/* Those of a runner come first. */
static const struct tl_key_rule expect_keys[] = {
    {"text", false, TEXTS, "Each must occur in its output"},
    {"no_text", false, TEXTS, "None may occur in its output"},
    {"fallback", false, TEXTS,
     "Texts that say that it was done in another way than the one that was asked for"},
    {"count", false, ONE_OR_LIST(0, 256, REF("bound")), "How many there have to be of something"},
    {"exit_status", false, "{\"anyOf\":[" INTEGER(0, 255) ",{\"const\":\"any\"}]}",
     "0 where it is left out; \"any\" accepts every status"},
    {"files", false, TEXTS, "Each must exist afterwards; patterns such as *.o are allowed"},
};
RULE(tl_keys_expect, "expect", expect_keys, NULL);
const struct tl_object_rule tl_keys_runner_expect = {"runner_expect", expect_keys, 4, NULL};

#define HOW_COUNTED                                                                                          \
    {"glob", false, LINE(1, 4096), "Counts the files that it names afterwards"},                             \
        {"regex", false, LINE(1, 4096), "Counts its matches in the lines of stdout and stderr (PCRE2)"},     \
    {                                                                                                        \
        "number", false, LINE(1, 4096), "Reads the integer in its first group, of the last match"            \
    }
static const struct tl_key_rule count_keys[] = {
    {"name", true, LINE(1, 128), "What is counted"},
    HOW_COUNTED,
    {"axis", false, LINE(1, 128), "An axis of ascending integers that sets what is counted"},
    {"finished", false, TRUTH, "With axis: it counts what is finished, so that what fails is the next one"},
};
RULE(tl_keys_count, "count", count_keys,
     "{\"allOf\":[" EXACTLY_ONE("glob", "regex", "number") "],\"dependencies\":{\"finished\":[\"axis\"]}}");

static const struct tl_key_rule bound_keys[] = {
    {"name", true, LINE(1, 128), "A name that count has, or one of its own"},
    HOW_COUNTED,
    {"min", false, INTEGER(0, 1000000000), "At least so many"},
    {"max", false, INTEGER(0, 1000000000), "At most so many"},
};
RULE(tl_keys_bound, "bound", bound_keys, "{\"anyOf\":[{\"required\":[\"min\"]},{\"required\":[\"max\"]}]}");

static const struct tl_key_rule axis_keys[] = {
    {"name", true,
     MATCH("^(?!(model|inputs|outputs|scratch|case_dir)$)([A-Za-z_][A-Za-z0-9_.-]*|config:[A-Za-z0-9_.-]+)$",
           64),
     "What {NAME} in commands stands for"},
    {"range", false, "{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"integer\"}}",
     "[FIRST, LAST], both included"},
    {"ordered", false, "{\"anyOf\":[" REF("values") "," TRUTH "]}",
     "Values along which the failure begins once and stays; beside subset, true: the order of elements "
     "counts"},
    {"choices", false, REF("values"), "Values without an order, the simplest first"},
    {"subset", false,
     "{\"anyOf\":[" INTEGER(1, 100000) ",{\"type\":\"array\",\"minItems\":1,\"maxItems\":100000,"
                                       "\"uniqueItems\":true,\"items\":" LINE(1, 4096) "}]}",
     "Elements, or their number: the smallest part that fails is looked for"},
    {"about", false, LINE(1, 1024), "What the axis is, for the report"},
    {"about_values", false,
     "{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":" LINE(1, 1024) "}",
     "A line about values, by value, for the report"},
};
RULE(tl_keys_axis, "axis", axis_keys,
     "{\"oneOf\":[{\"required\":[\"range\"]},{\"required\":[\"choices\"]},"
     "{\"required\":[\"subset\"],\"properties\":{\"ordered\":{\"type\":\"boolean\"},\"about_values\":false}},"
     "{\"required\":[\"ordered\"],\"properties\":{\"subset\":false,\"ordered\":{\"type\":\"array\"}}}]}");

static const struct tl_key_rule limits_keys[] = {
    {"timeout_s", false, NUMBER_ABOVE(0, 604800), "Seconds for each phase (60)"},
    {"memory_mb", false, INTEGER(0, 16777216), "Memory of a trial in MiB (4096); 0: none"},
    {"processes", false, INTEGER(0, 4194304), "Processes and threads of a trial (512); 0: none"},
    {"disk_mb", false, INTEGER(0, 16777216), "Scratch directory in MiB (4096); 0: none"},
};
RULE(tl_keys_limits, "limits", limits_keys, NULL);

static const struct tl_key_rule expected_keys[] = {
    {"outcome", true, WORDS(OUTCOMES), "What is right"},
    {"message", false, LINE(1, 4096), "A part of its message"},
    {"when", false, REF("combination"), "The variants of which it is said"},
    {"unit", false, REF("unit"), "The unit of which it is said"},
};
RULE(tl_keys_expected, "expected", expected_keys,
     "{\"if\":{\"properties\":{\"outcome\":{\"const\":\"pass\"}},\"required\":[\"outcome\"]},"
     "\"then\":{\"properties\":{\"message\":false}}}");

static const struct tl_key_rule known_keys[] = {
    {"signature", true, MATCH("^[0-9a-f]{8,}$", 32),
     "Which failure: the id across builds, or that of one build, as `trapline show` and `trapline known` "
     "print it"},
    {"as", false, LINE(1, 256), "What it is called elsewhere: the number of a report"},
    {"url", false, LINE(1, 2048), "Where the report is"},
    {"note", false, LINE(1, 4096), "A remark"},
    {"status", false, WORDS("\"known\",\"filed\",\"wontfix\""),
     "filed where it is called something elsewhere or has an address, otherwise known"},
    {"until", false, MATCH("^(fixed|[0-9]{4}-[0-9]{2}-[0-9]{2})$", 10),
     "\"fixed\", until it passes in three nights, or the last day: YYYY-MM-DD"},
    {"when", false, REF("combination"), "The variants of which it is said"},
    {"unit", false, REF("unit"), "The unit of which it is said"},
};
RULE(tl_keys_known, "known", known_keys, NULL);

#define EITHER_TOLERANCE                                                                                     \
    "\"not\":{\"anyOf\":[{\"required\":[\"tolerance\",\"rtol\"]},{\"required\":[\"tolerance\",\"atol\"]}]}"
#define TOLERANCES                                                                                           \
    {"tolerance", false, NUMBER_FROM(0, 1e9), "Of the whole output"},                                        \
        {"rtol", false, NUMBER_FROM(0, 1e9), "Of each element, relative"},                                   \
    {                                                                                                        \
        "atol", false, NUMBER_FROM(0, 1e300), "Of each element, absolute"                                    \
    }
static const struct tl_key_rule reference_keys[] = {
    {"unit", false, "{\"anyOf\":[{\"const\":\"same\"}," REF("unit") "]}",
     "The unit whose outputs are right, or \"same\""},
    {"with", false, "{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":" REF("value") "}",
     "Axes that the reference has otherwise"},
    {"outputs", false, LIST(1, 100000, REF("output")), "Files with what is right"},
    TOLERANCES,
};
RULE(tl_keys_reference, "reference", reference_keys,
     "{\"anyOf\":[{\"required\":[\"unit\"]},{\"required\":[\"outputs\"]}],\"dependencies\":{\"with\":["
     "\"unit\"]}," EITHER_TOLERANCE ","
     "\"if\":{\"properties\":{\"unit\":{\"const\":\"same\"}},\"required\":[\"unit\"]},\"then\":{\"required\":"
     "[\"with\"]}}");

static const struct tl_key_rule output_keys[] = {
    {"name", true, LINE(1, 4096), "Of the output"},
    {"npy", false, TEXT_FROM(1, 65536), "A file as numpy.save writes it"},
    {"pb", false, TEXT_FROM(1, 65536), "A file with a TensorProto"},
    TOLERANCES,
};
RULE(tl_keys_output, "output", output_keys,
     "{" EITHER_TOLERANCE ",\"allOf\":[{\"not\":{\"required\":[\"npy\",\"pb\"]}}]}");

static const struct tl_key_rule file_keys[] = {
    {"name", true, MATCH("^(?!(.*/)?[.]{0,2}(/|$))[^\\\\u0000-\\\\u001f\\\\u007f]+$", 1024),
     "Of the file in {scratch}"},
    {"template", true, LINE(1, 4096),
     "A text beside the case in which @{AXIS} stands for a value; @@{ is a plain @{"},
};
RULE(tl_keys_file, "file", file_keys, NULL);

static const struct tl_key_rule version_keys[] = {
    {"name", true, LINE(1, 128), "What it is the version of"},
    {"argv", true,
     "{\"type\":\"array\",\"minItems\":1,\"maxItems\":4096,\"items\":[" TEXT_FROM(
         1, 65536) "],\"additionalItems\":" TEXT_FROM(0, 65536) "}",
     "Program and arguments that print it"},
};
RULE(tl_keys_version, "version", version_keys, NULL);

static const struct tl_key_rule metric_keys[] = {
    {"name", true, MATCH("^[A-Za-z_][A-Za-z0-9_.-]*$", 64), "Of the number"},
    {"regex", false, LINE(1, 4096), "Where the number stands: its first group, or the whole match (PCRE2)"},
    {"unit", false, LINE(1, 32), "For people"},
};
RULE(tl_keys_metric, "metric", metric_keys, NULL);

static const struct tl_key_rule input_keys[] = {
    {"name", true, "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1048576}", "Of the model's input"},
    {"dtype", false,
     WORDS("\"float32\",\"float16\",\"bfloat16\",\"float64\",\"int8\",\"int16\",\"int32\",\"int64\","
           "\"uint8\",\"uint16\",\"uint32\",\"uint64\","
           "\"bool\""),
     "ONNX's names in lower case"},
    {"shape", false,
     "{\"type\":\"array\",\"maxItems\":16,\"items\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},"
     "{\"type\":\"string\",\"pattern\":\"^\\\\{[^{}]+\\\\}$\"}]}}",
     "Sizes: integers, or \"{AXIS}\""},
    {"fill", false, REF("fill"), "How its elements are made"},
    {"data", false,
     "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":[\"number\",\"boolean\"]},{\"enum\":[\"nan\","
     "\"inf\",\"-inf\"]}]}}",
     "The elements themselves"},
    {"npy", false, TEXT_FROM(1, 65536), "A file as numpy.save writes it"},
};
RULE(tl_keys_input, "input", input_keys,
     "{\"allOf\":[" EXACTLY_ONE(
         "fill", "data",
         "npy") "],\"anyOf\":[{\"required\":[\"npy\"]},{\"required\":[\"dtype\",\"shape\"]}]}");

#define ELEMENT "{\"anyOf\":[{\"type\":[\"number\",\"boolean\"]},{\"enum\":[\"nan\",\"inf\",\"-inf\"]}]}"
static const struct tl_key_rule fill_keys[] = {
    {"random", false, "{\"type\":\"integer\"}", "A seed"},
    {"constant", false, ELEMENT, "The value of all"},
    {"range", false,
     "{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":[" ELEMENT ",{\"type\":\"number\"}]}",
     "[START, STEP]"},
};
RULE(tl_keys_fill, "fill", fill_keys, EXACTLY_ONE("random", "constant", "range"));

static const struct tl_key_rule suite_keys[] = {
    {"trapline", true, "{\"type\":\"integer\",\"const\":1}", "Version of the format"},
    {"suite", true, NAME, "Its name: nights are compared with nights of the same name"},
    {"cases", true, LIST(1, 10000, LINE(1, 4096)), "Case files, relative to the suite"},
    {"units", true, LIST(1, 1000, REF("unit")), "Where to run: RUNNER[@BUILD]:DEVICE[%ALIAS]"},
    {"repeat", false, INTEGER(1, 100000), "Trials of each variant on each unit (3)"},
    {"variants", false,
     "{\"anyOf\":[" WORDS(
         "\"failing\",\"baseline\"") ",{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":"
                                     "{\"type\":\"array\",\"minItems\":1,\"maxItems\":4096,\"items\":" REF(
                                         "value") "}}]}",
     "Which variants; both the failing one and the baseline where it is left out"},
    {"isolate_new", false, TRUTH, "Isolate new and changed failures in the same night (true)"},
    {"budget_s", false, NUMBER_ABOVE(0, 604800), "Seconds for all of it"},
    {"fetch", false, TRUTH, "Bring builds that are named and not here (true)"},
    {"sandbox", false, "{\"anyOf\":[{\"type\":\"boolean\"}," WORDS("\"network\"") "]}",
     "Run trials in a sandbox; network: in one that leaves them the network (false)"},
    SCHEMA_KEY,
};
RULE(tl_keys_suite, "suite", suite_keys, NULL);

static const struct tl_key_rule redaction_keys[] = {
    {"keep_paths", false, TRUTH, "Leave paths in what is published (false)"},
    {"words", false, LIST(0, 1000, LINE(3, 4096)), "What is taken out of everything that is published"},
};
RULE(tl_keys_redaction, "redaction", redaction_keys, NULL);

static const struct tl_key_rule configuration_keys[] = {
    SCHEMA_KEY,
    {"trapline", false, "{\"type\":\"integer\",\"const\":1}", "Version of the format"},
    {"database", false, LINE(1, 4096), "Path of the database, relative to the file"},
    {"units", false, LIST(1, 1000, REF("unit")), "Where to run: RUNNER[@BUILD]:DEVICE[%ALIAS]"},
    {"jobs", false, INTEGER(1, 1024), "Trials at a time"},
    {"color", false, WORDS("\"auto\",\"always\",\"never\""), "When to colour (auto)"},
    {"redaction", false, REF("redaction"), "What is taken out of what is published"},
};
RULE(tl_keys_configuration, "configuration", configuration_keys, NULL);
