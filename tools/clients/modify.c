/* The client writes code and page tables while its vCPU runs, and between runs: ws run -- modify [ROUNDS]. The guest writes code too,
 * which it then calls. A loop of the guest: code that it wrote must be what it runs; code and a page that the client changed must be
 * seen after the guest's next CPUID and INVLPG (x86), IC and TLBI (arm64), and never be anything but what somebody wrote. */
#include "guest.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

#define CODE 0x8000
#define CLIENTS_CODE 0x9003 /* x86: the number in it is aligned */
#define DATA 0x10000u
#define PAGE_A 0x20000u
#define PAGE_B 0x21000u
#define PORT 0x12

/* Sources beside the bytes, as the assemblers have them. */
static const uint8_t x86_loop[] = {
	0x48, 0xff, 0xc6,                               /* inc rsi */
	0x48, 0x89, 0x34, 0x25, 0x00, 0x70, 0x00, 0x00, /* mov [0x7000], rsi */
	0x89, 0x34, 0x25, 0x04, 0xa0, 0x00, 0x00,       /* mov [0xa004], esi */
	0xbf, 0x03, 0xa0, 0x00, 0x00, 0xff, 0xd7,       /* mov edi, 0xa003; call rdi */
	0x39, 0xf0, 0x75, 0x2e,                         /* cmp eax, esi; jne bad */
	0x31, 0xc0, 0x31, 0xc9, 0x0f, 0xa2,             /* cpuid of leaf 0 */
	0xbf, 0x03, 0x90, 0x00, 0x00, 0xff, 0xd7,       /* mov edi, 0x9003; call rdi */
	0x89, 0x04, 0x25, 0x08, 0x70, 0x00, 0x00,       /* mov [0x7008], eax */
	0x0f, 0x01, 0x3c, 0x25, 0x00, 0x00, 0x01, 0x00, /* invlpg [0x10000] */
	0x48, 0x8b, 0x0c, 0x25, 0x00, 0x00, 0x01, 0x00, /* mov rcx, [0x10000] */
	0x48, 0x89, 0x0c, 0x25, 0x10, 0x70, 0x00, 0x00, /* mov [0x7010], rcx */
	0xeb, 0xb5,                                     /* jmp to the start */
	0xe6, PORT, 0xf4,                               /* bad: out; hlt */
};
static const uint8_t x86_function[] = {0xb8, 0, 0, 0, 0, 0xc3}; /* mov eax, number; ret */
static const uint32_t arm_loop[] = {
	0x91000529, 0xf9000149,             /* add x9, x9, #1; str x9, [x10] */
	0x92403d28, 0xd37be907, 0x2a0701c7, /* x8 = x9 & 0xffff; w7 = movz w1, #x8 */
	0xb9000187,                         /* str w7, [x12] */
	0xd50b7b2c, 0xd5033b9f, 0xd50b752c, 0xd5033b9f, 0xd5033fdf, /* dc cvau, x12; dsb ish; ic ivau, x12; dsb ish; isb */
	0xd63f0180, 0x6b08003f, 0x54000181, /* blr x12; cmp w1, w8; b.ne bad */
	0xd508751f, 0xd5033b9f, 0xd5033fdf, /* ic iallu; dsb ish; isb */
	0xd63f0160, 0xb9000941,             /* blr x11; str w1, [x10, #8] */
	0xd508836f, 0xd5033b9f, 0xd5033fdf, /* tlbi vaae1is, x15; dsb ish; isb */
	0xf94001a1, 0xf9000941, 0x17ffffe8, /* ldr x1, [x13]; str x1, [x10, #16]; b to the start */
	0xb900021f, 0x17ffffff,             /* bad: str wzr, [x16] */
};
#define ARM_MOVZ_W1 0x52800001u
#define ARM_RET 0xd65f03c0u
#define ARM_SYSREG(e) (0x6030000000130000ull | (e))

static struct vm m;
static volatile int stopped, stop;
static pthread_t runner;

static volatile uint64_t *word(uint64_t at) { return (volatile uint64_t *)(m.memory + at); }

static int fail(const char *what) {
	fprintf(stderr, "modify: %s; the guest's loop %llu, code %llx, data %llx\n", what, (unsigned long long)*word(0x7000), (unsigned long long)*word(0x7008), (unsigned long long)*word(0x7010));
	return 1;
}

static void kicked(int sig) { (void)sig; }

static void *run(void *p) {
	struct vcpu *v = p;
	while (!stop) {
		int r = ioctl(v->fd, KVM_RUN, 0);
		if (r && errno == EINTR) continue;
		break;
	}
	stopped = 1;
	return NULL;
}

#if defined(__x86_64__)
static void x86_setup(void) {
	struct kvm_sregs s;
	struct kvm_regs r = {.rip = CODE, .rsp = 0x6ff0, .rflags = 2};
	memcpy(m.memory + CODE, x86_loop, sizeof x86_loop);
	memcpy(m.memory + CLIENTS_CODE, x86_function, sizeof x86_function);
	memcpy(m.memory + 0xa003, x86_function, sizeof x86_function);
	*word(0x2000) = 0x3003, *word(0x3000) = 0x4003, *word(0x4000) = 0x5003;
	for (uint64_t i = 0; i < 16; i++) *word(0x5000 + 8 * i) = i << 12 | 3;
	*word(0x5000 + 8 * 16) = PAGE_A | 3;
	ioctl(m.vcpu[0].fd, KVM_GET_SREGS, &s);
	s.cr0 = 0x80000011, s.cr3 = 0x2000, s.cr4 = 0x220, s.efer = 0x500;
	s.cs.base = 0, s.cs.l = 1, s.cs.db = 0, s.cs.type = 11, s.cs.s = 1, s.cs.g = 1, s.cs.limit = ~0u, s.cs.selector = 8, s.cs.present = 1;
	s.ds.base = 0, s.ds.limit = ~0u, s.ds.g = 1, s.ds.db = 1;
	s.es = s.ss = s.fs = s.gs = s.ds;
	if (ioctl(m.vcpu[0].fd, KVM_SET_SREGS, &s) || ioctl(m.vcpu[0].fd, KVM_SET_REGS, &r)) perror("modify"), exit(1);
}
#endif

static void arm_setup(void) {
	int v = m.vcpu[0].fd;
	uint32_t *f = (uint32_t *)(m.memory + 0x9000), *g = (uint32_t *)(m.memory + 0xa000);
	memcpy(m.memory + CODE, arm_loop, sizeof arm_loop);
	f[0] = g[0] = ARM_MOVZ_W1, f[1] = g[1] = ARM_RET;
	*word(0x2000) = 0x3003, *word(0x3000) = 0x4003;
	for (uint64_t i = 0; i < 16; i++) *word(0x4000 + 8 * i) = i << 12 | 0x703;
	*word(0x4000 + 8 * 16) = PAGE_A | 0x703;
	*word(0x4000 + 8 * 17) = DEVICE | 0x703;
	if (set_reg(v, ARM_PC, CODE) || set_reg(v, ARM_CORE(10), 0x7000) || set_reg(v, ARM_CORE(11), 0x9000) || set_reg(v, ARM_CORE(12), 0xa000) ||
			set_reg(v, ARM_CORE(13), DATA) || set_reg(v, ARM_CORE(14), ARM_MOVZ_W1) || set_reg(v, ARM_CORE(15), DATA >> 12) || set_reg(v, ARM_CORE(16), DATA + 0x1000) ||
			set_reg(v, ARM_SYSREG(0xc510), 0xff) || set_reg(v, ARM_SYSREG(0xc100), 0x2000) || set_reg(v, ARM_SYSREG(0xc102), 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23) ||
			set_reg(v, ARM_SYSREG(0xc080), 0x30d01805))
		perror("modify"), exit(1);
}

static void client_writes(uint32_t number, uint32_t page) {
	if (m.arm) *(volatile uint32_t *)(m.memory + 0x9000) = ARM_MOVZ_W1 | (number & 0xffff) << 5;
	else *(volatile uint32_t *)(m.memory + CLIENTS_CODE + 1) = number;
	*word((m.arm ? 0x4000 : 0x5000) + 8 * 16) = page | (m.arm ? 0x703 : 3);
}

int main(int argc, char **argv) {
	int rounds = argc > 1 ? atoi(argv[1]) : 200;
	signal(SIGUSR1, kicked);
	struct sigaction a = {.sa_handler = kicked};
	sigaction(SIGUSR1, &a, NULL);
	if (make_vm(&m, 4) || add_vcpu(&m, 1)) return perror("modify"), 1;
	if (m.arm) arm_setup();
#if defined(__x86_64__)
	else x86_setup();
#endif
	*word(PAGE_A) = 0xaaaa0000;
	*word(PAGE_B) = 0xbbbb0000;
	pthread_create(&runner, NULL, run, &m.vcpu[0]);
	uint64_t old = 0, odd = 0;
	for (int i = 1; i <= rounds; i++) {
		uint32_t number = (uint32_t)i, page = i % 2 ? PAGE_B : PAGE_A;
		uint64_t wanted = *word(page);
		/* Every fourth time nobody runs meanwhile. */
		if (i % 4 == 0) {
			stop = 1;
			while (!stopped) pthread_kill(runner, SIGUSR1), usleep(100);
			pthread_join(runner, NULL);
			client_writes(number, page);
			stop = stopped = 0;
			pthread_create(&runner, NULL, run, &m.vcpu[0]);
		} else
			client_writes(number, page);
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		for (time_t end = t.tv_sec + 20;; clock_gettime(CLOCK_MONOTONIC, &t)) {
			uint64_t code = *word(0x7008) & 0xffffffff, data = *word(0x7010);
			if (code != number && code != old) odd++;
			if (data != 0 && data >> 16 != 0xaaaa && data >> 16 != 0xbbbb) odd++;
			if (code == number && data == wanted) break;
			if (stopped) return fail(m.vcpu[0].run->exit_reason == KVM_EXIT_IO || m.vcpu[0].run->exit_reason == KVM_EXIT_MMIO ? "the guest ran other code than it had written" : "the guest ended");
			if (t.tv_sec > end) return fail("a change was not seen");
		}
		old = number;
	}
	if (odd) return fail("the guest saw what nobody wrote");
	/* The page goes: a fault that nobody handles. */
	*word((m.arm ? 0x4000 : 0x5000) + 8 * 16) = 0;
	uint64_t last = *word(0x7000);
	if (!m.arm) {
		pthread_join(runner, NULL);
		if (m.vcpu[0].run->exit_reason != KVM_EXIT_SHUTDOWN) return fail("the guest still finds the page");
	}
	stop = 1;
	while (!stopped) pthread_kill(runner, SIGUSR1), usleep(1000);
	printf("%-34s %6d times           %llu times the guest ran code that it had just written  ok\n", m.arm ? "code-and-tables-changed-arm64" : "code-and-tables-changed-x86", rounds, (unsigned long long)last);
	return 0;
}
