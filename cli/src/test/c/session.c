/* Asks of KVM what a recording says: see Session.java for its form. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE 0x700000000000UL
#define SIZE (1UL << 20)
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025

static int get(FILE *f, void *to, size_t n) { return fread(to, 1, n, f) == n; }

int main(int argc, char **argv)
{
	int fds[255] = { 0 }, kind, n = 0;
	FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
	void *memory = mmap((void *)BASE, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (!f || memory != (void *)BASE) return 2;
	if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, 18)) perror("permission for tiles");
	fds[0] = open("/dev/kvm", O_RDWR);
	if (fds[0] < 0) return 3;
	while ((kind = fgetc(f)) != EOF) {
		uint64_t at;
		uint32_t size, command;
		uint8_t fd, to;
		long r;

		if (kind == 'P') {
			if (!get(f, &at, 8) || !get(f, &size, 4) || !get(f, (void *)at, size)) return 4;
			continue;
		}
		if (kind != 'I' || !get(f, &fd, 1) || !get(f, &command, 4) || !get(f, &at, 8) || !get(f, &to, 1)) return 4;
		r = ioctl(fds[fd], command, at);
		if (r < 0) {
			fprintf(stderr, "call %d, 0x%x: %m\n", n, command);
			return 5;
		}
		if (to != 255) fds[to] = r;
		n++;
	}
	return 0;
}
