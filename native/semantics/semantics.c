/*
 * Executes short instruction sequences on the CPU of this computer, for comparing
 * with the simulated machine. Reads cases from stdin, writes results to stdout.
 *
 * case:   u32 length, u8 code[60], u64 gpr[16], u64 rflags, u8 data[256]
 * result: u64 signal (0 when it ran to its end), u64 gpr[16], u64 rflags, u8 data[256]
 *
 * The code is at 0x10001000, the data at 0x10000800 with the page around it zero.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct in {
	uint32_t length;
	uint8_t code[60];
	uint64_t gpr[16];
	uint64_t rflags;
	uint8_t data[256];
};

struct out {
	uint64_t signal;
	uint64_t gpr[16];
	uint64_t rflags;
	uint8_t data[256];
};

static uint8_t *const area = (uint8_t *)0x10000000;
uint64_t regs[17];
uint64_t own_sp;
static sigjmp_buf back;
static char alt[65536];

void run_case(void);
void case_end(void);

__asm__(".text\n"
	".globl run_case\n"
	"run_case:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, own_sp(%rip)\n"
	"	push regs+128(%rip)\n"
	"	popf\n"
	"	mov regs+0(%rip), %rax\n	mov regs+8(%rip), %rcx\n"
	"	mov regs+16(%rip), %rdx\n	mov regs+24(%rip), %rbx\n"
	"	mov regs+32(%rip), %rsp\n	mov regs+40(%rip), %rbp\n"
	"	mov regs+48(%rip), %rsi\n	mov regs+56(%rip), %rdi\n"
	"	mov regs+64(%rip), %r8\n	mov regs+72(%rip), %r9\n"
	"	mov regs+80(%rip), %r10\n	mov regs+88(%rip), %r11\n"
	"	mov regs+96(%rip), %r12\n	mov regs+104(%rip), %r13\n"
	"	mov regs+112(%rip), %r14\n	mov regs+120(%rip), %r15\n"
	"	jmp *target(%rip)\n"
	".globl case_end\n"
	"case_end:\n"
	"	mov %rax, regs+0(%rip)\n	mov %rcx, regs+8(%rip)\n"
	"	mov %rdx, regs+16(%rip)\n	mov %rbx, regs+24(%rip)\n"
	"	mov %rsp, regs+32(%rip)\n	mov %rbp, regs+40(%rip)\n"
	"	mov %rsi, regs+48(%rip)\n	mov %rdi, regs+56(%rip)\n"
	"	mov %r8, regs+64(%rip)\n	mov %r9, regs+72(%rip)\n"
	"	mov %r10, regs+80(%rip)\n	mov %r11, regs+88(%rip)\n"
	"	mov %r12, regs+96(%rip)\n	mov %r13, regs+104(%rip)\n"
	"	mov %r14, regs+112(%rip)\n	mov %r15, regs+120(%rip)\n"
	"	mov own_sp(%rip), %rsp\n"
	"	pushf\n"
	"	pop regs+128(%rip)\n"
	"	cld\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".data\n"
	"target: .quad 0x10001000\n"
	".text\n");

static void caught(int sig)
{
	siglongjmp(back, sig);
}

int main(void)
{
	struct in in;
	struct out out;
	stack_t st = { .ss_sp = alt, .ss_size = sizeof alt };
	struct sigaction sa = { .sa_handler = caught, .sa_flags = SA_ONSTACK | SA_NODEFER };
	static const int signals[] = { SIGFPE, SIGSEGV, SIGILL, SIGTRAP, SIGBUS };
	uint64_t end = (uint64_t)(uintptr_t)case_end;

	if (mmap(area, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != area)
		return 1;
	sigaltstack(&st, NULL);
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &sa, NULL);
	while (fread(&in, sizeof in, 1, stdin) == 1) {
		uint8_t *p = area + 4096;
		int sig;

		if (in.length > sizeof in.code)
			return 2;
		memset(area, 0, 4096);
		memcpy(area + 0x800, in.data, sizeof in.data);
		memcpy(p, in.code, in.length);
		memcpy(p + in.length, "\xff\x25\0\0\0\0", 6);
		memcpy(p + in.length + 6, &end, 8);
		memcpy(regs, in.gpr, sizeof in.gpr);
		regs[16] = in.rflags;
		memset(&out, 0, sizeof out);
		sig = sigsetjmp(back, 1);
		if (sig == 0)
			run_case();
		out.signal = sig;
		memcpy(out.gpr, regs, sizeof out.gpr);
		out.rflags = regs[16];
		memcpy(out.data, area + 0x800, sizeof out.data);
		if (fwrite(&out, sizeof out, 1, stdout) != 1)
			return 3;
		fflush(stdout);
	}
	return 0;
}
