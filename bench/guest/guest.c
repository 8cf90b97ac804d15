/* The guest work: BENCH 0 nothing (start-up alone), 1 integer loop, 2 memory-bound sieve, 3 SHA-256, 4 SVE loops (arm64: a
   vector sum and a dot product), 5 SSE4.1 loops (x86, the same), 6 what a boot is like (x86: code that runs seldom, strings, CPUID,
   page tables loaded anew); TIMES as much of it. Freestanding. */
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
#elif BENCH == 5
#include <smmintrin.h>
static uint32_t a[4096], b[4096], c[4096];
static uint32_t work(void)
{
    uint32_t result = 0;
    for (uint32_t i = 0; i < 4096; i++) a[i] = i * 2654435761u, b[i] = i ^ 0x9e3779b9u;
    for (int round = 0; round < 5000 * TIMES; round++) {
        __m128i sum = _mm_setzero_si128();
        for (uint32_t i = 0; i < 4096; i += 4)
            _mm_storeu_si128((__m128i *)(c + i), _mm_add_epi32(_mm_loadu_si128((__m128i *)(a + i)), _mm_loadu_si128((__m128i *)(b + i))));
        for (uint32_t i = 0; i < 4096; i += 4)
            sum = _mm_add_epi32(sum, _mm_mullo_epi32(_mm_loadu_si128((__m128i *)(c + i)), _mm_loadu_si128((__m128i *)(b + i))));
        sum = _mm_hadd_epi32(sum, sum);
        result += (uint32_t)_mm_extract_epi32(sum, 0) + (uint32_t)_mm_extract_epi32(sum, 1);
        a[round & 4095] = result;
    }
    return result;
}
#elif BENCH == 6
#define F(n) static __attribute__((noinline)) uint32_t f##n(uint32_t v) { for (int i = 0; i < (v & 7); i++) v = v * (2 * n + 3u) + (v >> (n & 15)); return v % (n + 7u) ? v ^ n : v + n; }
#define F8(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7)
#define F64(n) F8(n##1) F8(n##2) F8(n##3) F8(n##4) F8(n##5) F8(n##6) F8(n##7) F8(n##8)
#define C8(n) v = f##n##0(v), v = f##n##1(v), v = f##n##2(v), v = f##n##3(v), v = f##n##4(v), v = f##n##5(v), v = f##n##6(v), v = f##n##7(v);
#define C64(n) C8(n##1) C8(n##2) C8(n##3) C8(n##4) C8(n##5) C8(n##6) C8(n##7) C8(n##8)
F64(1) F64(2) F64(3) F64(4) F64(5) F64(6) F64(7) F64(8)
static uint8_t from[65536], to[65536];
static uint32_t work(void)
{
    uint32_t v = 1;
    for (int round = 0; round < 300 * TIMES; round++) {
        C64(1) C64(2) C64(3) C64(4) C64(5) C64(6) C64(7) C64(8)
        uint64_t count = sizeof from / 8, cr3;
        void *d = from, *s = from;
        __asm__ volatile("rep stosq" : "+D"(d), "+c"(count) : "a"((uint64_t)v) : "memory");
        d = to, count = sizeof to;
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(count) : : "memory");
        uint32_t eax = 0, ecx = 0, ebx, edx;
        __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
        __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
        for (uint32_t i = 0; i < sizeof to; i += 4096) v += to[i];
    }
    return v;
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
