/* Functions whose unwind tables lie. Each writes to NULL; the caller is in hostile_main.c. */
    .text

    /* The expression for the frame's address jumps to itself for ever. */
    .globl endless
    .type endless, @function
endless:
    .cfi_startproc
    .cfi_escape 0x0f, 3, 0x2f, 0xfd, 0xff
    xorl %eax, %eax
    movl %eax, (%rax)
    ret
    .cfi_endproc
    .size endless, . - endless

    /* The stack pointer would not move, and the return address is the function itself. */
    .globl still
    .type still, @function
still:
    .cfi_startproc
    .cfi_def_cfa_offset 0
    .cfi_offset %rip, -8
    leaq 1f(%rip), %rax
    movq %rax, -8(%rsp)
    xorl %eax, %eax
1:
    movl %eax, 0
    ret
    .cfi_endproc
    .size still, . - still

    /* The stack pointer would fall. */
    .globl backwards
    .type backwards, @function
backwards:
    .cfi_startproc
    .cfi_def_cfa_offset -256
    xorl %eax, %eax
    movl %eax, (%rax)
    ret
    .cfi_endproc
    .size backwards, . - backwards

    /* Says it is a signal trampoline and gives itself as what was interrupted. */
    .globl trampoline
    .type trampoline, @function
trampoline:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa_offset 0
    .cfi_same_value %rsp
    .cfi_escape 0x16, 16, 2, 0x80, 0
    xorl %eax, %eax
    movl %eax, (%rax)
    ret
    .cfi_endproc
    .size trampoline, . - trampoline

    /* The frame's address is read from a wild one. */
    .globl astray
    .type astray, @function
astray:
    .cfi_startproc
    .cfi_escape 0x0f, 4, 0x08, 0x11, 0x06, 0x06
    xorl %eax, %eax
    movl %eax, (%rax)
    ret
    .cfi_endproc
    .size astray, . - astray

    .section .note.GNU-stack, "", @progbits
