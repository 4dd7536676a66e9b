/* Functions under the names that C++ and Rust compilers give them. */
static int *volatile nowhere;

void rust_legacy(int) __asm__("_ZN4core6option4none17h0123456789abcdefE");
void rust_new(int) __asm__("_RNvC6_123foo3bar");
void cpp(int) __asm__("_ZN7runtime7Session3RunERKSsPKi");

__attribute__((noinline)) void rust_legacy(int value)
{
    *nowhere = value;
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void rust_new(int value)
{
    rust_legacy(value);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void cpp(int value)
{
    rust_new(value);
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    (void)argv;
    cpp(argc);
    __asm__ volatile("" ::: "memory");
    return 0;
}
