/* A VMM whose arm64 guest uses SVE at the longest vector length, narrows it by ZCR_EL1, and uses SVE again; what the
 * guest keeps in its registers is looked at by the guest and by the VMM. Exit status 0: all as it should be, 4: no SVE
 * here, 1: a check failed, named on stderr. */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM 0x40000000UL
#define SIZE 0x10000UL
#define PORT 0x10000000UL
#define CORE(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offsetof(struct kvm_regs, field) / 4))
#define ZREG(n) KVM_REG_ARM64_SVE_ZREG(n, 0)

/* Stores to PORT are the sync points: 1 Z0 full, 2 vector length narrowed and Z0 written anew, then what it holds. */
extern const char guest_start[], guest_end[];
__asm__(".arch armv8.2-a+sve\n"
	".section .rodata\n"
	".balign 4\n"
	".globl guest_start, guest_end\n"
	"guest_start:\n"
	"  mov x0, #(3 << 16 | 3 << 20)\n"
	"  msr cpacr_el1, x0\n"
	"  isb\n"
	"  mov x0, #15\n"
	"  msr S3_0_C1_C2_0, x0\n"
	"  isb\n"
	"  mov z0.b, #0x11\n"
	"  mov x2, #1\n"
	"  str x2, [x1]\n"
	"  msr S3_0_C1_C2_0, xzr\n"
	"  isb\n"
	"  mov z0.b, #0x22\n"
	"  mov x2, #2\n"
	"  str x2, [x1]\n"
	"  mov x2, v0.d[1]\n"
	"  str x2, [x1]\n"
	"1: b 1b\n"
	"guest_end:\n"
	".previous\n");

static int vcpu;
static struct kvm_run *run;

static int must(int answer, const char *what)
{
	if (answer < 0) err(1, "%s", what);
	return answer;
}

static void set(uint64_t id, uint64_t value)
{
	struct kvm_one_reg r = {.id = id, .addr = (uintptr_t)&value};
	must(ioctl(vcpu, KVM_SET_ONE_REG, &r), "KVM_SET_ONE_REG");
}

static void expect(uint64_t value)
{
	uint64_t got;
	must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != PORT) errx(1, "exit reason %u", run->exit_reason);
	memcpy(&got, run->mmio.data, 8);
	if (got != value) errx(1, "the guest says 0x%llx, not 0x%llx", (unsigned long long)got, (unsigned long long)value);
}

static void expect_z0(unsigned byte)
{
	uint8_t z[256];
	struct kvm_one_reg r = {.id = ZREG(0), .addr = (uintptr_t)z};
	must(ioctl(vcpu, KVM_GET_ONE_REG, &r), "KVM_GET_ONE_REG Z0");
	for (int i = 0; i < 16; i++)
		if (z[i] != byte) errx(1, "byte %d of Z0 is 0x%02x, not 0x%02x", i, z[i], byte);
}

int main(void)
{
	int kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
	if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE) <= 0) {
		fprintf(stderr, "no SVE here\n");
		return 4;
	}
	int vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	uint8_t *ram = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region slot = {.guest_phys_addr = RAM, .memory_size = SIZE, .userspace_addr = (uintptr_t)ram};
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	run = mmap(NULL, (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "mmap size"), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (ram == MAP_FAILED || run == MAP_FAILED) err(1, "mmap");
	memcpy(ram, guest_start, (size_t)(guest_end - guest_start));
	struct kvm_vcpu_init init = {0};
	must(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	init.features[0] = 1 << KVM_ARM_VCPU_SVE;
	must(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	int sve = KVM_ARM_VCPU_SVE;
	must(ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &sve), "KVM_ARM_VCPU_FINALIZE");
	set(CORE(regs.pc), RAM);
	set(CORE(regs.regs[1]), PORT);
	expect(1);
	expect_z0(0x11);
	expect(2);
	expect_z0(0x22);
	expect(0x2222222222222222);
	printf("sve-narrow: ok\n");
	return 0;
}
