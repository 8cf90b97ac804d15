/* Runs one of the guests beside this: vmm IMAGE CPUS GIC [pmu], where GIC is 2 or 3. Exit status 0: the guest was content. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "guest.h"

#define RAM (32ul << 20)
#define MAX 128
#define CORE(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))

static int kvm, vm, gic_fd, its_fd = -1, vcpu[MAX], cpus, gic, pmu;
static struct kvm_run *run[MAX];
static uint8_t *ram;
static atomic_int resets;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void must(int answer, const char *what) { if (answer < 0) err(1, "%s", what); }

static void attr(int fd, int set, uint32_t group, uint64_t attr, void *value)
{
    struct kvm_device_attr a = {.group = group, .attr = attr, .addr = (uintptr_t)value};
    if (ioctl(fd, set ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR, &a)) err(1, "attribute %u %llx", group, (unsigned long long)attr);
}

static void reg(int n, uint64_t id, uint64_t value)
{
    struct kvm_one_reg r = {.id = id, .addr = (uintptr_t)&value};
    must(ioctl(vcpu[n], KVM_SET_ONE_REG, &r), "KVM_SET_ONE_REG");
}

static void init(int n, int reset)
{
    struct kvm_vcpu_init init;
    must(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
    init.features[0] = 1 << KVM_ARM_VCPU_PSCI_0_2 | (pmu ? 1 << KVM_ARM_VCPU_PMU_V3 : 0) | (n ? 1 << KVM_ARM_VCPU_POWER_OFF : 0);
    must(ioctl(vcpu[n], KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
    if (n == 0) {
        reg(0, CORE(regs.pc), RAM_BASE + 0x80000);
        reg(0, CORE(regs.regs[0]), (uint64_t)cpus | (uint64_t)reset << 16);
    }
}

/* GICD_CTLR last: nothing is delivered half restored. */
static const uint32_t dist_regs[][2] = {{0x80, 4}, {0x100, 4}, {0x200, 4}, {0x300, 4}, {0x400, 32}, {0x800, 32}, {0xc00, 8}, {0xf20, 16}, {0, 4}};

static atomic_int stop, paused;
static pthread_t thread[MAX];

static void nothing(int signal) { (void)signal; }

/* All other vCPUs are outside KVM_RUN until resume(). */
static void pause_others(int n)
{
    stop = 1;
    for (int c = 0; c < cpus; c++)
        if (c != n) {
            run[c]->immediate_exit = 1;
            pthread_kill(thread[c], SIGUSR1);
        }
    while (paused != cpus - 1) usleep(1000);
}

static void resume(void)
{
    for (int c = 0; c < cpus; c++) run[c]->immediate_exit = 0;
    stop = 0;
    while (paused) usleep(1000);
}

/* Tables to memory, all else read; then reset, and back. CTLR comes last. */
static void migrate_its(void)
{
    static const uint64_t regs[] = {0x04, 0x100, 0x108, 0x80, 0x90, 0x88, 0x00};
    uint64_t value[7];
    attr(gic_fd, 1, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
    attr(its_fd, 1, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES, NULL);
    for (int i = 0; i < 7; i++) attr(its_fd, 0, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, regs[i], &value[i]);
    attr(its_fd, 1, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL);
    for (int i = 0; i < 6; i++) attr(its_fd, 1, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, regs[i], &value[i]);
    attr(its_fd, 1, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
    attr(its_fd, 1, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, regs[6], &value[6]);
}

static void migrate(int n)
{
    uint32_t v;
    pause_others(n);
    if (gic == 3) {
        migrate_its();
        resume();
        return;
    }
    for (unsigned r = 0; r < sizeof(dist_regs) / sizeof(*dist_regs); r++)
        for (int c = 0; c < cpus; c++)
            for (uint32_t at = 0; at < dist_regs[r][1]; at += 4) {
                uint64_t a = (uint64_t)c << 32 | (dist_regs[r][0] + at);
                attr(gic_fd, 0, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, a, &v);
                attr(gic_fd, 1, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, a, &v);
            }
    static const uint32_t cpu_regs[] = {0x00, 0x04, 0x08, 0x1c, 0xd0};
    for (unsigned r = 0; r < sizeof(cpu_regs) / sizeof(*cpu_regs); r++)
        for (int c = 0; c < cpus; c++) {
            uint64_t a = (uint64_t)c << 32 | cpu_regs[r];
            attr(gic_fd, 0, KVM_DEV_ARM_VGIC_GRP_CPU_REGS, a, &v);
            attr(gic_fd, 1, KVM_DEV_ARM_VGIC_GRP_CPU_REGS, a, &v);
        }
    resume();
}

static void line(uint32_t v)
{
    struct kvm_irq_level l = {.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (v & 0xffff), .level = v >> 16 & 1};
    must(ioctl(vm, KVM_IRQ_LINE, &l), "KVM_IRQ_LINE");
}

static void msi(uint32_t v)
{
    struct kvm_msi m = {.address_lo = ITS + 0x10040, .data = v & 0xffff, .devid = v >> 16, .flags = KVM_MSI_VALID_DEVID};
    int r = ioctl(vm, KVM_SIGNAL_MSI, &m);
    must(r, "KVM_SIGNAL_MSI");
}

static void irqfd(uint32_t v)
{
    static int fds[64];
    int n = v & 63;
    if (!fds[n]) {
        struct { struct kvm_irq_routing r; struct kvm_irq_routing_entry e; } t = {.r.nr = 1};
        t.e = (struct kvm_irq_routing_entry){.gsi = 200 + n, .type = KVM_IRQ_ROUTING_MSI, .flags = KVM_MSI_VALID_DEVID};
        t.e.u.msi.address_lo = ITS + 0x10040;
        t.e.u.msi.data = v & 0xffff;
        t.e.u.msi.devid = v >> 16;
        must(ioctl(vm, KVM_SET_GSI_ROUTING, &t), "KVM_SET_GSI_ROUTING");
        fds[n] = eventfd(0, 0);
        struct kvm_irqfd q = {.fd = fds[n], .gsi = 200 + n};
        must(ioctl(vm, KVM_IRQFD, &q), "KVM_IRQFD");
    }
    uint64_t one = 1;
    if (write(fds[n], &one, 8) != 8) err(1, "eventfd");
}

static void *cpu_thread(void *arg)
{
    int n = (int)(intptr_t)arg;
    for (;;) {
        int answer = ioctl(vcpu[n], KVM_RUN, 0);
        if (answer < 0 && errno == EINTR && stop) {
            paused++;
            while (stop) usleep(1000);
            paused--;
            continue;
        }
        must(answer, "KVM_RUN");
        struct kvm_run *r = run[n];
        if (r->exit_reason == KVM_EXIT_SYSTEM_EVENT) {
            if (r->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN) {
                printf("off after %d resets\n", resets);
                exit(resets == 1 ? 0 : 1);
            }
            if (r->system_event.type != KVM_SYSTEM_EVENT_RESET || resets++) errx(1, "system event %u", r->system_event.type);
            for (int i = cpus - 1; i >= 0; i--) if (i == n) init(i, 1);
            continue;
        }
        if (r->exit_reason != KVM_EXIT_MMIO || !r->mmio.is_write || r->mmio.phys_addr - PORT > 64)
            errx(1, "vCPU %d: exit reason %u at %llx", n, r->exit_reason, (unsigned long long)r->mmio.phys_addr);
        uint32_t v;
        memcpy(&v, r->mmio.data, 4);
        pthread_mutex_lock(&one);
        switch (r->mmio.phys_addr - PORT) {
        case PUT: putchar((int)v); break;
        case LINE: line(v); break;
        case MIGRATE: migrate(n); break;
        case MSI: msi(v); break;
        case IRQFD: irqfd(v); break;
        case DONE:
            if (v) printf("the guest failed: %u\n", v);
            fflush(stdout);
            _exit(v ? 1 : 0);
        }
        pthread_mutex_unlock(&one);
    }
}

static void make_gic(void)
{
    struct kvm_create_device d = {.type = gic == 2 ? KVM_DEV_TYPE_ARM_VGIC_V2 : KVM_DEV_TYPE_ARM_VGIC_V3};
    must(ioctl(vm, KVM_CREATE_DEVICE, &d), "KVM_CREATE_DEVICE");
    gic_fd = (int)d.fd;
    uint64_t a = DIST;
    attr(gic_fd, 1, KVM_DEV_ARM_VGIC_GRP_ADDR, gic == 2 ? KVM_VGIC_V2_ADDR_TYPE_DIST : KVM_VGIC_V3_ADDR_TYPE_DIST, &a);
    a = gic == 2 ? CPUIF : REDIST | (uint64_t)cpus << 52;
    attr(gic_fd, 1, KVM_DEV_ARM_VGIC_GRP_ADDR, gic == 2 ? KVM_VGIC_V2_ADDR_TYPE_CPU : KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &a);
    attr(gic_fd, 1, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
    if (gic == 2) return;
    struct kvm_create_device i = {.type = KVM_DEV_TYPE_ARM_VGIC_ITS};
    must(ioctl(vm, KVM_CREATE_DEVICE, &i), "KVM_CREATE_DEVICE");
    its_fd = (int)i.fd;
    a = ITS;
    attr(its_fd, 1, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &a);
    attr(its_fd, 1, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 4) errx(2, "usage: vmm IMAGE CPUS GIC [pmu]");
    cpus = atoi(argv[2]), gic = atoi(argv[3]), pmu = argc > 4;
    int image = open(argv[1], O_RDONLY);
    must(image, argv[1]);
    must(kvm = open("/dev/kvm", O_RDWR), "/dev/kvm");
    must(vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = {.guest_phys_addr = RAM_BASE, .memory_size = RAM, .userspace_addr = (uintptr_t)ram};
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
    size_t size = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    for (int n = 0; n < cpus; n++) {
        must(vcpu[n] = ioctl(vm, KVM_CREATE_VCPU, n), "KVM_CREATE_VCPU");
        run[n] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu[n], 0);
        if (run[n] == MAP_FAILED) err(1, "mmap");
        init(n, 0);
    }
    make_gic();
    for (int n = 0; pmu && n < cpus; n++) {
        int irq = 23;
        attr(vcpu[n], 1, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
        attr(vcpu[n], 1, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, NULL);
    }
    if (read(image, ram + 0x80000, RAM - 0x80000) <= 0) err(1, "read");
    struct sigaction kick = {.sa_handler = nothing};
    sigaction(SIGUSR1, &kick, NULL);
    for (int n = 0; n < cpus; n++) pthread_create(&thread[n], NULL, cpu_thread, (void *)(intptr_t)n);
    for (int n = 0; n < cpus; n++) pthread_join(thread[n], NULL);
}
