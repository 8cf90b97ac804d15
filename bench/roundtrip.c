/* What a call through `ws run` costs: ./ws run -- roundtrip [COUNT]
 * A bare round trip between two processes over a Unix socket is the peer, measured in the same run. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAME 32 /* bytes of a frame of the shim's */

static int count = 20000;
static long long *took;

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
	long long x = *(const long long *)a, y = *(const long long *)b;
	return x < y ? -1 : x > y;
}

/* Answers frames until the other end is gone. */
static _Noreturn void echo(int fd) {
	char frame[FRAME];
	while (recv(fd, frame, FRAME, MSG_WAITALL) == FRAME)
		if (send(fd, frame, FRAME, MSG_NOSIGNAL) != FRAME) break;
	_exit(0);
}

static int peer, kvm, vcpu;
static struct kvm_run *run;

static void over_socket(void) {
	char frame[FRAME] = {0};
	if (send(peer, frame, FRAME, MSG_NOSIGNAL) != FRAME || recv(peer, frame, FRAME, MSG_WAITALL) != FRAME) exit(1);
}
static void system_call(void) { syscall(SYS_getppid); }
static void version(void) { ioctl(kvm, KVM_GET_API_VERSION, 0); }
static void run_immediately_left(void) { ioctl(vcpu, KVM_RUN, 0); }
static void run_to_exit(void) {
	if (ioctl(vcpu, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_IO) perror("KVM_RUN"), exit(1);
}
static void run_and_registers(void) {
	struct kvm_regs regs;
	run_to_exit();
	ioctl(vcpu, KVM_GET_REGS, &regs);
}

static void measure(const char *what, void (*call)(void)) {
	long long total = now(), start;
	while (now() - total < 300000000) call();
	total = now();
	for (int i = 0; i < count; i++) {
		start = now();
		call();
		took[i] = now() - start;
	}
	total = now() - total;
	qsort(took, (size_t)count, sizeof *took, by_value);
	printf("%-34s median %6.2f us, 90%% %6.2f us, 99%% %7.2f us, %8.0f a second\n", what, took[count / 2] / 1e3, took[count * 9l / 10] / 1e3,
		   took[count * 99l / 100] / 1e3, count * 1e9 / total);
	fflush(stdout);
}

/* A guest in real mode that does nothing but `out`. */
static void make_guest(void) {
	static const unsigned char code[] = {0xe6, 0x10, 0xeb, 0xfc}; /* out 0x10, al; jmp back */
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	unsigned char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(memory, code, sizeof code);
	struct kvm_userspace_memory_region slot = {.guest_phys_addr = 0x1000, .memory_size = 4096, .userspace_addr = (unsigned long)memory};
	ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
	if (vcpu < 0 || run == MAP_FAILED || ioctl(vcpu, KVM_GET_SREGS, &sregs)) perror("vcpu"), exit(1);
	sregs.cs.base = sregs.cs.selector = 0;
	ioctl(vcpu, KVM_SET_SREGS, &sregs);
	ioctl(vcpu, KVM_SET_REGS, &regs);
}

int main(int argc, char **argv) {
	int ends[2];
	if (argc > 1) count = atoi(argv[1]);
	took = calloc(count > 0 ? (size_t)count : 1, sizeof *took);
	if (count <= 0 || !took || socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) return perror("start"), 1;
	peer = ends[0];
	if (fork() == 0) close(ends[0]), echo(ends[1]);
	close(ends[1]);
	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0) return perror("/dev/kvm"), 1;
	measure("bare system call", system_call);
	measure("bare socket round trip", over_socket);
	measure("ioctl KVM_GET_API_VERSION", version);
	make_guest();
	run->immediate_exit = 1;
	measure("KVM_RUN with immediate_exit", run_immediately_left);
	run->immediate_exit = 0;
	measure("KVM_RUN to an exit by out", run_to_exit);
	measure("the same, then KVM_GET_REGS", run_and_registers);
	close(peer);
	wait(NULL);
	return 0;
}
