/* Orders that a careful program never tries: descriptors closed, doubled, inherited, used by two, in wrong order, while running. */
#include "badinput.h"

#define SAY(what, r) line("life | %s | %s", what, word(r))
static long does(int fd, const char *name, void *argument) {
	long r = ioctl(fd, named(name)->nr, argument);
	return r < 0 ? -errno : r;
}
static uint8_t big[16384];
static long regs(int vcpu) { return does(vcpu, "KVM_GET_REGS", big); }

static long slot(int vm, uint32_t id, uint64_t gpa, uint64_t size, void *hva, uint32_t flags) {
	uint8_t b[32] = {0};
	put32(b, 0, id);
	put32(b, 4, flags);
	put64(b, 8, gpa);
	put64(b, 16, size);
	put64(b, 24, (uint64_t)hva);
	return does(vm, "KVM_SET_USER_MEMORY_REGION", b);
}

/* A vCPU in real mode at gpa 0 that executes `code`. */
static void program(int vm, int vcpu, const void *code, size_t n) {
	uint8_t s[312] = {0}, r[144] = {0};
	memcpy(guest, code, n);
	slot(vm, 0, 0, 64 * PAGE, guest, 0);
	does(vcpu, "KVM_GET_SREGS", s);
	put64(s, 0, 0);
	s[12] = s[13] = 0;
	does(vcpu, "KVM_SET_SREGS", s);
	put64(r, 136, 2);
	does(vcpu, "KVM_SET_REGS", r);
}

static uint8_t *page_of(int vcpu) { return mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0); }

static void run(const char *what, int vcpu, const uint8_t *page) {
	long r = does(vcpu, "KVM_RUN", NULL);
	line("life | %s | %s | exit %u", what, word(r), r < 0 && r != -EINTR ? 0 : get32(page, 8));
}

static const uint8_t out_loop[] = {0xe6, 0x10, 0xeb, 0xfc}; /* out 0x10, al; jmp back */
static const uint8_t spin[] = {0xeb, 0xfe};
static const uint8_t store[] = {0xc6, 0x06, 0x00, 0x20, 0x01, 0xe6, 0x10, 0xeb, 0xf7}; /* mov byte [0x2000], 1; out; jmp back */
static const uint8_t load[] = {0xa0, 0x00, 0x20, 0xe6, 0x10, 0xeb, 0xf9};               /* mov al, [0x2000]; out; jmp back */

static void nothing(int sig) { (void)sig; }

static int vm_of(int sys) { return (int)does(sys, "KVM_CREATE_VM", NULL); }
static int vcpu_of(int vm, long id) { return (int)does(vm, "KVM_CREATE_VCPU", (void *)id); }

static void closing(void) {
	int sys = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = vm_of(sys), vcpu = vcpu_of(vm, 0), other;
	uint8_t *page = page_of(vcpu);
	program(vm, vcpu, out_loop, sizeof out_loop);
	close(sys);
	SAY("vCPU after close of /dev/kvm", regs(vcpu));
	other = dup(vcpu);
	close(vm);
	SAY("vCPU after close of the VM", regs(vcpu));
	SAY("close of the VM again", close(vm) < 0 ? -errno : 0);
	SAY("ioctl on the closed VM", does(vm, "KVM_CHECK_EXTENSION", NULL));
	run("KVM_RUN after close of the VM", vcpu, page);
	close(vcpu);
	SAY("ioctl on the closed vCPU", regs(vcpu));
	SAY("ioctl on its copy", regs(other));
	run("KVM_RUN on its copy", other, page);
	close(other);
	page[1] = 7;
	line("life | the run page after the last close | %u", page[1]);
	munmap(page, 3 * PAGE);
	sys = open("/dev/kvm", O_RDWR);
	vm = vm_of(sys);
	vcpu = vcpu_of(vm, 3);
	close(vcpu);
	SAY("vCPU id after close", vcpu_of(vm, 3));
	SAY("vCPU id twice", vcpu_of(vm, 3));
	vcpu = vcpu_of(vm, 4);
	SAY("close of a vCPU", close(vcpu) < 0 ? -errno : 0);
	SAY("close of a vCPU again", close(vcpu) < 0 ? -errno : 0);
	close(vm);
	close(sys);
}

static void mapping(void) {
	static const struct {
		size_t size;
		long offset;
		int protection, flags;
	} m[] = {{PAGE, 0, 3, MAP_SHARED}, {2 * PAGE, PAGE, 3, MAP_SHARED}, {16 * PAGE, 0, 3, MAP_SHARED}, {PAGE, 64 * PAGE, 3, MAP_SHARED}, {PAGE, 0, 1, MAP_SHARED}, {PAGE, 0, 3, MAP_PRIVATE}, {PAGE, 1, 3, MAP_SHARED}, {0, 0, 3, MAP_SHARED}};
	int sys = open("/dev/kvm", O_RDWR), vm = vm_of(sys), vcpu = vcpu_of(vm, 0), stats = (int)does(vm, "KVM_GET_STATS_FD", NULL), fds[] = {vcpu, vm, sys, stats};
	static const char *const name[] = {"vcpu", "vm", "system", "stats"};
	for (int d = 0; d < 4; d++) {
		for (size_t i = 0; i < sizeof m / sizeof *m; i++) {
			char text[64];
			void *p = mmap(NULL, m[i].size, m[i].protection, m[i].flags, fds[d], m[i].offset);
			snprintf(text, sizeof text, "%zx@%lx:%d:%d", m[i].size, m[i].offset, m[i].protection, m[i].flags);
			group(p == MAP_FAILED ? word(-errno) : "0", text);
			if (p != MAP_FAILED) munmap(p, m[i].size);
		}
		line("life | mmap %s", name[d]);
	}
	for (int d = 0; d < 4; d++) {
		uint8_t b[8];
		group(read(fds[d], b, 8) < 0 ? word(-errno) : "ok", "read");
		group(write(fds[d], b, 8) < 0 ? word(-errno) : "ok", "write");
		group(pread(fds[d], b, 8, 0) < 0 ? word(-errno) : "ok", "pread");
		line("life | read and write %s", name[d]);
		close(fds[d]);
	}
}

static void forking(void) {
	int sys = open("/dev/kvm", O_RDWR), vm = vm_of(sys), vcpu = vcpu_of(vm, 0);
	uint8_t *page = page_of(vcpu);
	program(vm, vcpu, out_loop, sizeof out_loop);
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		SAY("child: vCPU ioctl", regs(vcpu));
		run("child: KVM_RUN", vcpu, page);
		SAY("child: VM ioctl", does(vm, "KVM_CHECK_EXTENSION", NULL));
		SAY("child: CREATE_VCPU", vcpu_of(vm, 5));
		SAY("child: wrong number on the VM", does(vm, "KVM_GET_REGS", big));
		SAY("child: system ioctl", does(sys, "KVM_GET_API_VERSION", NULL));
		int own = vm_of(sys), mine = vcpu_of(own, 0);
		uint8_t *p = page_of(mine);
		program(own, mine, out_loop, sizeof out_loop);
		run("child: KVM_RUN of its own VM", mine, p);
		close(vcpu);
		close(vm);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	run("parent: KVM_RUN after the child", vcpu, page);
	SAY("parent: vCPU ioctl", regs(vcpu));
	child = fork();
	if (!child) {
		kill(getpid(), SIGKILL);
		pause();
	}
	waitpid(child, NULL, 0);
	run("parent: KVM_RUN after a killed child", vcpu, page);
	munmap(page, 3 * PAGE);
	close(vcpu);
	close(vm);
	close(sys);
}

struct runner {
	int vcpu;
	long r;
	uint32_t exit;
	uint8_t *page;
	volatile int started, ended;
	pthread_t thread;
};
static void *runs(void *p) {
	struct runner *t = p;
	t->started = 1;
	t->r = does(t->vcpu, "KVM_RUN", NULL);
	t->exit = get32(t->page, 8);
	t->ended = 1;
	return NULL;
}
static void *asks(void *p) {
	struct runner *t = p;
	uint8_t b[144] = {0};
	t->started = 1;
	t->r = does(t->vcpu, "KVM_GET_REGS", b);
	t->ended = 1;
	return NULL;
}
static void start(struct runner *t, int vcpu, uint8_t *page, void *(*what)(void *)) {
	memset(t, 0, sizeof *t);
	t->vcpu = vcpu;
	t->page = page;
	pthread_create(&t->thread, NULL, what, t);
	while (!t->started) usleep(1000);
	usleep(200000);
}
/* The signal may come before the ioctl: until it has ended. */
static void stop(struct runner *t) {
	while (!t->ended) {
		pthread_kill(t->thread, SIGUSR1);
		usleep(20000);
	}
	pthread_join(t->thread, NULL);
}

static void running(void) {
	int sys = open("/dev/kvm", O_RDWR), vm = vm_of(sys), vcpu = vcpu_of(vm, 0), second;
	uint8_t *page = page_of(vcpu), *page2;
	struct runner a, b;
	struct sigaction act = {.sa_handler = nothing};
	sigaction(SIGUSR1, &act, NULL);
	program(vm, vcpu, spin, sizeof spin);
	start(&a, vcpu, page, runs);
	start(&b, vcpu, page, asks);
	line("life | ioctl while the vCPU runs ended before | %d", b.ended);
	SAY("VM ioctl while a vCPU runs", does(vm, "KVM_CHECK_EXTENSION", NULL));
	SAY("slot added while a vCPU runs", slot(vm, 1, 0x100000, PAGE, spare, 0));
	SAY("slot deleted while a vCPU runs", slot(vm, 1, 0x100000, 0, spare, 0));
	second = vcpu_of(vm, 1);
	SAY("second vCPU made while the first runs", second < 0 ? second : 0);
	stop(&a);
	pthread_join(b.thread, NULL);
	line("life | KVM_RUN that a signal ended | %s | exit %u", word(a.r), a.exit);
	SAY("the ioctl that waited", b.r);
	page2 = page_of(second);
	program(vm, second, spin, sizeof spin);
	start(&a, vcpu, page, runs);
	start(&b, second, page2, runs);
	close(vcpu);
	close(vm);
	SAY("ioctl on the vCPU closed while it runs", regs(vcpu));
	line("life | the vCPU closed while it runs has ended | %d", a.ended);
	stop(&a);
	line("life | its KVM_RUN | %s | exit %u", word(a.r), a.exit);
	stop(&b);
	line("life | the other's KVM_RUN | %s | exit %u", word(b.r), b.exit);
	SAY("the other vCPU after that", regs(second));
	page2[1] = 1;
	run("KVM_RUN with immediate_exit", second, page2);
	page2[1] = 0;
	munmap(page, 3 * PAGE);
	munmap(page2, 3 * PAGE);
	close(second);
	close(sys);
}

static void order(void) {
	int sys = open("/dev/kvm", O_RDWR), vm = vm_of(sys), vcpu;
	uint8_t b[160] = {0}, *page;
	vcpu = vcpu_of(vm, 0);
	page = page_of(vcpu);
	run("KVM_RUN without any memory", vcpu, page);
	SAY("CREATE_IRQCHIP after a vCPU", does(vm, "KVM_CREATE_IRQCHIP", NULL));
	SAY("CREATE_PIT2 without irqchip", does(vm, "KVM_CREATE_PIT2", b));
	SAY("SET_BOOT_CPU_ID after a vCPU", does(vm, "KVM_SET_BOOT_CPU_ID", NULL));
	SAY("SET_IDENTITY_MAP_ADDR after a vCPU", does(vm, "KVM_SET_IDENTITY_MAP_ADDR", b));
	SAY("SET_TSS_ADDR after a vCPU", does(vm, "KVM_SET_TSS_ADDR", NULL));
	put32(b, 0, 121);
	put64(b, 8, 24);
	SAY("split irqchip after a vCPU", does(vm, "KVM_ENABLE_CAP", b));
	put32(b, 0, 128);
	put64(b, 8, 1);
	SAY("MAX_VCPU_ID after a vCPU", does(vm, "KVM_ENABLE_CAP", b));
	program(vm, vcpu, out_loop, sizeof out_loop);
	run("KVM_RUN", vcpu, page);
	memset(big, 0, sizeof big);
	SAY("SET_CPUID2 empty after KVM_RUN", does(vcpu, "KVM_SET_CPUID2", big));
	put32(big, 0, 1);
	SAY("SET_CPUID2 of one entry after KVM_RUN", does(vcpu, "KVM_SET_CPUID2", big));
	SAY("slot 0 deleted", slot(vm, 0, 0, 0, guest, 0));
	run("KVM_RUN after its memory went", vcpu, page);
	SAY("slot 0 deleted again", slot(vm, 0, 0, 0, guest, 0));
	SAY("another vCPU", vcpu_of(vm, 1) < 0 ? -errno : 0);
	munmap(page, 3 * PAGE);
	close(vcpu);
	close(vm);
	vm = vm_of(sys);
	SAY("CREATE_IRQCHIP", does(vm, "KVM_CREATE_IRQCHIP", NULL));
	SAY("CREATE_IRQCHIP again", does(vm, "KVM_CREATE_IRQCHIP", NULL));
	memset(b, 0, sizeof b);
	SAY("CREATE_PIT2", does(vm, "KVM_CREATE_PIT2", b));
	SAY("CREATE_PIT2 again", does(vm, "KVM_CREATE_PIT2", b));
	SAY("CREATE_PIT again", does(vm, "KVM_CREATE_PIT", NULL));
	vcpu = vcpu_of(vm, 1);
	page = page_of(vcpu);
	page[1] = 1;
	run("KVM_RUN of an uninitialised vCPU with immediate_exit", vcpu, page);
	munmap(page, 3 * PAGE);
	close(vcpu);
	close(vm);
	close(sys);
}

/* Guest memory that the client takes away, protects or never had. */
static void memory(void) {
	static const struct {
		const char *name;
		const uint8_t *code;
		size_t n;
	} access[] = {{"load", load, sizeof load}, {"store", store, sizeof store}};
	static const char *const how[] = {"unmapped", "read-only", "without access", "unmapped after use", "read-only after use", "without access after use"};
	for (int a = 0; a < 2; a++)
		for (int h = 0; h < 6; h++) {
			int sys = open("/dev/kvm", O_RDWR), vm = vm_of(sys), vcpu = vcpu_of(vm, 0);
			uint8_t *page = page_of(vcpu), *data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			program(vm, vcpu, access[a].code, access[a].n);
			slot(vm, 0, 0, 0, guest, 0);
			slot(vm, 0, 0, 2 * PAGE, guest, 0);
			slot(vm, 1, 0x2000, PAGE, data, 0);
			char text[64];
			if (h >= 3) {
				snprintf(text, sizeof text, "%s with memory", access[a].name);
				run(text, vcpu, page);
			}
			if (h % 3 == 0) munmap(data, PAGE);
			else mprotect(data, PAGE, h % 3 == 1 ? PROT_READ : PROT_NONE);
			snprintf(text, sizeof text, "%s of memory %s", access[a].name, how[h]);
			run(text, vcpu, page);
			run("and again", vcpu, page);
			if (h % 3) mprotect(data, PAGE, PROT_READ | PROT_WRITE);
			else data = mmap(data, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			run("and given back", vcpu, page);
			munmap(page, 3 * PAGE);
			munmap(data, PAGE);
			close(vcpu);
			close(vm);
			close(sys);
		}
}

static void exhaustion(void) {
	int sys = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = vm_of(sys), last = dup(vm);
	struct rlimit was, now;
	getrlimit(RLIMIT_NOFILE, &was);
	now = was;
	now.rlim_cur = (rlim_t)last;
	close(last);
	setrlimit(RLIMIT_NOFILE, &now);
	SAY("CREATE_VM without a free descriptor", does(sys, "KVM_CREATE_VM", NULL));
	SAY("CREATE_VCPU without a free descriptor", vcpu_of(vm, 0));
	SAY("GET_STATS_FD without a free descriptor", does(vm, "KVM_GET_STATS_FD", NULL));
	SAY("open without a free descriptor", open("/dev/kvm", O_RDWR) < 0 ? -errno : 0);
	setrlimit(RLIMIT_NOFILE, &was);
	int vcpu = vcpu_of(vm, 0);
	SAY("CREATE_VCPU of the same id after that", vcpu < 0 ? vcpu : 0);
	close(vcpu);
	close(vm);
	close(sys);
}

void life(void) {
	closing();
	mapping();
	forking();
	running();
	order();
	memory();
	exhaustion();
}
