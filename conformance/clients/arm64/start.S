/* Every vCPU starts here, MMU off, with its number in x0; stacks of 8 KiB from 0x41000000 on. */
.section .head, "ax"
.global _start, secondary
_start:
  mov x19, x0
  mov x0, #0
  b 1f
secondary:                    /* x0: the context that CPU_ON was given */
  mov x19, #0
1: mrs x1, mpidr_el1
  and x2, x1, #0xff           /* number: affinity 0 below 16, then affinity 1 */
  ubfx x3, x1, #8, #8
  add x2, x2, x3, lsl #4
  add x3, x2, #1
  mov x4, #0x41000000
  add x4, x4, x3, lsl #13
  mov sp, x4
  adr x4, vectors
  msr vbar_el1, x4
  mov x4, #3 << 20
  msr cpacr_el1, x4
  isb
  mov x1, x0
  mov x0, x2
  mov x2, x19
  bl guest_main
1: wfi
  b 1b
.balign 2048
vectors:
.rept 4
  .balign 128
  b bad
.endr
  .balign 128
  b bad
  .balign 128
  b irq
  .balign 128
  b irq
  .balign 128
  b bad
.rept 8
  .balign 128
  b bad
.endr
.balign 128
irq:
  sub sp, sp, #256
  stp x0, x1, [sp]
  stp x2, x3, [sp, #16]
  stp x4, x5, [sp, #32]
  stp x6, x7, [sp, #48]
  stp x8, x9, [sp, #64]
  stp x10, x11, [sp, #80]
  stp x12, x13, [sp, #96]
  stp x14, x15, [sp, #112]
  stp x16, x17, [sp, #128]
  stp x18, x19, [sp, #144]
  stp x29, x30, [sp, #160]
  mrs x0, elr_el1
  mrs x1, spsr_el1
  stp x0, x1, [sp, #176]
  bl guest_irq
  ldp x0, x1, [sp, #176]
  msr elr_el1, x0
  msr spsr_el1, x1
  ldp x0, x1, [sp]
  ldp x2, x3, [sp, #16]
  ldp x4, x5, [sp, #32]
  ldp x6, x7, [sp, #48]
  ldp x8, x9, [sp, #64]
  ldp x10, x11, [sp, #80]
  ldp x12, x13, [sp, #96]
  ldp x14, x15, [sp, #112]
  ldp x16, x17, [sp, #128]
  ldp x18, x19, [sp, #144]
  ldp x29, x30, [sp, #160]
  add sp, sp, #256
  eret
bad:
  mrs x0, esr_el1
  mrs x1, elr_el1
  bl guest_fault
.section .note.GNU-stack, "", %progbits
