/* Counters count exactly, overflow and interrupt. */
#include "guest.h"
static volatile int interrupts;
static volatile uint64_t overflowed;

void guest_fault(uint64_t esr, uint64_t elr) { (void)elr; done(100000 + (esr >> 26)); }

void guest_irq(void)
{
    uint32_t id = rd(S3_0_C12_C12_0); /* ICC_IAR1_EL1 */
    if (id != 23) fail(200000 + id);
    overflowed = rd(pmovsclr_el0);
    wr(pmovsclr_el0, overflowed);
    interrupts++;
    wr(S3_0_C12_C12_1, id); /* ICC_EOIR1_EL1 */
}

static uint64_t loop(uint64_t times)
{
    uint64_t before, after;
    asm volatile("mrs %0, pmevcntr0_el0\n"
                 "1: subs %2, %2, #1\n"
                 "b.ne 1b\n"
                 "mrs %1, pmevcntr0_el0\n" : "=&r"(before), "=&r"(after), "+&r"(times)::"cc");
    return after - before;
}

static void gic(void)
{
    w32(DIST, 0x12);
    w32(REDIST + 0x14, r32(REDIST + 0x14) & ~2u);
    w32(REDIST + 0x10080, ~0u);
    w32(REDIST + 0x10100, 1u << 23);
    wr(S3_0_C12_C12_5, 7);
    wr(S3_0_C4_C6_0, 0xf0);
    wr(S3_0_C12_C12_7, 1);
}

void guest_main(uint64_t cpu)
{
    (void)cpu;
    wr(pmintenclr_el1, ~0u); /* the reset values are unknown */
    wr(pmovsclr_el0, ~0u);
    wr(pmcntenclr_el0, ~0u);
    gic();
    uint64_t n = rd(pmcr_el0) >> 11 & 31;
    CHECK(n >= 2);
    wr(pmcr_el0, 1 << 6 | 1 << 2 | 1 << 1 | 1);
    wr(pmevtyper0_el0, 8); /* INST_RETIRED */
    wr(pmevtyper1_el0, 0x11);
    wr(pmcntenset_el0, 1u << 31 | 3);
    for (int i = 0; i < 3; i++) CHECK(loop(10) == 20);
    for (int i = 0; i < 3; i++) CHECK(loop(100000) == 200000);
    uint64_t c = rd(pmccntr_el0);
    CHECK(rd(pmccntr_el0) == c);
    CHECK(rd(pmevcntr1_el0) > 600000);
    /* Not at EL1. */
    wr(pmevtyper0_el0, 8 | 1u << 31);
    CHECK(loop(1000) == 0);
    wr(pmevtyper0_el0, 8);
    /* Off. */
    wr(pmcr_el0, 1 << 6);
    CHECK(loop(1000) == 0);
    wr(pmcr_el0, 1 << 6 | 1);
    wr(pmcntenclr_el0, 1);
    CHECK(loop(1000) == 0);
    /* An overflow interrupts. */
    IRQS_ON();
    wr(pmintenset_el1, 1);
    wr(pmevcntr0_el0, 0xffffffffu - 50000);
    wr(pmcntenset_el0, 1);
    CHECK(interrupts == 0);
    loop(20000);
    CHECK(interrupts == 0);
    loop(20000);
    CHECK(interrupts == 1 && overflowed == 1);
    CHECK(rd(pmovsset_el0) == 0);
    /* Software increments, chained to 64 bits. */
    wr(pmcntenclr_el0, ~0u);
    wr(pmevtyper0_el0, 0);
    wr(pmevtyper1_el0, 0x1e);
    wr(pmevcntr0_el0, 0xffffffffu);
    wr(pmevcntr1_el0, 41);
    wr(pmcntenset_el0, 3);
    wr(pmswinc_el0, 1);
    CHECK((uint32_t)rd(pmevcntr0_el0) == 0 && rd(pmevcntr1_el0) == 42);
    CHECK(interrupts == 2);
    done(0);
}
