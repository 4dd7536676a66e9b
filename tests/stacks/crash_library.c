/* A library that programs in other languages load: from its function on, the stack is C. */
__attribute__((visibility("default"))) int library_entry(int n);
void abort(void);

static volatile int library_sink;

static int library_store(volatile int *p, int n)
{
    if (n > 1000)
        abort();
    *p = n;
    return n;
}

__attribute__((noinline)) static int library_middle(volatile int *p, int n)
{
    n = library_store(p, n + 1);
    library_sink += n;
    return n;
}

int library_entry(int n)
{
    n = library_middle((volatile int *)0, n);
    library_sink += n;
    return n;
}

/* As Java calls it. */
__attribute__((visibility("default"))) int Java_Crash_entry(void *environment, void *class, int n);
int Java_Crash_entry(void *environment, void *class, int n)
{
    n = library_entry(n + 10000);
    library_sink += environment != class;
    return n;
}

/* As Node.js does. */
__attribute__((visibility("default"))) void *napi_register_module_v1(void *environment, void *exports);
void *napi_register_module_v1(void *environment, void *exports)
{
    library_sink += environment != exports;
    library_sink += library_entry(1);
    return exports;
}
