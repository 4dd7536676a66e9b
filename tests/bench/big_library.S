/* A large stripped library without a compiler's hours: 45,000 functions of 1 KiB with unwind tables. The first calls the one
 * STRIDE further on, that the next, %edi times; then one writes to NULL. So a stack has frames all over the tables. */
#define SIZE 1024
#define STRIDE 777
#define COUNT 45000

    .text
    .balign SIZE
    .globl big_enter
    .type big_enter, @function
big_enter:
    .rept COUNT
    .balign SIZE
1:
    .cfi_startproc
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    subq $40, %rsp
    .cfi_adjust_cfa_offset 40
    decl %edi
    js 2f
    call 1b + SIZE * STRIDE
    addq $40, %rsp
    .cfi_adjust_cfa_offset -40
    popq %rbp
    .cfi_adjust_cfa_offset -8
    popq %rbx
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_adjust_cfa_offset 56
2:
    xorl %eax, %eax
    movl %eax, (%rax)
    .cfi_endproc
    .endr
    .section .note.GNU-stack, "", @progbits
