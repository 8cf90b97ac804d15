/* Connections to the server: one of the process, for as long as its address space lives, and one of each thread that calls. */
#include "shim.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define SIGSET_BYTES 8
#define INTERNAL_MAX 65536
#define PROBE 0x776f726c64737769ull /* as in the server */
#define LOST (-100000L) /* the connection, not an errno */

/* A thread's part of the process's shared page. First line: a signal is pending; futex with which the server wakes the
 * server's thread. Then the mailbox: a frame in each direction for as long as the other side looks for one, a line each.
 * A side that does not look, or no longer, is reached over the socket. */
struct slot {
	uint32_t pending, wake, unused[14];
	uint32_t request_state, our_cpu, unused2[2];
	struct frame request;
	uint32_t unused3[4];
	uint32_t answer_state, server_cpu, may_look, unused4;
	struct frame answer;
	uint32_t unused5[4 + 16];
};
_Static_assert(sizeof(struct slot) == 256, "as in the server's Mailbox");

/* request_state: nobody looks, the server's thread does, a request is there. answer_state: nobody looks, we do, the answer is
 * there, or the server says something over the socket first. */
enum { NOBODY, LOOKING, FILLED, BY_SOCKET };
#define LOOK_NS 20000
/* After so many looks in vain one after the other only some calls look. A thread that is moved to another CPU looks in vain
 * now and then, and must not stop because of it. */
#define IN_VAIN_MAX 16
#define SKIPPED 7

struct connection {
	int fd, signals;
	unsigned lost; /* as the process's when it was made */
	uint64_t signal_mask;
	uint64_t blocked; /* the thread's own mask while it is in a call */
	uint64_t handle; /* of the ioctl under way */
	int file; /* its descriptor */
	uint64_t run_mask;
	int run_mask_set;
	struct slot *slot;
	unsigned in_vain, skip; /* looks in vain one after the other; calls until the next look */
	struct connection *next;
};

static struct {
	int fd, memory;
	uint64_t id;
	struct slot *slots;
	uint64_t slots_bytes;
	unsigned lost; /* servers that ended under this process */
} process = {-1, -1, 0, NULL, 0, 0};

static uint64_t parent_id;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection *connections;
static __thread struct connection *mine;
/* The thread's signal mask, when a handler that blocks all calls us; else NULL. */
__thread const uint64_t *ws_thread_mask;
static pthread_key_t at_thread_exit;
static uint32_t internal_bits[INTERNAL_MAX / 32];
static int said;

static void say(const char *text) {
	if (said) return;
	said = 1;
	raw(SYS_write, 2, text, strlen(text));
}

static char path_given[108];
static int looked_for_path;

void ws_use_socket(const char *path) {
	if (path && strlen(path) < sizeof path_given) strcpy(path_given, path);
	__atomic_store_n(&looked_for_path, 1, __ATOMIC_RELEASE);
}

/* Taken from the environment once: the client may change its environment at any time. */
const char *ws_socket_path(void) {
	if (!__atomic_load_n(&looked_for_path, __ATOMIC_ACQUIRE)) ws_use_socket(getenv("WORLDSWITCH_SOCKET"));
	return path_given[0] ? path_given : NULL;
}

int ws_active(void) { return ws_socket_path() != NULL; }

int ws_traced(void) {
	static int known;
	if (!known) known = getenv("WORLDSWITCH_TRACE") ? 1 : 2;
	return known == 1;
}

/* A new socket whose name says that it is the device. */
long ws_device_fd(int cloexec) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	uint64_t unique[2] = {0, 0};
	raw(SYS_getrandom, unique, sizeof unique, 0);
	int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "worldswitch/%llx%llx/kvm/0", (unsigned long long)unique[0], (unsigned long long)unique[1]);
	long fd = raw(SYS_socket, AF_UNIX, SOCK_STREAM | (cloexec ? SOCK_CLOEXEC : 0), 0);
	if (fd < 0) return fd;
	long r = raw(SYS_bind, fd, &name, offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	if (r < 0) raw(SYS_close, fd);
	return r < 0 ? r : fd;
}

int ws_memory_fd(void) { return process.memory; }

int ws_is_internal(int fd) {
	return fd >= 0 && fd < INTERNAL_MAX && (__atomic_load_n(&internal_bits[fd / 32], __ATOMIC_RELAXED) >> (fd % 32) & 1);
}

int ws_lowest_internal(int at_least) {
	for (int w = at_least / 32; w < INTERNAL_MAX / 32; w++) {
		if (!internal_bits[w]) continue;
		for (int fd = w * 32; fd < w * 32 + 32; fd++)
			if (fd >= at_least && ws_is_internal(fd)) return fd;
	}
	return -1;
}

static void mark(int fd, int on) {
	if (fd < 0 || fd >= INTERNAL_MAX) return;
	if (on) __atomic_or_fetch(&internal_bits[fd / 32], 1u << (fd % 32), __ATOMIC_RELAXED);
	else __atomic_and_fetch(&internal_bits[fd / 32], ~(1u << (fd % 32)), __ATOMIC_RELAXED);
}

static void close_internal(int fd) {
	if (fd < 0) return;
	mark(fd, 0);
	raw(SYS_close, fd);
}

/* Moves a descriptor of ours high up, where clients that count on low numbers do not meet it. */
int ws_internal(int fd) {
	struct rlimit limit;
	long at = 900, high;
	if (fd < 0) return fd;
	if (raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit) == 0 && limit.rlim_cur < 1024) at = (long)limit.rlim_cur / 2;
	high = raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, at);
	if (high >= 0) {
		raw(SYS_close, fd);
		fd = (int)high;
	}
	mark(fd, 1);
	return fd;
}

/* The client wants this number for itself (dup2): ours goes elsewhere. */
void ws_move_internal(int fd) {
	pthread_mutex_lock(&lock);
	if (ws_is_internal(fd)) {
		int other = (int)raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);
		if (other >= 0) {
			mark(other, 1);
			mark(fd, 0);
			if (process.fd == fd) process.fd = other;
			if (process.memory == fd) process.memory = other;
			for (struct connection *c = connections; c; c = c->next) {
				if (c->fd == fd) c->fd = other;
				if (c->signals == fd) c->signals = other;
			}
		}
	}
	pthread_mutex_unlock(&lock);
}

/* KVM descriptors are sockets whose own name says the server and the handle: right after dup, fork and exec without a table. */
int ws_handle(int fd, uint64_t *handle) {
	struct sockaddr_un name;
	socklen_t n = sizeof name;
	static const char prefix[] = "worldswitch/";
	uint64_t h = 0;
	size_t i;
	long r = raw(SYS_getsockname, fd, &name, &n);
	if (r < 0 || name.sun_family != AF_UNIX || n < offsetof(struct sockaddr_un, sun_path) + sizeof prefix + 2) return 0;
	n -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	if (name.sun_path[0] != 0 || memcmp(name.sun_path + 1, prefix, sizeof prefix - 1) != 0) return 0;
	for (i = n; i > 0 && name.sun_path[i - 1] != '/'; i--) {}
	for (; i < n; i++) h = h * 10 + (uint64_t)(name.sun_path[i] - '0');
	*handle = h;
	return 1;
}

/* The name in /proc/PID/fd as KVM gives it: the part of the socket's name before the handle. */
void ws_file_name(int fd, char *into, size_t room) {
	struct sockaddr_un name;
	socklen_t n = sizeof name;
	memset(&name, 0, sizeof name);
	raw(SYS_getsockname, fd, &name, &n);
	char *text = name.sun_path + 1, *end = memrchr(text, '/', strnlen(text, sizeof name.sun_path - 1)), *start;
	if (!end) return;
	*end = 0;
	start = strrchr(text, '/');
	snprintf(into, room, "%s", start ? start + 1 : text);
}

static int send_all(int fd, const void *p, size_t n) {
	const char *at = p;
	while (n) {
		long r = raw(SYS_sendto, fd, at, n, MSG_NOSIGNAL, 0, 0);
		if (r == -EINTR) continue;
		if (r <= 0) return -1;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

static int recv_all(int fd, void *p, size_t n) {
	char *at = p;
	while (n) {
		long r = raw(SYS_recvfrom, fd, at, n, 0, 0, 0);
		if (r == -EINTR) continue;
		if (r <= 0) return -1;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

int ws_send(int fd, enum reply type, uint64_t a, uint64_t b, uint64_t c, const void *payload, size_t n, int pass) {
	struct frame f = {(uint32_t)(FRAME_REST + n), type, a, b, c};
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {&f, sizeof f};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (pass < 0) return send_all(fd, &f, sizeof f) || (n && send_all(fd, payload, n)) ? -1 : 0;
	memset(&control, 0, sizeof control);
	control.h.cmsg_len = CMSG_LEN(sizeof(int));
	control.h.cmsg_level = SOL_SOCKET;
	control.h.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.h), &pass, sizeof pass);
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	return raw(SYS_sendmsg, fd, &m, MSG_NOSIGNAL) != sizeof f || (n && send_all(fd, payload, n)) ? -1 : 0;
}

/* One frame's head, with at most one descriptor. -EMFILE when the descriptor found no room, -EIO when the server is gone. */
static int recv_head(int fd, struct frame *f, int *got) {
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {f, sizeof *f};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	long r;
	int lost = 0;
	do r = raw(SYS_recvmsg, fd, &m, MSG_CMSG_CLOEXEC);
	while (r == -EINTR);
	if (r <= 0) return -EIO;
	if (m.msg_controllen >= sizeof(struct cmsghdr) && control.h.cmsg_type == SCM_RIGHTS) memcpy(got, CMSG_DATA(&control.h), sizeof *got);
	else if (m.msg_flags & MSG_CTRUNC) lost = -EMFILE;
	if ((size_t)r < sizeof *f && recv_all(fd, (char *)f + r, sizeof *f - (size_t)r)) return -EIO;
	return lost;
}

static void set_mask(uint64_t mask, uint64_t *old) { raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, old, SIGSET_BYTES); }

/* A descriptor, or a negative errno. */
static int connect_server(void) {
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = ws_socket_path();
	int fd;
	if (!path || strlen(path) >= sizeof to.sun_path) return -EIO;
	strcpy(to.sun_path, path);
	fd = (int)raw(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return fd;
	if (raw(SYS_connect, fd, &to, sizeof to) < 0) {
		raw(SYS_close, fd);
		say("worldswitch: the server of this session is gone; start the client again with ws run\n");
		return -EIO;
	}
	return ws_internal(fd);
}

/* 0, or a negative errno: the server's where it says one. `*got` is the descriptor that came with the answer, or -1. */
static int greet(int fd, enum request type, uint64_t a, uint64_t b, struct frame *f, int *got) {
	int r;
	/* The server reads this word where it believes our memory to be: an emulator may have moved it. */
	static uint64_t probe;
	probe = PROBE ^ a;
	struct frame hello = {FRAME_REST, type, a, b, (uint64_t)&probe};
	*got = -1;
	/* A server that refuses may have answered and closed before it was asked. */
	send_all(fd, &hello, sizeof hello);
	r = recv_head(fd, f, got);
	if (r == 0 && (f->type != ANSWER || (int64_t)f->a < 0)) r = f->type == ANSWER ? (int)(int64_t)f->a : -EIO;
	return r;
}

/* What a process gets when it greets, or none of it and a negative errno. */
static int greet_process(int fd, int *memory, struct slot **slots) {
	struct frame f;
	int page = -1, r = greet(fd, HELLO_PROCESS, PROTOCOL_VERSION, parent_id, &f, memory);
	if (r) return r;
	process.id = f.a;
	r = recv_head(fd, &f, &page);
	if (r == 0 && (*memory < 0 || page < 0)) r = -EIO;
	if (r == 0) {
		process.slots_bytes = f.a;
		/* The server is not our parent: where Yama guards memory, it must be named to read arguments from ours. */
		raw(SYS_prctl, PR_SET_PTRACER, f.b, 0, 0, 0);
		long at = raw(SYS_mmap, 0, f.a, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
		if (at < 0 && at > -4096) r = (int)at;
		else *slots = (void *)at;
	}
	if (page >= 0) raw(SYS_close, page);
	return r;
}

static int join_process(void) {
	int memory = -1, r, fd;
	if (process.fd >= 0) return 0;
	fd = connect_server();
	if (fd < 0) return fd;
	r = greet_process(fd, &memory, &process.slots);
	if (r) {
		if (memory >= 0) raw(SYS_close, memory);
		close_internal(fd);
		return r;
	}
	process.memory = ws_internal(memory);
	process.fd = fd;
	return 0;
}

/* sched_setattr(2), struct sched_attr, first version */
struct sched_attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* A call here is two threads that wake each other. Among many busy threads each wake-up would wait for a whole round of
 * time slices; a thread that asks for short ones (Linux 6.12 and later, no right needed) comes before. */
static void ask_for_short_slices(void) {
	struct sched_attributes a = {.size = sizeof a};
	/* Its children shall not inherit it: SCHED_FLAG_RESET_ON_FORK, which would also take a negative nice value away. */
	if (raw(SYS_sched_getattr, 0, &a, sizeof a, 0) < 0 || a.policy != 0 || a.nice < 0) return;
	a.flags = 1;
	a.runtime = 100000;
	raw(SYS_sched_setattr, 0, &a, 0);
}

static void disconnect(void *p) {
	struct connection *c = p, **at;
	pthread_mutex_lock(&lock);
	for (at = &connections; *at && *at != c; at = &(*at)->next) {}
	if (*at) *at = c->next;
	close_internal(c->fd);
	close_internal(c->signals);
	pthread_mutex_unlock(&lock);
	if (mine == c) mine = NULL;
	pthread_setspecific(at_thread_exit, NULL);
	free(c);
}

static int hung_up(int fd, long ms) {
	struct pollfd p = {fd, 0, 0};
	struct timespec most = {0, ms * 1000000};
	return raw(SYS_ppoll, &p, 1, &most, 0, SIGSET_BYTES) > 0 && p.revents & POLLHUP;
}

/* This connection was ended. Where the process's own has ended too, or does soon, the server has: all of the process greet anew, perhaps
 * a new server. The page of slots stays, for threads that are in a call. */
static void lose(const struct connection *c) {
	pthread_mutex_lock(&lock);
	if (c->lost == process.lost && hung_up(process.fd, 100)) {
		ws_memory_lost();
		close_internal(process.fd);
		close_internal(process.memory);
		process.fd = process.memory = -1;
		process.slots = NULL;
		parent_id = 0;
		__atomic_store_n(&process.lost, process.lost + 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&lock);
}

/* Is this descriptor's file one of a server that has ended? Its number may be another file's by now. */
static int is_orphan(int fd) { return __atomic_load_n(&process.lost, __ATOMIC_RELAXED) && hung_up(fd, 0); }

/* The thread's connection; NULL, and why in `*error`, when it gets none. */
static struct connection *connection(int *error) {
	struct connection *c = mine;
	struct frame f;
	int none = -1, r;
	if (c && c->lost == __atomic_load_n(&process.lost, __ATOMIC_RELAXED)) return c;
	if (c) disconnect(c), c = NULL;
	pthread_mutex_lock(&lock);
	r = join_process();
	if (r == 0 && (c = calloc(1, sizeof *c)) == NULL) r = -ENOMEM;
	if (r == 0) {
		c->signals = -1;
		c->lost = process.lost;
		c->fd = connect_server();
		r = c->fd < 0 ? c->fd : greet(c->fd, HELLO_THREAD, process.id, (uint64_t)raw(SYS_gettid, 0), &f, &none);
		if (none >= 0) raw(SYS_close, none);
		if (r) {
			close_internal(c->fd);
			free(c);
			c = NULL;
		} else {
			ask_for_short_slices();
			c->slot = &process.slots[f.a];
			c->next = connections;
			connections = c;
			mine = c;
			pthread_setspecific(at_thread_exit, c);
		}
	}
	pthread_mutex_unlock(&lock);
	*error = r;
	return c;
}

int ws_connected(void) { return mine != NULL; }
void ws_thread_ends(void) {
	if (mine) disconnect(mine);
}

void ws_before_fork(void) { pthread_mutex_lock(&lock); }

void ws_in_parent(void) { pthread_mutex_unlock(&lock); }

/* The child has its own address space and threads, so it greets anew; its copies of the parent's connections must go, or the
 * server would not see the parent's end. */
void ws_in_child(void) {
	ws_memory_child();
	for (struct connection *c = connections, *next; c; c = next) {
		next = c->next;
		close_internal(c->fd);
		close_internal(c->signals);
		free(c);
	}
	connections = NULL;
	mine = NULL;
	close_internal(process.fd);
	close_internal(process.memory);
	if (process.slots) raw(SYS_munmap, process.slots, process.slots_bytes);
	if (process.fd >= 0) parent_id = process.id;
	process.fd = process.memory = -1;
	process.slots = NULL;
	pthread_mutex_init(&lock, NULL);
}

__attribute__((constructor)) static void start(void) {
	ws_socket_path();
	pthread_key_create(&at_thread_exit, disconnect);
	pthread_atfork(ws_before_fork, ws_in_parent, ws_in_child);
}

/* Is this pending signal one whose arrival changes nothing (ignored, or ignored by default)? */
static int without_effect(int sig) {
	struct sigaction act;
	if (sigaction(sig, NULL, &act) != 0 || (act.sa_flags & SA_SIGINFO)) return 0;
	if (act.sa_handler == SIG_IGN) return 1;
	return act.sa_handler == SIG_DFL && (sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT);
}

/* Signal masks that count during the run of a file, by its handle. */
static struct run_mask {
	uint64_t handle, mask;
} *run_masks;
static size_t run_masks_n, run_masks_room;
static pthread_mutex_t run_masks_lock = PTHREAD_MUTEX_INITIALIZER;

static int find_run_mask(uint64_t handle, uint64_t *mask) {
	int found = 0;
	if (!__atomic_load_n(&run_masks_n, __ATOMIC_ACQUIRE)) return 0;
	pthread_mutex_lock(&run_masks_lock);
	for (size_t i = 0; i < run_masks_n && !found; i++)
		if ((found = run_masks[i].handle == handle)) *mask = run_masks[i].mask;
	pthread_mutex_unlock(&run_masks_lock);
	return found;
}

static void set_run_mask(uint64_t handle, uint64_t mask, int set) {
	size_t i = 0, n = run_masks_n;
	pthread_mutex_lock(&run_masks_lock);
	while (i < n && run_masks[i].handle != handle) i++;
	if (set && i == n && n == run_masks_room) {
		size_t room = n ? n * 2 : 16;
		struct run_mask *more = realloc(run_masks, room * sizeof *more);
		if (more) run_masks = more, run_masks_room = room;
	}
	if (set && i < run_masks_room) {
		run_masks[i] = (struct run_mask){handle, mask};
		if (i == n) n++;
	} else if (!set && i < n)
		run_masks[i] = run_masks[--n];
	__atomic_store_n(&run_masks_n, n, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&run_masks_lock);
}

static uint64_t wanted_signals(const struct connection *c) { return ~(c->run_mask_set ? c->run_mask : c->blocked); }

static uint64_t pending_signals(const struct connection *c) {
	uint64_t pending = 0;
	raw(SYS_rt_sigpending, &pending, SIGSET_BYTES);
	pending &= wanted_signals(c);
	for (int sig = 1; sig <= 64; sig++)
		if (pending >> (sig - 1) & 1 && without_effect(sig)) {
			/* As the kernel drops a signal nobody wants: taken out of the queue. */
			uint64_t one = 1ull << (sig - 1);
			struct timespec none = {0, 0};
			raw(SYS_rt_sigtimedwait, &one, 0, &none, SIGSET_BYTES);
			pending &= ~one;
		}
	return pending;
}

static void follow_signals(struct connection *c) {
	uint64_t mask = wanted_signals(c);
	if (c->signals >= 0 && c->signal_mask == mask) return;
	int was = c->signals;
	int fd = (int)raw(SYS_signalfd4, was, &mask, SIGSET_BYTES, SFD_CLOEXEC | SFD_NONBLOCK);
	if (was < 0) c->signals = ws_internal(fd);
	c->signal_mask = mask;
}

/* Waits until the server says something. All signals are blocked here, so a handler never runs inside a call: one that is
 * wanted makes the server end the call, and its handler runs when the mask is restored, as after a real system call. */
static void wait_run(struct connection *c) {
	for (;;) {
		struct pollfd fds[2] = {{c->fd, POLLIN, 0}, {c->signals, POLLIN, 0}};
		int told = __atomic_load_n(&c->slot->pending, __ATOMIC_RELAXED) != 0;
		long r = raw(SYS_ppoll, fds, told ? 1 : 2, 0, 0, SIGSET_BYTES);
		if (r < 0 || fds[0].revents) return;
		if (!pending_signals(c)) continue;
		__atomic_store_n(&c->slot->pending, 1, __ATOMIC_SEQ_CST);
		uint32_t number = (uint32_t)(c->slot - process.slots);
		send_all(process.fd, &number, sizeof number);
	}
}

/* 0, EBADF, or EINVAL for a descriptor of something else. */
static int eventfd_error(int fd) {
	char path[32], link[32];
	if (fd < 0 || ws_is_internal(fd) || raw(SYS_fcntl, fd, F_GETFD) < 0) return EBADF;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	long n = raw(SYS_readlinkat, AT_FDCWD, path, link, sizeof link);
	return n >= 20 && memcmp(link, "anon_inode:[eventfd]", 20) == 0 ? 0 : EINVAL;
}

static int add_to_eventfd(int fd) {
	uint64_t one = 1;
	return eventfd_error(fd) == 0 && raw(SYS_write, fd, &one, 8) == 8;
}

/* Adds 1 (the answer: done); or says the errno; or says it and, if it is 0, hands the descriptor over; or hands over whatever it is. */
static int serve_eventfd(struct connection *c, int fd, uint64_t what) {
	int error = eventfd_error(fd);
	uint64_t answer = what ? (uint64_t)error : (uint64_t)add_to_eventfd(fd);
	int pass = what == 2 ? !error : what == 3 && error != EBADF;
	return ws_send(c->fd, REPLY, answer, 0, 0, NULL, 0, pass ? fd : -1);
}

/* The call's descriptor, if it still is what it was when the call began. */
static int prove(const struct connection *c) {
	uint64_t handle;
	return ws_handle(c->file, &handle) && handle == c->handle ? c->file : -1;
}

static int serve(struct connection *c, const struct frame *f) {
	switch (f->type) {
	case COPY_IN: ws_copy_in(c->fd, f->a, f->b); return 0;
	case ADOPT: ws_adopt(c->fd, f->a, f->b, f->c); return 0;
	case EVENTFD: return serve_eventfd(c, (int)f->a, f->b);
	case PROVE: return ws_send(c->fd, REPLY, 0, 0, 0, NULL, 0, prove(c));
	case SIGNAL_MASK:
		set_run_mask(c->handle, f->a, f->b != 0);
		return ws_send(c->fd, REPLY, 0, 0, 0, NULL, 0, -1);
	case COPY_OUT: {
		char data[4096];
		size_t n = f->length - FRAME_REST;
		if (n > sizeof data || recv_all(c->fd, data, n)) return -1;
		ws_copy_out(c->fd, f->a, data, n);
		return 0;
	}
	default: return -1;
	}
}

static inline void pause_(void) {
#if defined(__x86_64__)
	__asm__ volatile("pause");
#else
	__asm__ volatile("yield");
#endif
}

static uint64_t nanoseconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Puts the request where the server's thread looks. @return does it look? */
static int post(struct slot *s, const struct frame *f) {
	uint32_t seen = LOOKING;
	s->request = *f;
	/* The frame before the word that shows it. */
	return __atomic_compare_exchange_n(&s->request_state, &seen, FILLED, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Looks for the answer for a short while; 1 when it is there, 0 when something comes over the socket, or nothing came: then the
 * server's thread knows that we sleep. */
static int look(struct connection *c) {
	struct slot *s = c->slot;
	uint64_t end = nanoseconds() + LOOK_NS;
	uint32_t seen;
	do
		for (int i = 0; i < 16; i++) {
			seen = __atomic_load_n(&s->answer_state, __ATOMIC_ACQUIRE);
			if (seen != LOOKING) goto hit;
			pause_();
		}
	while (nanoseconds() < end);
	if (__atomic_compare_exchange_n(&s->answer_state, &seen, NOBODY, 0, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)) {
		/* The guest runs for long, or the server's thread has no CPU: fewer looks, until one is worth it. */
		if (c->in_vain < IN_VAIN_MAX) c->in_vain++;
		else c->skip = SKIPPED;
		return 0;
	}
hit:
	c->in_vain = 0;
	return seen == FILLED;
}

/* Shall this call look for its answer? Not on the CPU that the server's thread needs, and not always in vain. */
static int worth_looking(struct connection *c, uint32_t cpu) {
	struct slot *s = c->slot;
	if (!s->may_look) return 0;
	if (s->server_cpu == cpu && __atomic_load_n(&s->request_state, __ATOMIC_RELAXED) == LOOKING) return 0;
	if (c->skip) return c->skip--, 0;
	return 1;
}

static long converse(struct connection *c, struct call *out, const struct frame *f, const void *payload, size_t n, int run) {
	struct slot *s = c->slot;
	int looks = 0;
	if (!n) {
		uint32_t cpu = (uint32_t)sched_getcpu();
		looks = worth_looking(c, cpu);
		s->our_cpu = cpu;
	}
	__atomic_store_n(&s->answer_state, looks ? LOOKING : NOBODY, __ATOMIC_RELEASE);
	if ((n || !post(s, f)) && (send_all(c->fd, f, sizeof *f) || (n && send_all(c->fd, payload, n)))) return LOST;
	if (looks && look(c)) {
		out->a = s->answer.a;
		out->b = s->answer.b;
		out->c = s->answer.c;
		return (long)out->a;
	}
	for (;;) {
		struct frame got;
		size_t rest;
		if (run) wait_run(c);
		int r = recv_head(c->fd, &got, &out->fd);
		if (r == -EIO) return LOST;
		if (got.type != ANSWER) {
			if (serve(c, &got)) return LOST;
			continue;
		}
		rest = got.length - FRAME_REST;
		if (rest && (rest > out->room || recv_all(c->fd, out->into, rest))) return LOST;
		out->a = got.a;
		out->b = got.b;
		out->c = got.c;
		return r ? r : (long)got.a;
	}
}

/* One call of the client: 0 or more, or a negative errno. */
long ws_call(struct call *out, enum request type, uint64_t a, uint64_t b, uint64_t c, const void *payload, size_t n, int run) {
	struct frame f = {(uint32_t)(FRAME_REST + n), type, a, b, c};
	uint64_t blocked;
	int saved = errno;
	long r = LOST;
	int refused = 0;
	/* No server has anything of this process: none is to be told, and none started for it. */
	if ((type == SYNC || type == MEMORY_CHANGED) && process.fd < 0 && __atomic_load_n(&process.lost, __ATOMIC_RELAXED)) return 0;
	set_mask(~0ull, &blocked);
	out->fd = -1;
	struct connection *conn = NULL;
	if (a && (type == IOCTL || type == MMAP || type == READ) && is_orphan(out->file)) refused = -EIO;
	else conn = connection(&refused);
	if (conn) {
		conn->blocked = ws_thread_mask ? *ws_thread_mask : blocked;
		__atomic_store_n(&conn->slot->pending, 0, __ATOMIC_SEQ_CST);
		conn->handle = a;
		conn->file = out->file;
		conn->run_mask_set = run && find_run_mask(a, &conn->run_mask);
		if (run) follow_signals(conn);
		/* A signal that is there before the guest runs lets no instruction pass. */
		if (conn->run_mask_set && pending_signals(conn)) __atomic_store_n(&conn->slot->pending, 1, __ATOMIC_SEQ_CST);
		r = converse(conn, out, &f, payload, n, run);
		if (r == -EMFILE) {
			/* What the call made found no free number here: it must not stay made. */
			struct frame refused = {FRAME_REST, REFUSED, 0, 0, 0};
			struct call none = {.fd = -1};
			if (converse(conn, &none, &refused, NULL, 0, 0) == LOST) r = LOST;
		}
		if (r == LOST) {
			r = -EIO;
			say("worldswitch: the server of this session is gone; calls on its VMs fail with EIO\n");
			lose(conn);
			if (out->fd >= 0) raw(SYS_close, out->fd);
			out->fd = -1;
		}
	}
	if (!conn) r = refused;
	errno = saved;
	set_mask(blocked, NULL);
	return r;
}
