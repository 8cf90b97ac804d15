/* What the guests share with their VMM, and small things. */
#include <stdint.h>
#define RAM_BASE 0x40000000ul
#define DIST 0x08000000ul
#define CPUIF 0x08010000ul
#define REDIST 0x080a0000ul
#define ITS 0x08080000ul
#define PORT 0x0a000000ul /* writes of 32 bits: */
#define PUT 0             /* a character */
#define DONE 8            /* 0: all right; else the line of guest code that was not */
#define LINE 16           /* shared interrupt in bits 15:0, its line's level in bit 16 */
#define MIGRATE 24        /* all of the interrupt controller is saved, made anew and restored */
#define MSI 32            /* device in bits 31:16, event in bits 15:0: KVM_SIGNAL_MSI */
#define IRQFD 40          /* the event's eventfd is signalled */

#ifdef GUEST
static inline void w32(uint64_t a, uint32_t v) { asm volatile("str %w0, [%1]" ::"r"(v), "r"(a) : "memory"); }
static inline uint32_t r32(uint64_t a) { uint32_t v; asm volatile("ldr %w0, [%1]" : "=r"(v) : "r"(a) : "memory"); return v; }
static inline void w64(uint64_t a, uint64_t v) { asm volatile("str %0, [%1]" ::"r"(v), "r"(a) : "memory"); }
static inline uint64_t r64(uint64_t a) { uint64_t v; asm volatile("ldr %0, [%1]" : "=r"(v) : "r"(a) : "memory"); return v; }
#define rd(name) ({ uint64_t v_; asm volatile("mrs %0, " #name : "=r"(v_)::"memory"); v_; })
#define wr(name, v) asm volatile("msr " #name ", %0; isb" ::"r"((uint64_t)(v)) : "memory")
#define CHECK(x) do { if (!(x)) fail(__LINE__); } while (0)
#define IRQS_ON() asm volatile("msr daifclr, #3" ::: "memory")
#define IRQS_OFF() asm volatile("msr daifset, #3" ::: "memory")
static inline void done(uint32_t line) { w32(PORT + DONE, line); for (;;) asm volatile("wfi"); }
static inline void fail(uint32_t line) { done(line); }
static inline uint64_t hvc(uint64_t f, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 asm("x0") = f, x1 asm("x1") = a, x2 asm("x2") = b, x3 asm("x3") = c;
    asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return x0;
}
#endif
