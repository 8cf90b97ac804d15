/* Stacks and thread-local storage for the handler. The client's threads have none that our C library knows: each borrows those of
 * a pthread that was made for this and whose kernel thread has ended. */
#include "trap.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/rseq.h>
#include <asm/prctl.h>

#define LANES 8192
#define STACK_BYTES (256 << 10)
#define GONE (-1)

static struct {
	int tid;
	struct lane *lane;
} table[LANES];
static struct lane *idle;
static int locked, has_fsgsbase;
static uint64_t maker_fs;
static char maker_stack[64 << 10] __attribute__((aligned(16)));

uint64_t get_fs(void) {
	uint64_t fs;
	if (has_fsgsbase) __asm__ volatile("rdfsbase %0" : "=r"(fs));
	else raw(SYS_arch_prctl, ARCH_GET_FS, &fs);
	return fs;
}

void set_fs(uint64_t fs) {
	if (has_fsgsbase) __asm__ volatile("wrfsbase %0" ::"r"(fs) : "memory");
	else raw(SYS_arch_prctl, ARCH_SET_FS, fs);
}

static void lock(void) {
	while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE)) raw(SYS_sched_yield, 0);
}
static void unlock(void) { __atomic_store_n(&locked, 0, __ATOMIC_RELEASE); }

/* The client's library registers restartable sequences itself; ours shall not believe an area that nobody keeps. */
static void leave_rseq(void) {
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	if (!__rseq_size) return;
	raw(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
	area->cpu_id = (uint32_t)RSEQ_CPU_ID_REGISTRATION_FAILED;
}

static void *donate(void *p) {
	struct lane *lane = p;
	leave_rseq();
	lane->fs = get_fs();
	/* Below all that this thread still does. */
	lane->stack = ((uint64_t)__builtin_frame_address(0) - 8192) & ~63ull;
	__atomic_store_n(&lane->connected, 0, __ATOMIC_RELEASE);
	raw(SYS_exit, 0);
	return NULL;
}

static void make_lane(void *into) {
	struct lane *lane = malloc(sizeof *lane);
	pthread_attr_t with;
	pthread_t ignored;
	*(struct lane **)into = NULL;
	if (!lane) return;
	lane->connected = -1;
	pthread_attr_init(&with);
	pthread_attr_setstacksize(&with, STACK_BYTES);
	if (pthread_create(&ignored, &with, donate, lane)) return;
	while (__atomic_load_n(&lane->connected, __ATOMIC_ACQUIRE)) raw(SYS_sched_yield, 0);
	*(struct lane **)into = lane;
}

void call_on(uint64_t stack, void (*what)(void *), void *with);
__asm__(".text\n.globl call_on\n.hidden call_on\ncall_on:\n"
		"push %rbp\nmov %rsp,%rbp\nmov %rdi,%rsp\nmov %rdx,%rdi\ncall *%rsi\nmov %rbp,%rsp\npop %rbp\nret\n");

/* Threads that ended without saying so, as those of a vfork that is followed by exec. */
static void collect_dead(void) {
	int pid = (int)raw(SYS_getpid, 0);
	for (int i = 0; i < LANES; i++) {
		struct lane *lane = table[i].lane;
		if (table[i].tid <= 0 || lane->connected) continue;
		if (raw(SYS_tgkill, pid, table[i].tid, 0) != -ESRCH || raw(SYS_tkill, table[i].tid, 0) != -ESRCH) continue;
		__atomic_store_n(&table[i].tid, GONE, __ATOMIC_RELAXED);
		lane->next = idle;
		idle = lane;
	}
}

static void put(int tid, struct lane *lane) {
	int i = tid % LANES;
	for (int n = 0; table[i].tid > 0; i = (i + 1) % LANES)
		if (++n == LANES) {
			static const char text[] = "ws: the client has more threads than can be followed (8192)\n";
			raw(SYS_write, 2, text, sizeof text - 1);
			raw(SYS_exit_group, 1);
		}
	table[i].lane = lane;
	/* The lane before the number by which it is found. */
	__atomic_store_n(&table[i].tid, tid, __ATOMIC_RELEASE);
}

static int find(int tid) {
	for (int i = tid % LANES, n = 0; n < LANES; i = (i + 1) % LANES, n++) {
		int t = __atomic_load_n(&table[i].tid, __ATOMIC_ACQUIRE);
		if (t == tid) return i;
		if (t == 0) return -1;
	}
	return -1;
}

/* The thread's own lane. Uses no thread-local storage, the client's is still set. */
struct lane *lane_of(int tid) {
	int i = find(tid);
	if (i >= 0) return table[i].lane;
	lock();
	if (!idle) collect_dead();
	struct lane *lane = idle;
	if (lane) idle = lane->next;
	else {
		uint64_t fs = get_fs();
		set_fs(maker_fs);
		call_on((uint64_t)maker_stack + sizeof maker_stack, make_lane, &lane);
		set_fs(fs);
	}
	if (lane) put(tid, lane);
	unlock();
	return lane;
}

/* The thread is about to end, and no longer on its lane's stack. */
void lane_leave(int tid) {
	lock();
	int i = find(tid);
	if (i >= 0) {
		struct lane *lane = table[i].lane;
		__atomic_store_n(&table[i].tid, GONE, __ATOMIC_RELAXED);
		lane->connected = 0;
		lane->next = idle;
		idle = lane;
	}
	unlock();
}

void lanes_before_fork(void) { lock(); }
void lanes_after_fork(void) { unlock(); }

/* In a child of fork: of all threads only this one is there. */
void lanes_child(struct lane *mine, int tid) {
	for (int i = 0; i < LANES; i++) {
		if (table[i].tid > 0 && table[i].lane != mine) {
			table[i].lane->connected = 0;
			table[i].lane->next = idle;
			idle = table[i].lane;
		}
		table[i].tid = 0;
	}
	put(tid, mine);
	unlock();
}

void lanes_start(void) {
	has_fsgsbase = (getauxval(AT_HWCAP2) & 2) != 0;
	leave_rseq();
	maker_fs = get_fs();
}

/* Our C library's heap: the break belongs to the client. Few and long-lived pieces, so each has pages of its own. */
#define HEAD 64
static size_t whole(size_t n) { return (n + HEAD + 4095) & ~4095ull; }

void *malloc(size_t n) {
	long at = n > PTRDIFF_MAX - 8192 ? -1 : raw(SYS_mmap, 0, whole(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096) return NULL;
	*(size_t *)at = whole(n);
	return (char *)at + HEAD;
}
void free(void *p) {
	if (p) raw(SYS_munmap, (char *)p - HEAD, *(size_t *)((char *)p - HEAD));
}
void *calloc(size_t n, size_t size) { return size && n > PTRDIFF_MAX / size ? NULL : malloc(n * size); }
void *realloc(void *p, size_t n) {
	if (!p) return malloc(n);
	char *head = (char *)p - HEAD;
	if (n > PTRDIFF_MAX - 8192) return NULL;
	long at = raw(SYS_mremap, head, *(size_t *)head, whole(n), MREMAP_MAYMOVE);
	if (at < 0 && at > -4096) return NULL;
	*(size_t *)at = whole(n);
	return (char *)at + HEAD;
}
