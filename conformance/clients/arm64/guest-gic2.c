/* A GICv2: SGIs with their senders, levels and edges, priorities, the virtual timer, migration; on two vCPUs. */
#include "guest.h"
#define TYPES 512
extern char secondary[];
static volatile uint32_t got[2][TYPES], senders[2], order[16], taken, nest, ack_only, seen_pending;

void guest_fault(uint64_t esr, uint64_t elr) { (void)elr; done(100000 + (esr >> 26)); }
static int me(void) { return (int)(rd(mpidr_el1) & 1); }

void guest_irq(void)
{
    int cpu = me();
    uint32_t iar = r32(CPUIF + 0x0c), id = iar & 0x3ff;
    if (id >= TYPES) return;
    if (id < 16) senders[cpu] |= 1u << (iar >> 10 & 7);
    if (id == 27) wr(cntv_ctl_el0, 0);
    if (id == 40) w32(PORT + LINE, 40);
    got[cpu][id]++;
    if (taken < 16) order[taken++] = id;
    if (nest) { /* a lower priority waits, a higher one does not */
        nest = 0;
        w32(DIST + 0x200 + 4, 1u << 2 | 1u << 3);
        IRQS_ON();
        for (int i = 0; i < 100; i++) asm volatile("nop");
        IRQS_OFF();
        seen_pending = r32(DIST + 0x204);
    }
    if (!ack_only) w32(CPUIF + 0x10, iar);
}

static void cpu_on(void)
{
    w32(DIST + 0x100, 0xffffffff);
    w32(CPUIF + 4, 0xf8);
    w32(CPUIF, 1);
    IRQS_ON();
}

static void wait_for(volatile uint32_t *what, uint32_t value, uint32_t line)
{
    for (uint64_t end = rd(cntvct_el0) + 20 * rd(cntfrq_el0); *what != value;)
        if (rd(cntvct_el0) > end) fail(line);
}
#define WAIT(what, value) wait_for(&(what), value, __LINE__)

static void target(uint32_t spi, uint32_t mask)
{
    asm volatile("strb %w0, [%1]" ::"r"(mask), "r"(DIST + 0x800 + spi) : "memory");
}

static void priority(uint32_t spi, uint32_t v)
{
    asm volatile("strb %w0, [%1]" ::"r"(v), "r"(DIST + 0x400 + spi) : "memory");
}

void guest_main(uint64_t cpu)
{
    if (cpu == 1) {
        CHECK((r32(DIST + 0x800) & 0xff) == 2);
        cpu_on();
        got[1][0] = 100;
        for (;;) asm volatile("wfi");
    }
    CHECK((r32(DIST + 4) & 0xe0) == 1 << 5);
    CHECK((r32(CPUIF + 0xfc) & 0xf0000) == 0x20000);
    CHECK(r32(CPUIF + 0x0c) == 1023 && r32(CPUIF + 0x14) == 0xff);
    w32(DIST, 1);
    cpu_on();
    hvc(0xc4000003, 1, (uint64_t)secondary, 0);
    WAIT(got[1][0], 100);
    /* SGIs: to the other, to all others, to itself. */
    w32(DIST + 0xf00, 2 << 16 | 5);
    WAIT(got[1][5], 1);
    w32(DIST + 0xf00, 1 << 24 | 6);
    WAIT(got[1][6], 1);
    CHECK(senders[1] == 1);
    w32(DIST + 0xf00, 2 << 24 | 7);
    WAIT(got[0][7], 1);
    w32(DIST + 0x200, 1 << 3); /* ignored for SGIs */
    CHECK(got[0][3] == 0);
    /* GICD_SPENDSGIR: one SGI of two senders is two interrupts. */
    IRQS_OFF();
    senders[0] = 0;
    w32(DIST + 0xf20 + 8, 3);
    CHECK((r32(DIST + 0xf20 + 8) & 0xff) == 3);
    CHECK(r32(DIST + 0x200) >> 8 & 1);
    IRQS_ON();
    WAIT(got[0][8], 2);
    CHECK(senders[0] == 3);
    /* A level comes again until it falls; then not. */
    target(40, 2);
    CHECK((r32(DIST + 0x828) & 0xff) == 2);
    w32(DIST + 0x104, 1u << 8 | 0xf);
    w32(PORT + LINE, 1 << 16 | 40);
    WAIT(got[1][40], 1);
    CHECK(got[0][40] == 0);
    target(40, 1);
    w32(PORT + LINE, 1 << 16 | 40);
    WAIT(got[0][40], 1);
    /* An edge is one interrupt each. */
    w32(DIST + 0xc08, 0xaa);
    target(33, 1);
    w32(PORT + LINE, 1 << 16 | 33);
    WAIT(got[0][33], 1);
    w32(PORT + LINE, 33);
    w32(PORT + LINE, 1 << 16 | 33);
    WAIT(got[0][33], 2);
    w32(PORT + LINE, 33);
    /* Priorities: what preempts, and the mask. */
    for (int i = 32; i < 36; i++) target(i, 1);
    priority(32, 0x80);
    priority(34, 0x40);
    priority(35, 0xa0);
    taken = 0;
    nest = 1;
    w32(DIST + 0x200 + 4, 1);
    WAIT(got[0][35], 1);
    CHECK(order[0] == 32 && order[1] == 34 && order[2] == 35);
    CHECK((seen_pending & 0xd) == 8);
    w32(CPUIF + 4, 0x40);
    w32(DIST + 0x200 + 4, 1);
    for (int i = 0; i < 1000; i++) asm volatile("nop");
    CHECK(got[0][32] == 1);
    CHECK(r32(CPUIF + 0x18) == 32);
    /* Migration with one pending and one active. */
    w32(PORT + MIGRATE, 0);
    CHECK(got[0][32] == 1 && (r32(DIST + 0x204) & 1) && r32(CPUIF + 4) == 0x40);
    w32(CPUIF + 4, 0xf8);
    WAIT(got[0][32], 2);
    ack_only = 1;
    w32(DIST + 0x204, 1);
    WAIT(got[0][32], 3);
    CHECK(r32(DIST + 0x304) & 1);
    CHECK(r32(CPUIF + 0x14) == 0x80);
    w32(PORT + MIGRATE, 0);
    CHECK(r32(DIST + 0x304) & 1);
    CHECK(r32(CPUIF + 0x14) == 0x80);
    ack_only = 0;
    w32(CPUIF + 0x10, 32);
    CHECK(!(r32(DIST + 0x304) & 1) && r32(CPUIF + 0x14) == 0xff);
    /* EOI and deactivation apart. */
    w32(CPUIF, 1 | 1 << 9);
    w32(DIST + 0x204, 1);
    WAIT(got[0][32], 4);
    CHECK(r32(DIST + 0x304) & 1);
    w32(CPUIF + 0x1000, 32);
    CHECK(!(r32(DIST + 0x304) & 1));
    w32(CPUIF, 1);
    /* The virtual timer's private interrupt. */
    wr(cntv_tval_el0, 1000);
    wr(cntv_ctl_el0, 1);
    WAIT(got[0][27], 1);
    /* Off means off. */
    w32(DIST, 0);
    w32(DIST + 0x204, 2);
    for (int i = 0; i < 1000; i++) asm volatile("nop");
    CHECK(got[0][33] == 2);
    w32(DIST, 1);
    WAIT(got[0][33], 3);
    done(0);
}
