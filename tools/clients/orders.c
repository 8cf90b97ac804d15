/* Threads whose calls do not commute: ws run -- orders [FIRST LAST]. A seed is a short history of three threads on one VM that make,
 * change and ask for the same things at once. Its answers and the VM's state at the end must be those of some order of its calls, one
 * after the other on a new VM, that keeps each thread's own order and what had ended before other calls began. */
#include "guest.h"
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>

#define THREADS 3
#define EACH 3
#define CALLS (THREADS * EACH)
#define SLOT_BYTES 0x10000u
#define GPA(n) (0x10000000u + (uint64_t)(n) * 0x8000u) /* neighbours overlap */

enum kind { MAKE_VCPU, SET_SLOT, GET_LOG, SET_REGISTER, GET_REGISTER, SET_STATE, GET_STATE, ADD_EVENT, DROP_EVENT, ADD_ZONE, DROP_ZONE, MAKE_DEVICE, SET_ONCE, RUN, INIT, KINDS };
static const char *const names[] = {"KVM_CREATE_VCPU", "KVM_SET_USER_MEMORY_REGION", "KVM_GET_DIRTY_LOG", "KVM_SET_REGS", "KVM_GET_REGS", "KVM_SET_MP_STATE", "KVM_GET_MP_STATE", "KVM_IOEVENTFD",
		"KVM_IOEVENTFD (deassign)", "KVM_REGISTER_COALESCED_MMIO", "KVM_UNREGISTER_COALESCED_MMIO", "KVM_CREATE_DEVICE", "KVM_ENABLE_CAP", "KVM_RUN", "KVM_ARM_VCPU_INIT"};

struct call {
	enum kind kind;
	unsigned a, b;
	uint64_t answer;
	int64_t began, ended;
};

static struct vm m;
static struct call calls[CALLS]; /* EACH of a thread after the other */
static uint8_t *own;
static int event, made[CALLS * 4], made_n;
static uint64_t end_state;
static int waiting;

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t mixed(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15ull + (h >> 29); }
static uint64_t said(int r) { return (uint64_t)(r < 0 ? -errno : r); }

/* Makes a file: its number is no part of the answer. */
static uint64_t file(int fd) {
	if (fd < 0) return said(fd);
	made[__atomic_fetch_add(&made_n, 1, __ATOMIC_RELAXED)] = fd;
	return 1;
}

static uint64_t get_register(void) {
	if (m.arm) {
		uint64_t value = 0;
		struct one_reg x4 = {ARM_CORE(4), (uint64_t)&value};
		uint64_t h = said(ioctl(m.vcpu[0].fd, KVM_GET_ONE_REG, &x4));
		return mixed(h, value);
	}
#if defined(__x86_64__)
	struct kvm_regs r = {0};
	uint64_t h = said(ioctl(m.vcpu[0].fd, KVM_GET_REGS, &r));
	return mixed(mixed(h, r.r15), r.rip);
#else
	return 0;
#endif
}

static uint64_t set_register(uint64_t v) {
	if (m.arm) return said(set_reg(m.vcpu[0].fd, ARM_CORE(4), v));
#if defined(__x86_64__)
	struct kvm_regs r = {.rflags = 2, .r15 = v};
	return said(ioctl(m.vcpu[0].fd, KVM_SET_REGS, &r));
#else
	return 0;
#endif
}

static uint64_t get_log(unsigned slot) {
	uint64_t bits[1] = {0};
	struct kvm_dirty_log log = {.slot = slot, .dirty_bitmap = bits};
	uint64_t h = said(ioctl(m.fd, KVM_GET_DIRTY_LOG, &log));
	return mixed(h, bits[0]);
}

static uint64_t get_state(void) {
	struct kvm_mp_state s = {0};
	uint64_t h = said(ioctl(m.vcpu[0].fd, KVM_GET_MP_STATE, &s));
	return mixed(h, s.mp_state);
}

static uint64_t make_device(void) {
	struct kvm_create_device d = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
#if defined(__x86_64__)
	struct kvm_pit_config pit = {0};
	if (!m.arm) return said(ioctl(m.fd, KVM_CREATE_PIT2, &pit));
#endif
	if (ioctl(m.fd, KVM_CREATE_DEVICE, &d)) return said(-1);
	return file((int)d.fd);
}

static uint64_t do_call(const struct call *c) {
	struct kvm_userspace_memory_region r = {1 + c->a % 2, c->b & 1 ? KVM_MEM_LOG_DIRTY_PAGES : 0, GPA(c->b >> 1 & 3), c->b >> 3 & 1 ? SLOT_BYTES : 0, (uint64_t)own + (c->a % 2) * SLOT_BYTES};
	struct kvm_mp_state s = {m.arm && c->a % 2 ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_RUNNABLE};
	struct kvm_ioeventfd e = {.addr = 0x60000000 + 16 * (c->a % 2), .len = 4, .fd = event, .flags = c->kind == DROP_EVENT ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0};
	struct kvm_coalesced_mmio_zone z = {.addr = 0x50000000, .size = 8};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_MAX_VCPU_ID, .args = {8 + c->a % 3}};
	struct arm_vcpu_init init = {0};
	switch (c->kind) {
	case MAKE_VCPU: return file(ioctl(m.fd, KVM_CREATE_VCPU, 2 + c->a % 2));
	case SET_SLOT: return said(ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r));
	case GET_LOG: return get_log(r.slot);
	case SET_REGISTER: return set_register(c->a);
	case GET_REGISTER: return get_register();
	case SET_STATE: return said(ioctl(m.vcpu[0].fd, KVM_SET_MP_STATE, &s));
	case GET_STATE: return get_state();
	case ADD_EVENT:
	case DROP_EVENT: return said(ioctl(m.fd, KVM_IOEVENTFD, &e));
	case ADD_ZONE: return said(ioctl(m.fd, KVM_REGISTER_COALESCED_MMIO, &z));
	case DROP_ZONE: return said(ioctl(m.fd, KVM_UNREGISTER_COALESCED_MMIO, &z));
	case MAKE_DEVICE: return make_device();
	case SET_ONCE: return said(ioctl(m.fd, KVM_ENABLE_CAP, &cap));
	/* A stopped vCPU would wait for ever. */
	case RUN: return m.arm ? get_register() : said(ioctl(m.vcpu[0].fd, KVM_RUN, 0));
	default:
		if (!m.arm) return set_register(c->a + 1);
		if (ioctl(m.fd, ARM_PREFERRED_TARGET, &init)) return said(-1);
		return said(ioctl(m.vcpu[0].fd, ARM_VCPU_INIT, &init));
	}
}

/* A VM as every history finds it. */
static void begin(unsigned seed) {
	if (make_vm(&m, 2)) perror("orders: VM"), exit(2);
	made_n = 0;
#if defined(__x86_64__)
	if (!m.arm && seed % 3 == 0 && ioctl(m.fd, KVM_CREATE_IRQCHIP, 0)) perror("orders: KVM_CREATE_IRQCHIP"), exit(2);
#endif
	if (seed % 5 && add_vcpu(&m, 0)) perror("orders: vCPU"), exit(2);
	if (!(seed % 5)) m.vcpu[0].fd = -1;
}

/* What of it can be asked; then it goes. */
static uint64_t finish(void) {
	uint64_t h = mixed(get_register(), get_state());
	for (unsigned slot = 1; slot <= 2; slot++) h = mixed(h, get_log(slot));
	for (unsigned i = 0; i < 8; i++) {
		struct call c = {.kind = i < 2 ? MAKE_VCPU : i < 4 ? ADD_EVENT : i < 5 ? MAKE_DEVICE : i < 6 ? SET_ONCE : SET_SLOT, .a = i, .b = 8 | (i & 1) << 2};
		h = mixed(h, do_call(&c));
	}
	for (int i = 0; i < made_n; i++) close(made[i]);
	drop_vm(&m);
	return h;
}

static void *thread(void *p) {
	struct call *c = p;
	__atomic_sub_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST)) {}
	for (int i = 0; i < EACH; i++) {
		c[i].began = now();
		c[i].answer = do_call(&c[i]);
		c[i].ended = now();
	}
	return NULL;
}

static void at_once(unsigned seed) {
	pthread_t t[THREADS];
	begin(seed);
	waiting = THREADS;
	for (int i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, thread, &calls[i * EACH]);
	for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
	end_state = finish();
}

static int order[CALLS], tried;

/* The order's first call that answers something else than it did at once; CALLS when none does and the state is the same. */
static int differs(unsigned seed) {
	int at = 0;
	begin(seed);
	tried++;
	while (at < CALLS && do_call(&calls[order[at]]) == calls[order[at]].answer) at++;
	int same = finish() == end_state;
	return at < CALLS ? at : same ? CALLS : CALLS - 1;
}

/* Tries all orders that begin with the first n: CALLS when one is right; else up to where they are all wrong. */
static int search(unsigned seed, int n, int *next) {
	int64_t first_end = INT64_MAX;
	int tries[THREADS], ways = 0, wrong = n;
	if (n == CALLS) return differs(seed);
	for (int t = 0; t < THREADS; t++)
		if (next[t] < EACH && calls[t * EACH + next[t]].ended < first_end) first_end = calls[t * EACH + next[t]].ended;
	/* The one that ended first is tried first. */
	for (int t = 0; t < THREADS; t++) {
		struct call *c = &calls[t * EACH + next[t]];
		if (next[t] == EACH || c->began > first_end) continue;
		int i = ways++;
		for (; i > 0 && calls[tries[i - 1] * EACH + next[tries[i - 1]]].ended > c->ended; i--) tries[i] = tries[i - 1];
		tries[i] = t;
	}
	for (int i = 0; i < ways; i++) {
		order[n] = tries[i] * EACH + next[tries[i]]++;
		wrong = search(seed, n + 1, next);
		next[tries[i]]--;
		if (wrong == CALLS || wrong < n) return wrong;
	}
	return n - 1;
}

static int explained(unsigned seed) {
	int next[THREADS] = {0};
	tried = 0;
	return search(seed, 0, next) == CALLS;
}

int main(int argc, char **argv) {
	unsigned first = argc > 2 ? (unsigned)atoi(argv[1]) : 1, last = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
	int bad = 0, others = 0, concurrent = 0, refuted = 0;
	long orders = 0;
	own = mmap(NULL, 2 * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	event = eventfd(0, EFD_CLOEXEC);
	for (unsigned seed = first; seed <= last; seed++) {
		unsigned s = seed, some[3];
		for (int i = 0; i < 3; i++) some[i] = (unsigned)rand_r(&s) % KINDS;
		for (int i = 0; i < CALLS; i++) calls[i] = (struct call){.kind = some[rand_r(&s) % 3], .a = (unsigned)rand_r(&s) % 64, .b = (unsigned)rand_r(&s) % 16};
		at_once(seed);
		int ok = explained(seed), overlap = 0;
		orders += tried;
		others += tried > 1;
		for (int i = 0; i < CALLS; i++)
			for (int j = 0; j < i; j++) overlap |= i / EACH != j / EACH && calls[i].began < calls[j].ended && calls[j].began < calls[i].ended;
		concurrent += overlap;
		if (!ok) {
			bad++;
			printf("seed %u: no order of these calls gives their answers (%d tried):\n", seed, tried);
			for (int i = 0; i < CALLS; i++)
				printf("  thread %d, %6lld to %6lld us: %s %u %u: %lld\n", i / EACH, (long long)(calls[i].began - calls[0].began) / 1000, (long long)(calls[i].ended - calls[0].began) / 1000,
						names[calls[i].kind], calls[i].a, calls[i].b, (long long)calls[i].answer);
		} else if (seed % 10 == 0) {
			/* The check itself: an answer that no order gives. */
			calls[seed % CALLS].answer ^= 1ull << 40;
			refuted++;
			if (explained(seed)) bad++, printf("seed %u: a wrong answer was not noticed\n", seed);
		}
	}
	printf("calls of %d threads that do not commute: %u histories, %d of them with calls at the same time, %d not in the order of their ends; %ld orders tried, %d wrong answers all noticed: %d without any order\n",
			THREADS, last - first + 1, concurrent, others, orders, refuted, bad);
	return bad != 0;
}
