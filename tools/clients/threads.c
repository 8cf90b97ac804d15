/* Many threads on one VM against the same calls one after the other: ws run -- threads [SEEDS]. Each thread has a vCPU, slots of its
 * own and its own seed; what it does commutes with what others do, so its answers must be those that it gets alone, and the VM's
 * state at the end the same. */
#include "guest.h"
#include <pthread.h>

#define THREADS 8
#define STEPS 60
#define SLOT_BYTES 0x10000u
#define SLOT_GPA(id) (0x10000000u + (uint64_t)(id) * 0x100000u)

static struct vm m;
static uint8_t *own[THREADS];
static pthread_barrier_t begin;

struct work {
	int id;
	unsigned seed;
	uint64_t answers;
	pthread_t thread;
};

static uint64_t mixed(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15ull + (h >> 29); }

static uint64_t bytes(uint64_t h, const void *p, size_t n) {
	for (size_t i = 0; i < n; i++) h = mixed(h, ((const uint8_t *)p)[i]);
	return h;
}

static uint64_t answer(uint64_t h, int r) { return mixed(h, (uint64_t)(r < 0 ? -errno : r)); }

static uint64_t registers(uint64_t h, int vcpu, unsigned *seed) {
	uint64_t value = 0;
	struct one_reg get = {ARM_CORE(4), (uint64_t)&value};
	if (m.arm) {
		h = answer(h, set_reg(vcpu, ARM_CORE(4), (uint64_t)rand_r(seed)));
		h = answer(h, set_reg(vcpu, ARM_CORE(4) + (uint64_t)rand_r(seed) % 3 * 0x1000, 1));
		h = answer(h, ioctl(vcpu, KVM_GET_ONE_REG, &get));
		return mixed(h, value);
	}
#if defined(__x86_64__)
	struct kvm_sregs s;
	struct kvm_debugregs d;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = {.head.nmsrs = 2, .entry = {{.index = 0xc0000102, .data = (uint64_t)rand_r(seed)}, {.index = (uint32_t)rand_r(seed) % 4 ? 0x174u : 0x4b564dffu, .data = 8}}};
	h = answer(h, ioctl(vcpu, KVM_SET_MSRS, &msrs));
	h = answer(h, ioctl(vcpu, KVM_GET_SREGS, &s));
	if (rand_r(seed) % 4 == 0) s.efer = 1ull << 63;
	s.cr2 = (uint64_t)rand_r(seed);
	h = answer(h, ioctl(vcpu, KVM_SET_SREGS, &s));
	h = answer(h, ioctl(vcpu, KVM_GET_SREGS, &s));
	h = mixed(h, s.cr2);
	h = answer(h, ioctl(vcpu, KVM_GET_DEBUGREGS, &d));
	d.db[rand_r(seed) % 4] = (uint64_t)rand_r(seed);
	if (rand_r(seed) % 4 == 0) d.flags = 1;
	h = answer(h, ioctl(vcpu, KVM_SET_DEBUGREGS, &d));
	h = answer(h, ioctl(vcpu, KVM_GET_DEBUGREGS, &d));
	h = bytes(h, d.db, sizeof d.db);
#endif
	return h;
}

/* Slots come, are logged, move and go; some calls are refused. */
static uint64_t slots(uint64_t h, int id, unsigned *seed) {
	uint64_t bits[1] = {0};
	int half = rand_r(seed) % 2;
	struct kvm_userspace_memory_region r = {.slot = 1u + 2u * (unsigned)id + (unsigned)half,
																					.flags = (unsigned)rand_r(seed) % 4 ? (unsigned)rand_r(seed) % 2 : 4,
																					.guest_phys_addr = SLOT_GPA(id) + (uint64_t)(rand_r(seed) % 3) * SLOT_BYTES,
																					.memory_size = rand_r(seed) % 3 ? SLOT_BYTES : 0,
																					.userspace_addr = (uint64_t)own[id] + (unsigned)half * SLOT_BYTES};
	struct kvm_dirty_log log = {.slot = r.slot, .dirty_bitmap = bits};
	h = answer(h, ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r));
	h = answer(h, ioctl(m.fd, KVM_GET_DIRTY_LOG, &log));
	return mixed(h, bits[0]);
}

static void *work(void *p) {
	struct work *w = p;
	struct vcpu *v = &m.vcpu[w->id];
	uint64_t h = 1;
	pthread_barrier_wait(&begin);
	for (int i = 0; i < STEPS; i++) {
		switch (rand_r(&w->seed) % 4) {
		case 0: h = registers(h, v->fd, &w->seed); break;
		case 1: h = slots(h, w->id, &w->seed); break;
		case 2: h = answer(h, ioctl(m.fd, KVM_CREATE_VCPU, w->id)); break;
		default: h = mixed(h, (uint64_t)check_guest(&m, w->id, 2));
		}
	}
	w->answers = h;
	return NULL;
}

/* The VM's state as its client can read it: all slots' logs and guests' results. */
static uint64_t state(void) {
	uint64_t h = 1;
	for (int s = 1; s <= 2 * THREADS; s++) {
		uint64_t bits[1] = {0};
		struct kvm_dirty_log log = {.slot = (unsigned)s, .dirty_bitmap = bits};
		h = answer(h, ioctl(m.fd, KVM_GET_DIRTY_LOG, &log));
		h = mixed(h, bits[0]);
	}
	for (int i = 0; i < THREADS; i++) {
		unsigned same = 7;
		h = registers(h, m.vcpu[i].fd, &same);
		h = bytes(h, m.memory + i * ROOM, ROOM);
	}
	return h;
}

static uint64_t run(unsigned seed, int at_once, struct work *w) {
	if (make_vm(&m, THREADS)) return perror("threads: VM"), exit(1), 0;
	for (int i = 0; i < THREADS; i++) {
		if (add_vcpu(&m, 0)) return perror("threads: vCPU"), exit(1), 0;
		memset(own[i], 0, 2 * SLOT_BYTES);
	}
	pthread_barrier_init(&begin, NULL, at_once ? THREADS : 1);
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct work){.id = i, .seed = seed * 64 + (unsigned)i};
		pthread_create(&w[i].thread, NULL, work, &w[i]);
		if (!at_once) pthread_join(w[i].thread, NULL);
	}
	for (int i = 0; at_once && i < THREADS; i++) pthread_join(w[i].thread, NULL);
	pthread_barrier_destroy(&begin);
	uint64_t h = state();
	drop_vm(&m);
	return h;
}

int main(int argc, char **argv) {
	unsigned seeds = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
	int bad = 0;
	for (int i = 0; i < THREADS; i++) own[i] = mmap(NULL, 2 * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned seed = 1; seed <= seeds; seed++) {
		struct work alone[THREADS], many[THREADS];
		uint64_t one = run(seed, 0, alone), all = run(seed, 1, many);
		for (int i = 0; i < THREADS; i++)
			if (alone[i].answers != many[i].answers) bad++, printf("seed %u: thread %d got other answers than alone\n", seed, i);
		if (one != all) bad++, printf("seed %u: the state at the end is not that of any order\n", seed);
	}
	printf("%d threads on one VM: %u seeds, %d calls each, %d differences\n", THREADS, seeds, STEPS, bad);
	return bad != 0;
}
