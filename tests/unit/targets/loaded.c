/* A library that loads.c loads from where it cannot be found afterwards. */
static int *volatile nowhere;

static inline __attribute__((always_inline)) void loaded_store(int value)
{
    *nowhere = value;
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void loaded_middle(int value)
{
    loaded_store(value);
    __asm__ volatile("" ::: "memory");
}

__attribute__((visibility("default"))) void loaded_entry(int value);
void loaded_entry(int value)
{
    loaded_middle(value + 1);
    __asm__ volatile("" ::: "memory");
}
