/* What tests of stacks share: captures of the programs in targets/ that really crash. */
#ifndef TL_TEST_UNWIND_FIXTURE_H
#define TL_TEST_UNWIND_FIXTURE_H

#include "harness/stack/symbolise.h"
#include "targets/traced.h"

#include <criterion/criterion.h>

extern struct tl_unwinder *u; /* of this test */
extern struct tl_symboliser *s;

void unwind_setup(void); /* for TestSuite */
void unwind_teardown(void);

/* The stacks of a program that crashes in a way; with names. form: crash_FORM of targets/. */
void capture_path(const char *path, const char *mode, struct tl_capture *c);
void capture(const char *form, const char *mode, struct tl_capture *c);

/* The name of a frame's function, "?" without one. Borrowed. */
const char *name_of(const struct tl_thread *t, size_t i);
/* The frames of a thread, for a message. The caller's. */
char *listing(const struct tl_capture *c, const struct tl_thread *t);

/* The names must be in the stack in this order, next to each other unless "..." stands between. The stack
 * ends at the outermost frame. Returns the index of the first. */
size_t expect(const struct tl_capture *c, size_t thread, const char *const *names);
#define EXPECT(c, thread, ...) expect(c, thread, (const char *const[]){__VA_ARGS__, NULL})
#define REST "inner", "middle", "outer", "main" /* of every chain of targets/crash.c */

#endif
