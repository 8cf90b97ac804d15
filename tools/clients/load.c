/* Load for a server: ./ws run -- load FILE MINUTES SCALE. Phases one after the other, then a mixture for so many minutes; a line of
 * FILE for each sample. At the end the server must hold what it held after the first client. SCALE divides the phases' counts. */
#include "guest.h"
#include "status.h"
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>

#define WORKERS 4
#define FAIL(...) (fprintf(stderr, __VA_ARGS__), exit(1))

static struct shared {
	long operations, vms, runs, clients, killed, wrong;
} *all;
static FILE *samples;
static double start;
static int scale = 1;
static struct status first;

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add(long *to, long n) { __atomic_add_fetch(to, n, __ATOMIC_RELAXED); }

static void sample(const char *phase) {
	struct status s;
	if (ask_status(&s, 1)) FAIL("load: the server does not answer\n");
	fprintf(samples, "%.1f\t%s\t%ld\t%ld\t%ld\t%ld\t%ld\t%ld\t%ld\t%ld\t%ld\t%ld\n", now() - start, phase, all->operations, all->vms, all->clients,
			figure(&s, "server-rss-kib"), figure(&s, "server-heap-kib"), figure(&s, "server-threads"), figure(&s, "server-fds"),
			figure(&s, "files-vm") + figure(&s, "files-vcpu"), figure(&s, "processes"), figure(&s, "cells"));
	fflush(samples);
}

static void wrong(const char *what) {
	fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "a wrong answer");
	add(&all->wrong, 1);
}

/* A VM with so many vCPUs, each of them run so often by the calling thread. */
static void one_vm(int vcpus, int rounds) {
	struct vm m;
	errno = 0;
	if (make_vm(&m, vcpus)) wrong("VM");
	else {
		add(&all->vms, 1);
		for (int i = 0; i < vcpus; i++) {
			if (add_vcpu(&m, 0)) wrong("vCPU");
			else if (check_guest(&m, i, rounds)) wrong("KVM_RUN");
			add(&all->runs, rounds * 2);
			add(&all->operations, rounds * 2 + 5);
		}
	}
	drop_vm(&m);
}

static void *run_vcpu(void *p) {
	struct vm *m = ((void **)p)[0];
	int id = (int)(long)((void **)p)[1];
	errno = 0;
	if (check_guest(m, id, 200 / scale + 1)) wrong("KVM_RUN in a thread");
	add(&all->operations, 400 / scale + 2);
	return NULL;
}

static void *spin(void *p) {
	struct vcpu *v = p;
	while (ioctl(v->fd, KVM_RUN, 0) == 0 || errno == EINTR) {}
	return NULL;
}

/* A VM whose vCPUs each have a thread. */
static void threads(int vcpus) {
	struct vm m;
	pthread_t t[64];
	void *argument[64][2];
	errno = 0;
	if (make_vm(&m, vcpus)) wrong("VM");
	for (int i = 0; i < vcpus; i++) {
		if (add_vcpu(&m, 0)) wrong("vCPU");
		argument[i][0] = &m;
		argument[i][1] = (void *)(long)i;
	}
	for (int i = 0; i < vcpus; i++) pthread_create(&t[i], NULL, run_vcpu, argument[i]);
	for (int i = 0; i < vcpus; i++) pthread_join(t[i], NULL);
	add(&all->vms, 1);
	drop_vm(&m);
}

/* A client that waits for its end while its guests spin. */
static void hangs(int vcpus) {
	struct vm m;
	pthread_t t;
	if (make_vm(&m, vcpus)) return;
	for (int i = 0; i < vcpus; i++) {
		if (add_vcpu(&m, 1)) return;
		pthread_create(&t, NULL, spin, &m.vcpu[i]);
	}
	pause();
}

/* Slots that come and go, dirty logs, eventfds. */
static void slots(unsigned *seed) {
	struct vm m;
	int event = eventfd(0, EFD_CLOEXEC);
	errno = 0;
	if (make_vm(&m, 1)) wrong("VM");
	uint8_t *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 20; i++) {
		struct kvm_userspace_memory_region r = {1, (uint32_t)rand_r(seed) & 1, 0x1000000, 1 << 20, (uint64_t)more};
		uint64_t bits[4];
		struct kvm_dirty_log log = {.slot = 1, .dirty_bitmap = bits};
		struct kvm_ioeventfd e = {.addr = 0x30000000, .len = 4, .fd = event};
		if (ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r)) wrong("slot");
		if (r.flags && ioctl(m.fd, KVM_GET_DIRTY_LOG, &log)) wrong("dirty log");
		if (ioctl(m.fd, KVM_IOEVENTFD, &e)) wrong("ioeventfd");
		e.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
		if (ioctl(m.fd, KVM_IOEVENTFD, &e)) wrong("ioeventfd away");
		r.memory_size = 0;
		if (ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r)) wrong("slot away");
		add(&all->operations, 4);
	}
	munmap(more, 1 << 20);
	close(event);
	drop_vm(&m);
	add(&all->vms, 1);
}

static pid_t client(int way, unsigned seed) {
	pid_t p = fork();
	if (p) return add(&all->clients, 1), p;
	switch (way) {
	case 0: one_vm(1, 20); break;
	case 1: one_vm(3, 5); break;
	case 2: threads(8); break;
	case 3: slots(&seed); break;
	case 4: for (int i = 0; i < 10; i++) one_vm(1, 1); break;
	default: hangs(way - 4);
	}
	_exit(0);
}

static void ends(pid_t p) {
	int status;
	while (waitpid(p, &status, 0) < 0 && errno == EINTR) {}
	if (!(WIFEXITED(status) && WEXITSTATUS(status) == 0) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
		errno = 0;
		wrong("a client");
	}
}

/* One worker of the mixture: clients of all kinds, some killed, until the time is over. */
static void work(unsigned seed, double until) {
	while (now() < until) {
		int way = (int)((unsigned)rand_r(&seed) % 8);
		pid_t p = client(way, seed);
		if (way > 4 || rand_r(&seed) % 10 == 0) {
			usleep((unsigned)rand_r(&seed) % 30000);
			kill(p, SIGKILL);
			add(&all->killed, 1);
		}
		ends(p);
	}
	_exit(0);
}

static void phase(const char *name, double began, long operations) {
	double took = now() - began;
	printf("%-34s %8.1f s %9ld calls %8.0f calls/s\n", name, took, all->operations - operations, (double)(all->operations - operations) / took);
	fflush(stdout);
	sample(name);
}

static void mixture(double minutes) {
	pid_t workers[WORKERS];
	double until = now() + minutes * 60, began = now();
	long before = all->operations;
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (!workers[i]) work(17u * (unsigned)i + 1, until);
	}
	double every = minutes * 60 / 180 > 1 ? minutes * 60 / 180 : 1;
	while (now() + every < until) {
		usleep((unsigned)(every * 1e6));
		sample("mixture");
	}
	for (int i = 0; i < WORKERS; i++) ends(workers[i]);
	phase("mixture", began, before);
}

/* The server holds what it held at first: at once, or after what ends by itself has ended. */
static int settled(void) {
	static const char *const names[] = {"processes", "threads", "files-vm", "files-vcpu", "files-device", "files-stats", "cells", "server-threads", "server-fds", "server-mappings"};
	struct status s;
	int bad = 1, tortured = getenv("LOAD_TORTURED") != NULL;
	for (int i = 0; bad && i < 100; i++) {
		usleep(100000);
		if (ask_status(&s, 1)) FAIL("load: the server is gone\n");
		bad = 0;
		/* The JVM starts and ends a thread or two of its own. */
		for (size_t n = 0; n < sizeof names / sizeof *names; n++)
			/* Torture keeps the host tasks that it lets run between. */
			bad |= !(tortured && !strcmp(names[n], "cells")) && figure(&s, names[n]) > figure(&first, names[n]) + (strncmp(names[n], "server-", 7) ? 0 : 4);
	}
	for (size_t n = 0; n < sizeof names / sizeof *names; n++) printf("%-18s %8ld at first %8ld at the end\n", names[n], figure(&first, names[n]), figure(&s, names[n]));
	for (const char *n = "server-rss-kib";; n = "server-heap-kib") {
		printf("%-18s %8ld at first %8ld at the end\n", n, figure(&first, n), figure(&s, n));
		if (n[7] == 'h') break;
	}
	return bad;
}

int main(int argc, char **argv) {
	if (argc != 4 || !(samples = fopen(argv[1], "w"))) FAIL("usage: load FILE MINUTES SCALE\n");
	double minutes = atof(argv[2]), began;
	long before;
	scale = atoi(argv[3]);
	all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	start = now();
	fprintf(samples, "seconds\tphase\tcalls\tvms\tclients\trss-kib\theap-kib\tthreads\tfds\tvm-files\tprocesses\tcells\n");
	ends(client(0, 1));
	usleep(300000);
	if (ask_status(&first, 1)) FAIL("load: the server does not answer: is this run by ws run?\n");

	before = all->operations, began = now();
	for (int i = 0; i < 1000 / scale; i++) {
		ends(client(i % 2, 1));
		if (i % (100 / scale + 1) == 0) sample("one after another");
	}
	phase("1000 clients one after another", began, before);

	before = all->operations, began = now();
	pid_t many[100];
	for (int i = 0; i < 100; i++) many[i] = client(i % 2, 1);
	usleep(200000);
	sample("100 at once");
	for (int i = 0; i < 100; i++) ends(many[i]);
	phase("100 clients at once", began, before);

	before = all->operations, began = now();
	pid_t p = fork();
	if (!p) threads(64), _exit(0);
	ends(p);
	phase("64 vCPUs in one VM", began, before);

	before = all->operations, began = now();
	p = fork();
	if (!p) {
		for (int i = 0; i < 10000 / scale; i++) {
			one_vm(1, 1);
			if (i % (1000 / scale + 1) == 0) sample("VMs");
		}
		fflush(samples);
		_exit(0);
	}
	ends(p);
	phase("10000 VMs made and ended", began, before);

	if (minutes > 0) mixture(minutes);
	printf("%ld clients, %ld killed, %ld VMs, %ld KVM_RUNs checked, %ld wrong\n", all->clients, all->killed, all->vms, all->runs, all->wrong);
	return settled() || all->wrong;
}
