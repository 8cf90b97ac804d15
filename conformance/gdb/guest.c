/* A guest to be debugged: bench/guest/start.S or bench/guest-arm64/start.S before it, in bench/flat-vmm or flat-vmm-arm64.
   What it returns says whether it found its own code changed. */
#include <stdint.h>

uint32_t numbers[8];

__attribute__((noinline)) uint32_t square(uint32_t n)
{
    return n * n;
}

__attribute__((noinline)) void vectors(uint32_t value)
{
#if defined __x86_64__
    asm volatile("movd %0, %%xmm3; pshufd $0, %%xmm3, %%xmm3" ::"r"(value) : "xmm3");
#else
    asm volatile(".arch armv8-a+sve; dup z3.s, %w0; ptrue p1.s" ::"r"(value));
#endif
}

uint32_t code_sum(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < 8; i++) sum += ((volatile uint8_t *)square)[i] * (i + 1u);
    return sum;
}

uint32_t guest_main(void)
{
    uint32_t before = code_sum(), total = 0;
    for (uint32_t i = 0; i < 8; i++) {
        numbers[i] = square(i + 1);
        total += numbers[i];
    }
    vectors(total);
    return total + (code_sum() - before) * 0x10000;
}
