// One access by each case's page tables, control registers and privilege. X86PagingAgainstQemuTest writes cases, descriptor tables and the
// identity mapping behind this program and runs it here and on qemu-system-x86_64; x86-rom.inc leads here with paging off.
    .equ COUNT, 0x108000
    .equ CASES, 0x120000        // 128 bytes each
    .equ RESULTS, 0x600000      // 64 bytes each
    .equ USER, 0x400000         // code of user mode, below a stack
    .equ STACK, 0x109000
    .equ PAGES, 0x800000        // what the cases map: RET, and the page's number
    .equ PAGES_END, 0x1000000
#include "x86-rom.inc"
    .org 0x10000
    .code32
program:
    lgdt 0x100000 + gdtr32 - program
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $STACK, %esp
    cld
    mov $(0x100000 + accesses - program), %esi
    mov $USER, %edi
    mov $64, %ecx
    rep movsb
    mov $PAGES, %edi
fill:
    mov %edi, %eax
    shr $4, %eax
    mov $0xc3, %al
    mov %eax, (%edi)
    add $16, %edi
    cmp $PAGES_END, %edi
    jne fill
    mov $CASES, %ebp
    movl $RESULTS, 0x100000 + result - program
next:
    mov %ebp, %esi
    add $48, %esi
    mov $5, %ecx
entry:
    mov (%esi), %edi
    mov 8(%esi), %eax
    mov 12(%esi), %edx
    test $1, %edi
    jz narrow
    mov %edx, 3(%edi)
    dec %edi
narrow:
    mov %eax, (%edi)
    add $16, %esi
    loop entry
    mov $0xc0000080, %ecx
    mov 12(%ebp), %eax
    xor %edx, %edx
    wrmsr
    mov 8(%ebp), %edx
    test $0x400000, %edx
    jz nokeys
    mov $0x400000, %eax
    mov %eax, %cr4
    mov 16(%ebp), %eax
    xor %ecx, %ecx
    xor %edx, %edx
    .byte 0x0f, 0x01, 0xef      // wrpkru
    mov 8(%ebp), %edx
nokeys:
    mov %edx, %cr4
    mov 40(%ebp), %eax
    mov %eax, %cr3
    xor %eax, %eax
    mov %eax, %cr2
    movb $0x89, 0x100000 + gdt32 - program + 0x38 + 5
    movb $0x89, 0x100000 + gdt32 - program + 0x48 + 5
    mov $STACK, %esp
    mov 24(%ebp), %ebx          // offset of the access
    mov 28(%ebp), %edx          // flags
    mov 32(%ebp), %edi          // address
    mov 4(%ebp), %ecx
    cmpl $2, (%ebp)
    je long
    lidt 0x100000 + idtr32 - program
    mov $0x38, %eax
    ltr %ax
    mov %ecx, %cr0
    cmpl $0, 20(%ebp)
    jne user32
    push %edx
    popf
    add $(0x100000 + accesses - program), %ebx
    mov $0x005aa5c3, %eax
    jmp *%ebx
user32:
    push $0x2b
    push $(USER + 0x1000)
    push %edx
    push $0x23
    add $USER, %ebx
    push %ebx
    mov $0x2b, %eax
    mov %eax, %ds
    mov %eax, %es
    mov $0x005aa5c3, %eax
    iret
long:
    lidt 0x100000 + idtr64 - program
    mov $0x48, %eax
    ltr %ax
    mov %ecx, %cr0
    ljmp $0x18, $(0x100000 + long64 - program)
    .code64
long64:
    mov 32(%ebp), %rdi
    cmpl $0, 20(%ebp)
    jne user64
    mov %edx, %edx
    push %rdx
    popfq
    add $(0x100000 + accesses - program), %ebx
    mov $0x005aa5c3, %eax
    jmp *%rbx
user64:
    push $0x2b
    push $(USER + 0x1000)
    mov %edx, %edx
    push %rdx
    push $0x33
    add $USER, %ebx
    push %rbx
    mov $0x005aa5c3, %eax
    iretq
handler64:
    mov %eax, 0x100000 + value - program
    pop %rax
    mov %eax, 0x100000 + vector - program
    pop %rax
    mov %eax, 0x100000 + error - program
    mov %cr2, %rax
    mov %eax, 0x100000 + cr2 - program
    shr $32, %rax
    mov %eax, 0x100000 + cr2 - program + 4
    ljmpl *0x100000 + leave64 - program
    .code32
compatibility:
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov $0xc0000080, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    jmp finish
handler32:
    push %eax
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    pop %eax
    mov %eax, 0x100000 + value - program
    popl 0x100000 + vector - program
    popl 0x100000 + error - program
    mov %cr2, %eax
    mov %eax, 0x100000 + cr2 - program
    movl $0, 0x100000 + cr2 - program + 4
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
finish:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov 0x100000 + result - program, %edi
    mov $(0x100000 + vector - program), %esi
    mov $6, %ecx
    rep movsl
    mov $5, %ecx
    lea 48(%ebp), %edx
after:
    mov (%edx), %esi
    and $-4, %esi
    movsl
    movsl
    add $16, %edx
    loop after
    mov %edi, 0x100000 + result - program
    add $128, %ebp
    decl COUNT
    jnz next
    mov %edi, %ecx
    END
    .balign 16
accesses:
    mov (%edi), %eax
    int $0x30
    .balign 16
    mov %eax, (%edi)
    int $0x30
    .balign 16
    call *%edi
    int $0x30
    .balign 16
vector: .long 0
error: .long 0
cr2: .long 0, 0
value: .long 0, 0
result: .long 0
leave64:
    .long 0x100000 + compatibility - program
    .word 8
    .balign 8
gdt32:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
    .quad 0x00affb000000ffff, 0x00008910a8000067, 0, 0x00008910a9000067, 0
gdtr32:
    .word 0x57
    .long 0x100000 + gdt32 - program
idtr32:
    .word 0x31 * 8 - 1
    .long 0x10b000
idtr64:
    .word 0x31 * 16 - 1
    .long 0x10c000
    .macro STUBS bits
    .set n, 0
    .rept 49
    .balign 16
    .if (n == 8) || ((n >= 10) && (n <= 14)) || (n == 17)
    .else
    push $-1
    .endif
    push $n
    jmp handler\bits
    .set n, n + 1
    .endr
    .endm
    .org 0x11000                // 16 bytes for each vector
    STUBS 32
    .org 0x11400
    .code64
    STUBS 64
