/* A client that speaks the server's protocol itself, without the shim, so that it can break it anywhere (docs/architecture.md). */
#ifndef RAW_H
#define RAW_H
#include "guest.h"
#include "status.h"
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>

enum { HELLO_PROCESS = 1, HELLO_THREAD, OPEN, IOCTL, MMAP, READ, MEMORY_CHANGED, SYNC, ARCH_PRCTL, REFUSED };
enum { ANSWER = 64, COPY_IN, COPY_OUT, ADOPT, SIGNAL_MASK, EVENTFD, PROVE };
enum { REPLY = 128, SEGMENT };

struct frame {
	uint32_t length, type;
	uint64_t a, b, c;
};

struct raw {
	int process, memory, thread;
	uint64_t id, slot;
	uint8_t *slots;
	int fd; /* that came last, or -1 */
	int silent; /* what the server asks is not answered: it waits */
	uint64_t forged; /* what is said to be common lies so far elsewhere in the file */
};

/* Steps of the session: the program kills itself at the one that it is asked to. */
static long steps, kill_at;
static inline void step(void) {
	if (++steps == kill_at) {
		kill(getpid(), SIGKILL);
		pause();
	}
}

static inline int put(int fd, const void *p, size_t n, int pass) {
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {(void *)p, n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (pass >= 0) {
		memset(&control, 0, sizeof control);
		control.h = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.h), &pass, sizeof pass);
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

/* A frame in two halves, and its payload in two: a step before, between and behind them. */
static inline int send_frame(int fd, uint32_t type, uint64_t a, uint64_t b, uint64_t c, const void *payload, size_t n, int pass) {
	struct frame f = {(uint32_t)(28 + n), type, a, b, c};
	step();
	if (put(fd, &f, 11, pass)) return -1;
	step();
	if (put(fd, (char *)&f + 11, sizeof f - 11, -1)) return -1;
	step();
	if (n && (put(fd, payload, n / 2, -1))) return -1;
	if (n) step();
	return n ? put(fd, (const char *)payload + n / 2, n - n / 2, -1) : 0;
}

static inline int receive_frame(struct raw *r, int fd, struct frame *f, void *payload, size_t room) {
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {f, sizeof *f};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	step();
	r->fd = -1;
	if (recvmsg(fd, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC) != sizeof *f) return -1;
	if (m.msg_controllen >= sizeof(struct cmsghdr)) memcpy(&r->fd, CMSG_DATA(&control.h), sizeof r->fd);
	step();
	size_t n = f->length - 28;
	return n > room || (n && recv(fd, payload, n, MSG_WAITALL) != (ssize_t)n) ? -1 : 0;
}

/* Both greetings. The probe is no address of ours, so the server asks for all memory by frames. 0, or -1. */
static inline int raw_start(struct raw *r) {
	struct frame f;
	memset(r, 0, sizeof *r);
	r->process = connect_plainly();
	if (send_frame(r->process, HELLO_PROCESS, 2, 0, 8, NULL, 0, -1) || receive_frame(r, r->process, &f, NULL, 0)) return -1;
	r->id = f.a;
	r->memory = r->fd;
	if (receive_frame(r, r->process, &f, NULL, 0)) return -1;
	r->slots = mmap(NULL, f.a, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	close(r->fd);
	step();
	r->thread = connect_plainly();
	if (send_frame(r->thread, HELLO_THREAD, r->id, (uint64_t)syscall(SYS_gettid), 8, NULL, 0, -1)) return -1;
	if (receive_frame(r, r->thread, &f, NULL, 0)) return -1;
	r->slot = f.a;
	return 0;
}

static inline void raw_end(struct raw *r) {
	close(r->thread);
	close(r->process);
	close(r->memory);
}

/* Serves what the server asks while a call is under way; the call's answer. */
static inline long raw_answer(struct raw *r, struct frame *f, int file) {
	static char data[65536];
	for (;;) {
		if (receive_frame(r, r->thread, f, data, sizeof data)) return -EPIPE;
		if (f->type == ANSWER) return (long)f->a;
		if (r->silent) pause();
		if (f->type == COPY_IN) {
			if (send_frame(r->thread, REPLY, 1, 0, 0, (void *)f->a, f->b, -1)) return -EPIPE;
		} else if (f->type == COPY_OUT) {
			memcpy((void *)f->a, data, f->length - 28);
			if (send_frame(r->thread, REPLY, 1, 0, 0, NULL, 0, -1)) return -EPIPE;
		} else if (f->type == ADOPT) {
			int prot = PROT_READ | PROT_WRITE;
			if (mmap((void *)f->a, f->b, prot, MAP_SHARED | MAP_FIXED, r->memory, (off_t)f->c) == MAP_FAILED) return -ENOMEM;
			if (send_frame(r->thread, SEGMENT, f->a, f->b, f->c + r->forged, &prot, 4, -1)) return -EPIPE;
			if (send_frame(r->thread, REPLY, 1, 0, 0, NULL, 0, -1)) return -EPIPE;
		} else if (f->type == PROVE) {
			if (send_frame(r->thread, REPLY, 0, 0, 0, NULL, 0, file)) return -EPIPE;
		} else if (send_frame(r->thread, REPLY, 0, 0, 0, NULL, 0, -1))
			return -EPIPE;
	}
}

/* ioctl on a file of the server by its handle. `file`: the descriptor that goes with it, -1 to forge it. */
static inline long raw_ioctl(struct raw *r, uint64_t handle, int file, unsigned long command, void *argument) {
	struct frame f;
	if (send_frame(r->thread, IOCTL, handle, command, (uint64_t)argument, NULL, 0, -1)) return -EPIPE;
	return raw_answer(r, &f, file);
}

/* The handle in the name of a descriptor that the server made. */
static inline uint64_t handle_of(int fd) {
	struct sockaddr_un name;
	socklen_t n = sizeof name;
	memset(&name, 0, sizeof name);
	if (getsockname(fd, (struct sockaddr *)&name, &n)) return 0;
	n -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	name.sun_path[n < sizeof name.sun_path ? n : sizeof name.sun_path - 1] = 0;
	char *at = strrchr(name.sun_path + 1, '/');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}
#endif
