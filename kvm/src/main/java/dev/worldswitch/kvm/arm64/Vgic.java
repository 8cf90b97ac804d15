package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IrqFd;
import dev.worldswitch.kvm.IrqRouting;
import dev.worldswitch.kvm.IrqRouting.Route;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An interrupt controller in the kernel, GICv2 or GICv3: its configuration; {@link VgicDelivery} has its interrupts,
 * {@link VgicMmio} its registers.
 */
final class Vgic {
    static final int MAX_VCPUS_V3 = 512, MAX_VCPUS_V2 = 8;
    static final int DEFAULT_IRQS = 256, MIN_IRQS = 64, MAX_IRQS = 1024, PRIVATE = 32;
    static final long UNDEFINED = -1;
    private static final long LATEST_REVISION = 3;
    private static final long DIST_SIZE = 0x1_0000, REDIST_SIZE = 0x2_0000, CPU_SIZE = 0x2000;

    /**
     * A range of redistributors.
     *
     * @param count 0 for a region of the old attribute, which grows with the vCPUs
     */
    record Redists(int index, long base, int count) {
        long size(int vcpus) {
            return (count == 0 ? vcpus : count) * REDIST_SIZE;
        }
    }

    private final Vm vm;
    private final boolean v3;
    private final Region region;
    private final Word dist, cpu, irqs, initialized, ready, irqsSet;
    private final Ref<List<Redists>> redists;
    private final VgicDelivery delivery;
    private final VgicMmio mmio;
    private final Word revision, propbaser, groupsWritable;
    private final Ref<IrqRouting> routes;

    Vgic(Vm vm, boolean v3) {
        this.vm = vm;
        this.v3 = v3;
        this.region = vm.region().child("vgic");
        this.dist = region.word("dist");
        this.cpu = region.word("cpuInterface");
        this.irqs = region.word("irqs");
        this.irqsSet = region.word("irqsSet");
        this.initialized = region.word("initialized");
        this.ready = region.word("ready");
        this.redists = region.ref("redists", List.of());
        this.revision = region.word("revision");
        this.propbaser = region.word("propbaser");
        this.groupsWritable = region.word("v2GroupsUserWritable");
        this.routes = region.ref("routes", IrqRouting.NONE);
        this.delivery = new VgicDelivery(vm, this, region);
        this.mmio = new VgicMmio(vm, this);
        dist.set(UNDEFINED);
        cpu.set(UNDEFINED);
        irqs.set(DEFAULT_IRQS);
    }

    boolean isV3() {
        return v3;
    }

    int maxVcpus() {
        return v3 ? MAX_VCPUS_V3 : MAX_VCPUS_V2;
    }

    boolean initialized() {
        return initialized.get() != 0;
    }

    Word dist() {
        return dist;
    }

    Word cpu() {
        return cpu;
    }

    List<Redists> redists() {
        return redists.get();
    }

    long irqs() {
        return irqs.get();
    }

    /** KVM_DEV_ARM_VGIC_GRP_NR_IRQS: once, a multiple of 32. */
    long irqs(int n) {
        if (n < MIN_IRQS || n > MAX_IRQS || n % 32 != 0) return Errno.EINVAL;
        if (initialized() || irqsSet.get() != 0) return Errno.EBUSY;
        irqs.set(n);
        irqsSet.set(1);
        return 0;
    }

    /** vgic_check_iorange. */
    private long checkRange(long old, long address, long alignment, long size) {
        if (old != UNDEFINED) return Errno.EEXIST;
        if ((address & alignment - 1) != 0 || (size & alignment - 1) != 0) return Errno.EINVAL;
        if (Long.compareUnsigned(address + size, address) < 0) return Errno.EINVAL;
        if (address >>> vm.ipaBits() != 0 || Long.compareUnsigned(address + size, 1L << vm.ipaBits()) > 0)
            return Errno.E2BIG;
        return 0;
    }

    long setDist(long address) {
        long size = v3 ? DIST_SIZE : 0x1000, r = checkRange(dist.get(), address, size, size);
        if (r == 0) dist.set(address);
        return r;
    }

    /** KVM_VGIC_V2_ADDR_TYPE_CPU. */
    long setCpu(long address) {
        long r = checkRange(cpu.get(), address, 0x1000, CPU_SIZE);
        if (r == 0) cpu.set(address);
        return r;
    }

    /** KVM_VGIC_V3_ADDR_TYPE_REDIST: one region for all vCPUs. */
    long setRedist(long address) {
        return addRedists(new Redists(0, address, 0));
    }

    /** KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: in ascending order of their index. */
    long addRegion(int index, long base, int flags, int count) {
        return count == 0 || flags != 0 ? Errno.EINVAL : addRedists(new Redists(index, base, count));
    }

    private int vcpus() {
        return vm.vcpus().get().all().size();
    }

    /** vgic_v3_alloc_redist_region, and vgic_register_all_redist_iodevs for the vCPUs that are there. */
    private long addRedists(Redists r) {
        long size = r.size(vcpus());
        List<Redists> all = redists.get();
        if (Long.compareUnsigned(r.base + size, r.base) < 0) return Errno.EINVAL;
        if (all.isEmpty() && r.index != 0) return Errno.EINVAL;
        if (!all.isEmpty()) {
            Redists last = all.get(all.size() - 1);
            if (r.count == 0) return last.count == 0 ? Errno.EEXIST : Errno.EINVAL;
            if (r.index != last.index + 1 || last.count == 0) return Errno.EINVAL;
        }
        if (r.count == 0 && dist.get() != UNDEFINED && overlap(r.base, size, dist.get(), DIST_SIZE))
            return Errno.EINVAL;
        if (hitsRedists(r.base, size)) return Errno.EINVAL;
        long e = checkRange(UNDEFINED, r.base, DIST_SIZE, size);
        if (e != 0) return e;
        List<Redists> more = new ArrayList<>(all);
        more.add(r);
        redists.set(List.copyOf(more));
        if (slots(all) < vcpus() && !basesFit()) {
            redists.set(all);
            return Errno.EINVAL;
        }
        return 0;
    }

    private boolean hitsRedists(long base, long size) {
        for (Redists o : redists.get()) if (overlap(base, size, o.base, o.size(vcpus()))) return true;
        return false;
    }

    /** vgic_v3_check_base. */
    private boolean basesFit() {
        return dist.get() == UNDEFINED || !hitsRedists(dist.get(), DIST_SIZE);
    }

    private static long slots(List<Redists> of) {
        long n = 0;
        for (Redists r : of) n += r.count == 0 ? Integer.MAX_VALUE : r.count;
        return n;
    }

    /** kvm_vgic_vcpu_init: a new vCPU's redistributor finds a place, or none yet; EINVAL where its frames collide. */
    long vcpuCreated() {
        return v3 && slots(redists.get()) >= vcpus() && !basesFit() ? Errno.EINVAL : 0;
    }

    private static boolean overlap(long a, long sizeA, long b, long sizeB) {
        return a < b + sizeB && b < a + sizeA;
    }

    /** vgic_init: from here on no vCPU can be added. */
    long initialize() {
        if (initialized()) return 0;
        if (revision.get() == 0) revision.set(LATEST_REVISION);
        delivery.initialize(region, v3);
        irqsSet.set(1);
        routes.set(defaultRoutes());
        initialized.set(1);
        return 0;
    }

    /** kvm_vgic_setup_default_irq_routing: each GSI is the shared interrupt of its number. */
    private IrqRouting defaultRoutes() {
        List<Route> all = new ArrayList<>();
        for (int i = 0; i < irqs.get() - PRIVATE; i++) all.add(Route.chip(i, 0, i));
        return new IrqRouting(List.copyOf(all));
    }

    Ref<IrqRouting> routes() {
        return routes;
    }

    /** kvm_set_irq: how many took it, -1 for nobody. */
    int setIrq(int gsi, boolean level) {
        for (Route r : routes.get().routes())
            if (r.gsi() == gsi && r.type() == IrqRouting.IRQCHIP)
                return injectShared(r.pin() + PRIVATE, level) == 0 ? 1 : -1;
            else if (r.gsi() == gsi && r.type() == IrqRouting.MSI && level)
                return (int) vm.message(r.address(), r.data(), r.flags() != 0, r.devid());
        return -1;
    }

    /** kvm_notify_acked_irq: the guest has ended a level. */
    void acked(int id) {
        if (vm.irqFds().get().isEmpty() || id < PRIVATE) return;
        int gsi = routes.get().gsi(0, id - PRIVATE);
        if (gsi >= 0) IrqFd.acked(vm, gsi);
    }

    VgicDelivery delivery() {
        return delivery;
    }

    VgicMmio mmio() {
        return mmio;
    }

    /** KVM_VGIC_IMP_REV_*. */
    Word revision() {
        return revision;
    }

    /** 1 once user space wrote a GICv2's GICD_IIDR: before it does not know that groups are told rightly. */
    Word groupsWritable() {
        return groupsWritable;
    }

    Word propbaser() {
        return propbaser;
    }

    /** Interrupts that registers show: before initialisation only the private ones and those that user space asked for. */
    int shownIrqs() {
        return irqsSet.get() != 0 ? (int) irqs.get() : PRIVATE;
    }

    /** kvm_vgic_map_resources at the first run: the addresses must be there; a GICv3 without is fatal for the VM. */
    long mapResources() {
        if (ready.get() != 0) return 0;
        long r = resources();
        if (r == 0) ready.set(1);
        else if (v3) vm.markDead();
        return r;
    }

    private long resources() {
        if (!v3) {
            if (dist.get() == UNDEFINED || cpu.get() == UNDEFINED) return Errno.ENXIO;
            return initialize();
        }
        if (dist.get() == UNDEFINED || slots(redists.get()) < vcpus()) return Errno.ENXIO;
        if (!basesFit()) return Errno.EINVAL;
        return initialized() ? 0 : Errno.EBUSY;
    }

    /** KVM_IRQ_LINE: a GICv3 must have been initialised, a GICv2 is now. */
    private long ready(int number) {
        if (!initialized() && v3) return Errno.EBUSY;
        if (!initialized()) initialize();
        return number >= irqs.get() ? Errno.EINVAL : 0;
    }

    long injectShared(int number, boolean level) {
        long r = ready(number);
        if (r == 0) delivery.inject(0, number, level);
        return r;
    }

    long injectPrivate(Vcpu v, int number, boolean level) {
        long r = ready(number);
        if (r == 0) delivery.inject(delivery.index(v), number, level);
        return r;
    }

    /** A line of the vCPU's own devices, private or shared: timers and the PMU. */
    void line(Vcpu v, int number, boolean level) {
        if (initialized() && number >= 16) delivery.inject(delivery.index(v), number, level);
    }

    /** vgic_v3_dispatch_sgi: a write of ICC_SGI*R_EL1. */
    void softwareInterrupt(Vcpu from, long value, boolean allowGroup1) {
        int id = (int) (value >>> 24) & 15;
        boolean broadcast = (value >>> 40 & 1) != 0;
        long affinity = (value >>> 48 & 0xff) << 32 | (value >>> 32 & 0xff) << 16 | (value >>> 16 & 0xff) << 8;
        var all = vm.vcpus().get().all();
        for (int i = 0; i < all.size(); i++) {
            long own = VgicDelivery.affinity(all.get(i));
            boolean listed = (own & ~0xffL) == affinity && (own & 0xff) < 16 && (value >>> (own & 0xff) & 1) != 0;
            if (broadcast ? all.get(i) != from : listed) delivery.sgi(i, id, allowGroup1);
        }
    }

    /** vgic_mmio_write_sgir: a write of a GICv2's GICD_SGIR. */
    void softwareInterrupt(int from, long value) {
        int count = vcpus(), mode = (int) (value >>> 24) & 3, all = (1 << count) - 1;
        int targets = switch (mode) {
            case 0 -> (int) (value >>> 16) & 0xff;
            case 1 -> all & ~(1 << from);
            case 2 -> 1 << from;
            default -> 0;
        };
        for (int i = 0; i < count; i++) if ((targets >>> i & 1) != 0) delivery.sgi(i, (int) value & 15, from);
    }

    /** kvm_vgic_vcpu_pending_irq. */
    boolean hasPending(Vcpu v) {
        return delivery.hasPending(v);
    }

    /** Index of the vCPU whose redistributor is at this address, and the offset in it; null where there is none. */
    int @Nullable [] redistributor(long ipa) {
        int vcpus = vm.vcpus().get().all().size(), first = 0;
        for (Redists r : redists.get()) {
            int n = Math.min(vcpus - first, r.count == 0 ? vcpus : r.count);
            long offset = ipa - r.base;
            if (offset >= 0 && offset < n * REDIST_SIZE)
                return new int[] {first + (int) (offset / REDIST_SIZE), (int) (offset % REDIST_SIZE)};
            first += n;
        }
        return null;
    }

    /** vgic_mmio_vcpu_rdist_is_last: no redistributor follows in its region, nor in one that touches it. */
    boolean isLastRedistributor(int vcpu) {
        int vcpus = vm.vcpus().get().all().size(), first = 0;
        List<Redists> all = redists.get();
        for (Redists r : all) {
            int n = Math.min(vcpus - first, r.count == 0 ? vcpus : r.count);
            if (vcpu < first + n) {
                if (vcpu < first + n - 1) return false;
                boolean full = r.count != 0 && n == r.count;
                return !full || !startsAt(all, r.base + r.count * REDIST_SIZE, vcpus);
            }
            first += n;
        }
        return false;
    }

    private static boolean startsAt(List<Redists> all, long base, int vcpus) {
        int first = 0;
        for (Redists r : all) {
            if (r.base == base && vcpus > first) return true;
            first += r.count;
        }
        return false;
    }
}
