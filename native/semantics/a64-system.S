// A bare-metal program for EL1: translation, permissions, EL0, debug exceptions, alignment, PAN, pointer authentication.
// It appends what it sees to a table at 0x40010000 and ends with HVC #7. The same table comes from qemu-system-aarch64
// -M virt -cpu max (loaded at 0x40200000), but for the pointer code and the time. Tables at 0x40020000.
    .arch armv8.5-a+sve
    .macro RES v
    str \v, [x20], #8
    .endm
_start:
    adr x0, vectors
    msr vbar_el1, x0
    movz x20, #0x4001, lsl #16
    mov x0, #(3 << 20)
    msr cpacr_el1, x0
    isb
    // tables: L1 at 0x40020000 : entry 1 (0x40000000) -> block; also L2 for 0x80000000 (entry 2) with pages
    movz x1, #0x4002, lsl #16
    movz x2, #0x4000, lsl #16
    movk x2, #0x701
    str x2, [x1, #8]
    // entry 2 -> L2 table at 0x40021000
    movz x3, #0x4002, lsl #16
    movk x3, #0x1003
    str x3, [x1, #16]
    // L2[0] -> L3 at 0x40022000
    movz x4, #0x4002, lsl #16
    movk x4, #0x1000
    movz x3, #0x4002, lsl #16
    movk x3, #0x2003
    str x3, [x4]
    // L3[0]: page 0x40030000 el0 rw ; L3[1]: ro el1 ; L3[2]: no AF ; L3[3] invalid; L3[4] code el0 page 0x40031000 (EL0 ro exec)
    movz x5, #0x4002, lsl #16
    movk x5, #0x2000
    movz x6, #0x4003, lsl #16
    movk x6, #0x0743
    str x6, [x5]
    movz x6, #0x4003, lsl #16
    movk x6, #0x0783
    str x6, [x5, #8]
    movz x6, #0x4003, lsl #16
    movk x6, #0x0343
    str x6, [x5, #16]
    movz x6, #0x4003, lsl #16
    movk x6, #0x17c3
    str x6, [x5, #32]
    mov x0, #0xff
    msr mair_el1, x0
    movz x0, #25            // T0SZ=25: 39 bits -> starts at L1
    movk x0, #(1 << 7), lsl #16   // EPD1
    movk x0, #2, lsl #32    // IPS 40 bits
    msr tcr_el1, x0
    msr ttbr0_el1, x1
    isb
    mrs x0, sctlr_el1
    orr x0, x0, #1
    orr x0, x0, #(1 << 2)
    msr sctlr_el1, x0
    isb
    movz x10, #0x8000, lsl #16
    movz x9, #0x1234
    str x9, [x10]
    ldr x8, [x10]
    RES x8                     
    add x11, x10, #0x1000
    ldr x8, [x11]
    RES x8                     
    mov x7, #0
    str x9, [x11]              // permission fault level 3 write: ESR 0x9600004f
    RES x7
    add x11, x10, #0x2000
    ldr x8, [x11]              // AF fault 0x9600000b
    RES x7
    add x11, x10, #0x3000
    ldr x8, [x11, #8]           // translation level 3 0x96000007
    RES x7
    RES x6                     // FAR
    mov x11, #-4096
    ldr x8, [x11]              // EPD1: translation level 0 0x96000004
    RES x7
    at s1e1r, x10
    mrs x8, par_el1
    RES x8
    at s1e0w, x11
    mrs x8, par_el1
    RES x8
    // EL0 code at 0x80004000 (pa 0x40031000)
    adr x0, el0code
    movz x1, #0x4003, lsl #16
    movk x1, #0x1000
    mov x2, #8
1:  ldr w3, [x0], #4
    str w3, [x1], #4
    subs x2, x2, #1
    b.ne 1b
    add x0, x10, #0x4000
    msr elr_el1, x0
    msr spsr_el1, xzr
    mov x0, #0x77
    msr sp_el0, x0
    eret
el0code:
    mov x5, sp
    svc #0x55
    ldr x1, [x20]             // EL0 access to EL1 memory: permission fault level 1 (block) 0x9200000d
    mrs x1, sctlr_el1         // undef 0x02000000
    brk #3                    // 0xf2000003
    msr tpidr_el0, x20
    svc #0x66
    nop
back:
    RES x5
    mrs x8, sp_el0
    RES x8
    // PAN
    msr pan, #1
    ldr x8, [x10]             // permission fault l3 0x9600000f
    RES x7
    msr pan, #0
    // single-step into EL0 not here; software step of EL1
    mov x8, #0
    msr oslar_el1, xzr
    movz x0, #0xa000            // MDE|KDE
    msr mdscr_el1, x0
    // watchpoint on 0x80000000, EL1, 8 bytes, load/store
    msr dbgwvr0_el1, x10
    movz x0, #(0xff << 5 | 3 << 3 | 1 << 1 | 1)
    msr dbgwcr0_el1, x0
    adr x1, bpaddr
    msr dbgbvr0_el1, x1
    movz x0, #(0xf << 5 | 1 << 1 | 1)
    msr dbgbcr0_el1, x0
    isb
    msr daifclr, #8
    ldr x8, [x10]             // watchpoint 0xd6000022? (EC 0x35) ISS 0x22 read
    RES x7
    RES x6
    str x8, [x10]             // ... 0x62
    RES x7
bpaddr:
    nop                       // breakpoint EC 0x31 0xc6000022
    RES x7
    msr mdscr_el1, xzr
    msr daifset, #15
    // unaligned atomics
    add x11, x20, #1
    ldxr x8, [x11]            // 0x96000021
    RES x7
    // pauth round trip
    mrs x0, sctlr_el1
    orr x0, x0, #0x80000000
    msr sctlr_el1, x0
    isb
    movz x0, #0x1111
    msr s3_0_c2_c1_0, x0
    mov x0, x10
    .arch armv8.5-a+pauth
    pacia x0, x20
    RES x0
    sub x20, x20, #8
    autia x0, x20
    add x20,x20,#8
    RES x0
    mrs x0, CurrentEL
    RES x0
    mrs x0, ctr_el0
    RES x0
    mrs x0, cntvct_el0
    RES x0
    mov x0, x20
    hvc #7
    b .
    .balign 2048
vectors:
    .rept 16
    b exc
    .balign 0x80
    .endr
exc:
    mrs x7, esr_el1
    mrs x6, far_el1
    lsr x4, x7, #26
    cmp x4, #0x15
    b.eq svc
    cmp x4, #0x31
    b.eq bp
    mrs x4, elr_el1
    add x4, x4, #4
    msr elr_el1, x4
    mrs x4, spsr_el1
    tst x4, #0xf
    b.ne 2f
    RES x7                    // from EL0: log ESR
2:  eret
bp: msr dbgbcr0_el1, xzr
    eret
svc:
    RES x7
    and x4, x7, #0xffff
    cmp x4, #0x66
    b.eq 3f
    eret
3:  adr x4, back
    msr elr_el1, x4
    mov x4, #0x3c5
    msr spsr_el1, x4
    eret
