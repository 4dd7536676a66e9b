/* The native part of the fake of coremltools: functions that are called as those of public stacks are, and that die as they did.
 *
 * What is lost in each prediction is a slot of a table; the page behind the table cannot be touched. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEPT __attribute__((noinline, noclone, noipa))
#define SLOT 32   /* bytes */
#define SLOTS 128 /* predictions that the table has place for */

static char *table;
static size_t used;
static volatile int sink;

void kernel_predict(void) __asm__("_ZN8Espresso16ANERuntimeEngine14kernel_predictEv");
void prediction_from_features(void) __asm__("MLE5Engine_predictionFromFeatures_options_error");
void load_compute_plan(void) __asm__("MLComputePlan_loadContentsOfURL_configuration");

KEPT void kernel_predict(void)
{
    memset(table + used, 1, SLOT);
    used += SLOT;
    sink++;
}

static void *on_thread(void *unused)
{
    kernel_predict();
    sink++;
    return NULL;
}

KEPT void prediction_from_features(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!table) {
        table = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (table == MAP_FAILED || mprotect(table + page, page, PROT_NONE))
            exit(3);
        used = page - SLOTS * SLOT;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, on_thread, NULL))
        exit(3);
    pthread_setname_np(thread, "CoreMLBatchProc");
    pthread_join(thread, NULL);
    sink++;
}

/* An exception of C++ that nobody catches ends the process so. */
KEPT void load_compute_plan(void)
{
    fputs(
        "libc++abi: terminating due to uncaught exception of type std::runtime_error: not a compiled model\n",
        stderr);
    fflush(stderr);
    abort();
}
