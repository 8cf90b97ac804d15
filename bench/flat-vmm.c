/* Runs a flat guest image at 1 MiB in 64-bit mode until it writes port 0xf4; prints that value. */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM (32ul << 20)

int main(int argc, char **argv)
{
    if (argc != 2) errx(2, "usage: flat-vmm IMAGE");
    int image = open(argv[1], O_RDONLY), kvm = open("/dev/kvm", O_RDWR);
    if (image < 0 || kvm < 0) err(1, "open");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    uint8_t *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = {.memory_size = RAM, .userspace_addr = (uintptr_t)ram};
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot)) err(1, "KVM_SET_USER_MEMORY_REGION");
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (read(image, ram + 0x100000, RAM - 0x100000) <= 0) err(1, "read");
    uint64_t *table = (uint64_t *)(ram + 0x1000);
    table[0] = 0x2003, table[512] = 0x3003;
    for (uint64_t i = 0; i < 512; i++) table[1024 + i] = i << 21 | 0x83;
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entry[256];
    } cpuid = {.head = {.nent = 256}};
    ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
    ioctl(vcpu, KVM_SET_CPUID2, &cpuid);
    struct kvm_sregs s;
    ioctl(vcpu, KVM_GET_SREGS, &s);
    s.cr3 = 0x1000, s.cr4 |= 1 << 5 | 1 << 9, s.cr0 = 0x80000033, s.efer = 0x500;
    struct kvm_segment code = {.limit = ~0u, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
    struct kvm_segment data = {.limit = ~0u, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
    s.cs = code, s.ds = s.es = s.fs = s.gs = s.ss = data;
    struct kvm_regs r = {.rip = 0x100020, .rflags = 2};
    if (ioctl(vcpu, KVM_SET_SREGS, &s) || ioctl(vcpu, KVM_SET_REGS, &r)) err(1, "registers");
    if (ioctl(vcpu, KVM_RUN, 0)) err(1, "KVM_RUN");
    if (run->exit_reason != KVM_EXIT_IO) errx(1, "exit reason %u", run->exit_reason);
    uint32_t value;
    memcpy(&value, (uint8_t *)run + run->io.data_offset, 4);
    printf("%08x\n", value);
    return 0;
}
