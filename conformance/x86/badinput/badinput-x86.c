/*
 * badinput-x86: what KVM answers to wrong pointers, contents, counts, sizes and kinds of descriptor; life.c has wrong orders.
 * One line for each ioctl and experiment: answers, each with the names of the cases that got it. A '*' after a case says that an
 * ioctl that failed changed what the state ioctls read. usage: badinput-x86 [SECTION...]
 * Not asked about: Xen, Hyper-V, SEV and guest_memfd ioctls.
 */
#include "badinput.h"

#include <stdarg.h>

struct fixture f;
uint8_t *edge, *readonly, *halfro, *noaccess, *guest, *spare;

static const struct {
	int number;
	const char *name;
	char letter;
} errors[] = {
	{EPERM, "EPERM", 'P'}, {ENOENT, "ENOENT", 'N'}, {EINTR, "EINTR", 'i'}, {EIO, "EIO", 'I'}, {ENXIO, "ENXIO", 'Y'},
	{E2BIG, "E2BIG", '2'}, {EBADF, "EBADF", 'b'}, {EAGAIN, "EAGAIN", 'A'}, {ENOMEM, "ENOMEM", 'M'}, {EFAULT, "EFAULT", 'F'},
	{EBUSY, "EBUSY", 'B'}, {EEXIST, "EEXIST", 'X'}, {ENODEV, "ENODEV", 'D'}, {EINVAL, "EINVAL", 'E'}, {EMFILE, "EMFILE", 'm'},
	{ENOTTY, "ENOTTY", 'T'}, {ENOSYS, "ENOSYS", 'S'}, {EOPNOTSUPP, "EOPNOTSUPP", 'O'}, {EACCES, "EACCES", 'a'}, {EILSEQ, "EILSEQ", 'q'},
};

const char *word(long r) {
	static char text[8][24];
	static int turn;
	char *t = text[turn++ & 7];
	if (r >= 0) snprintf(t, 24, "%ld", r);
	else snprintf(t, 24, "-%ld", -r);
	for (size_t i = 0; r < 0 && i < sizeof errors / sizeof *errors; i++)
		if (errors[i].number == -r) snprintf(t, 24, "-%s", errors[i].name);
	return t;
}

char letter(long r) {
	if (r == 0) return '.';
	if (r > 0) return '+';
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].number == -r) return errors[i].letter;
	return '?';
}

static char groups[64][8192];
static char answers[64][24];
static int group_count;

void group(const char *answer, const char *name) {
	int i;
	for (i = 0; i < group_count && strcmp(answers[i], answer); i++) {}
	if (i == group_count) {
		if (i == 64) exit(3);
		snprintf(answers[i], sizeof answers[i], "%s", answer);
		groups[i][0] = 0;
		group_count++;
	}
	size_t n = strlen(groups[i]);
	snprintf(groups[i] + n, sizeof groups[i] - n, " %s", name);
}

void line(const char *format, ...) {
	va_list more;
	va_start(more, format);
	vprintf(format, more);
	va_end(more);
	for (int i = 0; i < group_count; i++) printf(" | %s:%s", answers[i], groups[i]);
	printf("\n");
	fflush(stdout);
	group_count = 0;
}

uint64_t next_random(uint64_t *seed) {
	uint64_t x = *seed;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*seed = x;
	return x * 0x2545f4914f6cdd1dull;
}

long ask(int fd, unsigned long nr, const void *argument) {
	if ((nr & 0xffff) == 0xAE80 && argument == NULL) exit(4); /* KVM_RUN is life.c's */
	long r = ioctl(fd, nr, argument);
	return r < 0 ? -errno : r;
}

const struct call *named(const char *name) {
	for (size_t i = 0; i < CALLS; i++)
		if (!strcmp(calls[i].name, name)) return &calls[i];
	fprintf(stderr, "no ioctl %s\n", name);
	exit(3);
}

static uint8_t *map(size_t n, int protection) {
	uint8_t *p = mmap(NULL, n, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) exit(3);
	return p;
}

void make_memory(void) {
	edge = map(ROOM + 16 * PAGE, PROT_READ | PROT_WRITE);
	munmap(edge + ROOM, 16 * PAGE);
	readonly = map(ROOM, PROT_READ | PROT_WRITE);
	halfro = map(2 * ROOM, PROT_READ | PROT_WRITE);
	mprotect(halfro + ROOM, ROOM, PROT_READ);
	noaccess = map(PAGE, PROT_NONE);
	guest = map(64 * PAGE, PROT_READ | PROT_WRITE);
	spare = map(64 * PAGE, PROT_READ | PROT_WRITE);
}

/* The fixture's own calls must work: what does not is told once. */
static long must(const char *what, long r) {
	static char told[256];
	if (r < 0 && !strstr(told, what)) {
		printf("fixture | %s | %s\n", what, word(r));
		snprintf(told + strlen(told), sizeof told - strlen(told), "%s ", what);
	}
	return r;
}

void destroy(void) {
	for (int *d = &f.sys; d <= &f.event; d++)
		if (*d >= 0) close(*d);
}

static void set_cpuid(void) {
	uint8_t *b = spare;
	memset(b, 0, 8 + 256 * 40);
	put32(b, 0, 256);
	must("KVM_GET_SUPPORTED_CPUID", ask(f.sys, named("KVM_GET_SUPPORTED_CPUID")->nr, b));
	must("KVM_SET_CPUID2", ask(f.vcpu, named("KVM_SET_CPUID2")->nr, b));
}

void make(int full) {
	uint8_t b[160] = {0};
	f.full = full;
	f.device = f.stats = -1;
	f.sys = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	f.event = eventfd(0, EFD_CLOEXEC);
	f.vm = (int)must("KVM_CREATE_VM", ask(f.sys, named("KVM_CREATE_VM")->nr, NULL));
	if (full) {
		must("KVM_CREATE_IRQCHIP", ask(f.vm, named("KVM_CREATE_IRQCHIP")->nr, NULL));
		must("KVM_CREATE_PIT2", ask(f.vm, named("KVM_CREATE_PIT2")->nr, b));
		put32(b, 4, 1);
		put64(b, 16, 64 * PAGE);
		put64(b, 24, (uint64_t)guest);
		must("KVM_SET_USER_MEMORY_REGION", ask(f.vm, named("KVM_SET_USER_MEMORY_REGION")->nr, b));
	}
	f.vcpu = (int)must("KVM_CREATE_VCPU", ask(f.vm, named("KVM_CREATE_VCPU")->nr, NULL));
	if (full) set_cpuid();
}

static void make_more(void) {
	uint8_t b[12] = {4};
	if (must("KVM_CREATE_DEVICE", ask(f.vm, named("KVM_CREATE_DEVICE")->nr, b)) >= 0) f.device = (int)get32(b, 4);
	f.stats = (int)must("KVM_GET_STATS_FD", ask(f.vm, named("KVM_GET_STATS_FD")->nr, NULL));
}

static void again(void) {
	int full = f.full, more = f.stats >= 0;
	destroy();
	make(full);
	if (more) make_more();
}

int of_kind(char kind) {
	switch (kind) {
	case 's': return f.sys;
	case 'v': return f.vm;
	case 'c': return f.vcpu;
	case 'd': return f.device;
	default: return -1;
	}
}

static uint64_t hash(uint64_t h, const uint8_t *b, size_t n) {
	for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 0x100000001b3ull;
	return h;
}

static uint64_t read_hash(uint64_t h, int fd, const char *name, const uint8_t *in, size_t size, size_t total) {
	static uint8_t b[16384];
	memset(b, 0, sizeof b);
	memcpy(b, in, size);
	long r = ask(fd, named(name)->nr, b);
	return hash(hash(h, (uint8_t *)&r, sizeof r), b, total);
}

/* A hash of what the state ioctls read; the running counters of the local APIC and the PIT are left out. */
uint64_t state(char kind) {
	static const char *const plain[] = {
		"KVM_GET_REGS", "KVM_GET_SREGS", "KVM_GET_FPU", "KVM_GET_XSAVE", "KVM_GET_XCRS", "KVM_GET_DEBUGREGS", "KVM_GET_MP_STATE", "KVM_GET_VCPU_EVENTS",
	};
	static const uint32_t msrs[] = {0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000102, 0x174, 0x175, 0x176, 0x277, 0x1a0, 0x2ff, 0x17a, 0x400, 0x4b564d01};
	uint8_t in[512] = {0};
	uint64_t h = 0xcbf29ce484222325ull;
	if (kind == 'c') {
		for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) h = read_hash(h, f.vcpu, plain[i], in, 0, (size_t)named(plain[i])->fixed);
		put32(in, 0, sizeof msrs / sizeof *msrs);
		for (size_t i = 0; i < sizeof msrs / sizeof *msrs; i++) put32(in, 8 + 16 * (int)i, msrs[i]);
		h = read_hash(h, f.vcpu, "KVM_GET_MSRS", in, 8 + sizeof msrs * 4, 8 + sizeof msrs * 4);
		memset(in, 0, sizeof in);
		put32(in, 0, 256);
		h = read_hash(h, f.vcpu, "KVM_GET_CPUID2", in, 8, 8 + 256 * 40);
		if (f.full) h = read_hash(h, f.vcpu, "KVM_GET_LAPIC", in, 0, 0x380);
	}
	if (kind == 'v') {
		for (uint32_t chip = 0; chip < 3 && f.full; chip++) {
			put32(in, 0, chip);
			h = read_hash(h, f.vm, "KVM_GET_IRQCHIP", in, 8, 520);
		}
		long khz = ask(f.vm, named("KVM_GET_TSC_KHZ")->nr, NULL);
		h = hash(h, (uint8_t *)&khz, sizeof khz);
	}
	return h;
}

/* Does success leave the VM as it was? */
int keeps_state(const struct call *c) {
	static const char *const keep[] = {"KVM_GET_", "KVM_CHECK_", "KVM_HAS_", "KVM_X86_GET_", "KVM_TRANSLATE"};
	if (!strcmp(c->name, "KVM_GET_DIRTY_LOG")) return 0;
	for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
		if (!strncmp(c->name, keep[i], strlen(keep[i]))) return 1;
	return 0;
}

/* Contents that the ioctl accepts, at `b`; inner pointers and counts filled. */
void typical(const struct call *c, char kind, uint8_t *b) {
	const char *n = c->name + 4;
	char getter[48];
	memset(b, 0, (size_t)(c->fixed + c->tail));
	if (!strncmp(n, "SET_", 4)) {
		snprintf(getter, sizeof getter, "KVM_GET_%s", n + 4);
		for (size_t i = 0; i < CALLS; i++)
			if (!strcmp(calls[i].name, getter) && calls[i].pointer && calls[i].fixed == c->fixed && strchr(calls[i].kinds, kind) && !calls[i].tail && !strstr(getter, "ONE_REG") && !strstr(getter, "ATTR"))
				ask(of_kind(kind), calls[i].nr, b);
	}
	if (!strcmp(n, "GET_MSR_INDEX_LIST") || !strcmp(n, "GET_MSR_FEATURE_INDEX_LIST")) put32(b, 0, 1000);
	else if (!strcmp(n, "GET_SUPPORTED_CPUID") || !strcmp(n, "GET_EMULATED_CPUID") || !strcmp(n, "GET_CPUID2")) put32(b, 0, 200);
	else if (!strcmp(n, "SET_CPUID2") || !strcmp(n, "SET_CPUID")) {
		put32(b, 0, 2);
		put32(b, !strcmp(n, "SET_CPUID2") ? 8 + 12 : 8 + 4, 1);
		put32(b, !strcmp(n, "SET_CPUID2") ? 8 + 40 : 8 + 24, 1);
	} else if (!strcmp(n, "GET_MSRS") || !strcmp(n, "SET_MSRS")) {
		put32(b, 0, 2);
		put32(b, 8, kind == 's' ? 0x8b : 0x174);
		put32(b, 24, kind == 's' ? 0xc0011029 : 0x175);
	} else if (!strcmp(n, "SET_SIGNAL_MASK")) put32(b, 0, 8);
	else if (!strcmp(n, "SET_GSI_ROUTING")) {
		put32(b, 0, 2);
		put32(b, 12, 1);
		put32(b, 8 + 48, 1);
		put32(b, 8 + 48 + 4, 1);
		put32(b, 8 + 48 + 20, 1);
	} else if (!strcmp(n, "GET_DIRTY_LOG")) put64(b, 8, (uint64_t)spare);
	else if (!strcmp(n, "CLEAR_DIRTY_LOG")) {
		put32(b, 4, 64);
		put64(b, 16, (uint64_t)spare);
	} else if (!strncmp(n, "SET_USER_MEMORY_REGION", 22)) {
		put32(b, 0, 1);
		put64(b, 8, 0x100000);
		put64(b, 16, PAGE);
		put64(b, 24, (uint64_t)spare);
	} else if (strstr(n, "_ONE_REG")) {
		put64(b, 0, 0x2030000200000174ull);
		put64(b, 8, (uint64_t)spare);
	} else if (strstr(n, "DEVICE_ATTR")) {
		put32(b, 4, kind == 'd');
		put64(b, 8, kind == 'd');
		put64(b, 16, (uint64_t)spare);
	} else if (!strcmp(n, "ENABLE_CAP")) put32(b, 0, kind == 'v' ? 116 : 190);
	else if (!strcmp(n, "X86_SET_MSR_FILTER")) {
		put32(b, 8, 3);
		put32(b, 12, 8);
		put32(b, 16, 0x174);
		put64(b, 24, (uint64_t)spare);
	} else if (!strcmp(n, "SET_PMU_EVENT_FILTER")) put32(b, 4, 1);
	else if (!strcmp(n, "IRQFD")) {
		put32(b, 0, (uint32_t)f.event);
		put32(b, 4, 1);
	} else if (!strcmp(n, "IOEVENTFD")) {
		put64(b, 8, 0x100);
		put32(b, 16, 2);
		put32(b, 20, (uint32_t)f.event);
		put32(b, 24, 2);
	} else if (!strcmp(n, "INTERRUPT")) put32(b, 0, 32);
	else if (!strcmp(n, "X86_SETUP_MCE")) put64(b, 0, 0x100 | 10);
	else if (!strcmp(n, "X86_SET_MCE")) put64(b, 0, 1ull << 63);
	else if (!strcmp(n, "GET_NESTED_STATE")) put32(b, 4, 128 + 4096);
	else if (!strcmp(n, "SET_NESTED_STATE")) {
		b[1] = 1;
		b[2] = 1;
		put32(b, 4, 128);
	} else if (!strcmp(n, "CREATE_DEVICE")) put32(b, 0, 4);
	else if (!strcmp(n, "SET_MEMORY_ATTRIBUTES")) put64(b, 8, PAGE);
	else if (!strcmp(n, "PRE_FAULT_MEMORY")) put64(b, 8, PAGE);
}

static int makes_descriptor(const struct call *c) {
	return !strcmp(c->name, "KVM_CREATE_VM") || !strcmp(c->name, "KVM_CREATE_VCPU") || !strcmp(c->name, "KVM_GET_STATS_FD");
}

/* One call as a case of the line under way. */
static void try(const struct call *c, char kind, unsigned long nr, const void *argument, const char *name) {
	char text[64];
	int watch = kind == 'v' || kind == 'c';
	uint64_t before = watch ? state(kind) : 0;
	long r = ask(of_kind(kind), nr, argument);
	int changed = watch && r < 0 && state(kind) != before;
	if (r >= 0 && makes_descriptor(c)) {
		close((int)r);
		r = 0;
	}
	/* Clock rates are the host's own. */
	const char *answer = r > 0 && strstr(c->name, "TSC_KHZ") ? "khz" : word(r);
	snprintf(text, sizeof text, "%s%s", name, changed ? "*" : "");
	group(answer, text);
	if ((r >= 0 && !keeps_state(c)) || changed) again();
}

static const char *kind_name(char kind) {
	switch (kind) {
	case 's': return "system";
	case 'v': return "vm";
	case 'c': return "vcpu";
	default: return "device";
	}
}

static int setting_matters(char kind) { return kind == 'v' || kind == 'c'; }

/* Every place a pointer may point to, as seen from a structure of n bytes whose first `head` tell how many there are. */
static void pointers(const struct call *c, char kind, const uint8_t *content, int n, int head, void (*call)(const struct call *, char, const void *, const char *)) {
	static const struct {
		const char *name;
		uint64_t address;
	} fixed[] = {{"null", 0}, {"low", 8}, {"kernel", 0xffffffff81000000ull}, {"noncanonical", 1ull << 60}, {"last", 0x7ffffffff000ull - 4}, {"minus", (uint64_t)-8}};
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) call(c, kind, (void *)fixed[i].address, fixed[i].name);
	call(c, kind, noaccess, "none");
	call(c, kind, edge + ROOM, "hole");
	struct {
		const char *name;
		int mapped;
	} part[] = {{"head", head}, {"half", n / 2}, {"short", n - 1}, {"exact", n}};
	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		if (part[i].mapped >= n && strcmp(part[i].name, "exact")) continue;
		memcpy(edge + ROOM - part[i].mapped, content, (size_t)part[i].mapped);
		call(c, kind, edge + ROOM - part[i].mapped, part[i].name);
	}
	mprotect(readonly, ROOM, PROT_READ | PROT_WRITE);
	memcpy(readonly, content, (size_t)n);
	mprotect(readonly, ROOM, PROT_READ);
	call(c, kind, readonly, "readonly");
	mprotect(halfro + ROOM, ROOM, PROT_READ | PROT_WRITE);
	memcpy(halfro + ROOM - n / 2, content, (size_t)n);
	mprotect(halfro + ROOM, ROOM, PROT_READ);
	call(c, kind, halfro + ROOM - n / 2, "half-readonly");
}

static void outer(const struct call *c, char kind, const void *p, const char *name) { try(c, kind, c->nr, p, name); }

static void section_pointers(void) {
	static uint8_t content[32768];
	static const char *const fill[] = {"zero", "ff", "typical"};
	for (int full = 0; full < 2; full++) {
		make(full);
		make_more();
		for (size_t i = 0; i < CALLS; i++)
			for (const char *k = calls[i].kinds; *k && calls[i].pointer; k++)
				for (int how = 0; how < 3; how++) {
					int n = calls[i].fixed + (how ? calls[i].tail : 0);
					if (full && !setting_matters(*k)) continue;
					if (how == 2) typical(&calls[i], *k, content);
					else memset(content, how ? 0xff : 0, sizeof content);
					pointers(&calls[i], *k, content, n, calls[i].fixed, outer);
					line("pointer %s %s %s %s", full ? "full" : "bare", kind_name(*k), calls[i].name, fill[how]);
				}
		destroy();
	}
}

/* Pointers inside of structures. */
static int inner_at;
static void inner(const struct call *c, char kind, const void *p, const char *name) {
	static uint8_t b[8192];
	typical(c, kind, b);
	put64(b, inner_at, (uint64_t)p);
	try(c, kind, c->nr, b, name);
}

static void section_inner(void) {
	static const struct {
		const char *name, *kinds;
		int at;
	} row[] = {
		{"KVM_GET_DIRTY_LOG", "v", 8},
		{"KVM_CLEAR_DIRTY_LOG", "v", 16},
		{"KVM_X86_SET_MSR_FILTER", "v", 24},
		{"KVM_GET_ONE_REG", "c", 8},
		{"KVM_SET_ONE_REG", "c", 8},
		{"KVM_GET_DEVICE_ATTR", "scd", 16},
		{"KVM_SET_DEVICE_ATTR", "cd", 16},
		{"KVM_HAS_DEVICE_ATTR", "scd", 16},
	};
	uint8_t zero[8] = {0};
	make(1);
	make_more();
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		for (const char *k = row[i].kinds; *k; k++) {
			inner_at = row[i].at;
			pointers(named(row[i].name), *k, zero, 8, 8, inner);
			line("inner %s %s", kind_name(*k), row[i].name);
		}
	destroy();
}

/* The command number with another size or direction. */
static void section_sizes(void) {
	static const int delta[] = {-8, -4, -1, 1, 4, 8, 4096};
	char name[32];
	make(1);
	make_more();
	for (size_t i = 0; i < CALLS; i++)
		for (const char *k = calls[i].kinds; *k; k++) {
			unsigned long nr = calls[i].nr & ~(0x3ffful << 16), size = calls[i].nr >> 16 & 0x3fff;
			const void *argument = calls[i].pointer ? NULL : (void *)~0ul;
			for (size_t d = 0; d < sizeof delta / sizeof *delta; d++) {
				if ((long)size + delta[d] < 0) continue;
				snprintf(name, sizeof name, "%+d", delta[d]);
				try(&calls[i], *k, nr | ((size + (unsigned long)delta[d]) & 0x3fff) << 16, argument, name);
			}
			for (unsigned long dir = 0; dir < 4; dir++) {
				if (dir == calls[i].nr >> 30) continue;
				snprintf(name, sizeof name, "dir%lu", dir);
				try(&calls[i], *k, (calls[i].nr & 0x3ffffffful) | dir << 30, argument, name);
			}
			line("size %s %s", kind_name(*k), calls[i].name);
		}
	destroy();
}

/* Each number on each kind of descriptor that does not have it, and on what is not KVM's. */
static void section_kinds(void) {
	int pipes[2], pair[2], null = open("/dev/null", O_RDWR), memory = memfd_create("x", 0), folder = open("/", O_RDONLY), path = open("/dev/kvm", O_PATH);
	if (pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) exit(3);
	make(1);
	make_more();
	for (size_t i = 0; i < CALLS; i++) {
		struct {
			const char *name;
			int fd;
			char kind;
		} on[] = {{"system", f.sys, 's'}, {"vm", f.vm, 'v'}, {"vcpu", f.vcpu, 'c'}, {"device", f.device, 'd'}, {"stats", f.stats, 't'}, {"event", f.event, 0}, {"pipe", pipes[0], 0},
			{"socket", pair[0], 0}, {"null", null, 0}, {"memfd", memory, 0}, {"folder", folder, 0}, {"opath", path, 0}, {"closed", 1000, 0}, {"negative", -1, 0}};
		for (size_t d = 0; d < sizeof on / sizeof *on; d++) {
			if (on[d].kind && strchr(calls[i].kinds, on[d].kind)) continue;
			if (on[d].kind && on[d].fd < 0) continue;
			/* The one number that two kinds share with and without pointer. */
			group(word(ask(on[d].fd, calls[i].nr, calls[i].pointer ? NULL : (void *)~0ul)), on[d].name);
		}
		line("kind %s", calls[i].name);
	}
	destroy();
	int others[] = {null, memory, folder, path, pipes[0], pipes[1], pair[0], pair[1]};
	for (size_t i = 0; i < 8; i++) close(others[i]);
}

/* Counts at the edges, with room for whatever they say and with room for the typical tail only. */
static void section_counts(void) {
	static const struct {
		const char *name, *kinds;
		int at, width;
	} row[] = {
		{"KVM_GET_MSR_INDEX_LIST", "s", 0, 4},
		{"KVM_GET_MSR_FEATURE_INDEX_LIST", "s", 0, 4},
		{"KVM_GET_SUPPORTED_CPUID", "s", 0, 4},
		{"KVM_GET_EMULATED_CPUID", "s", 0, 4},
		{"KVM_GET_MSRS", "sc", 0, 4},
		{"KVM_SET_MSRS", "c", 0, 4},
		{"KVM_SET_CPUID", "c", 0, 4},
		{"KVM_SET_CPUID2", "c", 0, 4},
		{"KVM_GET_CPUID2", "c", 0, 4},
		{"KVM_SET_SIGNAL_MASK", "c", 0, 4},
		{"KVM_SET_GSI_ROUTING", "v", 0, 4},
		{"KVM_SET_XCRS", "c", 0, 4},
		{"KVM_GET_DIRTY_LOG", "v", 0, 4},
		{"KVM_CLEAR_DIRTY_LOG", "v", 0, 4},
		{"KVM_CLEAR_DIRTY_LOG", "v", 4, 4},
		{"KVM_CLEAR_DIRTY_LOG", "v", 8, 8},
		{"KVM_X86_SET_MSR_FILTER", "v", 0, 4},
		{"KVM_X86_SET_MSR_FILTER", "v", 8, 4},
		{"KVM_X86_SET_MSR_FILTER", "v", 12, 4},
		{"KVM_SET_PMU_EVENT_FILTER", "v", 0, 4},
		{"KVM_SET_PMU_EVENT_FILTER", "v", 4, 4},
		{"KVM_SET_PMU_EVENT_FILTER", "v", 12, 4},
		{"KVM_GET_NESTED_STATE", "c", 4, 4},
		{"KVM_SET_NESTED_STATE", "c", 4, 4},
		{"KVM_SET_USER_MEMORY_REGION", "v", 0, 4},
		{"KVM_SET_USER_MEMORY_REGION", "v", 4, 4},
		{"KVM_SET_USER_MEMORY_REGION", "v", 8, 8},
		{"KVM_SET_USER_MEMORY_REGION", "v", 16, 8},
		{"KVM_SET_USER_MEMORY_REGION", "v", 24, 8},
		{"KVM_SET_USER_MEMORY_REGION2", "v", 4, 4},
		{"KVM_GET_IRQCHIP", "v", 0, 4},
		{"KVM_SET_IRQCHIP", "v", 0, 4},
		{"KVM_IRQ_LINE", "v", 0, 4},
		{"KVM_IRQ_LINE_STATUS", "v", 0, 4},
		{"KVM_INTERRUPT", "c", 0, 4},
		{"KVM_SET_MP_STATE", "c", 0, 4},
		{"KVM_X86_SET_MCE", "c", 32, 1},
		{"KVM_X86_SETUP_MCE", "c", 0, 8},
		{"KVM_SET_GUEST_DEBUG", "c", 0, 4},
		{"KVM_CREATE_PIT2", "v", 0, 4},
		{"KVM_SET_CLOCK", "v", 8, 4},
		{"KVM_IOEVENTFD", "v", 16, 4},
		{"KVM_IOEVENTFD", "v", 20, 4},
		{"KVM_IOEVENTFD", "v", 24, 4},
		{"KVM_IRQFD", "v", 0, 4},
		{"KVM_IRQFD", "v", 4, 4},
		{"KVM_IRQFD", "v", 8, 4},
		{"KVM_REGISTER_COALESCED_MMIO", "v", 8, 4},
		{"KVM_REGISTER_COALESCED_MMIO", "v", 12, 4},
		{"KVM_UNREGISTER_COALESCED_MMIO", "v", 12, 4},
		{"KVM_SIGNAL_MSI", "v", 8, 4},
		{"KVM_SIGNAL_MSI", "v", 12, 4},
		{"KVM_CREATE_DEVICE", "v", 0, 4},
		{"KVM_CREATE_DEVICE", "v", 8, 4},
		{"KVM_SET_DEVICE_ATTR", "cd", 4, 4},
		{"KVM_SET_DEVICE_ATTR", "cd", 8, 8},
		{"KVM_GET_DEVICE_ATTR", "scd", 4, 4},
		{"KVM_GET_DEVICE_ATTR", "scd", 8, 8},
		{"KVM_HAS_DEVICE_ATTR", "scd", 0, 4},
		{"KVM_HAS_DEVICE_ATTR", "scd", 4, 4},
		{"KVM_HAS_DEVICE_ATTR", "scd", 8, 8},
		{"KVM_SET_MEMORY_ATTRIBUTES", "v", 0, 8},
		{"KVM_SET_MEMORY_ATTRIBUTES", "v", 8, 8},
		{"KVM_SET_MEMORY_ATTRIBUTES", "v", 16, 8},
		{"KVM_SET_IDENTITY_MAP_ADDR", "v", 0, 8},
		{"KVM_SET_VAPIC_ADDR", "c", 0, 8},
		{"KVM_TPR_ACCESS_REPORTING", "c", 0, 4},
		{"KVM_TPR_ACCESS_REPORTING", "c", 4, 4},
	};
	static const uint64_t value[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 63, 64, 65, 100, 255, 256, 257, 1000, 4095, 4096, 4097, 0x7ffb, 0x7ffc, 0xffff, 0x10000, 0x10001, 0x20000, 0x100000,
		0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff, 0x100000000ull, 0x7fffffff000ull, 0x7ffffffff000ull, 0x800000000000ull, 0x10000000000ull, 0xffffffffff000ull, 0x7ffffffffffff000ull, 0x8000000000000000ull, 0xfffffffffffff000ull, ~0ull};
	for (int full = 0; full < 2; full++) {
		make(full);
		make_more();
		for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
			const struct call *c = named(row[i].name);
			for (const char *k = row[i].kinds; *k; k++)
				for (int small = 0; small < (c->tail ? 2 : 1); small++) {
					if (full && !setting_matters(*k)) continue;
					uint8_t *b = small ? edge + ROOM - c->fixed - c->tail : edge;
					for (size_t v = 0; v < sizeof value / sizeof *value; v++) {
						char name[24];
						if (row[i].width < 8 && value[v] >> 8 * row[i].width) continue;
						memset(edge, 0, ROOM);
						typical(c, *k, b);
						memcpy(b + row[i].at, &value[v], (size_t)row[i].width);
						snprintf(name, sizeof name, "%llx", (unsigned long long)value[v]);
						try(c, *k, c->nr, b, name);
					}
					line("count %s %s %s at %d%s", full ? "full" : "bare", kind_name(*k), c->name, row[i].at, small ? " short" : "");
				}
		}
		destroy();
	}
}

/* Arguments that are numbers. KVM_RUN only with those that it refuses. */
static void section_numbers(void) {
	static const uint64_t value[] = {0, 1, 2, 3, 4, 7, 8, 15, 63, 64, 128, 255, 256, 1023, 1024, 4095, 4096, 4097, 16383, 16384, 65535, 0x7fffffff, 0x80000000, 0xfffbc000, 0xffffd000, 0xffffd001, 0xfffff000, 0xffffffff, 0x100000000ull, ~0ull};
	for (int full = 0; full < 2; full++) {
		make(full);
		for (size_t i = 0; i < CALLS; i++)
			for (const char *k = calls[i].kinds; *k && !calls[i].pointer; k++) {
				if (full && !setting_matters(*k)) continue;
				/* What the real CPUs' own rates accept is theirs; the list of capabilities is kvmprobe's. */
				if (strstr(calls[i].name, "SET_TSC_KHZ") || strstr(calls[i].name, "CHECK_EXTENSION")) continue;
				for (size_t v = 0; v < sizeof value / sizeof *value; v++) {
					char name[24];
					if (!value[v] && !strcmp(calls[i].name, "KVM_RUN")) continue;
					snprintf(name, sizeof name, "%llx", (unsigned long long)value[v]);
					try(&calls[i], *k, calls[i].nr, (void *)value[v], name);
				}
				line("number %s %s %s", full ? "full" : "bare", kind_name(*k), calls[i].name);
			}
		destroy();
	}
}

/* KVM_ENABLE_CAP with each capability and a few arguments. */
static void section_caps(void) {
	static const uint64_t value[] = {0, 1, 2, 3, 8, 0xff, 0x1000, 1ull << 32, ~0ull};
	uint8_t b[104];
	for (int full = 0; full < 2; full++)
		for (const char *k = "vc"; *k; k++) {
			make(full);
			for (size_t v = 0; v < sizeof value / sizeof *value; v++) {
				for (uint32_t cap = 0; cap < 245; cap++) {
					char name[8];
					memset(b, 0, sizeof b);
					put32(b, 0, cap);
					put64(b, 8, value[v]);
					snprintf(name, sizeof name, "%u", cap);
					long r = ask(of_kind(*k), named("KVM_ENABLE_CAP")->nr, b);
					if (r != -EINVAL) group(word(r), name);
					if (r >= 0) again();
				}
				line("caps %s %s %llx", full ? "full" : "bare", kind_name(*k), (unsigned long long)value[v]);
			}
			destroy();
		}
}

/* Contents by chance: all bits, or a few small fields changed in contents that the ioctl accepts. One letter for each answer. */
static void section_random(void) {
	enum { N = 48 };
	static uint8_t b[32768];
	static const char *const skip[] = {"KVM_SET_USER_MEMORY_REGION", "KVM_SET_CLOCK", "KVM_ENABLE_CAP", "KVM_PRE_FAULT_MEMORY", "KVM_CREATE_DEVICE"};
	for (int full = 0; full < 2; full++) {
		make(full);
		for (size_t i = 0; i < CALLS; i++)
			for (const char *k = calls[i].kinds; *k && calls[i].pointer; k++)
				for (int mode = 0; mode < 2; mode++) {
					char letters[N + 1] = {0};
					uint64_t seed = 0x9e3779b97f4a7c15ull * (i * 4 + (uint64_t)mode + 1) + (uint64_t)*k;
					int n = calls[i].fixed + calls[i].tail, skipped = *k == 'd';
					for (size_t s = 0; s < sizeof skip / sizeof *skip; s++) skipped |= !strncmp(calls[i].name, skip[s], strlen(skip[s]));
					if (skipped || (full && !setting_matters(*k))) continue;
					for (int t = 0; t < N; t++) {
						typical(&calls[i], *k, b);
						if (mode == 0)
							for (int at = 0; at + 4 <= n; at += 4) put32(b, at, (uint32_t)next_random(&seed));
						else
							for (int m = 0; m < 3; m++) {
								int at = (int)(next_random(&seed) >> 33) % (n > 512 ? 512 : n) & ~3;
								uint64_t v = next_random(&seed);
								put32(b, at, v & 1 ? 1u << (v >> 8 & 31) : (uint32_t)(v >> 8 & 0xff));
							}
						/* Pointers stay good: they have their own section. */
						if (strstr(calls[i].name, "ONE_REG") || strstr(calls[i].name, "GET_DIRTY")) put64(b, 8, (uint64_t)spare);
						if (strstr(calls[i].name, "CLEAR_DIRTY") || strstr(calls[i].name, "DEVICE_ATTR")) put64(b, 16, (uint64_t)spare);
						memcpy(edge, b, (size_t)n);
						uint64_t before = state(*k);
						long r = ask(of_kind(*k), calls[i].nr, edge);
						letters[t] = letter(r);
						int changed = r < 0 && state(*k) != before;
						char at[8];
						snprintf(at, sizeof at, "%d", t);
						if (changed) group("changed", at);
						if (changed || (r >= 0 && !keeps_state(&calls[i]))) again();
					}
					line("random %s %s %s %s %s", full ? "full" : "bare", kind_name(*k), calls[i].name, mode ? "few" : "all", letters);
				}
		destroy();
	}
}

int main(int n, char **v) {
	static const struct {
		const char *name;
		void (*run)(void);
	} sections[] = {{"pointers", section_pointers}, {"inner", section_inner}, {"sizes", section_sizes}, {"kinds", section_kinds}, {"counts", section_counts}, {"numbers", section_numbers}, {"caps", section_caps}, {"random", section_random}, {"life", life}};
	make_memory();
	/* Numbers of descriptors are part of some answers. */
	for (int fd = 3; fd < 64; fd++) close(fd);
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		int wanted = n == 1;
		for (int a = 1; a < n; a++) wanted |= !strcmp(v[a], sections[i].name);
		if (wanted) sections[i].run();
	}
	return 0;
}
