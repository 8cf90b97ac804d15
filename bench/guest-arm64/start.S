/* One image for both: linked at 0x40080000, where QEMU's virt machine has its RAM and bench/flat-vmm-arm64.c its slot.
   MMU on with 1 GiB blocks: the first is device memory, the second RAM. Prints guest_main's value to 0x09000000 (a PL011 in
   QEMU, an MMIO exit in our VMM) and calls PSCI SYSTEM_OFF. */
.section .head, "ax"
.global _start
_start:
  ldr x0, =stack_top
  mov sp, x0
  mov x0, #3 << 20            /* CPACR_EL1: FPEN */
  orr x0, x0, #3 << 16        /* ZEN */
  msr cpacr_el1, x0
  isb
#if BENCH == 4
  mov x0, #VL / 128 - 1
  msr s3_0_c1_c2_0, x0        /* ZCR_EL1 */
#endif
  ldr x0, =table
  ldr x1, =0x0060000000000401 /* block, access flag, device (attribute 0), execute never */
  str x1, [x0]
  ldr x1, =0x0000000040000705 /* block, access flag, inner shareable, normal (attribute 1) */
  str x1, [x0, #8]
  msr ttbr0_el1, x0
  mov x1, #0xff00
  msr mair_el1, x1
  ldr x1, =0x0000000200803519 /* T0SZ 25, write-back walks, 4 KiB pages, EPD1, 40-bit addresses */
  msr tcr_el1, x1
  dsb ish
  isb
  mrs x1, sctlr_el1
  mov x2, #0x1005             /* M, C, I */
  orr x1, x1, x2
  msr sctlr_el1, x1
  isb
  bl guest_main
  mov w2, #8
  mov x3, #0x09000000
1: ror w0, w0, #28
  and w1, w0, #15
  add w4, w1, #'0'
  add w5, w1, #'a' - 10
  cmp w1, #9
  csel w4, w4, w5, ls
  strb w4, [x3]
  subs w2, w2, #1
  b.ne 1b
  ldr w0, =0x84000008
  hvc #0
2: wfi
  b 2b
.bss
.balign 4096
table: .skip 0x1000
.skip 0x4000
stack_top:
.section .note.GNU-stack, "", %progbits
