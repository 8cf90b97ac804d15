/* A unit test as kvm-unit-tests has them: a multiboot image that says STRING on the serial line and ends by isa-debug-exit with STATUS. */
.globl _start
.long 0x1badb002, 0, -0x1badb002
text: .asciz STRING
_start: mov $text, %esi
    mov $0x3f8, %dx
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  mov $STATUS, %eax
    out %eax, $0xf4
3:  hlt
    jmp 3b
