/* Crashes inside the large library. */
void big_enter(int depth);

int main(int argc, char **argv)
{
    (void)argv;
    big_enter(argc + 18);
    return 0;
}
