#include "db/machine.h"
#include "db/processor.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char
    x86[] = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD "
            "EPYC 9B14\n"
            "stepping\t: 1\nflags\t\t: fpu sse sse2 hypervisor sse4_1 avx f16c fma avx2 avx512f avx512_vnni "
            "amx_int8 avx_vnni smep rdpid\n\nprocessor\t: 1\nmodel\t\t: 99\nflags\t\t: fpu\n",
    arm[] = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm aes asimddp i8mm bf16 sve\n"
            "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd40\n"
            "CPU revision\t: 2\n";

static void is(const char *text, const char *expected)
{
    json_t *p = tl_processor_of_cpuinfo(text), *e = json_loads(expected, 0, NULL);
    char *got = json_dumps(p, JSON_COMPACT | JSON_SORT_KEYS);
    cr_assert(json_equal(p, e), "%s", got);
    free(got);
    json_decref(p);
    json_decref(e);
}

Test(processor, of_x86_is_that_of_the_first_core)
{
    is(x86,
       "{\"name\":\"AMD EPYC 9B14\",\"vendor\":\"AuthenticAMD\",\"family\":25,\"model\":17,\"stepping\":1,"
       "\"sets\":[\"sse4_1\",\"avx\",\"f16c\",\"fma\",\"avx2\",\"avx512f\",\"avx512_vnni\",\"amx_int8\","
       "\"avx_vnni\"]}");
    cr_assert(tl_processor_is_virtual(x86));
}

Test(processor, of_arm_has_a_name_where_its_number_is_known)
{
    is(arm, "{\"name\":\"Neoverse "
            "V1\",\"vendor\":\"0x41\",\"family\":8,\"variant\":1,\"model\":3392,\"stepping\":2,"
            "\"sets\":[\"asimd\",\"asimddp\",\"i8mm\",\"bf16\",\"sve\"]}");
    cr_assert_not(tl_processor_is_virtual(arm));
}

Test(processor, of_other_text_tells_nothing)
{
    is("", "{}");
    is("flags\nmodel : x\nfamily: 3\nflagship : avx\n", "{}");
    is("model name :\nflags :\n", "{}");
}

Test(processor, is_no_part_of_a_machines_id)
{
    struct tl_machine a = {.name = "n", .cpu = "c"}, b = a;
    char one[TL_ID_SIZE], other[TL_ID_SIZE];
    b.processor = "{\"sets\":[\"avx\"]}";
    tl_machine_id(&a, one);
    tl_machine_id(&b, other);
    cr_assert_str_eq(one, other);
}
