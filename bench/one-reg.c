/* An arm64 client's KVM_GET_ONE_REG and KVM_SET_ONE_REG calls: medians, in microseconds. */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#define CALLS 20000

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void measure(const char *name, int vcpu, unsigned long call)
{
    static double took[CALLS];
    uint64_t value = 0;
    struct kvm_one_reg r = {.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc),
                            .addr = (uintptr_t)&value};
    for (int i = 0; i < CALLS; i++) {
        double start = now();
        if (ioctl(vcpu, call, &r)) err(1, "%s", name);
        took[i] = now() - start;
    }
    qsort(took, CALLS, sizeof *took, order);
    printf("%s: median %.1f us, 90%% %.1f us\n", name, took[CALLS / 2], took[CALLS * 9 / 10]);
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_vcpu_init init;
    if (vcpu < 0 || ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) || ioctl(vcpu, KVM_ARM_VCPU_INIT, &init)) err(1, "vCPU");
    measure("KVM_GET_ONE_REG", vcpu, KVM_GET_ONE_REG);
    measure("KVM_SET_ONE_REG", vcpu, KVM_SET_ONE_REG);
    return 0;
}
