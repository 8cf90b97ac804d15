// Task switches, case by case. TaskSwitchAgainstQemuTest writes cases behind this program and runs it here and on qemu-system-x86_64: the first
// 64 KiB are a ROM that enters protected mode, the rest is loaded at 1 MiB. Every exception's gate is a task gate to a monitor
// task of its own (number in EBX, top of its stack in EBP), which stores what it finds and begins the next case by JMP to task A.
    .equ ARENA, 0x8000          // GDT, IDT, LDT, TSSs, code and stacks of a case
    .equ ARENA_SIZE, 0x800
    .equ MONITORS, 0x109000     // the monitors' TSSs, 0x80 bytes each
    .equ CASES, 0x110000        // CR0, CR3, CR4, 0, arena
    .equ COUNT, 0x108000
    .equ RESULTS, 0x600000      // 64 bytes, arena
    .equ STACKS, 0xc000         // theirs, 0x40 bytes each
    .equ BOOT, 49
#include "x86-rom.inc"
    .org 0x10000
    .code32
program:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $(CASES + 16), %esi
    mov $ARENA, %edi
    mov $(ARENA_SIZE / 4), %ecx
    cld
    rep movsl
    lgdt 0x100000 + arenaGdt - program
    lidt 0x100000 + arenaIdt - program
    mov $(0x80 + 8 * BOOT), %eax
    ltr %ax
    mov $BOOT, %ebx
    mov $(STACKS + 0x40 * (BOOT + 1)), %esp
    mov %esp, %ebp
    movl $CASES, 0x100000 + case - program
    movl $RESULTS, 0x100000 + result - program
    mov COUNT, %eax
    mov %eax, 0x100000 + left - program
next:
    mov 0x100000 + case - program, %esi
    mov (%esi), %edx
    mov 4(%esi), %eax
    mov %eax, %cr3
    mov 8(%esi), %eax
    mov %eax, %cr4
    add $16, %esi
    mov $ARENA, %edi
    mov $(ARENA_SIZE / 4), %ecx
    rep movsl
    mov %esi, 0x100000 + case - program
    xor %eax, %eax
    mov %eax, %cr2
    mov $0x555, %eax
    mov %eax, %dr7
    mov %edx, %cr0
    ljmp $0x28, $0
    jmp monitor
    .org 0x10100                // where a monitor begins the first time
monitor:
    mov 0x100000 + result - program, %edi
    mov %ebx, %eax
    stosl
    mov $-1, %eax
    cmp %esp, %ebp
    je 1f
    pop %eax
1:  stosl
    mov %ebp, %eax
    sub %esp, %eax
    stosl
    mov %ebp, %esp
    mov %cr0, %eax
    stosl
    mov %cr2, %eax
    stosl
    mov %cr4, %eax
    stosl
    mov %dr7, %eax
    stosl
    pushf
    pop %eax
    stosl
    str %eax
    stosl
    mov %ebx, %eax
    shl $7, %eax
    movzwl MONITORS(%eax), %eax
    stosl
    add $24, %edi
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov $ARENA, %esi
    mov $(ARENA_SIZE / 4), %ecx
    rep movsl
    mov %edi, 0x100000 + result - program
    decl 0x100000 + left - program
    jnz next
    mov 0x100000 + result - program, %ecx
    END
case: .long 0
result: .long 0
left: .long 0
arenaGdt:
    .word 0x3ff
    .long ARENA
arenaIdt:
    .word 0x41 * 8 - 1
    .long ARENA + 0x220
