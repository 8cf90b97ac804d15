/* The guest work: BENCH 0 nothing (start-up alone), 1 integer loop, 2 memory-bound sieve, 3 SHA-256, 4 SVE loops (arm64: a
   vector sum and a dot product); TIMES as much of it. Freestanding. */
#include <stddef.h>
#include <stdint.h>

#if BENCH == 1
static uint32_t work(void)
{
    uint64_t x = 88172645463325252ull, sum = 0;
    for (uint32_t i = 0; i < 40000000u * TIMES; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        if (x & 1) sum += x >> 3;
        else sum ^= x;
    }
    return (uint32_t)sum;
}
#elif BENCH == 2
static uint8_t sieve[4 << 20];
static uint32_t work(void)
{
    uint32_t primes = 0;
    for (int round = 0; round < 8 * TIMES; round++) {
        for (size_t i = 0; i < sizeof sieve; i++) sieve[i] = 1;
        for (size_t i = 2; i * i < sizeof sieve; i++)
            if (sieve[i])
                for (size_t j = i * i; j < sizeof sieve; j += i) sieve[j] = 0;
        for (size_t i = 2; i < sizeof sieve; i++) primes += sieve[i];
    }
    return primes;
}
#elif BENCH == 3
static uint32_t k[64];
static uint32_t rotate(uint32_t v, int n) { return v >> n | v << (32 - n); }
static void block(uint32_t h[8], const uint8_t *p)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 8; i++) v[i] = h[i];
    for (int i = 0; i < 64; i++) {
        uint32_t s = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t t = v[7] + s + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        uint32_t u = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        for (int j = 7; j > 0; j--) v[j] = v[j - 1];
        v[4] += t;
        v[0] = t + u;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}
static uint32_t work(void)
{
    static uint8_t data[64];
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (uint32_t i = 0; i < 64; i++) k[i] = i * 2654435761u, data[i] = (uint8_t)i;
    for (int i = 0; i < 60000 * TIMES; i++) block(h, data);
    return h[0];
}
#elif BENCH == 4
#include <arm_sve.h>
static uint32_t a[4096], b[4096], c[4096];
static uint32_t work(void)
{
    uint32_t result = 0;
    for (uint32_t i = 0; i < 4096; i++) a[i] = i * 2654435761u, b[i] = i ^ 0x9e3779b9u;
    for (int round = 0; round < 1000 * TIMES; round++) {
        svuint32_t sum = svdup_u32(0);
        for (uint32_t i = 0; i < 4096; i += (uint32_t)svcntw()) {
            svbool_t on = svwhilelt_b32(i, 4096u);
            svst1(on, c + i, svadd_x(on, svld1(on, a + i), svld1(on, b + i)));
        }
        for (uint32_t i = 0; i < 4096; i += (uint32_t)svcntw()) {
            svbool_t on = svwhilelt_b32(i, 4096u);
            sum = svmla_m(on, sum, svld1(on, c + i), svld1(on, b + i));
        }
        result += (uint32_t)svaddv(svptrue_b32(), sum);
        a[round & 4095] = result;
    }
    return result;
}
#else
static uint32_t work(void) { return 0; }
#endif

uint32_t guest_main(void) { return work(); }
void *memset(void *to, int c, size_t n)
{
    for (size_t i = 0; i < n; i++) ((volatile uint8_t *)to)[i] = (uint8_t)c;
    return to;
}
