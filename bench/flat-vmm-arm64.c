/* Runs a flat arm64 guest image at 0x40080000 with SVE until PSCI SYSTEM_OFF; prints what it writes to 0x09000000. */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM (32ul << 20)
#define BASE 0x40000000ul
#define CORE(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))

static void set(int vcpu, uint64_t id, uint64_t value)
{
    struct kvm_one_reg r = {.id = id, .addr = (uintptr_t)&value};
    if (ioctl(vcpu, KVM_SET_ONE_REG, &r)) err(1, "KVM_SET_ONE_REG %llx", (unsigned long long)id);
}

int main(int argc, char **argv)
{
    if (argc != 2) errx(2, "usage: flat-vmm-arm64 IMAGE");
    int image = open(argv[1], O_RDONLY), kvm = open("/dev/kvm", O_RDWR);
    if (image < 0 || kvm < 0) err(1, "open");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    uint8_t *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = {.guest_phys_addr = BASE, .memory_size = RAM, .userspace_addr = (uintptr_t)ram};
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot)) err(1, "KVM_SET_USER_MEMORY_REGION");
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_vcpu_init init;
    if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init)) err(1, "KVM_ARM_PREFERRED_TARGET");
    init.features[0] |= 1 << KVM_ARM_VCPU_SVE | 1 << KVM_ARM_VCPU_PSCI_0_2;
    int feature = KVM_ARM_VCPU_SVE;
    if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) || ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &feature)) err(1, "KVM_ARM_VCPU_INIT");
    struct kvm_run *run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (read(image, ram + 0x80000, RAM - 0x80000) <= 0) err(1, "read");
    set(vcpu, CORE(regs.pc), BASE + 0x80000);
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0)) err(1, "KVM_RUN");
        if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT) break;
        if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != 0x09000000) errx(1, "exit reason %u", run->exit_reason);
        putchar(run->mmio.data[0]);
    }
    putchar('\n');
    return 0;
}
