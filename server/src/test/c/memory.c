#include "toy.h"

#define MB (1ull << 20)
#define GB (1ull << 30)

static char *anonymous(uint64_t n) {
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

int main(void) {
	int kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, CREATE_VM, 0);
	CHECK(vm >= 0);

	/* Bad pointers. */
	char *two = anonymous(8192);
	CHECK(munmap(two + 4096, 4096) == 0);
	CHECK(ioctl(vm, ADD_ONE, 0) == -1 && errno == EFAULT);
	CHECK(ioctl(vm, ADD_ONE, two + 4096 - 4) == -1 && errno == EFAULT);
	CHECK(ioctl(vm, ADD_ONE, two + 4096 - 8) == 0 && two[4096 - 8] == 1);
	CHECK(ioctl(vm, ADD_ONE, 0xffff800000000000ul) == -1 && errno == EFAULT);
	CHECK(mprotect(two, 4096, PROT_READ) == 0 && ioctl(vm, ADD_ONE, two) == -1 && errno == EFAULT);

	/* Private memory keeps its contents and is common from then on. */
	volatile char *m = anonymous(4 * MB);
	m[5] = 7;
	m[3 * MB] = 9;
	CHECK(peek(vm, m) == -1 && errno == EFAULT);
	CHECK(adopt(vm, (void *)m, 4 * MB) == 0);
	CHECK(m[5] == 7 && peek(vm, m + 5) == 7 && peek(vm, m + 3 * MB) == 9 && peek(vm, m + MB) == 0);
	CHECK(poke(vm, m + 6) == 0 && m[6] == 0x5a);
	m[7] = 33;
	CHECK(peek(vm, m + 7) == 33);
	/* It survives its VM. */
	CHECK(close(vm) == 0);
	vm = ioctl(kvm, CREATE_VM, 0);
	CHECK(adopt(vm, (void *)m, 4 * MB) == 0 && peek(vm, m + 7) == 33);
	/* Protection, unmapping, mapping anew, and giving contents back. */
	CHECK(mprotect((void *)m, 4096, PROT_READ) == 0 && poke(vm, m) == -1 && errno == EFAULT && peek(vm, m + 7) == 33);
	CHECK(mprotect((void *)m, 4096, PROT_NONE) == 0 && peek(vm, m) == -1 && errno == EFAULT);
	CHECK(mprotect((void *)m, 4096, PROT_READ | PROT_WRITE) == 0 && poke(vm, m) == 0 && m[0] == 0x5a);
	CHECK(munmap((void *)(m + MB), 4096) == 0 && peek(vm, m + MB) == -1 && errno == EFAULT);
	CHECK(mmap((void *)(m + MB), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m + MB);
	m[MB] = 4;
	CHECK(peek(vm, m + MB) == 4);
	CHECK(madvise((void *)(m + 3 * MB), 4096, MADV_DONTNEED) == 0 && m[3 * MB] == 0 && peek(vm, m + 3 * MB) == 0);

	/* Holes and what is not accessible. */
	char *h = anonymous(3 * MB);
	CHECK(munmap(h + MB, MB) == 0 && mprotect(h + 2 * MB, 4096, PROT_NONE) == 0);
	CHECK(adopt(vm, h, 3 * MB) == 0);
	CHECK(peek(vm, h) == 0 && peek(vm, h + MB) == -1 && peek(vm, h + 2 * MB) == -1 && peek(vm, h + 2 * MB + 4096) == 0);

	/* Files stay what they are. */
	int file = memfd_create("m", 0);
	CHECK(ftruncate(file, MB) == 0);
	volatile char *f = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	volatile char *g = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	f[1] = 8;
	CHECK(adopt(vm, (void *)f, MB) == 0 && peek(vm, f + 1) == 8 && poke(vm, f + 2) == 0 && g[2] == 0x5a);
	CHECK(madvise((void *)f, MB, MADV_DONTNEED) == 0 && f[1] == 8);

	/* Huge and sparse: not touched page by page. */
	volatile char *big = anonymous(64 * GB);
	big[40 * GB] = 3;
	CHECK(adopt(vm, (void *)big, 64 * GB) == 0 && peek(vm, big + 40 * GB) == 3 && peek(vm, big + 63 * GB) == 0);

	/* A child's writes are its own. */
	pid_t child = fork();
	if (child == 0) {
		CHECK(m[7] == 33);
		m[7] = 99;
		exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0 && m[7] == 33 && peek(vm, m + 7) == 33);

	/* Many neighbours, as slots of one area. */
	char *area = anonymous(2000 * MB);
	for (int i = 0; i < 1000; i++) {
		area[i * 2 * MB] = (char)i;
		CHECK(adopt(vm, area + i * 2 * MB, 2 * MB) == 0);
	}
	for (int i = 0; i < 1000; i++) CHECK(peek(vm, area + i * 2 * MB) == (i & 0xff));
	return 0;
}
