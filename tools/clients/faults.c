/* Clients that end, stop, run out of something or break the protocol, while another one works and checks its answers:
 *   ws run -- faults [--long] [NAME...]
 * After each the server must hold what it held before. A line for each fault: how often, and what happened. */
#include "raw.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static int is_long, failed;
static struct shared {
	volatile int stop;
	volatile long rounds, wrong, slowest_us;
} *witness;
static pid_t witness_pid;
static struct status before;

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void bear_witness(void) {
	struct vm m;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (make_vm(&m, 1) || add_vcpu(&m, 0)) witness->wrong++;
	while (!witness->stop && !witness->wrong) {
		double t = now();
		if (check_guest(&m, 0, 5)) {
			fprintf(stderr, "faults: the witness: %s\n", strerror(errno));
			witness->wrong++;
		}
		long took = (long)((now() - t) * 1e6);
		if (took > witness->slowest_us) witness->slowest_us = took;
		witness->rounds++;
		usleep(1000);
	}
	_exit(0);
}

/* What may not grow. Threads and descriptors of the JVM itself come and go by one or two. */
static int leaks(char *what, size_t room) {
	static const char *const exact[] = {"processes", "threads", "files-vm", "files-vcpu", "files-device", "files-stats", "cells"};
	static const char *const near[] = {"server-threads", "server-fds", "server-mappings"};
	struct status s;
	*what = 0;
	for (int i = 0; i < 80; i++) {
		if (ask_status(&s, 0)) return snprintf(what, room, "the server is gone"), 1;
		*what = 0;
		for (size_t n = 0; n < sizeof exact / sizeof *exact && !*what; n++)
			if (figure(&s, exact[n]) != figure(&before, exact[n])) snprintf(what, room, "%s %ld, not %ld", exact[n], figure(&s, exact[n]), figure(&before, exact[n]));
		for (size_t n = 0; n < sizeof near / sizeof *near && !*what; n++)
			if (figure(&s, near[n]) > figure(&before, near[n]) + 2) snprintf(what, room, "%s %ld, not %ld", near[n], figure(&s, near[n]), figure(&before, near[n]));
		if (!*what) return 0;
		usleep(100000);
	}
	return 1;
}

/* ---- what a client does: 0, or an errno that it was told */

static int session(int vcpus) {
	struct vm m;
	int e = 0;
	errno = 0;
	if (make_vm(&m, vcpus)) e = errno;
	for (int i = 0; i < vcpus && !e; i++)
		if (add_vcpu(&m, 0)) e = errno;
	for (int i = 0; i < vcpus && !e; i++) {
		int r = check_guest(&m, i, 2);
		e = r < 0 ? errno : r ? 200 : 0;
	}
	drop_vm(&m);
	return e;
}

static void *spin(void *p) {
	struct vcpu *v = p;
	while (ioctl(v->fd, KVM_RUN, 0) == 0 || errno == EINTR) {}
	return NULL;
}

static int spinning(struct vm *m, int vcpus) {
	pthread_t t;
	if (make_vm(m, vcpus)) return errno;
	for (int i = 0; i < vcpus; i++) {
		if (add_vcpu(m, 1)) return errno;
		if (pthread_create(&t, NULL, spin, &m->vcpu[i])) return 201;
	}
	return 0;
}

/* Waits for a child: its exit status, 128 + signal, or -1 when it does not end in time. */
static int ended(pid_t p, double seconds) {
	int status;
	for (double end = now() + seconds; now() < end; usleep(1000))
		if (waitpid(p, &status, WNOHANG) == p) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	kill(p, SIGKILL);
	waitpid(p, &status, 0);
	return -1;
}

static int told; /* pipe by which children say that they are ready */
static int ready[2];
static void say_ready(void) { told = (int)write(ready[1], "", 1); }
static void await_ready(void) {
	char c;
	told = (int)read(ready[0], &c, 1);
}

/* ---- faults: each does it `n` times, says how often in *times, and answers NULL or what was wrong */

static char reason[256];
#define WRONG(...) (snprintf(reason, sizeof reason, __VA_ARGS__), reason)

/* The client's session with the shim, killed at the nth system call it makes or returns from. */
static long traced(long at) {
	int status;
	long n = 0;
	pid_t p = fork();
	if (!p) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(session(2) ? 1 : 0);
	}
	waitpid(p, &status, 0);
	ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_EXITKILL);
	while (1) {
		int sig = WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP ? WSTOPSIG(status) : 0;
		if (ptrace(PTRACE_SYSCALL, p, 0, sig)) break;
		if (waitpid(p, &status, 0) != p || !WIFSTOPPED(status)) return n;
		if (++n == at) {
			kill(p, SIGKILL);
			waitpid(p, &status, 0);
			return n;
		}
	}
	return n;
}

static const char *killed_at_each_call(long *times) {
	long all = traced(0), each = is_long ? 1 : all / 40 + 1;
	for (long at = 1; at <= all; at += each, ++*times) traced(at);
	return all > 50 ? NULL : WRONG("only %ld calls", all);
}

/* The same by a program that speaks the protocol itself, killed between the halves of each frame and of each payload. */
static int raw_session(void) {
	struct raw r;
	struct kvm_userspace_memory_region m = {.memory_size = 4 * ROOM};
	if (raw_start(&r)) return 1;
	if (raw_ioctl(&r, 0, -1, KVM_CREATE_VM, 0) < 0) return 2;
	int vm = r.fd;
	m.userspace_addr = (uint64_t)mmap(NULL, m.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_ioctl(&r, handle_of(vm), vm, KVM_SET_USER_MEMORY_REGION, &m)) return 3;
	if (raw_ioctl(&r, handle_of(vm), vm, KVM_CREATE_VCPU, 0) < 0) return 4;
	int vcpu = r.fd, how[2] = {PROT_READ | PROT_WRITE, MAP_SHARED};
	struct frame f;
	step();
	if (send_frame(r.thread, MMAP, handle_of(vcpu), 4096, 0, how, sizeof how, -1) || raw_answer(&r, &f, vcpu) < 0 || r.fd < 0) return 5;
	struct kvm_mp_state s;
	raw_ioctl(&r, handle_of(vcpu), vcpu, KVM_GET_MP_STATE, &s);
	step();
	/* The mailbox: half a frame in it, the frame but not its word, the word but nobody who waits for the answer. */
	struct frame *box = (struct frame *)(r.slots + r.slot * 256 + 80);
	uint32_t *state = (uint32_t *)(r.slots + r.slot * 256 + 64);
	box->length = 28;
	box->type = IOCTL;
	step();
	box->a = handle_of(vcpu), box->b = KVM_RUN, box->c = 0;
	step();
	for (int i = 0; i < 100000; i++) {
		uint32_t looking = 1;
		if (__atomic_compare_exchange_n(state, &looking, 2, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) break;
	}
	step();
	if (send_frame(r.thread, IOCTL, handle_of(vcpu), KVM_RUN, 0, NULL, 0, -1)) return 6;
	usleep(2000);
	step();
	return 0;
}

static const char *killed_at_each_frame(long *times) {
	kill_at = 0;
	pid_t p = fork();
	if (!p) {
		int r = raw_session();
		_exit(r ? 250 - r : (int)(steps > 200 ? 200 : steps));
	}
	int all = ended(p, 20);
	if (all > 240 || all < 30) return WRONG("a whole session ended with %d", all);
	for (long at = 1; at <= all; at += is_long ? 1 : 3, ++*times) {
		kill_at = at;
		p = fork();
		if (!p) _exit(raw_session());
		if (ended(p, 20) != 128 + SIGKILL) return WRONG("step %ld was not reached", at);
	}
	kill_at = 0;
	return NULL;
}

static const char *killed_with_64_running(long *times) {
	for (int i = 0; i < (is_long ? 20 : 2); i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct vm m;
			int e = spinning(&m, 64);
			if (e) fprintf(stderr, "faults: 64 vCPUs: %s\n", strerror(e));
			say_ready();
			pause();
		}
		await_ready();
		usleep(20000);
		kill(p, SIGKILL);
		if (ended(p, 20) != 128 + SIGKILL) return WRONG("it did not end");
	}
	return NULL;
}

static const char *exec_and_exit_with_8_running(long *times) {
	for (int i = 0; i < (is_long ? 20 : 4); i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct vm m;
			spinning(&m, 8);
			usleep(5000);
			if (i % 2) execl("/bin/true", "true", NULL);
			_exit(0);
		}
		if (ended(p, 20)) return WRONG("it did not end");
	}
	return NULL;
}

/* Descriptors run out at any place: every call says EMFILE, or works. */
static const char *client_without_descriptors(long *times) {
	for (int limit = 4; limit < 40; limit += is_long ? 1 : 3, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct rlimit r = {(rlim_t)limit, (rlim_t)limit};
			setrlimit(RLIMIT_NOFILE, &r);
			_exit(session(2));
		}
		int e = ended(p, 20);
		if (e && e != EMFILE) return WRONG("with %d descriptors: %s", limit, e < 0 ? "it hung" : strerror(e));
	}
	return NULL;
}

/* Memory for a slot is there, room in the client's address space to make it common is not. */
static const char *client_without_memory(long *times) {
	for (int i = 0; i < (is_long ? 30 : 6); i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct vm m;
			if (make_vm(&m, 1)) _exit(100);
			struct kvm_userspace_memory_region r = {1, 0, 1 << 30, 256 << 20, 0};
			char *at = mmap(NULL, r.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			r.userspace_addr = (uint64_t)at;
			at[5 * 4096] = 42;
			struct rlimit l = {(rlim_t)(1 + i) << 20, RLIM_INFINITY};
			setrlimit(RLIMIT_AS, &l);
			int e = ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r) ? errno : 0;
			if (at[5 * 4096] != 42) e = 102;
			_exit(e);
		}
		int e = ended(p, 20);
		if (e != ENOMEM) return WRONG("SET_USER_MEMORY_REGION: %s", e < 0 ? "it hung" : e == 102 ? "the memory's contents are lost" : e ? strerror(e) : "no error");
	}
	return NULL;
}

/* A guest whose vCPU runs on memory of a file. way 0: the file is too short; 1: cut while the guest runs; 2: its file system is full. */
static int on_file(int way) {
	struct vm m;
	int fd = way == 2 ? open("/mnt/full", O_RDWR | O_CREAT, 0600) : (int)syscall(SYS_memfd_create, "short", 0);
	if (fd < 0 || make_vm(&m, 1)) return 100;
	if (ftruncate(fd, way == 0 ? 0 : ROOM)) return 101;
	uint8_t *at = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct kvm_userspace_memory_region r = {0, 0, 0, 0, 0}, s = {0, 0, 0, ROOM, (uint64_t)at};
	/* The vCPU's code goes into the first memory, of which then only the file's is left. */
	if (add_vcpu(&m, way == 1)) return 102;
	if (way == 1) memcpy(at, m.memory, 64);
	if (ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r) || ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &s)) return errno;
	if (way != 1) return ioctl(m.vcpu[0].fd, KVM_RUN, 0) < 0 ? errno : 103;
	pthread_t t;
	pthread_create(&t, NULL, spin, &m.vcpu[0]);
	usleep(20000);
	if (ftruncate(fd, 0)) return 104;
	usleep(20000);
	/* An unchanged loop may go on by what it was decoded to; it ends when it is looked at again. */
	return 0;
}

static const char *memory_behind_the_end_of_its_file(long *times) {
	for (int i = 0; i < (is_long ? 40 : 4); i++, ++*times) {
		pid_t p = fork();
		if (!p) _exit(on_file(i % 2));
		int e = ended(p, 20);
		if (e && e != EFAULT) return WRONG("way %d: %s", i % 2, e < 0 ? "it hung" : strerror(e));
	}
	return NULL;
}

static const char *file_system_full(long *times) {
	for (int i = 0; i < (is_long ? 10 : 2); i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			if (unshare(CLONE_NEWNS | (getuid() ? CLONE_NEWUSER : 0)) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/mnt", "tmpfs", 0, "size=16k")) _exit(77);
			int fd = open("/mnt/filler", O_RDWR | O_CREAT, 0600);
			char page[4096] = {1};
			while (write(fd, page, sizeof page) > 0) {}
			_exit(on_file(2));
		}
		int e = ended(p, 20);
		if (e == 77) return i ? NULL : "skipped: no right to mount here";
		if (e != EFAULT) return WRONG("%s", e < 0 ? "it hung" : e ? strerror(e) : "no error");
	}
	return NULL;
}

/* Requests without anybody who reads the answers, until the socket is full; frames byte by byte. */
static const char *full_and_slow_socket(long *times) {
	for (int i = 0; i < (is_long ? 10 : 2); i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct raw r;
			if (raw_start(&r)) _exit(1);
			struct frame f = {28, READ, 0, 65536, 0};
			if (i % 2) {
				for (size_t b = 0; b < sizeof f; b++) put(r.thread, (char *)&f + b, 1, -1), usleep(1000);
				_exit(receive_frame(&r, r.thread, &f, NULL, 0) ? 2 : 0);
			}
			int n = 0;
			while (send(r.thread, &f, sizeof f, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof f) n++;
			say_ready();
			pause();
		}
		if (i % 2) {
			int e = ended(p, 20);
			if (e) return WRONG("byte by byte: %d", e);
			continue;
		}
		await_ready();
		usleep(is_long ? 1000000 : 100000);
		kill(p, SIGKILL);
		ended(p, 20);
	}
	return NULL;
}

/* The server waits for memory of a client that never answers, in any call; then the client ends. */
static const char *client_that_never_answers(long *times) {
	static const unsigned long commands[] = {KVM_SET_USER_MEMORY_REGION, KVM_GET_DIRTY_LOG, KVM_IRQFD, KVM_IOEVENTFD, KVM_SET_GSI_ROUTING, KVM_REGISTER_COALESCED_MMIO, KVM_ENABLE_CAP, KVM_CREATE_DEVICE, KVM_SET_ONE_REG, KVM_GET_REG_LIST, KVM_SET_MP_STATE, KVM_GET_MP_STATE};
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct raw r;
			if (raw_start(&r) || raw_ioctl(&r, 0, -1, KVM_CREATE_VM, 0) < 0) _exit(1);
			int vm = r.fd;
			if (raw_ioctl(&r, handle_of(vm), vm, KVM_CREATE_VCPU, 0) < 0) _exit(1);
			int vcpu = r.fd, fd = i < 8 ? vm : vcpu;
			alarm(is_long ? 5 : 1);
			r.silent = 1;
			say_ready();
			raw_ioctl(&r, handle_of(fd), fd, commands[i], &r);
			_exit(0);
		}
		await_ready();
		usleep(10000);
		/* Others make and end VMs meanwhile. */
		pid_t other = fork();
		if (!other) _exit(session(1));
		int e = ended(other, 20);
		kill(p, SIGKILL);
		ended(p, 20);
		if (e) return WRONG("another client, while the server waited in call %zu: %s", i, e < 0 ? "it hung" : strerror(e));
	}
	return NULL;
}

static const char *stopped_for_long(long *times) {
	for (int i = 0; i < 2; i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct vm m;
			if (i) {
				if (spinning(&m, 4)) _exit(1);
				say_ready();
				pause();
			}
			say_ready();
			for (int k = 0; k < 30; k++)
				if (session(1)) _exit(2);
			_exit(0);
		}
		await_ready();
		kill(p, SIGSTOP);
		usleep(is_long ? 60000000 : 1000000);
		kill(p, SIGCONT);
		if (i) kill(p, SIGKILL);
		int e = ended(p, 60);
		if (e != (i ? 128 + SIGKILL : 0)) return WRONG("after SIGCONT: %d", e);
	}
	return NULL;
}

/* Numbers of other clients' files, processes and memory in frames. */
static const char *forged_numbers(long *times) {
	pid_t p = fork();
	if (!p) {
		struct raw r, s;
		struct frame f;
		char page[4096];
		if (raw_start(&r) || raw_ioctl(&r, 0, -1, KVM_CREATE_VM, 0) < 0) _exit(1);
		uint64_t own = handle_of(r.fd);
		int vm = r.fd, bad = 0;
		raw_start(&s);
		/* Handles around our own are those of others, the witness's among them; nothing and another file's socket prove nothing. */
		for (uint64_t h = own > 1000 ? own - 1000 : 1; h < own + 50; h++) {
			if (h == own) continue;
			if (raw_ioctl(&r, h, -1, KVM_CHECK_EXTENSION, (void *)3) != -EBADF) bad |= 1;
			if (raw_ioctl(&r, h, vm, KVM_RUN, 0) != -EBADF) bad |= 2;
			int how[2] = {PROT_READ, MAP_SHARED};
			if (send_frame(r.thread, MMAP, h, 4096, 0, how, sizeof how, -1) || raw_answer(&r, &f, vm) != -EBADF) bad |= 4;
			if (send_frame(r.thread, READ, h, 4096, 0, NULL, 0, -1) || raw_answer(&r, &f, -1) != -EBADF) bad |= 8;
		}
		/* A process that shows the VM's descriptor reaches it, and hears from KVM that it is another's (EIO). */
		if (raw_ioctl(&s, own, -1, KVM_CHECK_EXTENSION, (void *)3) != -EBADF) bad |= 16;
		if (raw_ioctl(&s, own, vm, KVM_CHECK_EXTENSION, (void *)3) != -EIO) bad |= 32;
		/* Threads of processes that are not ours, by numbers near ours and by any. */
		for (uint64_t id = r.id - 20; id < r.id + 20; id++) {
			int fd = connect_plainly();
			if (id != r.id && id != s.id && !send_frame(fd, HELLO_THREAD, id, 1, 8, NULL, 0, -1) && recv(fd, page, sizeof page, 0) > 0) bad |= 64;
			close(fd);
		}
		_exit(bad);
	}
	int e = ended(p, 60);
	++*times;
	return e ? WRONG("reached: %d", e) : NULL;
}

/* Memory that is said to be common, at places of the file that the server never gave out: each would take it 64 GiB of addresses. */
static const char *forged_places(long *times) {
	static const uint64_t places[] = {1ull << 40, 1ull << 59, 1ull << 60, 1ull << 63, 0ull - (1ull << 40), 0ull - 4096, 1};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++, ++*times) {
		pid_t p = fork();
		if (!p) {
			struct raw r;
			struct kvm_userspace_memory_region m = {.memory_size = 4 * ROOM};
			if (raw_start(&r) || raw_ioctl(&r, 0, -1, KVM_CREATE_VM, 0) < 0) _exit(1);
			int vm = r.fd;
			m.userspace_addr = (uint64_t)mmap(NULL, m.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			r.forged = places[i];
			if (raw_ioctl(&r, handle_of(vm), vm, KVM_SET_USER_MEMORY_REGION, &m) >= 0) _exit(2);
			_exit(raw_ioctl(&r, handle_of(vm), vm, KVM_CHECK_EXTENSION, (void *)3) == -EPIPE ? 0 : 3);
		}
		int e = ended(p, 20);
		if (e) return WRONG("place %zu: %d, not cut off", i, e);
	}
	return NULL;
}

#if defined(KVM_GET_STATS_FD)
static volatile int statistics;
static void *reads(void *p) {
	char page[4096];
	while (!*(volatile int *)p) {
		/* Between a look at the closed number and the call it may be open again: then it is the socket that stands for it. */
		if (pread(statistics, page, sizeof page, 0) < 0 && errno != EBADF && errno != ESPIPE) return (void *)(long)errno;
	}
	return NULL;
}

/* read(2) of statistics by three threads while another one closes them and opens them anew. */
static const char *statistics_closed_while_read(long *times) {
	int rounds = is_long ? 5000 : 500;
	pid_t p = fork();
	if (!p) {
		struct vm m;
		pthread_t t[3];
		int stop = 0, bad = 0;
		if (make_vm(&m, 1) || add_vcpu(&m, 0)) _exit(100);
		statistics = ioctl(m.fd, KVM_GET_STATS_FD, 0);
		for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, reads, &stop);
		for (int i = 0; i < rounds && statistics >= 0; i++) {
			close(statistics);
			statistics = ioctl(i % 2 ? m.fd : m.vcpu[0].fd, KVM_GET_STATS_FD, 0);
		}
		*(volatile int *)&stop = 1;
		for (int i = 0; i < 3; i++) {
			void *e;
			pthread_join(t[i], &e);
			if (e) bad = (int)(long)e;
		}
		_exit(statistics < 0 ? 101 : bad);
	}
	*times = rounds;
	int e = ended(p, 120);
	return e ? WRONG("%s", e < 0 ? "it hung" : strerror(e)) : NULL;
}
#endif

/* What a VM may have of everything, and what asks for more than there is. */
static int limits(void) {
	struct vm m;
	if (make_vm(&m, 1) || add_vcpu(&m, 0)) return 1;
	/* NR_IOBUS_DEVS devices on a bus; ioeventfds do not count. */
	struct kvm_coalesced_mmio_zone z = {.size = 8};
	int n = 0;
	for (; n < 2000; n++) {
		z.addr = 0x50000000 + 16ull * (unsigned)n;
		if (ioctl(m.fd, KVM_REGISTER_COALESCED_MMIO, &z)) break;
	}
	if (n != 1000 || errno != ENOSPC) return 2;
	int event = eventfd(0, EFD_CLOEXEC);
	for (int i = 0; i < (is_long ? 20000 : 2000); i++) {
		struct kvm_ioeventfd e = {.addr = 0x60000000 + 16ull * (unsigned)i, .len = 4, .fd = event};
		if (ioctl(m.fd, KVM_IOEVENTFD, &e)) return 3;
	}
	if (check_guest(&m, 0, 2)) return 4;
	/* Slots: more pages than 31 bits can count; many of as much as may be, over the same memory; over each other. */
	struct kvm_userspace_memory_region r = {1, 0, 1ull << 46, 1ull << 47, 0x10000};
	if (!ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r) || errno != EINVAL) return 5;
	r.memory_size = ((1ull << 31) - 1) << 12;
	r.guest_phys_addr = 1ull << 34;
	for (r.slot = 1; r.slot < (is_long ? 200 : 20); r.slot++) {
		int bad = ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r);
		/* Guests of arm64 machines have no more addresses than one such slot, those of some x86 machines fewer. */
		if (r.slot > 1 && (!bad || errno != EEXIST)) return 6;
		if (r.slot == 1 && bad && errno != EFAULT && errno != EINVAL) return 7;
		if (bad && r.slot == 1) break;
	}
	/* A dirty log of 8 TiB is 256 MiB of bits. */
	r.slot = 1;
	r.flags = KVM_MEM_LOG_DIRTY_PAGES;
	for (int i = 0; i < 4; i++, r.flags ^= KVM_MEM_LOG_DIRTY_PAGES)
		if (ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r) && errno != ENOMEM && errno != EFAULT) return 8;
	static struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[4097];
	} routes = {{.nr = 4097}, {{0}}};
	if (!ioctl(m.fd, KVM_SET_GSI_ROUTING, &routes) || errno != EINVAL) return 9;
	/* Lists for more than there is room. */
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *list = (uint64_t *)(page + 4096 - 16);
	mprotect(page + 4096, 4096, PROT_NONE);
	for (int i = 0; i < (is_long ? 20000 : 1000); i++, list[0] = i % 2 ? 0 : ~0ull)
		if (!ioctl(m.vcpu[0].fd, KVM_GET_REG_LIST, list) || (errno != E2BIG && errno != EFAULT && errno != EINVAL && errno != ENOTTY)) return 10;
	drop_vm(&m);
	return 0;
}

static const char *limits_of_a_vm(long *times) {
	for (int i = 0; i < (is_long ? 5 : 1); i++, ++*times) {
		pid_t p = fork();
		if (!p) _exit(limits());
		int e = ended(p, is_long ? 600 : 60);
		if (e) return WRONG("limit %d", e);
	}
	return NULL;
}

/* ---- the server's own limits */

static const char *server_without_descriptors(long *times) {
	pid_t server = (pid_t)figure(&before, "server-pid");
	long have = figure(&before, "server-fds");
	struct rlimit was;
	const char *bad = NULL;
	if (prlimit(server, RLIMIT_NOFILE, NULL, &was)) return "skipped: no right to limit the server";
	int refused = 0;
	for (long more = 0; more < 24 && !bad; more += is_long ? 1 : 3, ++*times) {
		struct rlimit r = {(rlim_t)(have + more), was.rlim_max};
		prlimit(server, RLIMIT_NOFILE, &r, NULL);
		pid_t p = fork();
		if (!p) _exit(session(2));
		int e = ended(p, 20);
		if (e == EMFILE || e == ENOMEM || e == ENFILE) refused++;
		else if (e) bad = WRONG("%ld free descriptors: %s", more, e < 0 ? "it hung" : strerror(e));
		prlimit(server, RLIMIT_NOFILE, &was, NULL);
	}
	if (!bad && !refused) bad = "nothing was refused";
	pid_t p = fork();
	if (!p) _exit(session(2));
	return ended(p, 20) && !bad ? "no new client when there was room again" : bad;
}

/* Addresses that the server has left, in MiB: for guest memory, pages that are common with a client, threads, the JVM's own. */
static const char *server_without_addresses(long *times) {
	static const unsigned free_mib[] = {0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
	pid_t server = (pid_t)figure(&before, "server-pid");
	struct rlimit was;
	char name[64];
	const char *bad = NULL;
	int refused = 0;
	if (prlimit(server, RLIMIT_AS, NULL, &was)) return "skipped: no right to limit the server";
	snprintf(name, sizeof name, "/proc/%d/statm", server);
	for (size_t i = 0; i < sizeof free_mib / sizeof *free_mib && !bad; i += is_long ? 1 : 3, ++*times) {
		unsigned long pages = 0;
		FILE *f = fopen(name, "r");
		if (!f || fscanf(f, "%lu", &pages) != 1) bad = "the server is gone";
		if (f) fclose(f);
		struct rlimit r = {(pages << 12) + ((rlim_t)free_mib[i] << 20), was.rlim_max};
		if (!bad) prlimit(server, RLIMIT_AS, &r, NULL);
		pid_t p = fork();
		if (!p) _exit(session(2));
		int e = ended(p, 60);
		if (e == ENOMEM || e == EAGAIN) refused++;
		else if (e) bad = WRONG("%u MiB free: %s", free_mib[i], e < 0 ? "it hung" : strerror(e));
		prlimit(server, RLIMIT_AS, &was, NULL);
	}
	if (!bad && !refused) bad = "nothing was refused";
	pid_t p = fork();
	if (!p) _exit(session(2));
	return ended(p, 20) && !bad ? "no new client when there was room again" : bad;
}

/* VMs with vCPUs and the largest logs until there is no more; all else is as it was. */
static int fills_the_heap(void) {
	struct vm m;
	int refused = 0;
	for (int vms = 0; vms < 200 && !refused; vms++) {
		struct kvm_userspace_memory_region r = {.slot = 1, .flags = KVM_MEM_LOG_DIRTY_PAGES, .guest_phys_addr = 1ull << 32, .memory_size = 1ull << 38};
		if (make_vm(&m, 64)) return errno == ENOMEM ? 0 : errno;
		/* A range of the client that is not there: only its log needs memory. */
		r.userspace_addr = 1ull << 40;
		for (; r.slot < 100 && !refused; r.slot++, r.guest_phys_addr += r.memory_size) {
			if (!ioctl(m.fd, KVM_SET_USER_MEMORY_REGION, &r)) continue;
			if (errno == EINVAL || errno == EFAULT) break;
			if (errno != ENOMEM) return errno;
			refused = 1;
		}
		for (int i = 0; i < 60; i++)
			if (add_vcpu(&m, 0)) {
				if (errno != ENOMEM) return errno;
				refused = 1;
				break;
			}
	}
	return refused ? 0 : 1;
}

static const char *server_heap_full(long *times) {
	if (!getenv("WS_SMALL_HEAP")) return "skipped: the server's heap is as large as it is";
	for (int i = 0; i < 3; i++, ++*times) {
		pid_t p = fork();
		if (!p) _exit(fills_the_heap());
		int e = ended(p, 120);
		if (e) return e < 0 ? "it hung" : e == 1 ? "nothing was refused" : WRONG("%s, not ENOMEM", strerror(e));
		p = fork();
		if (!p) _exit(session(2));
		if (ended(p, 60)) return "no new client when there was room again";
	}
	return NULL;
}

static const char *server_stopped(long *times) {
	pid_t server = (pid_t)figure(&before, "server-pid"), p = fork();
	if (!p) {
		for (int k = 0; k < 50; k++)
			if (session(1)) _exit(2);
		_exit(0);
	}
	usleep(20000);
	kill(server, SIGSTOP);
	usleep(is_long ? 60000000 : 500000);
	kill(server, SIGCONT);
	++*times;
	int e = ended(p, 60);
	return e ? WRONG("%d", e) : NULL;
}

static const struct fault {
	const char *name;
	const char *(*run)(long *times);
} faults[] = {
	{"killed-at-each-system-call", killed_at_each_call},
	{"killed-at-each-frame", killed_at_each_frame},
	{"killed-with-64-vcpus-running", killed_with_64_running},
	{"exec-and-exit-with-8-running", exec_and_exit_with_8_running},
	{"client-without-descriptors", client_without_descriptors},
	{"client-without-memory", client_without_memory},
	{"memory-behind-the-end-of-its-file", memory_behind_the_end_of_its_file},
	{"file-system-full", file_system_full},
	{"full-and-slow-socket", full_and_slow_socket},
	{"client-that-never-answers", client_that_never_answers},
	{"client-stopped-for-long", stopped_for_long},
	{"forged-numbers", forged_numbers},
	{"forged-places", forged_places},
#if defined(KVM_GET_STATS_FD)
	{"statistics-closed-while-read", statistics_closed_while_read},
#endif
	{"limits-of-a-vm", limits_of_a_vm},
	{"server-without-descriptors", server_without_descriptors},
	{"server-without-addresses", server_without_addresses},
	{"server-heap-full", server_heap_full},
	{"server-stopped", server_stopped},
};

static int chosen(int argc, char **argv, const char *name) {
	int any = 0;
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-') {
			any = 1;
			if (!strcmp(argv[i], name)) return 1;
		}
	return !any;
}

int main(int argc, char **argv) {
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) is_long |= !strcmp(argv[i], "--long");
	witness = mmap(NULL, sizeof *witness, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pipe(ready)) return 2;
	witness_pid = fork();
	if (!witness_pid) bear_witness();
	for (int i = 0; i < 200 && witness->rounds < 20; i++) usleep(100000);
	/* Once everything, so that what the server makes only once is made. */
	pid_t p = fork();
	if (!p) _exit(session(2));
	if (ended(p, 20)) return fprintf(stderr, "faults: a plain client fails\n"), 2;
	usleep(300000);
	if (ask_status(&before, 0)) return fprintf(stderr, "faults: the server does not answer\n"), 2;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (!chosen(argc, argv, faults[i].name)) continue;
		long times = 0, rounds = witness->rounds;
		char left[128];
		double t = now();
		witness->slowest_us = 0;
		const char *bad = faults[i].run(&times);
		int skipped = bad && !strncmp(bad, "skipped", 7);
		if (leaks(left, sizeof left) && (!bad || skipped)) bad = WRONG("left: %s", left);
		for (int k = 0; k < 100 && witness->rounds == rounds && !witness->wrong; k++) usleep(50000);
		if (witness->rounds == rounds && !bad) bad = "the other client stands still";
		if (witness->wrong && !bad) bad = "the other client got a wrong answer";
		printf("%-34s %6ld times %7.1f s  %6ld rounds of the other client, %5ld ms the slowest  %s\n", faults[i].name, times, now() - t, witness->rounds - rounds, witness->slowest_us / 1000, bad ? bad : "ok");
		if (bad && !(skipped && bad[0] == 's')) failed = 1;
	}
	witness->stop = 1;
	if (ended(witness_pid, 20)) printf("the other client did not end\n"), failed = 1;
	return failed;
}
