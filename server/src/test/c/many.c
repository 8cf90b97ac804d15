#include "toy.h"

/* Opens things and ends in the way its argument says: properly, or in the middle of a run. */
int main(int argc, char **argv) {
	int kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, CREATE_VM, 0), vcpu = ioctl(vm, CREATE_VCPU, 0);
	CHECK(argc == 2 && vcpu >= 0);
	char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(adopt(vm, m, 1 << 20) == 0 && poke(vm, m) == 0 && m[0] == 0x5a);
	if (argv[1][0] == 'k') {
		alarm(1);
		ioctl(vcpu, RUN, 0); /* SIGALRM, default action */
		return 1;
	}
	return 0;
}
