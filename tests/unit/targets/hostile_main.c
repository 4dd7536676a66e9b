/* Calls the functions of hostile.S. */
#include <string.h>

void endless(void);
void still(void);
void backwards(void);
void trampoline(void);
void astray(void);

__attribute__((noinline)) static void caller(void (*f)(void))
{
    f();
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {{"endless", endless},
               {"still", still},
               {"backwards", backwards},
               {"trampoline", trampoline},
               {"astray", astray}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (argc == 2 && !strcmp(argv[1], all[i].name))
            caller(all[i].run);
    return 2;
}
