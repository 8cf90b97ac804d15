/* LD_PRELOAD shim of Worldswitch: the C library's names of the system calls in calls.c. */
#include "shim.h"

#include <stdarg.h>

static long call6(long number, long a, long b, long c, long d, long e, long f) {
	long all[6] = {a, b, c, d, e, f}, r = ws_take(number, all);
	return answer(r == NOT_OURS ? raw6(number, a, b, c, d, e, f) : r);
}
#define call(n, ...) CALL_(n, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(n, a, b, c, d, e, f, ...) call6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static unsigned open_mode(int flags, va_list more) { return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, unsigned) : 0; }

EXPORT int open(const char *path, int flags, ...) {
	va_list more;
	va_start(more, flags);
	unsigned mode = open_mode(flags, more);
	va_end(more);
	return (int)call(SYS_openat, AT_FDCWD, path, flags, mode);
}
EXPORT int openat(int dir, const char *path, int flags, ...) {
	va_list more;
	va_start(more, flags);
	unsigned mode = open_mode(flags, more);
	va_end(more);
	return (int)call(SYS_openat, dir, path, flags, mode);
}
EXPORT int open64(const char *path, int flags, ...) __attribute__((alias("open")));
EXPORT int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));
EXPORT int __open_2(const char *path, int flags) { return (int)call(SYS_openat, AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char *path, int flags) { return __open_2(path, flags); }
EXPORT int __openat_2(int dir, const char *path, int flags) { return (int)call(SYS_openat, dir, path, flags, 0); }
EXPORT int __openat64_2(int dir, const char *path, int flags) { return __openat_2(dir, path, flags); }

EXPORT int faccessat(int dir, const char *path, int mode, int flags) {
	return (int)(flags ? call(SYS_faccessat2, dir, path, mode, flags) : call(SYS_faccessat, dir, path, mode));
}
EXPORT int access(const char *path, int mode) { return faccessat(AT_FDCWD, path, mode, 0); }

EXPORT int ioctl(int fd, unsigned long command, ...) {
	va_list more;
	va_start(more, command);
	unsigned long argument = va_arg(more, unsigned long);
	va_end(more);
	return (int)call(SYS_ioctl, fd, command, argument);
}

EXPORT void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset) {
	return (void *)call(SYS_mmap, at, n, prot, flags, fd, offset);
}
EXPORT void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset) __attribute__((alias("mmap")));
EXPORT int munmap(void *at, size_t n) { return (int)call(SYS_munmap, at, n); }
EXPORT int mprotect(void *at, size_t n, int prot) { return (int)call(SYS_mprotect, at, n, prot); }
EXPORT int madvise(void *at, size_t n, int advice) { return (int)call(SYS_madvise, at, n, advice); }
EXPORT void *mremap(void *old, size_t old_n, size_t n, int flags, ...) {
	va_list more;
	va_start(more, flags);
	void *at = flags & MREMAP_FIXED ? va_arg(more, void *) : NULL;
	va_end(more);
	return (void *)call(SYS_mremap, old, old_n, n, flags, at);
}

EXPORT int close(int fd) { return (int)call(SYS_close, fd); }
EXPORT int close_range(unsigned first, unsigned last, int flags) { return (int)call(SYS_close_range, first, last, flags); }
EXPORT void closefrom(int first) { close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0); }
EXPORT int dup3(int old, int fd, int flags) { return (int)call(SYS_dup3, old, fd, flags); }
EXPORT int dup2(int old, int fd) {
	if (old == fd) return raw(SYS_fcntl, old, F_GETFD) < 0 ? (int)answer(-EBADF) : fd;
	return dup3(old, fd, 0);
}

EXPORT ssize_t pread(int fd, void *into, size_t n, off_t offset) { return call(SYS_pread64, fd, into, n, offset); }
EXPORT ssize_t pread64(int fd, void *into, size_t n, off_t offset) __attribute__((alias("pread")));
EXPORT ssize_t read(int fd, void *into, size_t n) { return call(SYS_read, fd, into, n); }
EXPORT ssize_t write(int fd, const void *from, size_t n) { return call(SYS_write, fd, from, n); }
EXPORT ssize_t pwrite(int fd, const void *from, size_t n, off_t offset) { return call(SYS_pwrite64, fd, from, n, offset); }
EXPORT ssize_t pwrite64(int fd, const void *from, size_t n, off_t offset) __attribute__((alias("pwrite")));
EXPORT int fallocate(int fd, int mode, off_t offset, off_t n) { return (int)call(SYS_fallocate, fd, mode, offset, n); }
EXPORT int fallocate64(int fd, int mode, off_t offset, off_t n) __attribute__((alias("fallocate")));
EXPORT int ftruncate(int fd, off_t n) { return (int)call(SYS_ftruncate, fd, n); }
EXPORT int ftruncate64(int fd, off_t n) __attribute__((alias("ftruncate")));
EXPORT off_t lseek(int fd, off_t offset, int whence) { return call(SYS_lseek, fd, offset, whence); }
EXPORT off_t lseek64(int fd, off_t offset, int whence) __attribute__((alias("lseek")));

EXPORT ssize_t readlinkat(int dir, const char *path, char *into, size_t n) { return call(SYS_readlinkat, dir, path, into, n); }
EXPORT ssize_t readlink(const char *path, char *into, size_t n) { return readlinkat(AT_FDCWD, path, into, n); }

#if defined(__x86_64__)
EXPORT int arch_prctl(int code, unsigned long argument) { return (int)call(SYS_arch_prctl, code, argument); }
#endif

EXPORT long syscall(long number, ...) {
	long a[6];
	va_list more;
	va_start(more, number);
	for (int i = 0; i < 6; i++) a[i] = va_arg(more, long);
	va_end(more);
	return call6(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
