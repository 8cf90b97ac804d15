/* PSCI: vCPU 0 starts all others, asks for their state, and switches the machine off after one reset. */
#include "guest.h"
#define CPU_OFF 0x84000002
#define CPU_ON 0xc4000003
#define AFFINITY_INFO 0xc4000004
#define SYSTEM_OFF 0x84000008
#define SYSTEM_RESET 0x84000009
#define INVALID ((uint64_t)-2)
#define ALREADY_ON ((uint64_t)-4)
extern char secondary[];
static volatile uint64_t up[512], leave[512];

void guest_fault(uint64_t esr, uint64_t elr) { (void)elr; done(100000 + (esr >> 26)); }
void guest_irq(void) { fail(__LINE__); }
static uint64_t mpidr(uint64_t cpu) { return (cpu & 15) | (cpu >> 4) << 8; }

void guest_main(uint64_t cpu, uint64_t context, uint64_t arg)
{
    if (cpu != 0) {
        up[cpu] = context + 1;
        while (!leave[cpu]) asm volatile("yield");
        hvc(CPU_OFF, 0, 0, 0);
        fail(__LINE__);
    }
    uint64_t cpus = arg & 0xffff;
    if (arg >> 16) { /* after the reset */
        for (uint64_t i = 1; i < cpus; i++) CHECK(hvc(AFFINITY_INFO, mpidr(i), 0, 0) == 1);
        hvc(SYSTEM_OFF, 0, 0, 0);
        fail(__LINE__);
    }
    CHECK(hvc(0x84000000, 0, 0, 0) >= 0x2);
    CHECK(hvc(CPU_ON, mpidr(cpus), (uint64_t)secondary, 0) == INVALID);
    CHECK(hvc(CPU_ON, mpidr(0), (uint64_t)secondary, 0) == ALREADY_ON);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 1; i < cpus; i++) {
            CHECK(hvc(AFFINITY_INFO, mpidr(i), 0, 0) == 1);
            up[i] = leave[i] = 0;
            CHECK(hvc(CPU_ON, mpidr(i), (uint64_t)secondary, i * 7 + round) == 0);
        }
        for (uint64_t i = 1; i < cpus; i++) {
            while (!up[i]) asm volatile("yield");
            CHECK(up[i] == i * 7 + round + 1);
            CHECK(hvc(AFFINITY_INFO, mpidr(i), 0, 0) == 0);
            CHECK(hvc(CPU_ON, mpidr(i), (uint64_t)secondary, 0) == ALREADY_ON);
            leave[i] = 1;
        }
        for (uint64_t i = 1; i < cpus; i++)
            while (hvc(AFFINITY_INFO, mpidr(i), 0, 0) != 1) asm volatile("yield");
    }
    hvc(SYSTEM_RESET, 0, 0, 0);
    fail(__LINE__);
}
