/* One image for both: QEMU's -kernel starts it at entry32 (multiboot), bench/flat-vmm.c starts it at entry64. */
.section .head, "ax"
.code32
multiboot:
  .long 0x1badb002, 0x00010000, -(0x1badb002 + 0x00010000)
  .long multiboot, multiboot, _edata, _end, entry32
  .balign 32
.code64
entry64:                      /* at 0x100020: long mode, first 1 GiB mapped */
  mov $stack_top, %esp
  call guest_main
  mov $0xf4, %dx
  out %eax, %dx
1: hlt
  jmp 1b
.code32
entry32:
  mov $tables, %edi
  mov $(tables + 0x1003), %eax
  mov %eax, (%edi)
  mov $(tables + 0x2003), %eax
  mov %eax, 0x1000(%edi)
  mov $0x83, %eax
  xor %ecx, %ecx
2: mov %eax, 0x2000(%edi,%ecx,8)
  add $0x200000, %eax
  inc %ecx
  cmp $512, %ecx
  jne 2b
  mov %edi, %cr3
  mov %cr4, %eax
  or $0x220, %eax            # PAE, OSFXSR
  mov %eax, %cr4
  mov $0xc0000080, %ecx
  rdmsr
  or $0x100, %eax
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  lgdt gdt_pointer
  ljmp $8, $entry64
.balign 8
gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer: .word 23
  .long gdt
.bss
.balign 4096
tables: .skip 0x3000
.skip 0x4000
stack_top:
.section .note.GNU-stack, "", @progbits
