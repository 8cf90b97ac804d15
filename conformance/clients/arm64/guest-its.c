/* An ITS: commands, the tables of properties and pending bits, messages from user space and irqfds, migration; two vCPUs. */
#include "guest.h"
#define AT(n) (0x40800000ul + (n) * 0x10000ul) /* 64 KiB each */
#define DEVICES AT(0)
#define COLLECTIONS AT(1)
#define QUEUE AT(2)
#define PROPERTIES AT(3)
#define PENDING(cpu) AT(5 + (cpu))
#define ITT(device) (AT(8) + 0x1000 * (uint64_t)(device))
#define LPI 8192
extern char secondary[];
static volatile uint32_t got[2][64], ready;
static uint64_t tail;

void guest_fault(uint64_t esr, uint64_t elr) { (void)elr; done(100000 + (esr >> 26)); }
static int me(void) { return (int)(rd(mpidr_el1) & 1); }

void guest_irq(void)
{
    uint32_t id = rd(S3_0_C12_C12_0);
    if (id == 1023) return;
    if (id < LPI || id >= LPI + 64) fail(200000 + id);
    got[me()][id - LPI]++;
    wr(S3_0_C12_C12_1, id);
}

static void wait_for(volatile uint32_t *what, uint32_t value, uint32_t line)
{
    for (uint64_t end = rd(cntvct_el0) + 20 * rd(cntfrq_el0); *what != value;)
        if (rd(cntvct_el0) > end) fail(line);
}
#define WAIT(what, value) wait_for(&(what), value, __LINE__)
static void pass_time(void) { for (int i = 0; i < 2000; i++) asm volatile("nop"); }

static void command(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    w64(QUEUE + tail, a);
    w64(QUEUE + tail + 8, b);
    w64(QUEUE + tail + 16, c);
    w64(QUEUE + tail + 24, d);
    tail = (tail + 32) & 0xffff;
    w64(ITS + 0x88, tail);
    while (r64(ITS + 0x90) != tail) ;
}
#define V (1ul << 63)
static void mapd(uint64_t dev, int bits, int valid) { command(8 | dev << 32, bits - 1, ITT(dev) | (valid ? V : 0), 0); }
static void mapc(uint64_t id, uint64_t cpu, int valid) { command(9, 0, id | cpu << 16 | (valid ? V : 0), 0); }
static void mapti(uint64_t dev, uint64_t ev, uint64_t lpi, uint64_t coll) { command(10 | dev << 32, ev | lpi << 32, coll, 0); }
static void mapi(uint64_t dev, uint64_t ev, uint64_t coll) { command(11 | dev << 32, ev, coll, 0); }
static void movi(uint64_t dev, uint64_t ev, uint64_t coll) { command(1 | dev << 32, ev, coll, 0); }
static void one(int c, uint64_t dev, uint64_t ev) { command((uint64_t)c | dev << 32, ev, 0, 0); }
#define INT(dev, ev) one(3, dev, ev)
#define INV(dev, ev) one(12, dev, ev)

static void cpu_on(int cpu)
{
    uint64_t rdist = REDIST + 0x20000 * (uint64_t)cpu;
    w32(rdist + 0x14, r32(rdist + 0x14) & ~2u);
    w64(rdist + 0x70, PROPERTIES | 15);
    w64(rdist + 0x78, PENDING(cpu));
    w32(rdist, 1);
    wr(S3_0_C12_C12_5, 7);
    wr(S3_0_C4_C6_0, 0xf0);
    wr(S3_0_C12_C12_7, 1);
    IRQS_ON();
}

static void property(int lpi, uint32_t v) { asm volatile("strb %w0, [%1]" ::"r"(v), "r"(PROPERTIES + lpi) : "memory"); }

void guest_main(uint64_t cpu)
{
    if (cpu == 1) {
        cpu_on(1);
        ready = 1;
        for (;;) asm volatile("wfi");
    }
    w32(DIST, 0x12);
    for (int i = 0; i < 64; i++) property(i, 0xa1);
    cpu_on(0);
    hvc(0xc4000003, 1, (uint64_t)secondary, 0);
    WAIT(ready, 1);
    CHECK((r64(ITS + 8) & 1) && (r32(ITS + 0xffe8) & 0xf0) == 0x30);
    CHECK(r32(REDIST) & 1);
    w64(ITS + 0x100, V | DEVICES);
    w64(ITS + 0x108, V | COLLECTIONS);
    w64(ITS + 0x80, V | QUEUE | 15);
    CHECK((r64(ITS + 0x100) >> 56 & 7) == 1 && (r64(ITS + 0x108) >> 56 & 7) == 4);
    w32(ITS, 1);
    CHECK(r32(ITS) == (1u << 31 | 1));
    mapc(0, 0, 1);
    mapc(1, 1, 1);
    mapd(5, 4, 1);
    mapd(6, 14, 1);
    mapti(5, 0, LPI + 1, 0);
    mapti(5, 1, LPI + 2, 1);
    mapti(5, 99, LPI + 3, 0); /* more than its 16 events */
    mapi(6, LPI + 9, 1);
    INT(5, 0);
    WAIT(got[0][1], 1);
    INT(5, 1);
    WAIT(got[1][2], 1);
    INT(6, LPI + 9);
    WAIT(got[1][9], 1);
    INT(5, 99);
    INT(7, 0);
    /* From user space: a message, and an irqfd with a route to one. */
    w32(PORT + MSI, 5 << 16 | 0);
    WAIT(got[0][1], 2);
    w32(PORT + IRQFD, 5 << 16 | 1);
    WAIT(got[1][2], 2);
    w32(PORT + IRQFD, 5 << 16 | 1);
    WAIT(got[1][2], 3);
    /* Moved. */
    movi(5, 1, 0);
    INT(5, 1);
    WAIT(got[0][2], 1);
    CHECK(got[1][2] == 3);
    mapc(0, 1, 1);
    INT(5, 0);
    WAIT(got[1][1], 1);
    mapc(0, 0, 1);
    command(14, 0, 0, 1ul << 16); /* MOVALL from 0 to 1 */
    INT(5, 0);
    WAIT(got[1][1], 2);
    mapc(0, 0, 1);
    /* Off by its property, once that is looked at. */
    property(1, 0xa0);
    INT(5, 0);
    WAIT(got[0][1], 3);
    INV(5, 0);
    INT(5, 0);
    pass_time();
    CHECK(got[0][1] == 3);
    property(1, 0xa1);
    command(13, 0, 0, 0); /* INVALL */
    WAIT(got[0][1], 4);
    /* Cleared before it is taken. */
    IRQS_OFF();
    INT(5, 0);
    one(4, 5, 0);
    IRQS_ON();
    pass_time();
    CHECK(got[0][1] == 4);
    /* Saved and restored, with one pending. */
    IRQS_OFF();
    INT(5, 0);
    w32(PORT + MIGRATE, 0);
    IRQS_ON();
    WAIT(got[0][1], 5);
    CHECK(r64(DEVICES + 5 * 8) >> 63 && (r64(ITT(5)) >> 16 & 0xffffffff) == LPI + 1);
    INT(5, 0);
    WAIT(got[0][1], 6);
    INT(5, 1);
    WAIT(got[0][2], 2);
    INT(6, LPI + 9);
    WAIT(got[1][9], 2);
    /* Gone. */
    one(15, 5, 1);
    INT(5, 1);
    mapd(6, 14, 0);
    INT(6, LPI + 9);
    mapc(0, 0, 0);
    INT(5, 0);
    pass_time();
    CHECK(got[0][1] == 6 && got[0][2] == 2 && got[1][9] == 2);
    /* No LPIs, no messages. */
    w32(REDIST + 0x20000, 0);
    CHECK(!(r32(REDIST + 0x20000) & 1));
    done(0);
}
