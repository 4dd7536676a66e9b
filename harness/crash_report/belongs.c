#include "harness/crash_report/belongs.h"

#include "harness/base/buffer.h"

#include <string.h>
#include <strings.h>

/* Beginnings of names, in any case. What compiles a model, or speaks to a device, works in a process of its own. */
static const char *const services[] = {
    "ANECompiler", "ANEStorage", "aned",   "MTLCompiler", "MetalPerformanceShaders", "AGXCompiler",
    "Espresso",    "E5RT",       "CoreML", "CoreAI",      "com.apple.CoreML",        "com.apple.CoreAI",
};
static const char *const system_places[] = {"/System/", "/usr/libexec/", "/usr/sbin/", "/Library/Apple/"};

static bool begins_with_one_of(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; text && i < n; i++)
        if (!strncasecmp(text, list[i], strlen(list[i])))
            return true;
    return false;
}

/* A program of a user may have such a name, too: it is the system's when its path says so, or launchd is its parent. */
static bool is_service(const struct tl_ips *ips)
{
    const char *path = ips->report.capture.exe;
    bool system = path ? begins_with_one_of(path, system_places, TL_COUNT(system_places)) : ips->parent == 1;
    return system && begins_with_one_of(ips->process, services, TL_COUNT(services));
}

static bool is_of_trial(int pid, const struct tl_report_window *w)
{
    bool found = pid > 0 && pid == w->pid;
    for (size_t i = 0; i < w->n_descendants && pid > 0; i++)
        found = found || pid == w->descendants[i];
    return found;
}

static bool is_in_window(const struct tl_ips *ips, const struct tl_report_window *w)
{
    return ips->captured_us && ips->captured_us >= w->launched_us - TL_IPS_SLACK_US &&
           ips->captured_us <= w->ended_us + TL_IPS_SLACK_US;
}

bool tl_report_is_own(const struct tl_ips *ips, const struct tl_report_window *w)
{
    return is_in_window(ips, w) && (is_of_trial(ips->pid, w) || is_of_trial(ips->parent, w));
}

bool tl_report_is_of_helper(const struct tl_ips *ips, const struct tl_report_window *w)
{
    return ips->kind == TL_IPS_CRASH && is_in_window(ips, w) && !tl_report_is_own(ips, w) &&
           (is_of_trial(ips->responsible, w) || is_service(ips));
}
