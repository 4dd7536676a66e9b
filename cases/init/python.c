/* A runner of a Python script that exists: a file beside it that runs it in the runner's own process, with the axes as its
 * arguments. What it computes can be handed back where the file says so. */
#include "cases/init/init.h"

#include "cases/init/config.h"
#include "cases/init/words.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RUNNER "runner.py"

static const char before[] =
    "#!/usr/bin/env python3\n"
    "\"\"\"A runner of trapline's: runs a script in this process, with the axes of "
    "the case as its arguments.\"\"\"\n"
    "import json\nimport os\nimport re\nimport runpy\nimport shutil\nimport sys\n\nimport trapline\n\n"
    "HERE = os.path.dirname(os.path.abspath(__file__))\n";

static const char after[] =
    "\n\ndef text(value):\n"
    "    return json.dumps(value) if isinstance(value, bool) else str(value)\n\n\n"
    "def words(axes):\n"
    "    made = []\n"
    "    for word in ARGUMENTS:\n"
    "        if isinstance(word, dict):  # is there when the axis has that value\n"
    "            if all(axes.get(axis) == value for axis, value in word[\"when\"].items()):\n"
    "                made += word[\"argv\"]\n"
    "        else:\n"
    "            made.append(word)\n"
    "    known = {\"{\" + axis + \"}\": text(value) for axis, value in axes.items()}\n"
    "    known.update({\"{case_dir}\": HERE, \"{scratch}\": os.getcwd(), \"{{\": \"{\", \"}}\": \"}\"})\n"
    "    return [re.sub(r\"\\{\\{|\\}\\}|\\{[^{}]*\\}\", lambda found: known.get(found[0], found[0]), word) "
    "for word in made]\n\n\n"
    "@trapline.runner(devices=[\"cpu\"], name=NAME, begins=\"execute\")\n"
    "def script(device, model, **axes):\n"
    "    for name in FILES:  # as the script finds them where it is run by hand\n"
    "        if os.path.isfile(os.path.join(HERE, name)) and not os.path.exists(name):\n"
    "            shutil.copy(os.path.join(HERE, name), name)\n"
    "    sys.argv = [model, *words(axes)]\n"
    "    sys.path.insert(0, HERE)\n"
    "    try:\n"
    "        result = runpy.run_path(model, run_name=\"__main__\")\n"
    "    except SystemExit as end:\n"
    "        if end.code:\n"
    "            raise trapline.Failure(\"exit\", str(end.code), f\"the script ended with {end.code}\") from "
    "end\n"
    "        return None\n"
    "    # What is returned is compared with a reference: result.get(\"y\"), say, a variable of the script.\n"
    "    return None\n\n\n"
    "if __name__ == \"__main__\":\n"
    "    sys.exit(script.main())\n";

/* Literals of Python. The document is JSON, whose strings and lists are Python's; true and false have other names. */
static char *runner_text(const char *name, const json_t *argv, const json_t *files)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *words = json_dumps(argv, JSON_ENCODE_ANY | JSON_ENSURE_ASCII),
         *list = json_dumps(files, JSON_ENCODE_ANY | JSON_ENSURE_ASCII), *quoted;
    json_t *label = json_string(name), *text = json_string(words);
    quoted = json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    char *called = json_dumps(label, JSON_ENCODE_ANY);
    tl_buffer_printf(&b, "%sNAME = %s\nFILES = %s\nARGUMENTS = json.loads(%s)\n%s", before, called, list,
                     quoted, after);
    free(called);
    free(quoted);
    json_decref(label);
    json_decref(text);
    free(list);
    free(words);
    return tl_buffer_take(&b);
}

void tl_init_renew_runner(struct tl_init *p)
{
    for (size_t i = 0; i < p->n_files; i++)
        if (p->files[i].text && p->implied && !strcmp(p->files[i].to, RUNNER)) {
            free(p->files[i].text);
            p->files[i].text = runner_text(p->name, p->argv, p->implied);
        }
}

int tl_init_of_python(struct tl_init *p, const struct tl_init_words *w, const char *library,
                      const char *directory, struct tl_error *e)
{
    struct tl_init_guesses g = {.axes = json_array(),
                                .failing = json_object(),
                                .files = json_array(),
                                .argv = json_array(),
                                .given = w->n_axes > 0};
    struct stat st;
    bool script;
    size_t first = tl_init_wrapped(w->argv, w->n, &script);
    first = script ? first : 0; /* the script itself, and no interpreter before it */
    int result = tl_init_check_words(w, e);
    char *real = !result && first < w->n ? realpath(w->argv[first], NULL) : NULL;
    if (!result && (!real || stat(real, &st) || !S_ISREG(st.st_mode)))
        result = tl_fail_errno(
            e, TL_ERROR_INPUT, first < w->n ? errno : EINVAL, "no script",
            first < w->n ? w->argv[first] : "--runner python",
            "a Python script was expected: trapline init --runner python SCRIPT.py [-- ARGUMENT…]");
    struct tl_init_words fixed = *w;
    fixed.fixed = true;
    if (!result)
        result = tl_init_given_axes(&fixed, g.axes, g.failing, e);
    if (!result) {
        p->name = tl_init_name(real);
        const char *to = tl_init_add_file(p, real);
        p->directory = directory ? tl_strdup(directory) : tl_format("%s-case", p->name);
        tl_init_add_words(p, w->argv + first + 1, w->n - first - 1, &g);
        tl_init_add_needs(p, real);
        tl_init_note_configs(p);
        p->document = json_pack("{s:i,s:s,s:{s:s},s:O,s:{s:i,s:i}}", "trapline", 1, "name", p->name, "model",
                                "file", to, "axes", g.axes, "limits", "timeout_s", 600, "memory_mb", 16384);
        if (json_object_size(g.failing))
            json_object_set(p->document, "failing", g.failing);
        json_t *files = json_array();
        for (size_t i = 1; i < p->n_files; i++)
            if (p->files[i].implied)
                json_array_append_new(files, json_string(p->files[i].to));
        p->argv = json_incref(g.argv);
        p->implied = files;
        tl_init_add_text(p, RUNNER, runner_text(p->name, p->argv, files), 0777);
        tl_init_add_file(p, library);
        if (p->not_text || !p->document)
            result = tl_fail(e, TL_ERROR_INPUT, "cannot make a runner", w->argv[first],
                             "the path of a file that is needed is not UTF-8, which a case has to be");
        p->unit = tl_format("%s%s/" RUNNER ":cpu", p->directory[0] == '/' ? "" : "./", p->directory);
        tl_init_note(
            p, "%s/" RUNNER " runs the script; what it returns is compared, where the case has a reference",
            p->directory);
    }
    free(real);
    json_decref(g.axes);
    json_decref(g.failing);
    json_decref(g.files);
    json_decref(g.argv);
    return result;
}
