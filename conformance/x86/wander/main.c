/* Goes where the probe does not: capabilities one by one, every model-specific register, random registers, events, chips and
   routes. One line per experiment: what was tried | result and data. Each section starts the random numbers anew. */
#include "wander.h"

int sys;
uint8_t buf[65536] __attribute__((aligned(4096)));
static u64 seed;

void line(long rc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf(" | %s%ld\n", rc < 0 ? "errno " : "", rc < 0 ? -rc : rc);
}
long io(int fd, unsigned long n, u64 arg)
{
    long r = ioctl(fd, n, arg);
    return r < 0 ? -errno : r;
}
u64 rnd(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}
u64 odd(void)
{
    u64 r = rnd();
    switch (r >> 32 & 7) {
    case 0: return 0;
    case 1: return 1ull << (r & 63);
    case 2: return (1ull << (r & 63)) - 1;
    case 3: return ~0ull;
    case 4: return r & 0xff;
    case 5: return r & 0xffff;
    case 6: return ~0ull << (r & 63);
    default: return r;
    }
}
u64 hash(const void *p, size_t n)
{
    u64 h = 0xcbf29ce484222325;
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3;
    return h;
}
int vm_new(void) { return io(sys, KVM_CREATE_VM, 0); }
int vm_irqchip(void)
{
    int vm = vm_new();
    io(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
    io(vm, KVM_CREATE_IRQCHIP, 0);
    return vm;
}
static struct kvm_cpuid2 *supported(void)
{
    static union { struct kvm_cpuid2 c; char room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)]; } all;
    all.c.nent = 256;
    IO(sys, KVM_GET_SUPPORTED_CPUID, &all.c);
    return &all.c;
}
int vcpu_new(int vm, int id)
{
    int v = io(vm, KVM_CREATE_VCPU, id);
    if (v >= 0) IO(v, KVM_SET_CPUID2, supported());
    return v;
}
static long one_msr(int vcpu, unsigned long op, u32 index, u64 *value)
{
    struct { struct kvm_msrs head; struct kvm_msr_entry e; } m;
    memset(&m, 0, sizeof m);
    m.head.nmsrs = 1;
    m.e.index = index;
    m.e.data = *value;
    long r = IO(vcpu, op, &m);
    *value = m.e.data;
    return r;
}
long set_msr(int vcpu, u32 index, u64 value) { return one_msr(vcpu, KVM_SET_MSRS, index, &value); }
long get_msr(int vcpu, u32 index, u64 *value) { return one_msr(vcpu, KVM_GET_MSRS, index, value); }

static const struct { const char *name; void (*run)(void); } sections[] = {
    {"capabilities", capabilities}, {"devices", devices}, {"msrs", msrs}, {"registers", registers}, {"events", events},
    {"interrupts", interrupts}, {"chips", chips}, {"cpuid", cpuid}, {"memory", memory}, {"filters", filters}, {"limits", limits},
};

int main(int argc, char **argv)
{
    sys = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (sys < 0) return perror("/dev/kvm"), 1;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (argc > 1 && strcmp(argv[1], sections[i].name)) continue;
        seed = 0x1234567 + i;
        sections[i].run();
        fflush(stdout);
    }
    return 0;
}
