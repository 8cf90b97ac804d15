/* Two vCPUs in KVM_RUN at once, which wait for each other by spinning and by HLT, while a third thread makes calls of the VM.
   With an argument it forks first: both processes do all of this. x86-64. */
#define _GNU_SOURCE
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

/* vCPU 0 starts vCPU 1 by INIT and SIPI over x2APIC; then each counts up in its own word when the other has. */
asm(".code16\n"
    "first: mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr\n"
    "mov $0x830, %ecx; mov $1, %edx; mov $0x4500, %eax; wrmsr; mov $0x4602, %eax; wrmsr\n"
    "xor %cx, %cx\n"
    "1: inc %cx; mov %cx, 0x3000\n"
    "2: cmp %cx, 0x3100; jne 2b\n"
    "mov %cl, %al; test $0x0f, %cl; jnz 3f; out %al, $0x10\n"
    "3: cmp $80, %cx; jne 1b\n"
    "out %al, $0x11; cli; hlt\n"
    "first_end:\n"
    "second: xor %cx, %cx\n"
    "1: inc %cx\n"
    "2: cmp %cx, 0x3000; jne 2b\n"
    "mov %cx, 0x3100; cmp $80, %cx; jne 1b\n"
    "cli; hlt\n"
    "second_end:\n"
    ".code64\n");
extern char first[], first_end[], second[], second_end[];

static int vm, done, outs[2];
static char *memory;
static struct kvm_run *run[2];
static int vcpu[2];

static long call(int fd, unsigned long command, unsigned long argument)
{
    long r = ioctl(fd, command, argument);
    if (r < 0) { perror("ioctl"); exit(1); }
    return r;
}

static void nothing(int signal) { (void)signal; }

static void *runs(void *which)
{
    int n = (int)(intptr_t)which;
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        if (ioctl(vcpu[n], KVM_RUN, 0) < 0) continue;
        if (run[n]->exit_reason != KVM_EXIT_IO) { fprintf(stderr, "vCPU %d: exit %u\n", n, run[n]->exit_reason); exit(1); }
        if (run[n]->io.port == 0x11) __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
        outs[n]++;
    }
    return 0;
}

int main(int count, char **words)
{
    int forked = count > 1 && words[1] ? fork() : -1;
    int kvm = open("/dev/kvm", O_RDWR);
    if (kvm < 0) { perror("/dev/kvm"); return 1; }
    vm = (int)call(kvm, KVM_CREATE_VM, 0);
    call(vm, KVM_CREATE_IRQCHIP, 0);
    memory = mmap(0, 0x4000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region r = {0, 0, 0, 0x4000, (uintptr_t)memory};
    call(vm, KVM_SET_USER_MEMORY_REGION, (uintptr_t)&r);
    memcpy(memory + 0x1000, first, (size_t)(first_end - first));
    memcpy(memory + 0x2000, second, (size_t)(second_end - second));
    int size = (int)call(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    static struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[200]; } cpuid = {{200, 0, {}}, {}};
    call(kvm, KVM_GET_SUPPORTED_CPUID, (uintptr_t)&cpuid);
    for (int n = 0; n < 2; n++) {
        vcpu[n] = (int)call(vm, KVM_CREATE_VCPU, (unsigned long)n);
        run[n] = mmap(0, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu[n], 0);
        call(vcpu[n], KVM_SET_CPUID2, (uintptr_t)&cpuid);
    }
    struct kvm_sregs s;
    call(vcpu[0], KVM_GET_SREGS, (uintptr_t)&s);
    s.cs.base = 0;
    s.cs.selector = 0;
    call(vcpu[0], KVM_SET_SREGS, (uintptr_t)&s);
    struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
    call(vcpu[0], KVM_SET_REGS, (uintptr_t)&regs);
    struct sigaction a = {.sa_handler = nothing};
    sigaction(SIGUSR1, &a, 0);
    pthread_t threads[2];
    for (intptr_t n = 0; n < 2; n++) pthread_create(&threads[n], 0, runs, (void *)n);
    int asked = 0;
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC};
        call(vm, KVM_GET_IRQCHIP, (uintptr_t)&chip);
        asked++;
        usleep(500);
    }
    /* vCPU 1 sleeps in its HLT for ever: a signal ends its KVM_RUN. */
    for (int n = 0; n < 2; n++)
        while (pthread_tryjoin_np(threads[n], 0)) { pthread_kill(threads[n], SIGUSR1); usleep(1000); }
    struct kvm_regs end;
    call(vcpu[1], KVM_GET_REGS, (uintptr_t)&end);
    printf("counted to %d and %d, %d outs, asked %s, vCPU 1 at 0x%llx\n", *(uint16_t *)(memory + 0x3000), *(uint16_t *)(memory + 0x3100), outs[0], asked ? "meanwhile" : "never", end.rip);
    fflush(stdout);
    int status = 0;
    if (forked > 0) waitpid(forked, &status, 0);
    return status != 0 || outs[0] != 6;
}
