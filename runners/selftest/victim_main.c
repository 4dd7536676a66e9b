/* The executable around victim.c. */
int selftest_victim_crash(void);

int main(void)
{
    return selftest_victim_crash();
}
