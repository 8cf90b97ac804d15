#include "toy.h"

#define BREAK 0xaef5
#define TAKE 0xaef6
#define BREAK_END 0xaef7

static int vm;

static void *take(void *p) {
	CHECK(ioctl(vm, TAKE, 0) == 0);
	return p;
}

/* Calls that break down in the server: the client gets EIO, and nothing is held or lost. */
int main(void) {
	int kvm = open("/dev/kvm", O_RDWR);
	pthread_t t;
	vm = ioctl(kvm, CREATE_VM, 0);
	CHECK(ioctl(vm, BREAK, 0) == -1 && errno == EIO);
	CHECK(pthread_create(&t, NULL, take, NULL) == 0);
	pthread_join(t, NULL);
	for (int i = 0; i < 5; i++) { /* more often than there are CPUs */
		int vcpu = ioctl(vm, CREATE_VCPU, 0);
		char *run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
		CHECK(run != MAP_FAILED);
		run[0] = 2;
		CHECK(ioctl(vcpu, RUN, 0) == -1 && errno == EIO);
		run[0] = 0;
		run[1] = 1;
		CHECK(ioctl(vcpu, RUN, 0) == -1 && errno == EINTR);
	}
	/* Files that end together, two of them by breaking down. */
	int some[6];
	for (int i = 0; i < 6; i++) {
		some[i] = ioctl(kvm, CREATE_VM, 0);
		CHECK(some[i] >= 0);
		if (i % 3 == 1) CHECK(ioctl(some[i], BREAK_END, 0) == 0);
	}
	return 0;
}
