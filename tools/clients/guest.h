/* VMs whose guests' answers can be checked, on x86 and arm64 machines, for programs of this computer: each vCPU loads a vector
 * register, computes, stores it, leaves, and stores it again. */
#ifndef GUEST_H
#define GUEST_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM 0x10000
#define DEVICE 0x40000000u

/* asm/kvm.h of arm64, for programs compiled for another architecture. */
struct arm_vcpu_init {
	uint32_t target, features[7];
};
#define ARM_VCPU_INIT _IOW(KVMIO, 0xae, struct arm_vcpu_init)
#define ARM_PREFERRED_TARGET _IOR(KVMIO, 0xaf, struct arm_vcpu_init)
#define ARM_CORE(n) (0x6030000000100000ull | (uint64_t)(n) * 2)
#define ARM_X0 ARM_CORE(0)
#define ARM_X2 ARM_CORE(2)
#define ARM_PC ARM_CORE(32)
#define ARM_CPACR_EL1 0x603000000013c082ull

struct one_reg {
	uint64_t id, addr;
};

struct vcpu {
	int fd, id;
	struct kvm_run *run;
};

struct vm {
	int kvm, fd, arm, vcpus;
	size_t bytes;
	uint8_t *memory;
	struct vcpu vcpu[64];
};

#if defined(__x86_64__)
#include "guest-code.h"
#endif
static const uint32_t arm_code[] = {
	0x3dc00000, 0xd2804003,             /* ldr q0, [x0]; mov x3, #512 */
	0xf1000463, 0x54ffffe1,             /* subs x3, x3, #1; b.ne */
	0x3d800400, 0xb900005f,             /* str q0, [x0, #16]; str wzr, [x2] */
	0x3d800800, 0xb900085f, 0x17fffff8, /* str q0, [x0, #32]; str wzr, [x2, #8]; b to the start */
};
static const uint32_t arm_spin[] = {0x14000000};

static inline int set_reg(int vcpu, uint64_t id, uint64_t value) {
	struct one_reg r = {id, (uint64_t)&value};
	return ioctl(vcpu, KVM_SET_ONE_REG, &r);
}

/* 0, or -1 with errno. */
static inline int add_vcpu(struct vm *m, int spins) {
	struct vcpu *v = &m->vcpu[m->vcpus];
	long size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	v->id = m->vcpus;
	v->run = MAP_FAILED;
	v->fd = ioctl(m->fd, KVM_CREATE_VCPU, v->id);
	if (v->fd < 0) return -1;
	m->vcpus++;
	v->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) return -1;
	if (m->arm) {
		struct arm_vcpu_init init;
		memcpy(m->memory + v->id * ROOM, spins ? arm_spin : arm_code, spins ? sizeof arm_spin : sizeof arm_code);
		if (ioctl(m->fd, ARM_PREFERRED_TARGET, &init) || ioctl(v->fd, ARM_VCPU_INIT, &init)) return -1;
		return set_reg(v->fd, ARM_CPACR_EL1, 3 << 20) || set_reg(v->fd, ARM_PC, (uint64_t)v->id * ROOM) || set_reg(v->fd, ARM_X2, DEVICE) ||
						set_reg(v->fd, ARM_X0, (uint64_t)v->id * ROOM + 0x1000)
					? -1
					: 0;
	}
#if defined(__x86_64__)
	struct kvm_sregs s;
	struct kvm_regs r = {.rflags = 2};
	memcpy(m->memory + v->id * ROOM, spins ? x86_spin : x86_code, spins ? sizeof x86_spin : sizeof x86_code);
	if (ioctl(v->fd, KVM_GET_SREGS, &s)) return -1;
	s.cs.base = s.ds.base = (uint64_t)v->id * ROOM;
	s.cs.selector = s.ds.selector = 0;
	s.cr4 |= 1 << 9;
	return ioctl(v->fd, KVM_SET_SREGS, &s) || ioctl(v->fd, KVM_SET_REGS, &r) ? -1 : 0;
#else
	return -1;
#endif
}

static inline void drop_vm(struct vm *m) {
	long size = m->kvm < 0 ? 0 : ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	for (int i = 0; i < m->vcpus; i++) {
		if (m->vcpu[i].run != MAP_FAILED) munmap(m->vcpu[i].run, (size_t)size);
		close(m->vcpu[i].fd);
	}
	m->vcpus = 0;
	if (m->memory && m->memory != MAP_FAILED) munmap(m->memory, m->bytes);
	if (m->fd >= 0) close(m->fd);
	if (m->kvm >= 0) close(m->kvm);
	m->memory = NULL;
	m->fd = m->kvm = -1;
}

/* A VM with memory at 0 and room for this many vCPUs; 0, or -1 with errno. */
static inline int make_vm(struct vm *m, int vcpus) {
	struct arm_vcpu_init init;
	struct kvm_userspace_memory_region r = {.memory_size = (uint64_t)vcpus * ROOM};
	memset(m, 0, sizeof *m);
	m->bytes = r.memory_size;
	m->fd = -1;
	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0) return -1;
	m->fd = ioctl(m->kvm, KVM_CREATE_VM, 0);
	if (m->fd < 0) return -1;
	m->arm = ioctl(m->fd, ARM_PREFERRED_TARGET, &init) == 0;
	m->memory = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->memory == MAP_FAILED) return -1;
	r.userspace_addr = (uint64_t)m->memory;
	return ioctl(m->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

/* This many rounds of the vCPU's guest: 0 when every answer was right, 1 when one was not, -1 with errno when a call failed. */
static inline int check_guest(struct vm *m, int id, int rounds) {
	struct vcpu *v = &m->vcpu[id];
	volatile uint64_t *data = (volatile uint64_t *)(m->memory + id * ROOM + 0x1000);
	uint64_t value = 0x1111111111111111ull * (uint64_t)(id % 14 + 1);
	for (int i = 0; i < rounds; i++) {
		data[0] = value += 0x0101;
		data[1] = ~value;
		for (int half = 0; half < 2; half++) {
			int r;
			do r = ioctl(v->fd, KVM_RUN, 0);
			while (r < 0 && errno == EINTR);
			if (r) return -1;
			if (m->arm ? v->run->exit_reason != KVM_EXIT_MMIO || v->run->mmio.phys_addr != DEVICE + 8u * (unsigned)half
								 : v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != 0x10 + half)
				return 1;
			if (data[2 + 2 * half] != value || data[3 + 2 * half] != ~value) return 1;
		}
	}
	return 0;
}
#endif
