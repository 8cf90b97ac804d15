/* A small VMM: its guest multiplies two matrices with AMX tiles in 64-bit mode, and is moved to a second VM half-way.
 * Uses nothing but <linux/kvm.h> and libc. Exit status 0 when the product that the second VM stores is right. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef KVM_CAP_XSAVE2
#error "linux/kvm.h is too old: KVM_CAP_XSAVE2 is missing"
#endif
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025
#define TILEDATA 18
#define RAM 0x40000UL
#define TABLES 0x1000UL
#define CODE 0x8000UL
#define CONFIG 0x10000UL
#define A 0x11000UL
#define B 0x12000UL
#define C 0x13000UL
#define MSR_EFER 0xc0000080u
#define MSR_IA32_XFD 0x1c4u

extern const char guest_start[], guest_end[];
__asm__(".section .rodata\n"
        "guest_start:\n"
        "  mov $0, %ecx; xor %edx, %edx; mov $0x60007, %eax; xsetbv\n"
        "  mov $0x10000, %eax; ldtilecfg (%rax)\n"
        "  mov $64, %ecx\n"
        "  mov $0x11000, %eax; tileloadd (%rax,%rcx,1), %tmm1\n"
        "  mov $0x12000, %eax; tileloadd (%rax,%rcx,1), %tmm2\n"
        "  tilezero %tmm0\n"
        "  tdpbssd %tmm2, %tmm1, %tmm0\n"
        "  lea 1f(%rip), %rsi; mov $(2f - 1f), %ecx; mov $0x3f8, %dx; rep outsb\n"
        "  mov $64, %ecx; mov $0x13000, %eax; tilestored %tmm0, (%rax,%rcx,1)\n"
        "  tilerelease\n"
        "  hlt\n"
        "1: .ascii \"guest: product is in tmm0\\n\"\n"
        "2:\n"
        "guest_end:\n"
        ".previous\n");

struct vm {
    int fd, vcpu;
    struct kvm_run *run;
    uint8_t *ram;
};

struct saved {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_xcrs xcrs;
    struct kvm_vcpu_events events;
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry[2];
    } msrs;
    size_t xsave_size;
    void *xsave;
};

static int kvm;

static int must(int answer, const char *what)
{
    if (answer < 0) err(1, "%s", what);
    return answer;
}

static struct vm make_vm(void)
{
    struct vm vm = {0};
    vm.fd = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    vm.ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (vm.ram == MAP_FAILED) err(1, "mmap");
    struct kvm_userspace_memory_region slot = {.memory_size = RAM, .userspace_addr = (uintptr_t)vm.ram};
    must(ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
    vm.vcpu = must(ioctl(vm.fd, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    size_t size = must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    vm.run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vcpu, 0);
    if (vm.run == MAP_FAILED) err(1, "mmap of the vCPU");
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entry[256];
    } cpuid = {.head = {.nent = 256}};
    must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
    must(ioctl(vm.vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2");
    return vm;
}

static void long_mode(struct vm *vm)
{
    uint64_t *pml4 = (uint64_t *)(vm->ram + TABLES), *pdpt = pml4 + 512, *pd = pdpt + 512;
    pml4[0] = (TABLES + 0x1000) | 3;
    pdpt[0] = (TABLES + 0x2000) | 3;
    pd[0] = 0x83;
    struct kvm_sregs s;
    must(ioctl(vm->vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
    s.cr3 = TABLES;
    s.cr4 |= 1 << 5 | 1 << 9 | 1 << 18;
    s.cr0 = 0x80000033;
    s.efer = 0x500;
    struct kvm_segment code = {.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
    struct kvm_segment data = {.limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
    s.cs = code;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    must(ioctl(vm->vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
    struct kvm_regs r = {.rip = CODE, .rflags = 2, .rsp = RAM - 16};
    must(ioctl(vm->vcpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

static void matrices(struct vm *vm)
{
    uint8_t *config = vm->ram + CONFIG;
    config[0] = 1;
    for (int t = 0; t < 3; t++) {
        config[16 + 2 * t] = 64;
        config[48 + t] = 16;
    }
    for (int i = 0; i < 1024; i++) {
        vm->ram[A + i] = (uint8_t)(i * 7 + 3);
        vm->ram[B + i] = (uint8_t)(i * 13 + 5);
    }
    memcpy(vm->ram + CODE, guest_start, (size_t)(guest_end - guest_start));
}

static int product_is_right(const struct vm *vm)
{
    const int8_t *a = (const int8_t *)vm->ram + A, *b = (const int8_t *)vm->ram + B;
    const int32_t *c = (const int32_t *)(vm->ram + C);
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++) {
            int32_t sum = 0;
            for (int k = 0; k < 16; k++)
                for (int j = 0; j < 4; j++) sum += a[m * 64 + k * 4 + j] * b[k * 64 + n * 4 + j];
            if (c[m * 16 + n] != sum) {
                printf("product is wrong at %d,%d: %d, expected %d\n", m, n, c[m * 16 + n], sum);
                return 0;
            }
        }
    return 1;
}

static void save(struct vm *vm, struct saved *s)
{
    s->msrs.head.nmsrs = 2;
    s->msrs.entry[0].index = MSR_EFER;
    s->msrs.entry[1].index = MSR_IA32_XFD;
    s->xsave_size = (size_t)must(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2), "KVM_CAP_XSAVE2");
    s->xsave = calloc(1, s->xsave_size);
    must(ioctl(vm->vcpu, KVM_GET_REGS, &s->regs), "KVM_GET_REGS");
    must(ioctl(vm->vcpu, KVM_GET_SREGS, &s->sregs), "KVM_GET_SREGS");
    must(ioctl(vm->vcpu, KVM_GET_XCRS, &s->xcrs), "KVM_GET_XCRS");
    must(ioctl(vm->vcpu, KVM_GET_XSAVE2, s->xsave), "KVM_GET_XSAVE2");
    must(ioctl(vm->vcpu, KVM_GET_VCPU_EVENTS, &s->events), "KVM_GET_VCPU_EVENTS");
    if (must(ioctl(vm->vcpu, KVM_GET_MSRS, &s->msrs), "KVM_GET_MSRS") != 2) errx(1, "KVM_GET_MSRS: not all MSRs");
}

static void restore(struct vm *vm, struct saved *s)
{
    must(ioctl(vm->vcpu, KVM_SET_SREGS, &s->sregs), "KVM_SET_SREGS");
    must(ioctl(vm->vcpu, KVM_SET_XCRS, &s->xcrs), "KVM_SET_XCRS");
    must(ioctl(vm->vcpu, KVM_SET_XSAVE, s->xsave), "KVM_SET_XSAVE");
    if (must(ioctl(vm->vcpu, KVM_SET_MSRS, &s->msrs), "KVM_SET_MSRS") != 2) errx(1, "KVM_SET_MSRS: not all MSRs");
    must(ioctl(vm->vcpu, KVM_SET_VCPU_EVENTS, &s->events), "KVM_SET_VCPU_EVENTS");
    must(ioctl(vm->vcpu, KVM_SET_REGS, &s->regs), "KVM_SET_REGS");
}

/* Runs until the guest halts or, with stop_after_line, until it has printed a line. */
static void run(struct vm *vm, int stop_after_line)
{
    for (;;) {
        must(ioctl(vm->vcpu, KVM_RUN, 0), "KVM_RUN");
        if (vm->run->exit_reason == KVM_EXIT_HLT) return;
        if (vm->run->exit_reason != KVM_EXIT_IO) errx(1, "unexpected exit reason %u", vm->run->exit_reason);
        const char *text = (const char *)vm->run + vm->run->io.data_offset;
        fwrite(text, 1, (size_t)vm->run->io.size * vm->run->io.count, stdout);
        if (stop_after_line && text[vm->run->io.count - 1] == '\n') {
            vm->run->immediate_exit = 1;
            if (ioctl(vm->vcpu, KVM_RUN, 0) != -1 || errno != EINTR) errx(1, "immediate_exit did not give EINTR");
            vm->run->immediate_exit = 0;
            return;
        }
    }
}

int main(void)
{
    kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, TILEDATA)) err(1, "permission for guest tiles");

    struct vm first = make_vm();
    matrices(&first);
    long_mode(&first);
    run(&first, 1);

    struct saved s = {0};
    save(&first, &s);
    uint64_t bv;
    memcpy(&bv, (char *)s.xsave + 512, 8);
    printf("saved:    rip 0x%llx, XSTATE_BV 0x%llx, %zu bytes of XSAVE state\n", s.regs.rip, (unsigned long long)bv, s.xsave_size);

    struct vm second = make_vm();
    memcpy(second.ram, first.ram, RAM);
    restore(&second, &s);
    close(first.vcpu);
    close(first.fd);
    run(&second, 0);
    if (!product_is_right(&second)) return 1;
    printf("restored: the second VM stored the right product\n");
    return 0;
}
