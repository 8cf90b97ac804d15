/* What the reworked upstream amx_test does and Debian's linux-source-6.12 does not have yet: TILELOADD really takes #NM
 * while XFD[18] = 1, and user space tries to get XFD and the XSAVE state out of sync. Exit status 0: all as it should be,
 * 4: no AMX here, 1: a check failed, named on stderr. With the argument "release" the guest runs TILERELEASE first. */
#include <err.h>
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

#define TILEDATA_BIT (1ull << 18)
#define RAM 0x40000UL
#define IDT 0x4000UL
#define GDT 0x5000UL
#define CODE 0x8000UL
#define XFD 0x1c4
#define PORT 0xe0

/* Sync points are OUTs of a byte: 1 tiles loaded, 2 XFD[18] set, 3 #NM taken with XFD_ERR[18], 4 tiles loaded again. */
extern const char guest_start[], guest_nm[], guest_end[];
__asm__(".section .rodata\n"
        "guest_start:\n"
        "  xor %ecx, %ecx; xor %edx, %edx; mov $0x60007, %eax; xsetbv\n"
        "  mov $0x10000, %eax; ldtilecfg (%rax)\n"
        "  mov $64, %ebx; mov $0x11000, %esi; tileloadd (%rsi,%rbx,1), %tmm0\n"
        "  mov $1, %al; out %al, $0xe0\n"
        "  cmp $0, %r8d; je 1f; tilerelease\n"
        "1: mov $0x1c4, %ecx; xor %edx, %edx; mov $0x40000, %eax; wrmsr\n"
        "  mov $2, %al; out %al, $0xe0\n"
        "  mov $0x10000, %eax; ldtilecfg (%rax)\n"
        "  tileloadd (%rsi,%rbx,1), %tmm0\n"
        "  mov $4, %al; out %al, $0xe0\n"
        "  mov $0x13000, %edi; tilestored %tmm0, (%rdi,%rbx,1)\n"
        "  hlt\n"
        "guest_nm:\n"
        "  mov $0x1c5, %ecx; rdmsr; mov %eax, %r9d\n"
        "  xor %eax, %eax; xor %edx, %edx; wrmsr\n"
        "  mov $0x1c4, %ecx; wrmsr\n"
        "  mov $3, %al; out %al, $0xe0\n"
        "  iretq\n"
        "guest_end:\n"
        ".previous\n");

static int kvm, vm, vcpu;
static struct kvm_run *run;
static uint8_t *ram;

static int must(int answer, const char *what)
{
    if (answer < 0) err(1, "%s", what);
    return answer;
}

static int run_to_out(void)
{
    must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason == KVM_EXIT_HLT) return 0;
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != PORT) errx(1, "unexpected exit reason %u", run->exit_reason);
    return *((uint8_t *)run + run->io.data_offset);
}

static void expect(int point)
{
    int got = run_to_out();
    if (got != point) errx(1, "guest is at %d, expected %d", got, point);
}

static uint64_t xstate_bv(const void *image)
{
    uint64_t bv;
    memcpy(&bv, (const char *)image + 512, 8);
    return bv;
}

static void set_up(int release)
{
    kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
    if (syscall(SYS_arch_prctl, 0x1025, 18)) {
        fprintf(stderr, "no guest permission for tiles\n");
        exit(4);
    }
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entry[256];
    } cpuid = {.head = {.nent = 256}};
    must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
    vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = {.memory_size = RAM, .userspace_addr = (uintptr_t)ram};
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
    vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    run = mmap(NULL, (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "mmap size"), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (ram == MAP_FAILED || run == MAP_FAILED) err(1, "mmap");
    must(ioctl(vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2");

    uint64_t *table = (uint64_t *)(ram + 0x1000);
    table[0] = 0x2003;
    table[512] = 0x3003;
    table[1024] = 0x83;
    uint64_t gdt[2] = {0, 0x00af9b000000ffffull}, handler = CODE + (uint64_t)(guest_nm - guest_start);
    memcpy(ram + GDT, gdt, sizeof gdt);
    uint64_t gate[2] = {(handler & 0xffff) | 8 << 16 | 0x8e00ull << 32 | (handler & 0xffff0000) << 32, handler >> 32};
    memcpy(ram + IDT + 7 * 16, gate, 16);
    memcpy(ram + CODE, guest_start, (size_t)(guest_end - guest_start));
    uint8_t *config = ram + 0x10000;
    config[0] = 1, config[16] = 64, config[48] = 16;
    for (int i = 0; i < 1024; i++) ram[0x11000 + i] = (uint8_t)(i * 5 + 1);

    struct kvm_sregs s;
    must(ioctl(vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
    s.cr3 = 0x1000, s.cr4 |= 1 << 5 | 1 << 9 | 1 << 18, s.cr0 = 0x80000033, s.efer = 0x500;
    s.idt.base = IDT, s.idt.limit = 0xfff, s.gdt.base = GDT, s.gdt.limit = 15;
    struct kvm_segment code = {.limit = ~0u, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
    struct kvm_segment data = {.limit = ~0u, .selector = 0, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
    s.cs = code, s.ds = s.es = s.fs = s.gs = s.ss = data;
    must(ioctl(vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
    struct kvm_regs r = {.rip = CODE, .rflags = 2, .rsp = RAM - 16, .r8 = (unsigned)release};
    must(ioctl(vcpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

int main(int argc, char **argv)
{
    int release = argc > 1 && !strcmp(argv[1], "release");
    set_up(release);
    size_t size = (size_t)must(ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2), "KVM_CAP_XSAVE2");
    char *with_tiles = calloc(1, size), *after = calloc(1, size);

    expect(1);
    must(ioctl(vcpu, KVM_GET_XSAVE2, with_tiles), "KVM_GET_XSAVE2");
    if (!(xstate_bv(with_tiles) & TILEDATA_BIT)) errx(1, "tiles are loaded and XSTATE_BV[18] is 0");
    if (memcmp(with_tiles + 2816, ram + 0x11000, 1024)) errx(1, "KVM_GET_XSAVE2 has other tile data than the guest loaded");

    expect(2);
    must(ioctl(vcpu, KVM_SET_XSAVE, with_tiles), "KVM_SET_XSAVE with XSTATE_BV[18] = 1 and XFD[18] = 1");
    must(ioctl(vcpu, KVM_GET_XSAVE2, after), "KVM_GET_XSAVE2");
    if (xstate_bv(after) & TILEDATA_BIT) errx(1, "XSTATE_BV[18] survived KVM_SET_XSAVE with XFD[18] = 1");

    expect(3);
    struct kvm_regs r;
    must(ioctl(vcpu, KVM_GET_REGS, &r), "KVM_GET_REGS");
    if (r.r9 != TILEDATA_BIT) errx(1, "XFD_ERR was 0x%llx in the #NM handler", r.r9);

    expect(4);
    if (run_to_out() != 0) errx(1, "the guest did not halt");
    if (memcmp(ram + 0x13000, ram + 0x11000, 1024)) errx(1, "the tile that the guest stored is wrong");
    printf("amx-out-of-sync: ok\n");
    return 0;
}
