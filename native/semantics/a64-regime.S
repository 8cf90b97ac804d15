// An interpreter of cases for EL1: each case sets SCTLR_EL1, TCR_EL1 and the tables, executes one instruction on one address and
// notes what happened. A64RegimeTest writes cases, keys and translation tables behind this program (at 0x40200000) and runs it
// here and on qemu-system-aarch64 -M virt. The end writes the results to the UART of that machine, then powers off.
    .arch armv8.5-a+sve+pauth
    .equ CASES, 0x40210000      // 128 bytes each; the first is preceded by count and keys at 0x4020f000
    .equ HEADER, 0x4020f000
    .equ RESULTS, 0x40280000    // 64 bytes each
_start:
    adr x0, vectors
    msr vbar_el1, x0
    movz x0, #0x33, lsl #16
    msr cpacr_el1, x0
    mov x0, #0x44ff
    msr mair_el1, x0
    isb
    movz x16, #0x4020, lsl #16
    movk x16, #0xf000
    ldr x17, [x16], #8
    .macro KEY lo, hi
    ldp x0, x1, [x16], #16
    msr \lo, x0
    msr \hi, x1
    .endm
    KEY apiakeylo_el1, apiakeyhi_el1
    KEY apibkeylo_el1, apibkeyhi_el1
    KEY apdakeylo_el1, apdakeyhi_el1
    KEY apdbkeylo_el1, apdbkeyhi_el1
    KEY apgakeylo_el1, apgakeyhi_el1
    movz x18, #0xc5, lsl #16
    movk x18, #0x78
    msr sctlr_el1, x18
    isb
    movz x16, #0x4021, lsl #16
    movz x15, #0x4028, lsl #16
next:
    cbz x17, finish
    ldp x0, x4, [x16]           // SCTLR_EL1 bits, TCR_EL1
    ldp x5, x6, [x16, #16]      // TTBR0_EL1, TTBR1_EL1
    ldp x1, x7, [x16, #32]      // address, number of the operation
    ldp x2, x3, [x16, #48]      // values
    orr x0, x0, x18
    msr tcr_el1, x4
    msr ttbr0_el1, x5
    msr ttbr1_el1, x6
    isb
    tlbi vmalle1
    dsb sy
    isb
    fmov d0, x2
    ins v0.d[1], x3
    mov x20, #0
    mov x21, #0
    mov x22, #0
    adr x9, operations
    add x9, x9, x7, lsl #4
    msr sctlr_el1, x0
    isb
    blr x9
done:
    msr sctlr_el1, x18
    isb
    msr pan, #0
    stp x20, x21, [x15]         // ESR_EL1, FAR_EL1
    stp x2, x3, [x15, #16]
    str x22, [x15, #32]         // PAR_EL1
    ldp x8, x9, [x16, #64]      // physical addresses to read afterwards
    ldp x10, x11, [x8]
    stp x10, x11, [x15, #40]
    ldr x10, [x9]
    str x10, [x15, #56]
    add x15, x15, #64
    add x16, x16, #128
    sub x17, x17, #1
    b next
finish:
    movz x14, #0x4028, lsl #16
    movz x13, #0x0900, lsl #16
1:  ldrb w0, [x14], #1
    str w0, [x13]
    cmp x14, x15
    b.ne 1b
    movz x0, #0x8400, lsl #16
    movk x0, #8
    hvc #0
    b .
    .macro OP text:vararg
    .balign 16
    \text
    .endm
    .balign 16
operations:
    OP ldr x2, [x1]; ret        // 0
    OP str x2, [x1]; ret
    OP ldr w2, [x1]; ret
    OP str w2, [x1]; ret
    OP ldrsh x2, [x1]; ret      // 4
    OP strh w2, [x1]; ret
    OP ldrb w2, [x1]; ret
    OP strb w2, [x1]; ret
    OP ldp x2, x3, [x1]; ret    // 8
    OP stp x2, x3, [x1]; ret
    OP ldp w2, w3, [x1]; ret
    OP stp w2, w3, [x1]; ret
    OP ldr q0, [x1]; b vector   // 12
    OP str q0, [x1]; ret
    OP ld1 {v0.8h}, [x1]; b vector
    OP st1 {v0.4s}, [x1]; ret
    OP ldr d0, [x1]; b vector   // 16
    OP ld1r {v0.4s}, [x1]; b vector
    OP ldaddal x2, x3, [x1]; ret
    OP ldaddal w2, w3, [x1]; ret
    OP swpalh w2, w3, [x1]; ret // 20
    OP ldxp x2, x3, [x1]; ret
    OP ldxp w2, w3, [x1]; ret
    OP ldsmax w2, w3, [x1]; ret
    OP at s1e1r, x1; b parValue // 24
    OP at s1e1w, x1; b parValue
    OP at s1e0r, x1; b parValue
    OP at s1e0w, x1; b parValue
    OP ldtr x2, [x1]; ret       // 28
    OP sttr x2, [x1]; ret
    OP adr x9, el0ldr; b user
    OP adr x9, el0str; b user
    OP pacia x1, x2; b pointer  // 32
    OP pacib x1, x2; b pointer
    OP pacda x1, x2; b pointer
    OP pacdb x1, x2; b pointer
    OP pacga x2, x1, x3; ret    // 36
    OP autia x1, x2; b pointer
    OP autdb x1, x2; b pointer
    OP xpaci x1; b pointer
    OP b roundTrip              // 40
    OP xpacd x1; b pointer
    OP ldp q0, q1, [x1]; b vector
    OP ptrue p0.b; b sveLoads
    OP ptrue p0.b; b sveStores  // 44
    OP casal x2, x3, [x1]; ret
    OP casp w2, w3, w4, w5, [x1]; ret
    OP br x1
    OP mov x4, x2; b storePair  // 48
    OP prfm pldl1keep, [x1]; ret
    .balign 16
vector:
    umov x2, v0.d[0]
    umov x3, v0.d[1]
    ret
parValue:
    isb
    mrs x22, par_el1
    ret
pointer:
    mov x2, x1
    ret
roundTrip:
    mov x3, x1
    pacia x3, x2
    autia x3, x2
    pacdb x1, x2
    autdb x1, x2
    eor x2, x1, x3
    ret
sveLoads:
    ld1h {z0.s}, p0/z, [x1]
    b vector
sveStores:
    st1w {z0.d}, p0, [x1]
    ret
storePair:
    mov x5, x3
    ldxp x2, x3, [x1]
    stxp w6, x4, x5, [x1]
    ret
user:
    msr elr_el1, x9
    msr spsr_el1, xzr
    eret
el0ldr:
    ldr x2, [x1]
    svc #1
el0str:
    str w2, [x1]
    svc #2
    .balign 2048
vectors:
    .rept 16
    mrs x20, esr_el1
    mrs x21, far_el1
    b done
    .balign 0x80
    .endr
