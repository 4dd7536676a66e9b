/* The one table of all options. getopt's table, what is taken from argv, `trapline COMMAND --help` and the
 * document of `trapline --help --json` go by it; the completions ask --help, and scripts/check-docs.py writes
 * the lists of docs/commands.md and docs/trapline.1 from the document. */
#include "harness/cli/cli.h"

#include "cases/suggest.h"
#include "harness/base/buffer.h"
#include "harness/base/program.h"
#include "reports/commands.h"
#include "reports/finding/issue_form.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What becomes of an option's value, and the type of its member of struct tl_options. */
enum kind {
    FLAG,    /* bool: the option takes no value */
    WORD,    /* bool: the value must be the word that the table names, which leaves room for others */
    TEXT,    /* const char *: as it was given; the command checks it */
    NUMBER,  /* uint64_t: an integer from 1 to `most` */
    JOBS,    /* unsigned: likewise */
    LOUDER,  /* int: counted; takes back what QUIET did */
    QUIET,   /* bool: takes back what LOUDER did */
    COLOUR,  /* const char *: when to colour */
    VERSION, /* prints the version and ends the program */
    UNIT,    /* added to the units */
    SET,     /* added to the values of axes */
    AXIS,    /* added to the axes */
    INPUT,   /* added to the inputs */
    SAMPLE,  /* added to the samples */
    SUSPECT, /* added to the suspects */
    GOOD,    /* added to the cases that are known to be good */
    HELP,    /* prints the options and ends the program */
};

#define PLACE(member) offsetof(struct tl_options, member)
#define MANY 1000000000
static const char every[] = "every command";

/* Texts are Markdown without links. The documents print `about`, then `more` as sentences that follow; --help
 * has `about` only. Where an option means something else to some commands it has a row for them, which stands
 * before the row for the others. */
static const struct row {
    const char *name, *value; /* value NULL: takes none */
    char letter;              /* 0: none */
    enum kind kind;
    size_t place;     /* in struct tl_options */
    const char *only; /* commands that the row is for, space between; NULL: the others that name the option */
    const char *about, *more; /* more NULL: nothing */
    uint64_t most;            /* of a number */
} table[] = {
    {"db", "PATH", 0, TEXT, PLACE(db), every,
     "the database (default: `$XDG_STATE_HOME/trapline/trapline.db`)",
     "Without that variable it is `~/.local/state/trapline/trapline.db`"},
    {"json", NULL, 0, FLAG, PLACE(json), every, "one JSON document on stdout and nothing else there",
     "Progress and messages go to stderr"},
    {"verbose", NULL, 'v', LOUDER, PLACE(verbose), every, "say more", NULL},
    {"quiet", NULL, 'q', QUIET, PLACE(quiet), every, "say only results and mistakes",
     "No progress, no warnings, no hints. The later one of `-q` and `-v` holds"},
    {"color", "auto|always|never", 0, COLOUR, PLACE(color), every, "when to colour (default: auto)",
     "With auto it is on a terminal, and neither with `NO_COLOR` nor with `TERM=dumb`; always and never hold "
     "whatever "
     "those say"},
    {"jobs", "N", 'j', JOBS, PLACE(jobs), every,
     "trials at a time (default: one for each core; on macOS three for four)",
     "At most 1024; a device may allow fewer", 1024},
    {"help", NULL, 'h', HELP, 0, every, "list the options of the command", NULL},
    {"version", NULL, 'V', VERSION, 0, every, "say which version of trapline this is", NULL},
    {"unit", "UNIT", 'u', UNIT, 0, "list compare db", "only of this unit", NULL},
    {"unit", "UNIT", 'u', UNIT, 0, "report", "with `--retest`: where to try it; may be repeated",
     "Otherwise it is the unit of the finding, with the build that it was found on and the newest one that "
     "is here"},
    {"unit", "UNIT", 'u', UNIT, 0, "init", "where to run it: `RUNNER[@BUILD]:DEVICE[%ALIAS]`",
     "Of several builds that it names it is the newest. Without it a model of ONNX is run on the first unit "
     "of "
     "the configuration, or else on the newest build that is here"},
    {"unit", "UNIT", 'u', UNIT, 0, NULL, "where to run: `RUNNER[@BUILD]:DEVICE[%ALIAS]`; may be repeated",
     "It may name several builds: `onnxruntime@1.18.0,1.22..1.30:cpu`"},
    {"inputs", "[NAME=]FILE.npy|DIR", 0, INPUT, 0, "init",
     "what an input of the model is fed with, or a directory with `NAME.npy` of each; may be repeated",
     "Without a name they are the inputs in the order of the model. They are copied beside the case. Those "
     "that are not given are "
     "made from the types that the model declares"},
    {"inputs", "[NAME=]FILE.npy", 0, INPUT, 0, NULL,
     "what an input of the model is fed with; may be repeated",
     "Without a name they are the inputs in the order of the model. Those that are not named are made from "
     "the types that the model declares"},
    {"out", "DIR", 'o', TEXT, PLACE(out), "init",
     "write the case, and what goes with it, to DIR (default: `NAME-case`)", "DIR does not exist yet"},
    {"axis", "NAME=V1,V2", 0, AXIS, 0, NULL,
     "an axis of the command, which has `{NAME}`, or of a configuration with a value of that name; may be "
     "repeated",
     "The simplest value first. `FIRST..LAST` is a range of integers. With it no axis is guessed"},
    {"runner", "python", 0, TEXT, PLACE(runner), NULL, "make a runner of a Python script",
     "It runs the script in its own process, with the axes as its arguments"},
    {"out", "DIR", 'o', TEXT, PLACE(out), NULL,
     "write the reduced model, what goes with it and a bundle of the finding to DIR",
     "DIR does not exist or is empty; with `--force` an older bundle gives way"},
    {"failure-text", "TEXT", 0, TEXT, PLACE(failure_text), NULL,
     "with `-- ARGV…`: it is the failure only where the command writes TEXT",
     "Otherwise its death, its exit status and its last words tell"},
    {"timeout", "S", 0, NUMBER, PLACE(timeout_s), NULL, "seconds after which a phase is a hang (default: 60)",
     "That of a case file gives way to it", 604800},
    {"memory", "MB", 0, NUMBER, PLACE(memory_mb), NULL, "limit of memory in MiB (default: 4096)",
     "That of a case file gives way to it", 16777216},
    {"keep-names", NULL, 0, FLAG, PLACE(keep_names), NULL, "leave the names of nodes and values as they are",
     "Otherwise they become n1, v1"},
    {"against", "UNIT|MODEL", 0, TEXT, PLACE(against), NULL,
     "what is right: another unit, `same` for the one of `-u`, either with `,AXIS=VALUE`, or a model",
     "The failure is then a difference between the outputs. Values of a model are matched by name"},
    {"first-difference", NULL, 0, FLAG, PLACE(first_difference), NULL,
     "stop when it is known where the difference begins",
     "Without `--against` it is the one to `same,optimization=0`"},
    {"sample", "DIR", 0, SAMPLE, 0, NULL, "inputs for one more run of each variant; may be repeated",
     "DIR has `NAME.npy` for each input of the model, or `0.npy`, `1.npy` in their order. With `--against`; "
     "a variant "
     "differs where it does with one of the samples"},
    {"tolerance", "X", 0, TEXT, PLACE(tolerance), NULL,
     "differences up to X of the largest magnitude are none (default: 0.001)", NULL},
    {"set", "AXIS=V1,V2", 's', SET, 0, "matrix", "values of an axis; may be repeated",
     "`A..B` is all values from one to the other of an ordered axis, `*` all values, of a set those that "
     "stand for "
     "all"},
    {"set", "AXIS=VALUE", 's', SET, 0, NULL, "value of an axis; may be repeated",
     "Of a set its elements with `+` between them, numbers also as `A..B`, `all` or `none`"},
    {"repeat", "N", 'n', NUMBER, PLACE(repeat), "matrix",
     "run each variant N times on each unit (default: 1)", "Outcomes that are known count", MANY},
    {"repeat", "N", 'n', NUMBER, PLACE(repeat), NULL, "run the variant N times on each unit (default: 1)",
     NULL, MANY},
    {"fresh", NULL, 0, FLAG, PLACE(fresh), NULL,
     "a fresh process for each trial, never a fork server's child",
     "It is its own from exec on, even where the runner could fork it from a server"},
    {"cached", NULL, 0, FLAG, PLACE(cached), NULL, "take outcomes that are known already",
     "The line of a trial says so. Outcomes are known by the content of the case, the variant, the unit and "
     "the environment"},
    {"over", "build|trigger,build", 0, TEXT, PLACE(over), NULL,
     "look for the first bad and the first fixed build instead of the trigger; with `trigger,build`, for "
     "both",
     "What is found of one failure is one finding, also when the two were looked for one after the other. It "
     "looks among the builds that the unit names. Where that is one, which is then known to be bad, or "
     "none, "
     "it looks among all that are here. `reduce` takes `build`, and looks with what is left of the model"},
    {"exhaustive", NULL, 0, FLAG, PLACE(exhaustive), NULL,
     "with `--over build`: try every build, find every bad range", NULL},
    {"match", "strict|wide", 0, TEXT, PLACE(match), NULL,
     "which failures are one: those with the same signature, or also those of the same kind (default: wide)",
     "With `--signature` the default is strict"},
    {"quick", NULL, 0, FLAG, PLACE(quick), NULL,
     "search only, and confirm once: at most 1.2 times the trials of the search",
     "For trials that take minutes. The same command without it goes on from there"},
    {"thorough", NULL, 0, FLAG, PLACE(thorough), NULL, "make surer of it, with about twice the trials",
     "Of the minimal variant 20 runs, of each neighbour five, and 32 random variants"},
    {"suspect", "AXIS", 0, SUSPECT, 0, NULL, "an axis that may be the trigger: tried first; may be repeated",
     "Two trials when the guess is right, and at most two more than without when it is not. Without it what "
     "an "
     "earlier finding of the same case or runner needed is tried first"},
    {"frontier", "AXIS,AXIS", 0, TEXT, PLACE(frontier), NULL,
     "draw the whole boundary between pass and fail over two ordered axes", NULL},
    {"max-trials", "N", 0, NUMBER, PLACE(max_trials), NULL,
     "stop after N trials with the best result so far (default: 3000)",
     "Only trials that are really run count; the same command again goes on from there", MANY},
    {"max-time", "SECONDS", 0, NUMBER, PLACE(max_seconds), NULL,
     "stop after that time with the best result so far",
     "Trials that are running then are stopped, and stored as `lost`", MANY},
    {"pairs", NULL, 0, FLAG, PLACE(pairs), NULL,
     "few variants that hold every pair of values, instead of all combinations",
     "Each pair of values of any two axes is in one of them. Without `-s`: of all axes of the case, with "
     "five "
     "values of a long range"},
    {"by", "unit|build|machine|session|versions", 0, TEXT, PLACE(by), NULL,
     "what is set side by side (default: unit)", NULL},
    {"only", "changed", 0, WORD, PLACE(only_changed), NULL, "only variants in which something differs", NULL},
    {"no-cache", NULL, 0, FLAG, PLACE(no_cache), NULL, "run everything anew, also what is known already",
     "Nothing that was kept is used: neither stored outcomes nor generated models, outputs of references and "
     "what runners said of libraries. All of them are replaced by what comes out now"},
    {"keep-outputs", "DIR", 0, TEXT, PLACE(keep_outputs), NULL,
     "keep every output of every trial as `DIR/TRIAL/N.npy`, where the runner can", NULL},
    {"keep-scratch", NULL, 0, FLAG, PLACE(keep_scratch), NULL,
     "leave the scratch directories of trials behind, and say where", NULL},
    {"case", "NAME", 0, TEXT, PLACE(case_name), "known", "the case of the failure",
     "It has to be named where the same failure was seen in several"},
    {"case", "NAME", 0, TEXT, PLACE(case_name), NULL, "only of the case of this name", NULL},
    {"as", "NAME", 0, TEXT, PLACE(as), NULL, "what the failure is called elsewhere: the number of a report",
     NULL},
    {"url", "URL", 0, TEXT, PLACE(url), NULL,
     "where the report of it is: an http or https address becomes a link", NULL},
    {"until", "fixed|DAY", 0, TEXT, PLACE(until), NULL,
     "`fixed`: until it passes in three nights; or the last day, `YYYY-MM-DD`",
     "Without it the failure is known for good. An empty text takes it back"},
    {"note", "TEXT", 0, TEXT, PLACE(note), NULL,
     "a remark for the team, of one line: `trapline known` and `matrix` show it, and nights, reports, JUnit, "
     "bundles and sites "
     "do not",
     NULL},
    {"outcome", "NAME[,NAME]", 0, TEXT, PLACE(outcome), NULL, "only with these outcomes", NULL},
    {"signature", "ID", 0, TEXT, PLACE(signature), "isolate",
     "isolate this failure, by the beginning of its id",
     "The id is the one that `trapline list signatures` shows. It is of use where a variant fails in several "
     "ways. With `-s` the search starts from the variant that shows the failure"},
    {"signature", "ID", 0, TEXT, PLACE(signature), "run",
     "with `--for`: the failure that is looked for, by the beginning of its id",
     "The id is the one that `trapline list signatures` shows, or the one that `show` calls `across builds`, "
     "which is the "
     "same where functions have other places"},
    {"signature", "ID", 0, TEXT, PLACE(signature), NULL, "only with this signature, by its whole id", NULL},
    {"since", "WHEN", 0, TEXT, PLACE(since), NULL,
     "only since: `2026-01-31`, `2026-01-31T06:00` (local time), or `90m`, `12h`, `7d` ago", NULL},
    {"limit", "N", 0, NUMBER, PLACE(limit), "db", "at most N lines (default: all)", NULL, MANY},
    {"limit", "N", 0, NUMBER, PLACE(limit), NULL, "at most N lines (default: 50)", NULL, MANY},
    {"after", "ID", 0, TEXT, PLACE(after), NULL, "go on after this trial or finding: the next page", NULL},
    {"format", "md|html|json|junit", 0, TEXT, PLACE(format), "nightly",
     "what is printed (default: md, at most a screen)", NULL},
    {"format", "md|html|json|junit", 0, TEXT, PLACE(format), NULL,
     "what the report is written as (default: md)", NULL},
    {"short", NULL, 0, FLAG, PLACE(brief), NULL, "what the text of an issue needs, on at most 60 lines or so",
     "It has how to see it, what decides, and since when"},
    {"full", NULL, 0, FLAG, PLACE(full), NULL, "everything that is known, in lines of any length",
     "Otherwise the report is a page: what is long is folded up or left out"},
    {"bundle", "DIR", 0, TEXT, PLACE(bundle), NULL,
     "write report, model, inputs and reproducers to DIR or `DIR.tar.zst`",
     "The reproducers need no trapline, and are run before they are handed out. With the ending `.zip`, "
     "`.tar.zst`, `.tar.gz`, `.tar.xz` or `.tar` "
     "it is an "
     "archive"},
    {"force", NULL, 0, FLAG, PLACE(force), "reduce", "with `-o`: replace the bundle that is there",
     "Nothing else is replaced"},
    {"force", NULL, 0, FLAG, PLACE(force), NULL, "with `--bundle`: replace the bundle that is there",
     "Nothing else is replaced. The older one stays until the new one is complete"},
    {"zip", NULL, 0, FLAG, PLACE(zip), NULL, "with `--bundle`: write `DIR.zip`, as issues take it", NULL},
    {"for", "git-bisect|cvise", 0, TEXT, PLACE(purpose), "run",
     "the exit status as `git bisect run` or `cvise` wants it",
     "For git-bisect 0 is a pass, 1 the failure that is looked for, 125 neither, 128 a mistake in the "
     "command or the case, or that "
     "trapline failed. For cvise it is 0 while the failure of `--signature` shows, and 1 otherwise"},
    {"for", "PROJECT", 0, TEXT, PLACE(project), NULL,
     "write the text for the issue form of PROJECT: each of its fields, filled from the report",
     "A name that is not known is answered with those that are. What is to be filled in by hand is said on "
     "stderr. With --bundle that is written as well, and the text names it and says what its programs came "
     "to"},
    {"retest", NULL, 0, FLAG, PLACE(retest), NULL,
     "run the reproducer again, and write the sentences to add to the issue",
     "The minimal variant and its control, three times each in fresh processes, and nothing of it from what "
     "is "
     "stored. The exit status is 0 when it no longer fails on the last unit that is tried, 1 when it fails"},
    {"build", "VERSION", 0, TEXT, PLACE(build), NULL,
     "with `--retest`: the builds to try it on: versions and ranges, as in a unit", NULL},
    {"site", "DIR", 0, TEXT, PLACE(site), "nightly",
     "write everything in the database as pages for a browser as well",
     "`trapline report` says what DIR may be"},
    {"site", "DIR", 0, TEXT, PLACE(site), NULL, "write everything in the database as pages for a browser",
     "They can be opened from the disk: `DIR/index.html`. The option stands alone, without a finding. DIR "
     "does not exist, is empty, or holds an older site, which is replaced; any other is refused"},
    {"keep-paths", NULL, 0, FLAG, PLACE(keep_paths), "nightly",
     "in what is written to be published (Markdown, HTML, JUnit XML, the site): leave home directories, user "
     "and host names as they are",
     "Otherwise they are left out"},
    {"keep-paths", NULL, 0, FLAG, PLACE(keep_paths), NULL,
     "leave home directories, user and host names as they are", "Otherwise they are left out"},
    {"junit", "FILE", 0, TEXT, PLACE(junit), NULL, "write the result as JUnit XML as well", NULL},
    {"notify", "CMD", 0, TEXT, PLACE(notify), NULL,
     "where something changed: run this program, with its arguments, with the summary on its stdin",
     "CMD is split into words, with quotes as in a shell; there is no shell. Counts, exit status and the "
     "address of the site are in its environment"},
    {"site-url", "URL", 0, TEXT, PLACE(site_url), NULL,
     "with `--notify`: where the site is found, when it is not opened from the disk", NULL},
    {"install", NULL, 0, FLAG, PLACE(install), "worker",
     "run this as a service: a unit of the user's systemd, on macOS a launchd agent",
     "It is started with your session and again when it fails. The other options go with it"},
    {"install", NULL, 0, FLAG, PLACE(install), "fleet",
     "with `up`: run the server as a service: a unit of the user's systemd, on macOS a launchd agent",
     "It is started with your session and again when it fails. Debian's own service of nats-server is "
     "another one"},
    {"uninstall", NULL, 0, FLAG, PLACE(uninstall), "worker", "take back what `--install` did", NULL},
    {"uninstall", NULL, 0, FLAG, PLACE(uninstall), "fleet", "with `down`: take back what `up --install` did",
     NULL},
    {"foreground", NULL, 0, FLAG, PLACE(foreground), NULL,
     "with `up`: become the server instead of starting it, for who starts it again when it ends", NULL},
    {"install", NULL, 0, FLAG, PLACE(install), NULL,
     "run the suite every night: a systemd user timer, on macOS a launchd agent",
     "The other options, such as `--junit`, `--site` and `--notify`, go with it"},
    {"at", "HH:MM", 0, TEXT, PLACE(at), NULL, "with `--install`: when, local time (default: 03:00)", NULL},
    {"uninstall", NULL, 0, FLAG, PLACE(uninstall), NULL, "take back what `--install` did",
     "The suite may be named by its name or its file, and need not be named when there is one only"},
    {"status", NULL, 0, FLAG, PLACE(status), NULL, "what is installed: last and next run", NULL},
    {"state", "known|filed|wontfix", 0, TEXT, PLACE(known_status), NULL, "what became of it",
     "It is `status` in JSON and in case files. Otherwise filed where it is called something elsewhere or "
     "has an address, and known where not"},
    {"history", "CASE", 0, TEXT, PLACE(history), NULL, "what each night saw of a case, oldest first",
     "There is a line for each night that has run the case"},
    {"case-file", NULL, 0, FLAG, PLACE(case_file), NULL,
     "print the case file as it was when the trial ran, and nothing else",
     "With it the trial can be run again"},
    {"stacks", NULL, 0, FLAG, PLACE(stacks), NULL, "the stacks of all threads in full",
     "Otherwise the one that took the signal, and a line of each other"},
    {"no-cgroup", NULL, 0, FLAG, PLACE(no_cgroup), NULL, "do not use cgroups",
     "The limits are then held by trapline alone"},
    {"sandbox", NULL, 0, FLAG, PLACE(sandbox), NULL,
     "run trials without network, and let them write nothing but their scratch directory",
     "The database and sockets of yours are hidden; your files can still be read. What it takes away, and "
     "what it costs, is "
     "in docs/security.md"},
    {"network", NULL, 0, FLAG, PLACE(network), NULL, "let trials in a sandbox have the network", NULL},
    {"dir", "DIR", 0, TEXT, PLACE(directory), NULL,
     "where the files of the fleet's server are (default: `$XDG_CONFIG_HOME/trapline/fleet`)",
     "Keys are in it: only its owner may look at it"},
    {"listen", "HOST:PORT", 0, TEXT, PLACE(listen), NULL,
     "the name or address of this machine, and the port, at which others reach the server",
     "It is kept: the next time it need not be named. With `--replicas` those of all servers, ',' between"},
    {"replicas", "N", 0, NUMBER, PLACE(replicas), NULL,
     "with `up`: so many servers (3 or 5), of which less than half may die",
     "The first is this machine; what each of the others needs is written into a directory, which is to be "
     "brought there",
     5},
    {"known-good", "[UNIT=]CASE", 0, GOOD, 0, NULL,
     "a case whose baseline passes on a machine that is well; may be repeated",
     "It is run on that unit, or on all of the worker's, when it begins and after a trial that hung. While "
     "it does not pass "
     "nothing is taken"},
    {"unhealthy-after", "N", 0, NUMBER, PLACE(unhealthy_after), NULL,
     "take nothing any more after N trials in a row that hung or took the machine down (default: 3)",
     "A `--known-good` case that passes on the unit that hung begins anew", 1000000},
    {"recover", "FILE", 0, TEXT, PLACE(recover), NULL,
     "what mends this machine when it is not well: a file with a JSON list of a program and its arguments",
     "It is run when nothing else runs, for ten minutes at most and three times without a trial in between "
     "that ended by "
     "itself. There is no shell"},
    {"why", "TEXT", 0, TEXT, PLACE(why), NULL,
     "with `drain` and `hold`: what for, for whoever looks at `fleet status`", NULL},
    {"fleet", "URL", 0, TEXT, PLACE(fleet), NULL,
     "run on the machines of a fleet: `tls://HOST:PORT` (default: `$TRAPLINE_FLEET`; otherwise here)",
     "Units are taken from what those machines say they have"},
    {"on", "each|FIELD=PATTERN,…", 0, TEXT, PLACE(on), NULL,
     "with `--fleet`: on which machines: those that fit, or `each` of them by itself",
     "FIELD is machine, chip, arch, os, os_build, host, model, device, kind or trapline, and a PATTERN as in "
     "a shell: "
     "`chip=M4*,os=27.0*`. A name alone is that of a machine"},
    {"key", "FILE", 0, TEXT, PLACE(key), "worker", "the key file of this machine, that `fleet invite` wrote",
     NULL},
    {"key", "FILE", 0, TEXT, PLACE(key), NULL,
     "with `--fleet`: the key file (default: `$XDG_CONFIG_HOME/trapline/fleet/keys/submit.key`)", NULL},
    {"allow", "WHAT", 0, TEXT, PLACE(allow), NULL,
     "what others may have this machine run: some of `family`, `file`, `generate` and `steps`, ',' between "
     "(default: "
     "`family,file`)",
     "`generate` and `steps` are programs of whoever asks"},
    {"cache-gb", "N", 0, NUMBER, PLACE(cache_gb), NULL,
     "keep at most N GiB of models and cases of others (default: 20)",
     "What was used longest ago goes first; what a trial has never does", 1 << 20},
    {"user", "NAME", 0, TEXT, PLACE(user), NULL, "the user that trials in a sandbox run as",
     "Only root can give them another one than its own"},
};
#define N_OPTIONS TL_COUNT(table)

/* What stands for the value of an option. That of --for are the names in the one file that has them. */
static const char *value_of(const struct row *r)
{
    static char projects[512];
    if (!r->value || r->place != PLACE(project))
        return r->value;
    char *names = tl_issue_projects(), *to = projects;
    for (const char *from = names; *from && to < projects + sizeof projects - 1; from++)
        if (*from != ' ')
            *to++ = *from == ',' ? '|' : *from;
    *to = '\0';
    free(names);
    return projects;
}

/* Whether a list of words with spaces between holds this one. */
static bool holds(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; n && at && (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' '))
            return true;
    return false;
}

/* Whether the command takes the option, and this row says what it is to it. */
static bool takes(const struct tl_command *c, const struct row *r)
{
    if (r->only == every)
        return true;
    const struct row *first = table;
    while (strcmp(first->name, r->name) || (first->only && !holds(first->only, c->name)))
        first++;
    return r == first && holds(c->options, r->name);
}

void tl_options_help(const struct tl_command *c)
{
    printf("usage: trapline %s %s\n\n%s\n\n", c->name, c->arguments, c->about);
    for (const struct row *r = table; r < table + N_OPTIONS; r++) {
        if (!takes(c, r))
            continue;
        char letter[] = {'-', r->letter, ',', '\0'};
        char *left = tl_format("%3s --%s%s%s", r->letter ? letter : "", r->name, r->value ? " " : "",
                               r->value ? value_of(r) : "");
        printf("  %-30s ", left);
        for (const char *at = r->about; *at; at++)
            if (*at != '`')
                putchar(*at);
        putchar('\n');
        free(left);
    }
}

json_t *tl_options_document(const struct tl_command *const *commands)
{
    json_t *list = json_array();
    for (size_t i = 0; commands[i]; i++) {
        const struct tl_command *c = commands[i];
        json_t *options = json_array();
        for (const struct row *r = table; r < table + N_OPTIONS; r++) {
            char letter[] = {r->letter, '\0'};
            if (takes(c, r))
                json_array_append_new(options,
                                      json_pack("{s:s,s:s?,s:s?,s:b,s:s,s:s?}", "name", r->name, "value",
                                                value_of(r), "letter", r->letter ? letter : NULL, "common",
                                                r->only == every, "about", r->about, "more", r->more));
        }
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o}", "name", c->name, "arguments", c->arguments,
                                              "about", c->about, "options", options));
    }
    return json_pack("{s:o}", "commands", list);
}

static int number(const struct tl_command *c, const struct row *r, const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || *value < 1 || *value > r->most)
        return tl_usage_error(c, "--%s %s: expected an integer from 1 to %llu", r->name, text,
                              (unsigned long long)r->most);
    return -1;
}

/* The exit status, or -1 to go on. */
static int take(const struct tl_command *c, struct tl_options *o, const struct row *r, const char *value)
{
    void *place = (char *)o + r->place;
    uint64_t n;
    int status = -1;
    switch (r->kind) {
    case FLAG:
        *(bool *)place = true;
        break;
    case WORD:
        *(bool *)place = true;
        if (strcmp(value, r->value))
            status = tl_usage_error(c, "--%s %s: `%s` was expected", r->name, value, r->value);
        break;
    case TEXT:
        *(const char **)place = value;
        break;
    case NUMBER:
        status = number(c, r, value, place);
        break;
    case JOBS:
        status = number(c, r, value, &n);
        *(unsigned *)place = (unsigned)n;
        break;
    case LOUDER:
        ++*(int *)place;
        o->quiet = false;
        break;
    case QUIET:
        *(bool *)place = true;
        o->verbose = 0;
        break;
    case COLOUR:
        *(const char **)place = value;
        if (!tl_cli_set_colour(value))
            status = tl_usage_error(c, "--%s %s: auto, always or never was expected", r->name, value);
        break;
    case VERSION:
        status = tl_cli_print_version(o->json);
        break;
    case UNIT:
        o->units[o->n_units++] = value;
        break;
    case SET:
        o->sets[o->n_sets++] = value;
        break;
    case AXIS:
        o->axes[o->n_axes++] = value;
        break;
    case INPUT:
        o->inputs[o->n_inputs++] = value;
        break;
    case SAMPLE:
        o->samples[o->n_samples++] = value;
        break;
    case GOOD:
        o->known_good[o->n_known_good++] = value;
        break;
    case SUSPECT:
        o->suspects[o->n_suspects++] = value;
        break;
    case HELP:
        tl_options_help(c);
        status = tl_finish_output(TL_EXIT_OK);
        break;
    }
    return status;
}

bool tl_options_value_follows(const char *word)
{
    if (!strncmp(word, "--", 2)) {
        for (const struct row *r = table; r < table + N_OPTIONS; r++)
            if (!strcmp(word + 2, r->name))
                return r->value != NULL;
        return false;
    }
    for (word++; *word; word++)
        for (const struct row *r = table; r < table + N_OPTIONS; r++)
            if (r->letter == *word && r->value)
                return !word[1];
    return false;
}

/* Says that the command has no option of this name (as it was written, without its value), and which may be meant. */
static int unknown_option(const struct tl_command *c, const char *word)
{
    const char *names[N_OPTIONS];
    size_t n = 0;
    char *name = tl_format("%.*s", (int)strcspn(word, "="), word);
    for (const struct row *r = table; r < table + N_OPTIONS; r++)
        if (takes(c, r))
            names[n++] = r->name;
    const char *meant = NULL, *given = name + strspn(name, "-");
    for (size_t i = 0; i < n && !meant && *given; i++) /* what an abbreviation stood for */
        meant = strncmp(names[i], given, strlen(given)) ? NULL : names[i];
    if (!meant)
        meant = tl_suggest(given, names, n);
    int status = meant ? tl_usage_error(c, "%s: no such option; did you mean --%s?", name, meant)
                       : tl_usage_error(c, "%s: no such option", name);
    free(name);
    return status;
}

/* The word of argv that a long option stands in: its value may be the word behind it. */
static const char *long_word(char **argv)
{
    return optarg && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
}

/* getopt takes the beginning of an option's name for the option: an option that is new would break what was written so. */
static bool abbreviated(const char *word, const struct row *r)
{
    size_t n = strlen(r->name);
    return strncmp(word + 2, r->name, n) != 0 || (word[2 + n] && word[2 + n] != '=');
}

/* Whether a word is a program that can be started. */
static bool is_program(const char *word)
{
    struct tl_error ignored;
    struct stat st;
    char *found = strchr(word, '/') ? tl_strdup(word) : tl_program_find(".", word, &ignored);
    bool is = found && !stat(found, &st) && S_ISREG(st.st_mode) && !access(found, X_OK);
    free(found);
    return is;
}

/* A command was written without the -- before it: its options are taken for trapline's. -1: that is not so. */
static int without_dashes(const struct tl_command *c, char **argv, const struct tl_options *o)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!c->takes_words || o->words || o->n_args == 0 || strcmp(c->name, "init") != 0 ||
        !is_program(o->args[0]))
        return -1;
    while (*argv && *argv != o->args[0])
        argv++;
    for (; *argv; argv++)
        tl_shell_word(&b, *argv, false);
    int status = tl_usage_error(c, "a command stands behind --: trapline init -- %.1000s",
                                b.size ? b.data : "COMMAND");
    tl_buffer_free(&b);
    return status;
}

/* What getopt did not take. */
static int refused(const struct tl_command *c, const char *word)
{
    if (optopt >= 256)
        return abbreviated(word, &table[optopt - 256])
                   ? unknown_option(c, word)
                   : tl_usage_error(c, "--%s takes no value", table[optopt - 256].name);
    return optopt ? tl_usage_error(c, "-%c: no such option", optopt) : unknown_option(c, word);
}

int tl_options_parse(const struct tl_command *c, int argc, char **argv, struct tl_options *o)
{
    struct option longs[N_OPTIONS + 1] = {0};
    char shorts[2 * N_OPTIONS + 3] = "-:"; /* '-': what is no option comes as one, wherever it stands */
    size_t n = 0, at = 2;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (!takes(c, &table[i]))
            continue;
        longs[n++] = (struct option){table[i].name, table[i].value ? required_argument : no_argument, NULL,
                                     256 + (int)i};
        if (table[i].letter) {
            shorts[at++] = table[i].letter;
            if (table[i].value)
                shorts[at++] = ':';
        }
    }
    *o = (struct tl_options){.repeat = 1};
    o->units = tl_calloc((size_t)argc + 1, sizeof *o->units);
    o->sets = tl_calloc((size_t)argc + 1, sizeof *o->sets);
    o->axes = tl_calloc((size_t)argc + 1, sizeof *o->axes);
    o->inputs = tl_calloc((size_t)argc + 1, sizeof *o->inputs);
    o->samples = tl_calloc((size_t)argc + 1, sizeof *o->samples);
    o->suspects = tl_calloc((size_t)argc + 1, sizeof *o->suspects);
    o->known_good = tl_calloc((size_t)argc + 1, sizeof *o->known_good);
    for (int i = 1; i < argc && c->takes_words && !o->words; i++)
        if (!strcmp(argv[i], "--")) {
            o->words = argv + i + 1;
            o->n_words = argc - i - 1;
            argc = i;
        }
    o->args = tl_calloc((size_t)argc + 1, sizeof *o->args);
    opterr = 0;
    optind = 1;
    for (int found; (found = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (found == 1) {
            o->args[o->n_args++] = optarg;
            continue;
        }
        if (found == '?') {
            int status = without_dashes(c, argv, o);
            return status < 0 ? refused(c, argv[optind - 1]) : status;
        }
        /* An option whose value is missing is the last word. */
        const char *word = found == ':' ? argv[argc - 1] : long_word(argv);
        size_t long_one = found == ':' && optopt >= 256 ? (size_t)optopt : (size_t)found;
        if (long_one >= 256 && abbreviated(word, &table[long_one - 256]))
            return unknown_option(c, word);
        if (found == ':' && optopt >= 256 && table[optopt - 256].place == PLACE(project)) {
            o->project = ""; /* the command says which there are */
            continue;
        }
        if (found == ':')
            return tl_usage_error(c, "%s: a value was expected", word);
        size_t i = (size_t)found - 256;
        if (found < 256)
            for (i = 0; table[i].letter != found || !takes(c, &table[i]);)
                i++;
        int status = take(c, o, &table[i], optarg);
        if (status >= 0)
            return status;
    }
    while (optind < argc)
        o->args[o->n_args++] = argv[optind++];
    tl_cli_be_quiet(o->quiet);
    return -1;
}

void tl_options_free(struct tl_options *o)
{
    free(o->units);
    free(o->sets);
    free(o->axes);
    free(o->inputs);
    free(o->samples);
    free(o->args);
    free(o->suspects);
    free(o->known_good);
}
