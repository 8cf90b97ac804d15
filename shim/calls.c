/* What the system calls do that concern /dev/kvm, what comes from it, guest memory and our own descriptors. */
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define KVM_IOCTL_TYPE 0xAE
#define KVM_RUN_COMMAND 0xAE80u

static int guest_files_seen; /* a descriptor of guest memory may exist: see guest_file */
static int kvm_seen; /* a descriptor of ours may exist: other calls than KVM's ioctls must look */

/* Is this the path of the KVM device, however it is spelled? */
static int is_kvm_path(int dir, const char *path) {
	char whole[512], link[400];
	size_t n, out = 0;
	if (!path) return 0;
	n = strlen(path);
	if (n < 3 || n > 100 || strcmp(path + n - 3, "kvm") != 0) return 0;
	if (path[0] == '/') strcpy(whole, path);
	else {
		char proc[40];
		long r;
		if (dir == AT_FDCWD) strcpy(proc, "/proc/self/cwd");
		else snprintf(proc, sizeof proc, "/proc/self/fd/%d", dir);
		r = raw(SYS_readlinkat, AT_FDCWD, proc, link, sizeof link - 1);
		if (r <= 0) return 0;
		link[r] = 0;
		snprintf(whole, sizeof whole, "%s/%s", link, path);
	}
	/* Lexical: doubled slashes, "." and ".." */
	char clean[512] = "";
	for (char *part = whole; *part;) {
		while (*part == '/') part++;
		size_t len = strcspn(part, "/");
		if (len == 2 && memcmp(part, "..", 2) == 0) {
			while (out && clean[--out] != '/') {}
		} else if (len && !(len == 1 && *part == '.')) {
			clean[out++] = '/';
			memcpy(clean + out, part, len);
			out += len;
		}
		clean[out] = 0;
		part += len;
	}
	return strcmp(clean, "/dev/kvm") == 0;
}

/* Is this a file of guest memory (its name says so)? 2 when it can be mapped. */
static int guest_file(int fd) {
	char path[32], link[40];
	if (!guest_files_seen || fd < 0) return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	long n = raw(SYS_readlinkat, AT_FDCWD, path, link, sizeof link);
	if (n < 20 || memcmp(link, "/memfd:[kvm-gmem", 16)) return 0;
	return link[16] == '-' ? 2 : 1;
}

/* A descriptor that came with an answer, with close-on-exec as asked. */
static long take_fd(struct call *c, long r, uint64_t flags) {
	if (c->fd < 0) return r;
	if (r < 0) {
		raw(SYS_close, c->fd);
		return r;
	}
	uint64_t handle;
	if (!(flags & O_CLOEXEC)) raw(SYS_fcntl, c->fd, F_SETFD, 0);
	/* What has no handle is a file of guest memory, which is all there is to say of it. */
	if (!ws_handle(c->fd, &handle)) __atomic_store_n(&guest_files_seen, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&kvm_seen, 1, __ATOMIC_RELAXED);
	return c->fd;
}

/* A descriptor of the device is a socket with a name like those that the server makes, and handle 0: no server is asked,
 * except when a trace shall have it. */
static long open_kvm(int flags) {
	struct call c = {.fd = -1};
	if (!ws_traced()) {
		long fd = ws_device_fd(flags & O_CLOEXEC);
		if (fd >= 0) __atomic_store_n(&kvm_seen, 1, __ATOMIC_RELAXED);
		return fd;
	}
	long r = ws_call(&c, OPEN, (uint64_t)flags, 0, 0, NULL, 0, 0);
	return take_fd(&c, r, (uint64_t)flags);
}

/* A file of /sys/module/kvm*: a parameter of the simulated host's modules. Its text comes from the server; -ENOENT where that
 * host has none of this name, as of another vendor's module. */
static long open_parameter(const char *path, int flags) {
	char text[64];
	struct call c = {.fd = -1, .into = text, .room = sizeof text};
	long n = ws_call(&c, OPEN, (uint64_t)flags, 0, 0, path, strlen(path), 0);
	if (n < 0) return n;
	long fd = raw(SYS_memfd_create, path + strlen("/sys/module/"), flags & O_CLOEXEC ? 1 /* MFD_CLOEXEC */ : 0);
	if (fd < 0) return fd;
	raw(SYS_write, fd, text, n);
	raw(SYS_lseek, fd, 0, SEEK_SET);
	return fd;
}

static long do_open(int dir, const char *path, int flags) {
	if (path && strncmp(path, "/sys/module/kvm", 15) == 0 && strlen(path) < 200 && !(flags & (O_PATH | O_DIRECTORY)) && ws_active())
		return open_parameter(path, flags);
	if (!is_kvm_path(dir, path) || !ws_active()) return NOT_OURS;
	/* An O_PATH descriptor has no ioctl (EBADF); any character device stands for the one that is not there. */
	if (flags & O_PATH) return raw(SYS_openat, AT_FDCWD, "/dev/null", flags, 0);
	return open_kvm(flags);
}

static long do_access(int dir, const char *path, int mode) {
	if (!is_kvm_path(dir, path) || !ws_active()) return NOT_OURS;
	return mode & X_OK ? -EACCES : 0;
}

/* ioctls that the kernel's VFS answers for any descriptor: FIONCLEX, FIOCLEX, FIONBIO, FIOASYNC, FIOQSIZE. */
static int is_vfs_ioctl(unsigned long command) {
	switch ((uint32_t)command) {
	case 0x5450: case 0x5451: case 0x5421: case 0x5452: case 0x5460: return 1;
	default: return 0;
	}
}

static long do_ioctl(int fd, unsigned long command, unsigned long argument) {
	uint64_t handle;
	int kvm = ((command >> 8) & 0xff) == KVM_IOCTL_TYPE;
	if ((kvm || (kvm_seen && !is_vfs_ioctl(command))) && ws_handle(fd, &handle)) {
		struct call c = {.fd = -1, .file = fd};
		long r = ws_call(&c, IOCTL, handle, (uint32_t)command, argument, NULL, 0, (uint32_t)command == KVM_RUN_COMMAND);
		r = take_fd(&c, r, c.c);
		/* Some calls want the number of the new descriptor in their argument. */
		if (r >= 0 && c.fd >= 0 && c.c >> 32) {
			int made = (int)r;
			/* As in the kernel the descriptor stays when that memory is bad. */
			r = ws_copy(&made, (char *)argument + (c.c >> 32) - 1, sizeof made) ? 0 : -EFAULT;
		}
		return r;
	}
	if (!kvm) return NOT_OURS;
	long r = raw(SYS_ioctl, fd, command, argument);
	/* qemu-user refuses ioctls that it does not know before it looks at the descriptor. */
	if (r == -ENOSYS) r = raw(SYS_fcntl, fd, F_GETFD) < 0 ? -EBADF : -ENOTTY;
	return r;
}

/* The server says how much of the range this descriptor shows and from where; the rest is asked for again, and goes over it. */
static long map_file(int fd, uint64_t handle, void *at, size_t n, int prot, int flags, uint64_t offset) {
	long first = 0;
	for (uint64_t done = 0; done < n;) {
		struct call c = {.fd = -1, .file = fd};
		int32_t how[2] = {prot, flags};
		long r = ws_call(&c, MMAP, handle, n - done, offset + done, how, sizeof how, 0);
		if (r >= 0 && c.fd >= 0 && !done) r = first = raw(SYS_mmap, at, n, prot, flags, c.fd, c.c);
		else if (r >= 0 && c.fd >= 0) r = raw(SYS_mmap, first + done, n - done, prot, (flags & MAP_TYPE) | MAP_FIXED, c.fd, c.c);
		if (c.fd >= 0) raw(SYS_close, c.fd);
		if (r < 0 && r > -4096) {
			if (done) raw(SYS_munmap, first, n);
			return r;
		}
		if (c.b >= n - done) break;
		done += c.b;
	}
	return first;
}

static uint64_t pages(size_t n) { return (n + 4095) & ~4095ull; }

/* Other memory, or none, is where a guest saw the client's. */
static void replaced(uint64_t at, uint64_t n) {
	ws_uncommon(at, n);
	ws_changed(at, n, 1);
}

static long do_mmap(void *at, size_t n, int prot, int flags, int fd, long offset) {
	uint64_t handle;
	long r;
	if (!(flags & MAP_ANONYMOUS) && ws_handle(fd, &handle)) {
		if (!n || (offset & 4095)) return -EINVAL;
		r = map_file(fd, handle, at, n, prot, flags, (uint64_t)offset);
	} else if (!(flags & MAP_ANONYMOUS) && guest_file(fd) == 1)
		return -ENODEV;
	else
		r = raw(SYS_mmap, at, n, prot, flags, fd, offset);
	if (kvm_seen && !(r < 0 && r > -4096)) {
		ws_not_fresh((uint64_t)r, n);
		if ((flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) == MAP_PRIVATE) ws_fresh((uint64_t)r, pages(n), prot);
	}
	if ((flags & MAP_FIXED) && !(r < 0 && r > -4096) && ws_watched((uint64_t)at, n)) replaced((uint64_t)at, n);
	return r;
}

/* The server is told after the change: a vCPU that looks in between still finds the old memory, never a wrong one. */
static long do_munmap(void *at, size_t n) {
	int tell = ws_watched((uint64_t)at, n);
	long r = raw(SYS_munmap, at, n);
	ws_not_fresh((uint64_t)at, pages(n));
	if (tell && r == 0) replaced((uint64_t)at, pages(n));
	return r;
}
static long do_mprotect(void *at, size_t n, int prot) {
	int tell = ws_watched((uint64_t)at, n);
	long r = raw(SYS_mprotect, at, n, prot);
	ws_not_fresh((uint64_t)at, pages(n));
	if (tell && r == 0) ws_changed((uint64_t)at, pages(n), 0);
	return r;
}
static long do_madvise(void *at, size_t n, int advice) {
	/* Private memory loses its contents; common memory does so only by a hole in its file. */
	return advice == MADV_DONTNEED && ws_forget((uint64_t)at, n) ? 0 : NOT_OURS;
}
static long do_mremap(void *old, size_t old_n, size_t n, int flags, void *to) {
	void *at = flags & MREMAP_FIXED ? to : NULL;
	int tell = ws_watched((uint64_t)old, old_n);
	long r;
	ws_not_fresh((uint64_t)old, pages(old_n));
	if (at) ws_not_fresh((uint64_t)at, pages(n));
	if (tell && n > old_n) {
		/* Growing in place would show the next range of the common file: new memory, and the old part moved into it. */
		if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
		r = raw(SYS_mmap, at, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
		if (!(r < 0 && r > -4096)) r = raw(SYS_mremap, old, old_n, old_n, MREMAP_MAYMOVE | MREMAP_FIXED, r);
	} else
		r = raw(SYS_mremap, old, old_n, n, flags, at);
	if (tell) {
		if (!(r < 0 && r > -4096)) {
			if (at) ws_uncommon((uint64_t)at, pages(n));
			if (old_n > n) ws_uncommon((uint64_t)old + pages(n), pages(old_n) - pages(n));
			ws_moved((uint64_t)old, pages(old_n < n ? old_n : n), (uint64_t)r);
		}
		ws_changed((uint64_t)old, pages(old_n), 0);
	}
	if (at && ws_watched((uint64_t)at, n)) ws_changed((uint64_t)at, pages(n), 1);
	return r;
}

/* Our own descriptors do not exist for the client. */
static long do_close(int fd) {
	uint64_t handle;
	if (ws_is_internal(fd)) return -EBADF;
	int ours = ws_active() && ws_handle(fd, &handle) && handle != 0;
	long r = raw(SYS_close, fd);
	if (ours && r == 0) {
		/* close(2) has released the file when it returns. */
		struct call c = {.fd = -1};
		ws_call(&c, SYNC, 0, 0, 0, NULL, 0, 0);
	}
	return r;
}
/* For kernels and emulators without close_range. */
static long close_each(unsigned first, unsigned last) {
	for (unsigned fd = first; fd <= last && fd < 65536; fd++) raw(SYS_close, fd);
	return 0;
}
static long do_close_range(unsigned first, unsigned last, int flags) {
	for (;;) {
		int ours = first > 65535 ? -1 : ws_lowest_internal((int)first);
		unsigned to = ours < 0 || (unsigned)ours > last ? last : (unsigned)ours - 1;
		if (ours < 0 || (unsigned)ours > first) {
			long r = raw(SYS_close_range, first, to, flags);
			if (r == -ENOSYS && !flags) r = close_each(first, to);
			if (r < 0) return r;
		}
		if (ours < 0 || (unsigned)ours >= last) return 0;
		first = (unsigned)ours + 1;
	}
}

static long do_dup(int old, int fd, int flags) {
	if (ws_is_internal(old)) return -EBADF;
	if (ws_is_internal(fd)) ws_move_internal(fd);
	return raw(SYS_dup3, old, fd, flags);
}

static long do_read(int fd, void *into, size_t n, uint64_t offset) {
	struct call c = {.fd = -1, .into = into, .room = n, .file = fd};
	uint64_t handle;
	if (guest_file(fd)) return -EINVAL;
	if (!kvm_seen || !ws_handle(fd, &handle)) return NOT_OURS;
	return ws_call(&c, READ, handle, n, offset, NULL, 0, 0);
}

/* KVM's files have no write; their lseek does nothing and succeeds. */
static long do_write(int fd) {
	uint64_t handle;
	char name[120] = "";
	if (guest_file(fd)) return -EINVAL;
	if (!kvm_seen || !ws_handle(fd, &handle)) return NOT_OURS;
	/* Statistics are open for reading only, and that is looked at first. */
	ws_file_name(fd, name, sizeof name);
	return strstr(name, "-stats") ? -EBADF : -EINVAL;
}

/* kvm_gmem_fallocate: whole pages, inside the file, whose size never changes. */
static long do_fallocate(int fd, int mode, uint64_t offset, uint64_t n) {
	struct stat s;
	if (!guest_file(fd)) return NOT_OURS;
	if (mode != FALLOC_FL_KEEP_SIZE && mode != (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) return -EOPNOTSUPP;
	if ((offset | n) & 4095) return -EINVAL;
	if (!(mode & FALLOC_FL_PUNCH_HOLE) && (fstat(fd, &s) || offset + n > (uint64_t)s.st_size)) return -EINVAL;
	return NOT_OURS;
}
static long do_lseek(int fd) {
	uint64_t handle;
	return kvm_seen && ws_handle(fd, &handle) ? 0 : NOT_OURS;
}

/* The link of a KVM descriptor in /proc/self/fd reads as the kernel's own. */
static long do_readlink(const char *path, char *into, size_t n) {
	uint64_t handle;
	int fd, end = 0;
	char name[120] = "anon_inode:";
	if (kvm_seen && path && sscanf(path, "/proc/self/fd/%d%n", &fd, &end) == 1 && !path[end] && ws_handle(fd, &handle)) {
		ws_file_name(fd, name + 11, sizeof name - 11);
		if (strcmp(name + 11, "kvm") == 0) strcpy(name, "/dev/kvm");
		size_t len = strlen(name) < n ? strlen(name) : n;
		memcpy(into, name, len);
		return (long)len;
	}
	return NOT_OURS;
}

/* After exec inherited descriptors are ours from the start. */
__attribute__((constructor)) void ws_look_at_inherited(void) {
	char entries[2048];
	uint64_t handle;
	if (!ws_active()) return;
	ws_traced();
	long n, dir = raw(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) return;
	while (!kvm_seen && (n = raw(SYS_getdents64, dir, entries, sizeof entries)) > 0)
		for (long at = 0; at < n; at += *(uint16_t *)(entries + at + 16)) /* struct linux_dirent64: d_reclen, d_name at 19 */
			if (entries[at + 19] != '.' && ws_handle(atoi(entries + at + 19), &handle)) kvm_seen = 1;
	raw(SYS_close, dir);
}

#if defined(__x86_64__)
static long do_arch_prctl(long code, unsigned long argument) {
	struct call c = {.fd = -1};
	if (code >= 0x1021 && code <= 0x1025 && ws_active()) return ws_call(&c, ARCH_PRCTL, (uint64_t)code, argument, 0, NULL, 0, 0);
	return NOT_OURS;
}
static long do_dup2(int old, int fd) {
	if (old == fd) return raw(SYS_fcntl, old, F_GETFD) < 0 ? -EBADF : fd;
	return do_dup(old, fd, 0);
}
#endif

/* NOT_OURS: the kernel shall do it, just as it was asked. */
long ws_take(long number, const long a[6]) {
	switch (number) {
#if defined(__x86_64__)
	case SYS_open: return do_open(AT_FDCWD, (const char *)a[0], (int)a[1]);
	case SYS_access: return do_access(AT_FDCWD, (const char *)a[0], (int)a[1]);
	case SYS_dup2: return do_dup2((int)a[0], (int)a[1]);
	case SYS_readlink: return do_readlink((const char *)a[0], (char *)a[1], (size_t)a[2]);
	case SYS_arch_prctl: return do_arch_prctl(a[0], (unsigned long)a[1]);
#endif
	case SYS_openat: return do_open((int)a[0], (const char *)a[1], (int)a[2]);
	case SYS_faccessat:
	case SYS_faccessat2: return do_access((int)a[0], (const char *)a[1], (int)a[2]);
	case SYS_ioctl: return do_ioctl((int)a[0], (unsigned long)a[1], (unsigned long)a[2]);
	case SYS_mmap: return do_mmap((void *)a[0], (size_t)a[1], (int)a[2], (int)a[3], (int)a[4], a[5]);
	case SYS_munmap: return do_munmap((void *)a[0], (size_t)a[1]);
	case SYS_mprotect: return do_mprotect((void *)a[0], (size_t)a[1], (int)a[2]);
	case SYS_madvise: return do_madvise((void *)a[0], (size_t)a[1], (int)a[2]);
	case SYS_mremap: return do_mremap((void *)a[0], (size_t)a[1], (size_t)a[2], (int)a[3], (void *)a[4]);
	case SYS_close: return do_close((int)a[0]);
	case SYS_close_range: return do_close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]);
	case SYS_dup3: return do_dup((int)a[0], (int)a[1], (int)a[2]);
	case SYS_read: return do_read((int)a[0], (void *)a[1], (size_t)a[2], ~0ull);
	case SYS_pread64: return do_read((int)a[0], (void *)a[1], (size_t)a[2], (uint64_t)a[3]);
	case SYS_write: return do_write((int)a[0]);
	case SYS_pwrite64: return guest_file((int)a[0]) ? -EINVAL : NOT_OURS;
	case SYS_fallocate: return do_fallocate((int)a[0], (int)a[1], (uint64_t)a[2], (uint64_t)a[3]);
	case SYS_ftruncate: return guest_file((int)a[0]) ? -EINVAL : NOT_OURS;
	case SYS_lseek: return do_lseek((int)a[0]);
	case SYS_readlinkat: return do_readlink((const char *)a[1], (char *)a[2], (size_t)a[3]);
	default: return NOT_OURS;
	}
}
