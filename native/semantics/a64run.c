/* Executes single A64 instructions with given registers and prints what became of them: the reference for the
 * interpreter's differential test. Static arm64 Linux program, run under qemu-aarch64 or on arm64 hardware.
 * stdin: struct test ..., stdout: struct result ... The instruction stands in a page full of BRK; whatever happens next
 * is a signal, and the signal handler has the whole register file. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <asm/sigcontext.h>

#define CODE 0x20000000ul
#define CODE_SIZE 0x200000ul
#define DATA 0x10000000ul
#define DATA_SIZE 0x8000ul
#define BRK 0xd4200000u

/* The vector registers follow: Z of ZW words each, predicates and FFR of PW words; a CPU without SVE has V in the low
 * halves. ZW is the program's argument, PW follows from it. */
#define MAX_ZW 32
#define VECTORS (32 * ZW + 17 * PW)
struct test { uint32_t word[4]; uint64_t x[31], sp, nzcv, fpcr, fpsr, vectors[32 * MAX_ZW + 17 * MAX_ZW / 8]; };
struct result { uint64_t sig, pc, x[31], sp, nzcv, fpcr, fpsr, memory, vectors[32 * MAX_ZW + 17 * MAX_ZW / 8]; };
static int ZW = 4, PW = 1;

static struct test t;
static struct result r;
static uint64_t index_, initial;
static int running;
static uint64_t pattern[DATA_SIZE / 8];

static int get(int fd, void *p, size_t n)
{
    for (size_t k = 0; k < n;) { ssize_t g = read(fd, (char *)p + k, n - k); if (g <= 0) return 0; k += g; }
    return 1;
}
static void put(int fd, const void *p, size_t n)
{
    for (size_t k = 0; k < n;) { ssize_t g = write(fd, (const char *)p + k, n - k); if (g <= 0) _exit(3); k += g; }
}
static uint64_t hash(void)
{
    uint64_t h = 0, *m = (uint64_t *)DATA;
    for (size_t i = 0; i < DATA_SIZE / 8; i++) h = h * 0x100000001b3ul ^ m[i];
    return h;
}
static uint32_t *slot(void) { return (uint32_t *)(CODE + CODE_SIZE / 2 + (index_ & 0x3fff) * 32); }
static struct fpsimd_context *fp(ucontext_t *u)
{
    struct _aarch64_ctx *h = (struct _aarch64_ctx *)u->uc_mcontext.__reserved;
    while (h->magic && h->magic != FPSIMD_MAGIC) h = (struct _aarch64_ctx *)((char *)h + h->size);
    return (struct fpsimd_context *)h;
}
static struct sve_context *sve(ucontext_t *u)
{
    struct _aarch64_ctx *h = (struct _aarch64_ctx *)u->uc_mcontext.__reserved;
    /* Long vectors do not fit into the frame: their record is where an extra record points. */
    while (h->magic && h->magic != SVE_MAGIC)
        h = h->magic == EXTRA_MAGIC ? (struct _aarch64_ctx *)((struct extra_context *)h)->datap
                                    : (struct _aarch64_ctx *)((char *)h + h->size);
    return h->magic && h->size > sizeof(struct sve_context) ? (struct sve_context *)h : 0;
}
/* Between the frame and an image of the vector registers (V registers in the low two words without SVE). */
static void vectors(ucontext_t *u, uint64_t *v, int load)
{
    uint64_t *p = v + 32 * ZW;
    struct fpsimd_context *f = fp(u); struct sve_context *s = sve(u); int vq = s ? s->vl / 16 : 1;
    for (int i = 0; i < 32; i++) {
        char *z = s ? (char *)s + SVE_SIG_ZREG_OFFSET(vq, i) : 0;
        size_t n = s ? (vq * 16 < ZW * 8 ? vq * 16 : ZW * 8) : 0;
        if (load) { memcpy(&f->vregs[i], v + ZW * i, 16); if (z) memcpy(z, v + ZW * i, n); }
        else { memset(v + ZW * i, 0, ZW * 8); memcpy(v + ZW * i, z ? (void *)z : (void *)&f->vregs[i], z ? n : 16); }
    }
    for (int i = 0; i < 17; i++) {
        if (!load) memset(p + PW * i, 0, PW * 8);
        if (!s) continue;
        char *q = (char *)s + SVE_SIG_PREG_OFFSET(vq, i);
        if (load) memcpy(q, p + PW * i, vq * 2); else memcpy(p + PW * i, q, vq * 2);
    }
}
static void handler(int sig, siginfo_t *si, void *p)
{
    ucontext_t *u = p; mcontext_t *m = &u->uc_mcontext; struct fpsimd_context *f = fp(u);
    if (running) {
        r.sig = sig; r.pc = m->pc - (uint64_t)slot();
        memcpy(r.x, m->regs, sizeof r.x); r.sp = m->sp; r.nzcv = m->pstate >> 28 & 15;
        r.fpcr = f->fpcr; r.fpsr = f->fpsr; vectors(u, r.vectors, 0);
        r.memory = hash();
        if (r.memory != initial) memcpy((void *)DATA, pattern, DATA_SIZE);
        put(1, &r, sizeof r - sizeof r.vectors + VECTORS * 8);
        for (int i = 0; i < 8; i++) slot()[i] = BRK;
        __builtin___clear_cache((char *)slot(), (char *)slot() + 32);
        index_++;
    }
    if (!get(0, &t, sizeof t - sizeof t.vectors + VECTORS * 8)) _exit(0);
    running = 1;
    for (int i = 0; i < 4 && t.word[i]; i++) slot()[i] = t.word[i];
    __builtin___clear_cache((char *)slot(), (char *)slot() + 32);
    memcpy(m->regs, t.x, sizeof t.x); m->sp = t.sp; m->pc = (uint64_t)slot(); m->pstate = t.nzcv << 28;
    f->fpcr = t.fpcr; f->fpsr = t.fpsr; vectors(u, t.vectors, 1);
}
int main(int argc, char **argv)
{
    if (argc > 1) { ZW = atoi(argv[1]); PW = (ZW + 7) / 8; }
    if (ZW < 2 || ZW > MAX_ZW) return 2;
    mmap((void *)CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mmap((void *)DATA, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (uint32_t *p = (uint32_t *)CODE; p < (uint32_t *)(CODE + CODE_SIZE); p++) *p = BRK;
    uint64_t s = 1;
    for (size_t i = 0; i < DATA_SIZE / 8; i++) { s = s * 6364136223846793005ul + 1442695040888963407ul; pattern[i] = s ^ s >> 29; }
    memcpy((void *)DATA, pattern, DATA_SIZE); initial = hash();
    static char stack[262144];
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack }; sigaltstack(&ss, 0);
    struct sigaction a; memset(&a, 0, sizeof a); a.sa_sigaction = handler; a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    int sigs[] = { SIGTRAP, SIGILL, SIGSEGV, SIGBUS, SIGFPE };
    for (int i = 0; i < 5; i++) sigaction(sigs[i], &a, 0);
    __asm__ volatile("brk #0");
    return 1;
}
