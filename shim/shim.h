/* What the parts of the shim share. The shim knows nothing of KVM's structures: it forwards calls and hands over memory. */
#ifndef WORLDSWITCH_SHIM_H
#define WORLDSWITCH_SHIM_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))
#define EXPORT __attribute__((visibility("default")))

/* Bare system calls: no errno, no cancellation point, never our own interposers. A negative answer is -errno. */
static inline long raw6(long n, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#else
#error "the shim knows x86-64 and arm64"
#endif
}
#define raw(n, ...) RAW_(n, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_(n, a, b, c, d, e, f, ...) raw6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* The answer of a system call as libc gives it. */
static inline long answer(long r) {
	if (r < 0 && r >= -4095) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

/* Frames: little-endian, `length` counts the bytes after itself. */
struct frame {
	uint32_t length, type;
	uint64_t a, b, c;
};
#define FRAME_REST (sizeof(struct frame) - 4)

enum request { HELLO_PROCESS = 1, HELLO_THREAD, OPEN, IOCTL, MMAP, READ, MEMORY_CHANGED, SYNC, ARCH_PRCTL, REFUSED };
/* 11 is STATUS, of `ws status` and tools/clients. */
/* From the server while a call is under way; all but ANSWER are answered by the shim. */
enum server_request { ANSWER = 64, COPY_IN, COPY_OUT, ADOPT, SIGNAL_MASK, EVENTFD, PROVE };
/* Answers of the shim. */
enum reply { REPLY = 128, SEGMENT };

enum { PROTOCOL_VERSION = 2 };

/* wire.c */
struct call {
	uint64_t a, b, c; /* the ANSWER */
	int fd;           /* descriptor that came with it, or -1 */
	void *into;       /* where its payload goes */
	size_t room;
	int file;         /* the client's descriptor that a call by handle is about: the server may want it as a proof */
};
HIDDEN long ws_call(struct call *out, enum request type, uint64_t a, uint64_t b, uint64_t c, const void *payload, size_t n, int run);
HIDDEN int ws_send(int fd, enum reply type, uint64_t a, uint64_t b, uint64_t c, const void *payload, size_t n, int pass);
HIDDEN int ws_is_internal(int fd);
HIDDEN int ws_internal(int fd);
HIDDEN void ws_move_internal(int fd);
HIDDEN int ws_lowest_internal(int at_least);
HIDDEN int ws_handle(int fd, uint64_t *handle);
HIDDEN void ws_file_name(int fd, char *into, size_t room);
HIDDEN int ws_active(void);
HIDDEN void ws_use_socket(const char *path);
HIDDEN const char *ws_socket_path(void);
HIDDEN int ws_traced(void);
HIDDEN long ws_device_fd(int flags);
HIDDEN int ws_memory_fd(void);
HIDDEN extern __thread const uint64_t *ws_thread_mask;
HIDDEN int ws_connected(void);
HIDDEN void ws_thread_ends(void);
HIDDEN void ws_before_fork(void);
HIDDEN void ws_in_parent(void);
HIDDEN void ws_in_child(void);

/* calls.c */
#define NOT_OURS (-1000000L)
HIDDEN long ws_take(long number, const long a[6]);
HIDDEN void ws_look_at_inherited(void);

/* memory.c */
HIDDEN int ws_copy(const void *from, void *to, size_t n);
HIDDEN void ws_adopt(int conn, uint64_t address, uint64_t size, uint64_t base);
HIDDEN void ws_copy_in(int conn, uint64_t address, uint64_t size);
HIDDEN void ws_copy_out(int conn, uint64_t address, const void *from, uint64_t size);
HIDDEN int ws_watched(uint64_t address, uint64_t size);
HIDDEN void ws_fresh(uint64_t address, uint64_t size, int prot);
HIDDEN void ws_not_fresh(uint64_t address, uint64_t size);
HIDDEN void ws_uncommon(uint64_t from, uint64_t size);
HIDDEN void ws_moved(uint64_t old, uint64_t size, uint64_t now);
HIDDEN void ws_changed(uint64_t address, uint64_t size, int gone);
HIDDEN void ws_memory_child(void);
HIDDEN void ws_memory_lost(void);
HIDDEN int ws_forget(uint64_t address, uint64_t size);

#endif
