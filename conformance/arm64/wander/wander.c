/* Goes where the probe does not: capabilities one by one, devices and attributes of the wrong kind, interrupt lines, states,
   random register ids, several vCPUs. One line per experiment: what was tried | result | data. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* KVM_ARM_SET_COUNTER_OFFSET, which older headers do not have. */
#define COUNTER_OFFSET _IOW(KVMIO, 0xb5, u64[2])
typedef uint64_t u64;
static int sys;
static uint8_t buf[65536] __attribute__((aligned(4096)));

static void line(long rc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf(" | %s%ld\n", rc < 0 ? "errno " : "", rc < 0 ? -rc : rc);
    fflush(stdout);
}
static long io(int fd, unsigned long n, u64 arg)
{
    long r = ioctl(fd, n, arg);
    return r < 0 ? -errno : r;
}
#define IO(fd, n, p) io(fd, n, (u64)(uintptr_t)(p))

static struct kvm_vcpu_init preferred(int vm)
{
    struct kvm_vcpu_init in;
    memset(&in, 0, sizeof in);
    IO(vm, KVM_ARM_PREFERRED_TARGET, &in);
    return in;
}
static int vm_new(void) { return io(sys, KVM_CREATE_VM, 0); }
static int vcpu_new(int vm, int id, uint32_t features)
{
    int v = io(vm, KVM_CREATE_VCPU, id);
    struct kvm_vcpu_init in = preferred(vm);
    in.features[0] = features;
    IO(v, KVM_ARM_VCPU_INIT, &in);
    return v;
}
static long finalize(int v)
{
    int f = KVM_ARM_VCPU_SVE;
    return IO(v, KVM_ARM_VCPU_FINALIZE, &f);
}
static long get(int v, u64 id, void *p)
{
    struct kvm_one_reg r = {id, (u64)(uintptr_t)p};
    return IO(v, KVM_GET_ONE_REG, &r);
}
static long set(int v, u64 id, const void *p)
{
    struct kvm_one_reg r = {id, (u64)(uintptr_t)p};
    return IO(v, KVM_SET_ONE_REG, &r);
}

static void capabilities(void)
{
    for (int on = 0; on < 2; on++)
        for (int c = 0; c < 260; c++)
            for (int a = 0; a < 2; a++) {
                int vm = vm_new(), v = on ? vcpu_new(vm, 0, 0) : -1;
                struct kvm_enable_cap cap = {.cap = c, .args = {a ? ~0ull : 1}};
                long r = IO(on ? v : vm, KVM_ENABLE_CAP, &cap);
                if (r != -EINVAL) line(r, "enable cap %d on a %s args %d", c, on ? "vcpu" : "vm", a);
                cap.flags = 1;
                long f = IO(on ? v : vm, KVM_ENABLE_CAP, &cap);
                if (f != -EINVAL) line(f, "enable cap %d on a %s args %d, flags 1", c, on ? "vcpu" : "vm", a);
                close(v), close(vm);
            }
}

static void devices(void)
{
    for (int t = 0; t < 18; t++) {
        int vm = vm_new();
        struct kvm_create_device d = {.type = t, .flags = KVM_CREATE_DEVICE_TEST};
        line(IO(vm, KVM_CREATE_DEVICE, &d), "test device %d", t);
        d.flags = 2;
        line(IO(vm, KVM_CREATE_DEVICE, &d), "create device %d flags 2", t);
        d.flags = 0;
        d.fd = 77;
        long r = IO(vm, KVM_CREATE_DEVICE, &d);
        line(r, "create device %d", t);
        if (r == 0) {
            int again = d.fd;
            line(IO(vm, KVM_CREATE_DEVICE, &d), "create device %d again", t);
            for (int g = 0; g < 12; g++)
                for (int a = 0; a < 7; a++) {
                    struct kvm_device_attr at = {.group = g, .attr = a, .addr = (u64)(uintptr_t)buf};
                    long h = IO(again, KVM_HAS_DEVICE_ATTR, &at);
                    if (h != -ENXIO) line(h, "device %d has group %d attr %d", t, g, a);
                    memset(buf, 0, 64);
                    long q = IO(again, KVM_GET_DEVICE_ATTR, &at);
                    if (q != -ENXIO) {
                        u64 v;
                        memcpy(&v, buf, 8);
                        line(q, "device %d get group %d attr %d: %llx", t, g, a, (unsigned long long)v);
                    }
                    at.addr = 0;
                    long n = IO(again, KVM_GET_DEVICE_ATTR, &at);
                    if (n != -ENXIO) line(n, "device %d get group %d attr %d NULL", t, g, a);
                    n = IO(again, KVM_SET_DEVICE_ATTR, &at);
                    if (n != -ENXIO) line(n, "device %d set group %d attr %d NULL", t, g, a);
                    at.flags = 1, at.addr = (u64)(uintptr_t)buf;
                    n = IO(again, KVM_HAS_DEVICE_ATTR, &at);
                    if (n != -ENXIO) line(n, "device %d has group %d attr %d flags 1", t, g, a);
                }
            line(io(again, KVM_RUN, 0), "device %d KVM_RUN", t);
            line(IO(again, KVM_GET_ONE_REG, buf), "device %d KVM_GET_ONE_REG", t);
            line(io(again, KVM_CREATE_VCPU, 0), "device %d KVM_CREATE_VCPU", t);
            line(io(vm, KVM_CREATE_VCPU, 0) < 0 ? -errno : 0, "a vcpu after device %d", t);
        }
        close(vm);
    }
    int vm = vm_new(), v = vcpu_new(vm, 0, 1 << KVM_ARM_VCPU_PMU_V3);
    for (int on = 0; on < 3; on++)
        for (int g = 0; g < 8; g++)
            for (int a = 0; a < 6; a++)
                for (int op = 0; op < 3; op++) {
                    static const unsigned long ops[] = {KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR};
                    struct kvm_device_attr at = {.group = g, .attr = a, .addr = op == 1 ? (u64)(uintptr_t)buf : 0};
                    long r = IO(on == 0 ? sys : on == 1 ? vm : v, ops[op], &at);
                    line(r, "%s %s group %d attr %d", on == 0 ? "sys" : on == 1 ? "vm" : "vcpu",
                         op == 0 ? "has" : op == 1 ? "get" : "set NULL", g, a);
                }
    close(v), close(vm);
}

static void gic(void)
{
    int vm = vm_new(), v[3];
    struct kvm_create_device d = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
    for (int i = 0; i < 2; i++) v[i] = vcpu_new(vm, i, 1 << KVM_ARM_VCPU_PSCI_0_2);
    line(IO(vm, KVM_CREATE_DEVICE, &d), "vgic-v3 after two vcpus");
    v[2] = vcpu_new(vm, 2, 1 << KVM_ARM_VCPU_PSCI_0_2);
    line(v[2] < 0 ? v[2] : 0, "a third vcpu");
#define ATTR(op, g, a, p) ({ struct kvm_device_attr x = {.group = (g), .attr = (a), .addr = (u64)(uintptr_t)(p)}; IO(d.fd, op, &x); })
    u64 at = 0x8000001;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 2, &at), "dist at a misaligned address");
    at = 1ull << 52;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 2, &at), "dist beyond the address space");
    at = 0x8000000;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 2, &at), "dist");
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 2, &at), "dist again");
    line(ATTR(KVM_SET_DEVICE_ATTR, 4, 0, 0), "init without redistributors");
    line(io(v[0], KVM_RUN, 0), "run without redistributors");
    at = 0x8010000 | (u64)2 << 52;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 5, &at), "redist region of 2 at a misaligned place");
    at = 0x80a0000 | (u64)2 << 52 | 1;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 5, &at), "redist region of 2 with index 1 first");
    at = 0x80a0000 | (u64)0 << 52;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 5, &at), "redist region of 0");
    at = 0x80a0000 | (u64)2 << 52;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 5, &at), "redist region of 2");
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 5, &at), "redist region of 2 again");
    at = 0x80c0000 | (u64)1 << 52 | 1;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 5, &at), "redist region 1 overlapping");
    at = 0x8200000 | (u64)1 << 52 | 1;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 5, &at), "redist region 1");
    at = 0x9000000;
    line(ATTR(KVM_SET_DEVICE_ATTR, 0, 3, &at), "legacy redist after regions");
    at = 1;
    long gr = ATTR(KVM_GET_DEVICE_ATTR, 0, 5, &at);
    line(gr, "get region 1: %llx", (unsigned long long)at);
    at = 5;
    line(ATTR(KVM_GET_DEVICE_ATTR, 0, 5, &at), "get region 5");
    uint32_t n;
    static const uint32_t counts[] = {0, 32, 63, 64, 65, 96, 1023, 1024, 1056, 2048};
    for (size_t i = 0; i < sizeof counts / 4; i++) {
        n = counts[i];
        line(ATTR(KVM_SET_DEVICE_ATTR, 3, 0, &n), "nr_irqs %u", n);
    }
    n = 0;
    long gn = ATTR(KVM_GET_DEVICE_ATTR, 3, 0, &n);
    line(gn, "get nr_irqs: %u", n);
    line(ATTR(KVM_SET_DEVICE_ATTR, 4, 0, 0), "init");
    line(ATTR(KVM_SET_DEVICE_ATTR, 4, 0, 0), "init again");
    line(ATTR(KVM_SET_DEVICE_ATTR, 3, 0, &n), "nr_irqs after init");
    for (int k = 0; k < 6; k++) line(ATTR(KVM_SET_DEVICE_ATTR, 4, k, 0), "ctrl %d", k);
    static const u64 offs[] = {0, 1, 2, 4, 8, 0xc, 0x80, 0x84, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x401, 0x800, 0xc00, 0xd00, 0x6000, 0x6100, 0xffd0, 0xffe0, 0xffe8, 0xfffc, 0x10000, 0x10004, 0x20000};
    for (int g = 1; g < 9; g++) {
        if (g == 3 || g == 4) continue;
        for (size_t i = 0; i < sizeof offs / 8; i++)
            for (int cpu = 0; cpu < 4; cpu++) {
                if (cpu == 2 && g != 5) continue;
                memset(buf, 0, 16);
                u64 mp = cpu == 3 ? (u64)9 << 32 : (u64)cpu << 32;
                long r = ATTR(KVM_GET_DEVICE_ATTR, g, mp | offs[i], buf);
                uint32_t w;
                memcpy(&w, buf, 4);
                line(r, "gic group %d cpu %d offset %llx: %x", g, cpu, (unsigned long long)offs[i], w);
            }
    }
    for (u64 r = 0xc000; r < 0xc7ff; r += 0x21) {
        memset(buf, 0, 16);
        long q = ATTR(KVM_GET_DEVICE_ATTR, 6, r, buf);
        u64 w;
        memcpy(&w, buf, 8);
        line(q, "gic cpu register %llx: %llx", (unsigned long long)r, (unsigned long long)w);
    }
    for (int type = 0; type < 5; type++)
        for (int irq = 0; irq < 140; irq += 13)
            for (int cpu = 0; cpu < 4; cpu += 3) {
                struct kvm_irq_level l = {.irq = (uint32_t)type << 24 | (uint32_t)cpu << 16 | (uint32_t)irq, .level = 1};
                line(IO(vm, KVM_IRQ_LINE, &l), "irq line type %d cpu %d irq %d", type, cpu, irq);
                l.level = 0;
                IO(vm, KVM_IRQ_LINE, &l);
            }
    struct kvm_msi msi = {.address_lo = 0x8080040, .data = 3};
    line(IO(vm, KVM_SIGNAL_MSI, &msi), "signal msi");
    line(IO(vm, KVM_CREATE_IRQCHIP, 0), "create irqchip");
    int w = io(vm, KVM_CREATE_VCPU, 3);
    line(w < 0 ? w : 0, "a fourth vcpu");
    for (int i = 0; i < 3; i++) close(v[i]);
    close(d.fd), close(vm);
}

static void states(void)
{
    int vm = vm_new(), v = vcpu_new(vm, 0, 1 << KVM_ARM_VCPU_PSCI_0_2);
    for (uint32_t s = 0; s < 14; s++) {
        struct kvm_mp_state m = {s};
        long r = IO(v, KVM_SET_MP_STATE, &m);
        m.mp_state = 99;
        IO(v, KVM_GET_MP_STATE, &m);
        line(r, "mp_state %u then %u", s, m.mp_state);
    }
    for (int b = 0; b < 32; b++) {
        struct kvm_guest_debug g = {.control = 1u << b};
        line(IO(v, KVM_SET_GUEST_DEBUG, &g), "guest debug bit %d", b);
        g.control |= 1;
        line(IO(v, KVM_SET_GUEST_DEBUG, &g), "guest debug enabled, bit %d", b);
    }
    struct kvm_vcpu_events e;
    for (int i = 0; i < 64; i++) {
        memset(&e, 0, sizeof e);
        ((uint8_t *)&e)[i] = 1;
        long r = IO(v, KVM_SET_VCPU_EVENTS, &e);
        memset(&e, 0xee, sizeof e);
        IO(v, KVM_GET_VCPU_EVENTS, &e);
        line(r, "events byte %d: pending %d has_esr %d dabt %d esr %llx", i, e.exception.serror_pending, e.exception.serror_has_esr,
             e.exception.ext_dabt_pending, (unsigned long long)e.exception.serror_esr);
    }
    for (int i = 0; i < 3; i++) {
        int page = 4096 * (i + 1);
        struct kvm_dirty_log d = {.slot = i, .dirty_bitmap = buf + page - 3};
        line(IO(vm, KVM_GET_DIRTY_LOG, &d), "dirty log of slot %d that is not there", i);
    }
    struct kvm_clear_dirty_log cl = {.slot = 0, .num_pages = 64, .dirty_bitmap = buf};
    line(IO(vm, KVM_CLEAR_DIRTY_LOG, &cl), "clear dirty log");
    line(io(vm, KVM_RESET_DIRTY_RINGS, 0), "reset dirty rings");
    struct kvm_coalesced_mmio_zone z = {.addr = 0x1000, .size = 4, .pio = 1};
    line(IO(vm, KVM_REGISTER_COALESCED_MMIO, &z), "coalesced pio");
    z.pio = 0;
    line(IO(vm, KVM_REGISTER_COALESCED_MMIO, &z), "coalesced mmio");
    z.addr++;
    line(IO(vm, KVM_UNREGISTER_COALESCED_MMIO, &z), "no longer, another");
    struct kvm_ioeventfd ioe = {.addr = 0x1000, .len = 3, .fd = -1};
    line(IO(vm, KVM_IOEVENTFD, &ioe), "ioeventfd of 3 bytes");
    ioe.len = 4;
    line(IO(vm, KVM_IOEVENTFD, &ioe), "ioeventfd without a descriptor");
    ioe.flags = KVM_IOEVENTFD_FLAG_PIO;
    line(IO(vm, KVM_IOEVENTFD, &ioe), "ioeventfd on a port");
    struct kvm_irqfd q = {.fd = -1, .gsi = 3};
    line(IO(vm, KVM_IRQFD, &q), "irqfd without a gic");
    struct { struct kvm_irq_routing r; struct kvm_irq_routing_entry e[2]; } rt;
    memset(&rt, 0, sizeof rt);
    rt.r.nr = 1;
    rt.e[0].type = KVM_IRQ_ROUTING_IRQCHIP;
    line(IO(vm, KVM_SET_GSI_ROUTING, &rt), "routing to an irqchip");
    rt.e[0].type = 9;
    line(IO(vm, KVM_SET_GSI_ROUTING, &rt), "routing of type 9");
    rt.r.nr = 0;
    line(IO(vm, KVM_SET_GSI_ROUTING, &rt), "no routing");
    u64 co[2] = {5, 1};
    line(IO(vm, COUNTER_OFFSET, co), "counter offset, reserved 1");
    co[1] = 0;
    line(IO(vm, COUNTER_OFFSET, co), "counter offset");
    line(IO(v, COUNTER_OFFSET, co), "counter offset on a vcpu");
    struct kvm_arm_device_addr da = {.id = 0, .addr = 0x8000000};
    for (int i = 0; i < 4; i++) {
        da.id = (u64)(i & 1) << 16 | (u64)(i >> 1);
        line(IO(vm, KVM_ARM_SET_DEVICE_ADDR, &da), "device address id %llx", (unsigned long long)da.id);
    }
    line(IO(vm, KVM_ARM_MTE_COPY_TAGS, buf), "mte copy tags");
    line(IO(vm, KVM_GET_STATS_FD, 0) < 0 ? -errno : 0, "vm stats fd");
    line(io(vm, KVM_SET_TSS_ADDR, 0x1000), "set tss addr");
    line(IO(v, KVM_SMI, 0), "smi");
    line(IO(v, KVM_GET_SREGS, buf), "get sregs");
    line(IO(v, KVM_KVMCLOCK_CTRL, 0), "kvmclock ctrl");
    line(IO(vm, KVM_GET_CLOCK, buf), "get clock");
    line(IO(vm, KVM_GET_NR_MMU_PAGES, 0), "nr mmu pages");
    line(IO(vm, KVM_MEMORY_ENCRYPT_OP, buf), "memory encrypt");
    line(IO(vm, KVM_SET_PMU_EVENT_FILTER, buf), "pmu event filter");
    line(IO(vm, KVM_SET_BOOT_CPU_ID, 0), "boot cpu id");
    close(v), close(vm);
}

static void features(void)
{
    static const uint32_t f[] = {0, 1 << 2, 1 << 3, 1 << 4, 3 << 5, 1 << 2 | 1 << 4, 1 << 1, 1 << 2 | 1 << 1};
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            int vm = vm_new(), a = io(vm, KVM_CREATE_VCPU, 0), b = io(vm, KVM_CREATE_VCPU, 1);
            struct kvm_vcpu_init in = preferred(vm);
            in.features[0] = f[i];
            long ra = IO(a, KVM_ARM_VCPU_INIT, &in);
            in.features[0] = f[j];
            long rb = IO(b, KVM_ARM_VCPU_INIT, &in), rc = IO(a, KVM_ARM_VCPU_INIT, &in);
            in.features[0] = f[i];
            long rd = IO(a, KVM_ARM_VCPU_INIT, &in), re = IO(b, KVM_ARM_VCPU_INIT, &in);
            printf("features %x and %x | %ld %ld, swapped %ld, back %ld %ld\n", f[i], f[j], ra, rb, rc, rd, re);
            close(a), close(b), close(vm);
        }
}

static u64 seed = 0x1234567;
static u64 rnd(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

static void ids(void)
{
    int vm = vm_new(), v = vcpu_new(vm, 0, 1 << KVM_ARM_VCPU_SVE | 1 << KVM_ARM_VCPU_PSCI_0_2 | 1 << KVM_ARM_VCPU_PMU_V3 | 3 << 5);
    int w = vcpu_new(vm, 1, 1 << KVM_ARM_VCPU_SVE | 1 << KVM_ARM_VCPU_PSCI_0_2 | 1 << KVM_ARM_VCPU_PMU_V3 | 3 << 5);
    u64 vls[8] = {1};
    line(set(w, KVM_REG_ARM64_SVE_VLS, vls), "vls of vcpu 1 to 128 bits");
    line(finalize(v), "finalize 0");
    line(finalize(w), "finalize 1");
    for (int k = 0; k < 2; k++) {
        struct kvm_reg_list *l = (void *)buf;
        l->n = 4000;
        long r = IO(k ? w : v, KVM_GET_REG_LIST, l);
        u64 n = l->n;
        line(r, "list of vcpu %d: %llu", k, (unsigned long long)n);
        l->n = n - 1;
        r = IO(k ? w : v, KVM_GET_REG_LIST, l);
        line(r, "list of vcpu %d with one fewer: %llu", k, (unsigned long long)l->n);
    }
    memset(buf, 0x5a, 512);
    line(set(w, (KVM_REG_ARM64 | KVM_REG_ARM64_SVE | KVM_REG_SIZE_U2048), buf), "z0 of vcpu 1");
    memset(buf, 0, 512);
    long zr = get(w, (KVM_REG_ARM64 | KVM_REG_ARM64_SVE | KVM_REG_SIZE_U2048), buf);
    line(zr, "z0 of vcpu 1: %02x %02x %02x %02x", buf[0], buf[15], buf[16], buf[255]);
    static const u64 kinds[] = {KVM_REG_ARM_CORE, KVM_REG_ARM_DEMUX, KVM_REG_ARM64_SYSREG, KVM_REG_ARM_FW, KVM_REG_ARM64_SVE, 0x160000, 0x170000, 0x120000};
    for (int i = 0; i < 2500; i++) {
        u64 id = KVM_REG_ARM64 | kinds[rnd() % 8] | (u64)(rnd() % 11) << 52 | (rnd() & 0xffff);
        switch (rnd() % 8) {
        case 0: id &= ~0xff00ull; break;
        case 1: id ^= 1ull << (rnd() & 63); break;
        case 2: id = KVM_REG_ARM64 | KVM_REG_ARM64_SYSREG | KVM_REG_SIZE_U64 | 3 << 14 | (rnd() & 0x3fff); break;
        case 3: id = KVM_REG_ARM64 | KVM_REG_ARM64_SYSREG | KVM_REG_SIZE_U64 | 3 << 14 | (rnd() & 0x38); break;
        case 4: id = KVM_REG_ARM64 | KVM_REG_ARM64_SVE | (u64)(5 + rnd() % 4) << 52 | (rnd() & 0x7ff); break;
        case 5: id = KVM_REG_ARM64 | KVM_REG_ARM_CORE | (u64)(2 + rnd() % 3) << 52 | (rnd() & 0xff); break;
        default: break;
        }
        memset(buf, 0, 4096);
        long r = get(v, id, buf);
        u64 x;
        memcpy(&x, buf, 8);
        int timer = (id & 0xff80) == (0xdf00 & 0xff80);
        line(r, "get %016llx: %llx", (unsigned long long)id, r || timer ? 0 : (unsigned long long)x);
        if (r == 0 && !timer) {
            long s = set(v, id, buf);
            line(s, "set back %016llx", (unsigned long long)id);
            u64 y = ~x;
            memcpy(buf, &y, 8);
            s = set(v, id, buf);
            u64 z = 0;
            memset(buf, 0, 4096);
            get(v, id, buf);
            memcpy(&z, buf, 8);
            line(s, "set inverted %016llx: %llx", (unsigned long long)id, (unsigned long long)z);
            memcpy(buf, &x, 8);
            set(v, id, buf);
        }
    }
    close(v), close(w), close(vm);
}

static void pointers(void)
{
    int vm = vm_new(), v = vcpu_new(vm, 0, 0);
    uint8_t *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4096, 4096);
    u64 pc = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | 64;
    for (int back = 0; back < 10; back++) line(get(v, pc, p + 4096 - back), "pc %d bytes before the end of memory", back);
    for (int back = 0; back < 18; back += 3) {
        struct kvm_one_reg r = {pc, (u64)(uintptr_t)buf};
        uint8_t *q = p + 4096 - back;
        memcpy(q, &r, back < 16 ? back : 16);
        line(IO(v, KVM_GET_ONE_REG, q), "the call's structure %d bytes before the end of memory", back);
    }
    for (int back = 0; back < 40; back += 8) {
        u64 *q = (u64 *)(p + 4096 - back);
        if (back) *q = 3;
        line(IO(v, KVM_GET_REG_LIST, q), "a list of 3, %d bytes before the end of memory", back);
        if (back) *q = 4000;
        line(IO(v, KVM_GET_REG_LIST, q), "a list of 4000, %d bytes before the end of memory", back);
    }
    line(IO(v, KVM_ARM_VCPU_INIT, p + 4096 - 31), "init across the end");
    line(IO(v, KVM_GET_VCPU_EVENTS, p + 4096 - 63), "events across the end");
    line(IO(v, KVM_GET_MP_STATE, p + 4096 - 3), "mp_state across the end");
    line(IO(v, KVM_SET_GUEST_DEBUG, p + 4096 - 8), "guest debug across the end");
    close(v), close(vm);
}

static long attribute(int fd, unsigned long op, int group, u64 attr, u64 *v)
{
    struct kvm_device_attr x = {.group = group, .attr = attr, .addr = (u64)(uintptr_t)v};
    return IO(fd, op, &x);
}

static void its(void)
{
    int vm = vm_new();
    struct kvm_create_device d = {.type = KVM_DEV_TYPE_ARM_VGIC_ITS};
    line(IO(vm, KVM_CREATE_DEVICE, &d), "its without a gic");
    static const u64 addresses[] = {0x8080001, 0x8081000, 1ull << 40, (1ull << 40) - 0x10000, ~0ull << 16, 0x8080000, 0x8080000, 0x9080000};
    for (size_t i = 0; i < sizeof addresses / 8; i++) {
        u64 v = addresses[i];
        line(attribute(d.fd, KVM_SET_DEVICE_ATTR, 0, 4, &v), "its at %llx", (unsigned long long)addresses[i]);
    }
    u64 v = 0;
    long r = attribute(d.fd, KVM_GET_DEVICE_ATTR, 0, 4, &v);
    line(r, "its is at %llx", (unsigned long long)v);
    static const u64 offsets[] = {0, 1, 4, 8, 0xc, 0x10, 0x80, 0x84, 0x88, 0x90, 0x98, 0x100, 0x108, 0x110, 0x138, 0x140, 0x1000, 0xffcc, 0xffd0, 0xffe0, 0xffe4, 0xffe8, 0xffec, 0xfff0, 0xfffc, 0x10000, 0x10040, 1ull << 32};
    for (size_t i = 0; i < sizeof offsets / 8; i++) {
        unsigned long long o = offsets[i];
        line(attribute(d.fd, KVM_HAS_DEVICE_ATTR, 8, o, 0), "its has %llx", o);
        v = 0x1111;
        r = attribute(d.fd, KVM_GET_DEVICE_ATTR, 8, o, &v);
        line(r, "its register %llx: %llx", o, (unsigned long long)v);
        for (int ones = 1; ones >= 0; ones--) {
            u64 w = ones ? ~0ull : 0;
            r = attribute(d.fd, KVM_SET_DEVICE_ATTR, 8, o, &w);
            v = !ones;
            attribute(d.fd, KVM_GET_DEVICE_ATTR, 8, o, &v);
            line(r, "its register %llx set to %s: %llx", o, ones ? "ones" : "zero", (unsigned long long)v);
        }
    }
    for (int k = 0; k < 7; k++) line(attribute(d.fd, KVM_SET_DEVICE_ATTR, 4, k, 0), "its control %d", k);
    close(d.fd), close(vm);
}

int main(int argc, char **argv)
{
    sys = open("/dev/kvm", O_RDWR);
    if (sys < 0) return perror("/dev/kvm"), 1;
    static const struct { const char *name; void (*f)(void); } all[] = {
        {"pointers", pointers}, {"states", states}, {"gic", gic}, {"devices", devices}, {"features", features}, {"ids", ids}, {"its", its}, {"capabilities", capabilities}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (argc < 2 || !strcmp(argv[1], all[i].name)) {
            printf("== %s\n", all[i].name);
            all[i].f();
        }
    return 0;
}
