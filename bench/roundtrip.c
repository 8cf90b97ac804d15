/* Median time of an ioctl that does nothing but answer, and of a bare getpid(2) beside it. ./ws run -- roundtrip [COUNT] */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
	long long x = *(const long long *)a, y = *(const long long *)b;
	return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
	int n = argc > 1 ? atoi(argv[1]) : 20000, kvm = open("/dev/kvm", O_RDWR);
	long long *took = calloc((size_t)n, sizeof *took), start;
	if (kvm < 0 || n <= 0 || !took) return perror("/dev/kvm"), 1;
	for (int i = 0; i < n; i++) ioctl(kvm, KVM_GET_API_VERSION, 0);
	for (int i = 0; i < n; i++) {
		start = now();
		ioctl(kvm, KVM_GET_API_VERSION, 0);
		took[i] = now() - start;
	}
	qsort(took, (size_t)n, sizeof *took, by_value);
	printf("ioctl round trip: median %.2f us, 90%% %.2f us, 99%% %.2f us\n", took[n / 2] / 1e3, took[n * 9 / 10] / 1e3, took[n * 99 / 100] / 1e3);
	start = now();
	for (int i = 0; i < n; i++) syscall(SYS_getpid);
	printf("bare system call: %.3f us\n", (double)(now() - start) / n / 1e3);
	return 0;
}
