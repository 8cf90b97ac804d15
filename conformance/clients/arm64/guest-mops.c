/* Memory copy and set: what they leave in memory and registers, also where a kernel goes on with registers of another CPU's. */
#include "guest.h"
#define SIZE 0x28000
#define C (1ul << 29)
#define N (1ul << 31)
static uint8_t a[SIZE], b[SIZE];
static uint64_t seed = 1;

void guest_fault(uint64_t esr, uint64_t elr) { (void)elr; done(100000 + (esr >> 26)); }
void guest_irq(void) { fail(__LINE__); }

static uint64_t some(uint64_t below)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (seed >> 33) % below;
}

/* Enters a group of three at the instruction that is named, with registers and flags given. */
#define ENTER(name, at, flags, first, second, third)                                                                     \
    static void name(uint64_t *d, uint64_t *s, uint64_t *n)                                                              \
    {                                                                                                                    \
        register uint64_t x0 asm("x0") = *d, x1 asm("x1") = *s, x2 asm("x2") = *n;                                       \
        asm volatile(".arch_extension mops\n\tmsr nzcv, %3\n\tb " at "f\n1:\t" first "\n2:\t" second "\n3:\t" third      \
                     : "+r"(x0), "+r"(x1), "+r"(x2) : "r"((uint64_t)(flags)) : "memory", "cc");                          \
        *d = x0, *s = x1, *n = x2;                                                                                       \
    }
#define SET "setp [x0]!, x2!, x1", "setm [x0]!, x2!, x1", "sete [x0]!, x2!, x1"
#define COPY "cpyp [x0]!, [x1]!, x2!", "cpym [x0]!, [x1]!, x2!", "cpye [x0]!, [x1]!, x2!"
#define COPYF "cpyfp [x0]!, [x1]!, x2!", "cpyfm [x0]!, [x1]!, x2!", "cpyfe [x0]!, [x1]!, x2!"
#define AT(name, at, flags, ...) ENTER(name, at, flags, __VA_ARGS__)
AT(set, "1", C, SET)
AT(set_main_b, "2", C, SET)
AT(set_end_a, "3", 0, SET)
AT(copy, "1", C | N, COPY)
AT(copy_main_b_back, "2", C | N, COPY)
AT(copy_main_b, "2", C, COPY)
AT(copy_end_a, "3", 0, COPY)
AT(copyf, "1", 0, COPYF)
AT(copyf_end_b, "3", C, COPYF)

static void fill(void)
{
    for (uint64_t i = 0; i < SIZE; i++) a[i] = b[i] = (uint8_t)(i * 7 ^ i >> 8);
}

static void same(uint32_t line)
{
    for (uint64_t i = 0; i < SIZE; i++)
        if (a[i] != b[i]) fail(line);
}

/* What the copy shall do, a byte at a time. */
static void model(uint64_t to, uint64_t from, uint64_t size)
{
    if (to < from) for (uint64_t i = 0; i < size; i++) b[to + i] = b[from + i];
    else for (uint64_t i = size; i-- > 0;) b[to + i] = b[from + i];
}

void guest_main(uint64_t cpu, uint64_t context, uint64_t arg)
{
    (void)cpu, (void)context, (void)arg;
    CHECK((rd(s3_0_c0_c6_2) >> 16 & 15) == 1); /* ID_AA64ISAR2_EL1.MOPS */
    for (int i = 0; i < 60; i++) {
        uint64_t most = i < 10 ? SIZE / 2 : 9000, size = some(most), to = some(SIZE / 2), from = some(SIZE / 2);
        if (i % 3) from = to + some(256) - (to > 256 ? 128 : 0);
        uint64_t d, s, n = size;
        fill();
        for (uint64_t k = 0; k < size; k++) b[to + k] = 0x5a;
        d = (uint64_t)a + to, s = 0x5a5a;
        if (i % 3 == 0) set(&d, &s, &n);
        else if (i % 3 == 1) set_main_b(&d, &s, &n);
        else {
            if (size < 4096) continue;
            d += size, n = -size;
            set_end_a(&d, &s, &n);
        }
        CHECK(d == (uint64_t)a + to + size && n == 0 && s == 0x5a5a);
        same(__LINE__);

        fill();
        model(to, from, size);
        d = (uint64_t)a + to, s = (uint64_t)a + from, n = size;
        int back = from < to && from + size > to;
        if (i % 2 == 0) copy(&d, &s, &n);
        else if (back) d += size, s += size, copy_main_b_back(&d, &s, &n);
        else if (size < 4096 || i % 5) copy_main_b(&d, &s, &n);
        else d += size, s += size, n = -size, copy_end_a(&d, &s, &n);
        CHECK(n == 0 && d == (uint64_t)a + to + (back ? 0 : size) && s == (uint64_t)a + from + (back ? 0 : size));
        same(__LINE__);

        if (from + size > to && to + size > from) continue;
        fill();
        model(to, from, size);
        d = (uint64_t)a + to, s = (uint64_t)a + from, n = size;
        if (size == 0 || i % 2) copyf(&d, &s, &n);
        else copyf_end_b(&d, &s, &n);
        CHECK(n == 0 && d == (uint64_t)a + to + size && s == (uint64_t)a + from + size);
        same(__LINE__);
    }
    done(0);
}
