/* Executes single vector instructions on this computer's CPU for comparison with the simulated one. Reads cases from
   standard input, writes each back with the state after the instruction; see VectorSemanticsTest. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct state {
	uint64_t ymm[4][4]; /* 0 */
	uint64_t mem[8];    /* 128, at a multiple of 64 */
	uint64_t rax, rcx;  /* 192, 200 */
	uint64_t flags;     /* 208 */
	uint64_t mxcsr;     /* 216 */
	uint64_t fault;     /* 224: signal number, 0 none */
	uint64_t pad;
	uint8_t code[16]; /* 240 */
};

static sigjmp_buf back;

static void on_signal(int n)
{
	siglongjmp(back, n);
}

static void run(struct state *s, void *code)
{
	uint32_t normal = 0x1f80;
	__asm__ volatile("mov %0, %%rdi\n\t"
			 "mov %1, %%rdx\n\t"
			 "sub $256, %%rsp\n\t"
			 "vmovdqu (%%rdi), %%ymm0\n\t"
			 "vmovdqu 32(%%rdi), %%ymm1\n\t"
			 "vmovdqu 64(%%rdi), %%ymm2\n\t"
			 "vmovdqu 96(%%rdi), %%ymm3\n\t"
			 "ldmxcsr 216(%%rdi)\n\t"
			 "lea 128(%%rdi), %%rsi\n\t"
			 "mov 192(%%rdi), %%rax\n\t"
			 "mov 200(%%rdi), %%rcx\n\t"
			 "push 208(%%rdi)\n\t"
			 "popf\n\t"
			 "call *%%rdx\n\t"
			 "pushf\n\t"
			 "pop 208(%%rdi)\n\t"
			 "mov %%rax, 192(%%rdi)\n\t"
			 "mov %%rcx, 200(%%rdi)\n\t"
			 "movl $0, 220(%%rdi)\n\t"
			 "stmxcsr 216(%%rdi)\n\t"
			 "vmovdqu %%ymm0, (%%rdi)\n\t"
			 "vmovdqu %%ymm1, 32(%%rdi)\n\t"
			 "vmovdqu %%ymm2, 64(%%rdi)\n\t"
			 "vmovdqu %%ymm3, 96(%%rdi)\n\t"
			 "add $256, %%rsp\n\t"
			 "cld\n\t"
			 "ldmxcsr %2\n\t"
			 :
			 : "r"(s), "r"(code), "m"(normal)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3");
}

int main(void)
{
	static struct state s __attribute__((aligned(64)));
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };
	uint8_t *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int signals[] = { SIGILL, SIGSEGV, SIGFPE, SIGBUS, SIGTRAP };

	if (page == MAP_FAILED)
		return 1;
	for (int i = 0; i < 5; i++)
		sigaction(signals[i], &a, 0);
	while (fread(&s, sizeof s, 1, stdin) == 1) {
		int n;

		memset(page, 0xc3, 32);
		memcpy(page, s.code + 1, s.code[0]);
		page[s.code[0]] = 0xc3;
		s.fault = 0;
		n = sigsetjmp(back, 1);
		if (n)
			s.fault = n;
		else
			run(&s, page);
		if (fwrite(&s, sizeof s, 1, stdout) != 1)
			return 1;
	}
	return 0;
}
