package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * An interrupt controller in the kernel, GICv2 or GICv3: its configuration and its lines. Interrupts are kept as levels;
 * that they reach the guest is not built yet.
 */
final class Vgic {
    static final int MAX_VCPUS_V3 = 512, MAX_VCPUS_V2 = 8;
    static final int DEFAULT_IRQS = 256, MIN_IRQS = 64, MAX_IRQS = 1024, PRIVATE = 32;
    static final long UNDEFINED = -1;
    private static final long DIST_SIZE = 0x1_0000, REDIST_SIZE = 0x2_0000;

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
    private final Words levels;

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
        this.levels = region.words("levels", MAX_IRQS / 64 + MAX_VCPUS_V3);
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
        long r = checkRange(dist.get(), address, DIST_SIZE, v3 ? DIST_SIZE : 0x1000);
        if (r == 0) dist.set(address);
        return r;
    }

    /** KVM_VGIC_V3_ADDR_TYPE_REDIST: one region for all vCPUs. */
    long setRedist(long address) {
        if (!redists.get().isEmpty()) return redists.get().get(0).count == 0 ? Errno.EINVAL : Errno.EINVAL;
        return addRedists(new Redists(0, address, 0));
    }

    /** KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: in ascending order of their index. */
    long addRegion(int index, long base, int flags, int count) {
        if (count == 0 || flags != 0) return Errno.EINVAL;
        List<Redists> all = redists.get();
        if (!all.isEmpty() && all.get(0).count == 0) return Errno.EINVAL;
        for (Redists r : all) if (r.index == index) return Errno.EINVAL;
        if (index != all.size()) return Errno.EINVAL;
        return addRedists(new Redists(index, base, count));
    }

    private long addRedists(Redists r) {
        int vcpus = vm.vcpus().get().all().size();
        long size = r.size(Math.max(1, vcpus));
        long e = checkRange(UNDEFINED, r.base, DIST_SIZE, size);
        if (e != 0) return e;
        boolean hitsDist = dist.get() != UNDEFINED && overlap(r.base, size, dist.get(), DIST_SIZE);
        for (Redists o : redists.get())
            if (overlap(r.base, size, o.base, o.size(Math.max(1, vcpus)))) return Errno.EINVAL;
        if (hitsDist) return Errno.EINVAL;
        List<Redists> more = new ArrayList<>(redists.get());
        more.add(r);
        more.sort(Comparator.comparingInt(Redists::index));
        redists.set(List.copyOf(more));
        return 0;
    }

    private static boolean overlap(long a, long sizeA, long b, long sizeB) {
        return a < b + sizeB && b < a + sizeA;
    }

    /** vgic_init: from here on no vCPU can be added. */
    long initialize() {
        initialized.set(1);
        return 0;
    }

    /** kvm_vgic_map_resources at the first run: the addresses must be there; a GICv3 without is fatal for the VM. */
    long mapResources() {
        if (ready.get() != 0) return 0;
        long r = resources();
        if (r == 0) ready.set(1);
        else if (v3) vm.flags().or(Vm.DEAD);
        return r;
    }

    private long resources() {
        if (!v3) {
            if (dist.get() == UNDEFINED || cpu.get() == UNDEFINED) return Errno.ENXIO;
            return initialize();
        }
        if (dist.get() == UNDEFINED || redists.get().isEmpty()) return Errno.ENXIO;
        int room = 0;
        for (Redists x : redists.get()) room += x.count == 0 ? Integer.MAX_VALUE / 2 : x.count;
        if (room < vm.vcpus().get().all().size()) return Errno.ENXIO;
        return initialized() ? 0 : Errno.EBUSY;
    }

    private boolean exists(int number) {
        return number < irqs.get();
    }

    long injectShared(int number, boolean level) {
        if (!exists(number)) return Errno.EINVAL;
        long bit = 1L << (number & 63);
        if (level) levels.or(number >>> 6, bit);
        else levels.and(number >>> 6, ~bit);
        return 0;
    }

    long injectPrivate(Vcpu v, int number, boolean level) {
        int word = MAX_IRQS / 64 + v.id();
        if (level) levels.or(word, 1L << number);
        else levels.and(word, ~(1L << number));
        v.runLoop().wakeUp();
        return 0;
    }

    /** A software-generated interrupt by ICC_SGI*R_EL1. */
    void softwareInterrupt(Vcpu from, long value) {
        // Kept by nobody: delivery is not built yet.
    }

    /** kvm_vgic_vcpu_pending_irq; delivery is not built yet, so nothing ever waits. */
    boolean hasPending(Vcpu v) {
        return false;
    }
}
