/* Clients of the real KVM, small ones: each vCPU loads an SSE register, computes, stores it, leaves by a port, stores it again.
 * guests check VCPUS ROUNDS: the register must hold what was loaded.
 * guests crowd N SEED: N clients, eight at a time, ended in every way, some killed at a moment that the seed decides. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../../tools/clients/guest-code.h"

#define CHECK(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #x, errno); exit(1); } } while (0)
#define ROOM 0x10000

static uint8_t *memory;
static int kvm, vm, lost;

struct vcpu {
	int fd, id, rounds;
	struct kvm_run *run;
	pthread_t thread;
};

static void make_vm(int vcpus) {
	struct kvm_userspace_memory_region r = {.memory_size = (uint64_t)vcpus * ROOM};
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	CHECK(kvm >= 0);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	CHECK(vm >= 0);
	memory = mmap(NULL, r.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.userspace_addr = (uint64_t)memory;
	CHECK(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r) == 0);
}

static void make_vcpu(struct vcpu *v, int id, const uint8_t *what, size_t n) {
	struct kvm_sregs s;
	struct kvm_regs r = {.rflags = 2};
	v->id = id;
	v->fd = ioctl(vm, KVM_CREATE_VCPU, id);
	CHECK(v->fd >= 0);
	v->run = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	CHECK(v->run != MAP_FAILED);
	memcpy(memory + id * ROOM, what, n);
	CHECK(ioctl(v->fd, KVM_GET_SREGS, &s) == 0);
	s.cs.base = s.ds.base = (uint64_t)id * ROOM;
	s.cs.selector = s.ds.selector = (uint16_t)(id * ROOM >> 4);
	s.cr4 |= 1 << 9;
	CHECK(ioctl(v->fd, KVM_SET_SREGS, &s) == 0);
	CHECK(ioctl(v->fd, KVM_SET_REGS, &r) == 0);
}

static void *compute(void *p) {
	struct vcpu *v = p;
	uint64_t *data = (uint64_t *)(memory + v->id * ROOM + 0x1000), value = 0x1111111111111111ull * (uint64_t)(v->id + 1);
	for (int i = 0; i < v->rounds; i++) {
		data[0] = value += 0x0101;
		data[1] = ~value;
		for (int half = 0; half < 2; half++) {
			int r;
			do r = ioctl(v->fd, KVM_RUN, 0);
			while (r < 0 && errno == EINTR);
			CHECK(r == 0 && v->run->exit_reason == KVM_EXIT_IO && v->run->io.port == 0x10 + half);
			if (data[2 + 2 * half] != value || data[3 + 2 * half] != ~value) lost++;
		}
	}
	return NULL;
}

static int check(int vcpus, int rounds) {
	struct vcpu v[16];
	make_vm(vcpus);
	for (int i = 0; i < vcpus; i++) {
		make_vcpu(&v[i], i, x86_code, sizeof x86_code);
		v[i].rounds = rounds;
		pthread_create(&v[i].thread, NULL, compute, &v[i]);
	}
	for (int i = 0; i < vcpus; i++) pthread_join(v[i].thread, NULL);
	if (lost) printf("%d times a guest's register was lost\n", lost);
	return lost ? 3 : 0;
}

static void *for_ever(void *p) {
	struct vcpu *v = p;
	while (ioctl(v->fd, KVM_RUN, 0) >= 0 || errno == EINTR) {}
	return NULL;
}

/* One client; ways 0 to 5. */
static int one(unsigned way) {
	struct vcpu v[3];
	make_vm(3);
	if (way == 0) return 0; /* a VM and nothing else */
	for (int i = 0; i < 3; i++) make_vcpu(&v[i], i, way >= 3 ? x86_spin : x86_code, way >= 3 ? sizeof x86_spin : sizeof x86_code);
	if (way == 1 || way == 2) {
		for (int i = 0; i < 3; i++) {
			v[i].rounds = 5;
			pthread_create(&v[i].thread, NULL, compute, &v[i]);
		}
		for (int i = 0; i < 3; i++) pthread_join(v[i].thread, NULL);
		if (way == 2) close(vm), close(v[1].fd), munmap(v[0].run, 12288);
		return lost ? 3 : 0;
	}
	for (int i = 0; i < 3; i++) pthread_create(&v[i].thread, NULL, for_ever, &v[i]);
	usleep(way * 1000);
	if (way == 4) close(vm), close(v[0].fd), close(v[1].fd), close(v[2].fd);
	if (way == 5) munmap(memory, 3 * ROOM);
	usleep(1000);
	return 0; /* while the others run */
}

static int crowd(int n, unsigned seed) {
	struct {
		pid_t pid;
		int killed;
	} now[8];
	int running = 0, bad = 0, status;
	memset(now, 0, sizeof now);
	for (int i = 0; i < n || running;) {
		if (i < n && running < 8) {
			unsigned way = (unsigned)rand_r(&seed) % 6;
			int slot = 0;
			while (now[slot].pid) slot++;
			now[slot].killed = rand_r(&seed) % 3 == 0;
			pid_t p = fork();
			if (!p) _exit(one(way));
			now[slot].pid = p;
			running++;
			i++;
			continue;
		}
		usleep((unsigned)rand_r(&seed) % 3000);
		for (int s = 0; s < 8; s++)
			if (now[s].pid && now[s].killed && rand_r(&seed) % 2) kill(now[s].pid, SIGKILL), now[s].killed = 0;
		pid_t p = waitpid(-1, &status, i < n ? 0 : running ? WNOHANG : 0);
		if (p <= 0) continue;
		for (int s = 0; s < 8; s++)
			if (now[s].pid == p) now[s].pid = 0;
		running--;
		if (!(WIFEXITED(status) && WEXITSTATUS(status) == 0) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) bad++;
	}
	if (bad) fprintf(stderr, "%d clients failed\n", bad);
	return bad != 0;
}

int main(int argc, char **argv) {
	CHECK(argc == 4);
	if (!strcmp(argv[1], "check")) return check(atoi(argv[2]), atoi(argv[3]));
	return crowd(atoi(argv[2]), (unsigned)atoi(argv[3]));
}
