package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Memory-mapped registers of a GICv3 (Arm IHI 0069, 12.8 to 12.11; vgic-mmio-v3.c): its distributor and its redistributors; of a
 * GICv2 (Arm IHI 0048, 4.3; vgic-mmio-v2.c) the distributor, whose private interrupts are those of the CPU that looks.
 */
final class VgicMmio {
    private enum What {
        MISC,
        RAO,
        RAZ,
        GROUP,
        ENABLE,
        DISABLE,
        PEND,
        UNPEND,
        ACTIVATE,
        DEACTIVATE,
        PRIORITY,
        CONFIG,
        ROUTER,
        TARGET,
        SEND,
        SENDERS_CLEAR,
        SENDERS_SET,
        ID,
        R_CTLR,
        R_IIDR,
        R_TYPER,
        PROPBASER,
        PENDBASER,
        INVLPI,
        INVALL
    }

    /**
     * Registers of one kind.
     *
     * @param bits of each interrupt; 0 where the registers are not by interrupt
     * @param sizes the sum of the access sizes in bytes that it takes
     */
    private record Row(int offset, int length, int bits, int sizes, What what) {
        int irq(int at) {
            return (at - offset) * 8 / bits;
        }
    }

    private static final int SGI = 0x1_0000, PIDR2 = 0xffe8, REDIST_TYPER = 8;

    private static final List<Row> DIST = List.of(
            new Row(0x0000, 16, 0, 4, What.MISC),
            new Row(0x0010, 4, 0, 4, What.RAO),
            new Row(0x0080, 128, 1, 4, What.GROUP),
            new Row(0x0100, 128, 1, 4, What.ENABLE),
            new Row(0x0180, 128, 1, 4, What.DISABLE),
            new Row(0x0200, 128, 1, 4, What.PEND),
            new Row(0x0280, 128, 1, 4, What.UNPEND),
            new Row(0x0300, 128, 1, 4, What.ACTIVATE),
            new Row(0x0380, 128, 1, 4, What.DEACTIVATE),
            new Row(0x0400, 1024, 8, 4 + 1, What.PRIORITY),
            new Row(0x0800, 1024, 8, 4 + 1, What.RAZ),
            new Row(0x0c00, 256, 2, 4, What.CONFIG),
            new Row(0x0d00, 128, 1, 4, What.RAZ),
            new Row(0x6000, 8192, 64, 8 + 4, What.ROUTER),
            new Row(0xffd0, 48, 0, 4, What.ID));
    private static final List<Row> DIST_V2 = List.of(
            new Row(0x000, 12, 0, 4, What.MISC),
            new Row(0x080, 128, 1, 4, What.GROUP),
            new Row(0x100, 128, 1, 4, What.ENABLE),
            new Row(0x180, 128, 1, 4, What.DISABLE),
            new Row(0x200, 128, 1, 4, What.PEND),
            new Row(0x280, 128, 1, 4, What.UNPEND),
            new Row(0x300, 128, 1, 4, What.ACTIVATE),
            new Row(0x380, 128, 1, 4, What.DEACTIVATE),
            new Row(0x400, 1024, 8, 4 + 1, What.PRIORITY),
            new Row(0x800, 1024, 8, 4 + 1, What.TARGET),
            new Row(0xc00, 256, 2, 4, What.CONFIG),
            new Row(0xf00, 4, 0, 4, What.SEND),
            new Row(0xf10, 16, 8, 4 + 1, What.SENDERS_CLEAR),
            new Row(0xf20, 16, 8, 4 + 1, What.SENDERS_SET));
    private static final List<Row> REDIST = List.of(
            new Row(0x0000, 4, 0, 4, What.R_CTLR),
            new Row(0x0004, 4, 0, 4, What.R_IIDR),
            new Row(REDIST_TYPER, 8, 0, 8 + 4, What.R_TYPER),
            new Row(0x0010, 4, 0, 4, What.RAZ),
            new Row(0x0014, 4, 0, 4, What.RAZ),
            new Row(0x0070, 8, 0, 8 + 4, What.PROPBASER),
            new Row(0x0078, 8, 0, 8 + 4, What.PENDBASER),
            new Row(0x00a0, 8, 0, 8 + 4, What.INVLPI),
            new Row(0x00b0, 8, 0, 8 + 4, What.INVALL),
            new Row(0x00c0, 4, 0, 4, What.RAZ),
            new Row(0xffd0, 48, 0, 4, What.ID),
            new Row(SGI + 0x080, 4, 1, 4, What.GROUP),
            new Row(SGI + 0x100, 4, 1, 4, What.ENABLE),
            new Row(SGI + 0x180, 4, 1, 4, What.DISABLE),
            new Row(SGI + 0x200, 4, 1, 4, What.PEND),
            new Row(SGI + 0x280, 4, 1, 4, What.UNPEND),
            new Row(SGI + 0x300, 4, 1, 4, What.ACTIVATE),
            new Row(SGI + 0x380, 4, 1, 4, What.DEACTIVATE),
            new Row(SGI + 0x400, 32, 8, 4 + 1, What.PRIORITY),
            new Row(SGI + 0xc00, 8, 2, 4, What.CONFIG),
            new Row(SGI + 0xd00, 4, 1, 4, What.RAZ),
            new Row(SGI + 0xe00, 4, 2, 4, What.RAZ));
    private static final int CTLR = 0, TYPER = 4, IIDR = 8;
    /** GICD_CTLR: EnableGrp1, ARE_NS, DS. */
    private static final long ENABLE_GROUP1 = 2, ARE = 1 << 4, DS = 1 << 6;
    /** GICD_CTLR of a GICv2: Enable. */
    private static final long ENABLE_V2 = 1;

    /** GICR_CTLR. */
    private static final long ENABLE_LPIS = 1;

    private static final long PROPBASER_RES0 = 7L << 59 | 15L << 52 | 3L << 5 | 1L << 63 | 1L << 62;
    private static final long PENDBASER_RES0 = 1L << 63 | 7L << 59 | 15L << 52 | 15L << 12 | 0x7f;
    private static final long IMPLEMENTER_ARM = 0x43b, PRODUCT_KVM = 0x4bL << 24, REVISION_MASK = 0xf000;

    private final Vm vm;
    private final Vgic gic;

    VgicMmio(Vm vm, Vgic gic) {
        this.vm = vm;
        this.gic = gic;
    }

    /** A stretch of guest-physical memory that the interrupt controller answers. */
    interface Frame {
        /** A guest's access: what does not exist reads as zero and ignores writes. */
        long access(Vcpu by, long ipa, int length, boolean write, long value);
    }

    /**
     * A place in one of the frames.
     *
     * @param vcpu index of the redistributor's vCPU; -1 for the distributor
     */
    record Place(VgicMmio of, int vcpu, int offset) implements Frame {
        @Override
        public long access(Vcpu by, long ipa, int length, boolean write, long value) {
            Row row = of.find(this, length);
            if (row == null) return 0;
            int cpu = vcpu < 0 ? of.delivery().index(by) : vcpu;
            if (!write) return of.guestRead(cpu, row, this, length);
            of.guestWrite(cpu, row, this, length, value);
            return 0;
        }
    }

    private VgicDelivery delivery() {
        return gic.delivery();
    }

    /** What a guest finds at this address; null where no frame is. */
    @Nullable
    Frame place(long ipa) {
        Its its = Its.at(vm, ipa);
        if (its != null) return its;
        if (!gic.initialized()) return null;
        long at = ipa - gic.dist().get(), size = gic.isV3() ? 0x1_0000 : 0x1000;
        if (gic.dist().get() != Vgic.UNDEFINED && at >= 0 && at < size) return new Place(this, -1, (int) at);
        if (!gic.isV3()) return null;
        int[] r = gic.redistributor(ipa);
        return r == null ? null : new Place(this, r[0], r[1]);
    }

    /** vgic_get_mmio_region: null for what does not exist, is accessed in another size, or is of interrupts not there. */
    private @Nullable Row find(Place p, int length) {
        for (Row r : p.vcpu >= 0 ? REDIST : gic.isV3() ? DIST : DIST_V2) {
            if (p.offset < r.offset || p.offset >= r.offset + r.length) continue;
            if ((r.sizes & length) == 0 || (p.offset & length - 1) != 0) return null;
            return p.vcpu < 0 && r.bits != 0 && r.irq(p.offset) >= gic.shownIrqs() ? null : r;
        }
        return null;
    }

    /** vgic_v3_has_attr_regs for both frames. */
    boolean has(boolean dist, int offset) {
        return (offset & 3) == 0 && find(new Place(this, dist ? -1 : 0, offset), 4) != null;
    }

    // What user space reads and writes: 32 bits.

    long userRead(boolean dist, int vcpu, int offset) {
        Place p = new Place(this, dist ? -1 : vcpu, offset);
        Row r = find(p, 4);
        if (r == null) return 0;
        return switch (r.what) {
            // Levels are saved apart from what is latched.
            case PEND -> bits(vcpu, r, p, VgicIrq.LATCH);
            case UNPEND -> 0;
            default -> read(vcpu, r, p, 4);
        };
    }

    long userWrite(boolean dist, int vcpu, int offset, long value) {
        Place p = new Place(this, dist ? -1 : vcpu, offset);
        Row r = find(p, 4);
        if (r == null) return 0;
        switch (r.what) {
            case MISC -> {
                return userMisc(offset, value);
            }
            case PEND -> {
                change(vcpu, r, p, value, VgicIrq.LATCH, true);
                change(vcpu, r, p, ~value, VgicIrq.LATCH, false);
                if (!gic.isV3() && p.offset == r.offset) restoreSenders(vcpu, value);
            }
            case UNPEND -> {}
            case GROUP -> {
                if (gic.isV3() || gic.groupsWritable().get() != 0) write(vcpu, r, p, 4, value);
            }
            default -> write(vcpu, r, p, 4, value);
        }
        return 0;
    }

    /** Pending SGIs of a GICv2 restored by ISPENDR0: somebody must have sent them, so the vCPU itself has. */
    private void restoreSenders(int vcpu, long pending) {
        for (int id = 0; id < 16; id++) {
            long irq = delivery().irq(vcpu, id);
            int senders = (pending >>> id & 1) == 0 ? 0 : VgicIrq.cpus(irq) | 1 << vcpu;
            delivery().irq(vcpu, id, VgicIrq.cpus(irq, senders));
        }
    }

    private long userMisc(int offset, long value) {
        if (offset == CTLR) {
            delivery().enabled().set(value & enable());
            return 0;
        }
        if (offset == TYPER) return 0;
        if (offset != IIDR) return value == 0 ? 0 : Errno.EINVAL;
        if (((value ^ misc(IIDR)) & ~REVISION_MASK) != 0) return Errno.EINVAL;
        long revision = (value & REVISION_MASK) >>> 12;
        if (revision != 2 && revision != 3) return Errno.EINVAL;
        gic.revision().set(revision);
        gic.groupsWritable().set(1);
        return 0;
    }

    /** KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO: the lines of 32 interrupts. */
    long readLevels(int vcpu, int first) {
        long r = 0;
        for (int i = 0; i < 32 && first + i < gic.shownIrqs(); i++) {
            long irq = delivery().irq(vcpu, first + i);
            if ((irq & (VgicIrq.EDGE | VgicIrq.LINE)) == VgicIrq.LINE) r |= 1L << i;
        }
        return r;
    }

    void writeLevels(int vcpu, int first, long value) {
        delivery().lock().lock();
        try {
            for (int i = 0; i < 32 && first + i < gic.shownIrqs(); i++) {
                long irq = delivery().irq(vcpu, first + i);
                if ((irq & VgicIrq.EDGE) != 0) continue;
                delivery().irq(vcpu, first + i, VgicIrq.set(irq, VgicIrq.LINE, (value >>> i & 1) != 0));
            }
        } finally {
            delivery().lock().unlock();
        }
    }

    // What guests read and write.

    private long guestRead(int vcpu, Row r, Place p, int length) {
        boolean active = r.what == What.ACTIVATE || r.what == What.DEACTIVATE;
        if (!active) return read(vcpu, r, p, length);
        delivery().pause();
        long v = read(vcpu, r, p, length);
        delivery().resume();
        return v;
    }

    private void guestWrite(int vcpu, Row r, Place p, int length, long value) {
        boolean active = r.what == What.ACTIVATE || r.what == What.DEACTIVATE;
        if (active) delivery().pause();
        write(vcpu, r, p, length, value);
        if (active) delivery().resume();
    }

    private long read(int vcpu, Row r, Place p, int length) {
        return switch (r.what) {
            case MISC -> misc(p.offset);
            case RAO -> 0xffffffffL;
            case GROUP -> bits(vcpu, r, p, VgicIrq.GROUP1);
            case ENABLE, DISABLE -> bits(vcpu, r, p, VgicIrq.ENABLED);
            case PEND, UNPEND -> bits(vcpu, r, p, 0);
            case ACTIVATE, DEACTIVATE -> bits(vcpu, r, p, VgicIrq.ACTIVE);
            case PRIORITY -> {
                long v = 0;
                for (int i = 0; i < length && exists(r, p, i); i++)
                    v |= (long) VgicIrq.priority(irq(vcpu, r, p, i)) << 8 * i;
                yield v;
            }
            case CONFIG -> {
                long v = 0;
                for (int i = 0; i < 16 && exists(r, p, i); i++)
                    if ((irq(vcpu, r, p, i) & VgicIrq.EDGE) != 0) v |= 2L << 2 * i;
                yield v;
            }
            // The upper half reads as zero: there is no affinity level 3.
            case ROUTER -> exists(r, p, 0) && (p.offset & 4) == 0 ? VgicIrq.affinity(irq(vcpu, r, p, 0)) : 0;
            case TARGET, SENDERS_CLEAR, SENDERS_SET -> {
                long v = 0;
                for (int i = 0; i < length && exists(r, p, i); i++) {
                    boolean sgi = r.irq(p.offset) + i < 16 && r.what == What.TARGET;
                    v |= (long) (sgi ? 1 << vcpu : VgicIrq.cpus(irq(vcpu, r, p, i))) << 8 * i;
                }
                yield v;
            }
            case SEND -> 0;
            case ID -> (p.offset & 0xffff) == PIDR2 ? 0x3b : 0;
            case R_CTLR -> (gic.revision().get() >= 3 ? 6 : 0) | (delivery().lpisEnabled(vcpu) ? ENABLE_LPIS : 0);
            case R_IIDR -> PRODUCT_KVM | IMPLEMENTER_ARM;
            case R_TYPER -> part(typer(vcpu), p.offset, length);
            case PROPBASER -> part(gic.propbaser().get(), p.offset, length);
            case PENDBASER -> part(pendbaser(vcpu).get(), p.offset, length);
            case RAZ, INVLPI, INVALL -> 0;
        };
    }

    private void write(int vcpu, Row r, Place p, int length, long value) {
        switch (r.what) {
            case MISC -> {
                if (p.offset != CTLR) return;
                boolean was = delivery().enabled().get() != 0;
                delivery().enabled().set(value & enable());
                if (!was) delivery().kickAll();
            }
            case GROUP -> {
                change(vcpu, r, p, value, VgicIrq.GROUP1, true);
                change(vcpu, r, p, ~value, VgicIrq.GROUP1, false);
            }
            case ENABLE -> change(vcpu, r, p, value, VgicIrq.ENABLED, true);
            case DISABLE -> change(vcpu, r, p, value, VgicIrq.ENABLED, false);
            case PEND -> change(vcpu, r, p, value & ~v2Sgis(r, p), VgicIrq.LATCH, true);
            case UNPEND -> change(vcpu, r, p, value & ~v2Sgis(r, p), VgicIrq.LATCH, false);
            case ACTIVATE -> change(vcpu, r, p, value, VgicIrq.ACTIVE, true);
            case DEACTIVATE -> change(vcpu, r, p, value, VgicIrq.ACTIVE, false);
            case PRIORITY, CONFIG, ROUTER, TARGET, SENDERS_CLEAR, SENDERS_SET -> configure(vcpu, r, p, length, value);
            case SEND -> gic.softwareInterrupt(vcpu, value);
            // While LPIs are on their tables stay.
            case PROPBASER -> {
                if (delivery().lpisEnabled(vcpu)) return;
                merge(gic.propbaser(), p.offset, length, value);
                gic.propbaser().and(~PROPBASER_RES0);
            }
            case PENDBASER -> {
                if (delivery().lpisEnabled(vcpu)) return;
                merge(pendbaser(vcpu), p.offset, length, value);
                pendbaser(vcpu).and(~PENDBASER_RES0);
            }
            case R_CTLR -> {
                if (hasIts()) delivery().enableLpis(vcpu, (value & ENABLE_LPIS) != 0);
            }
            case INVLPI -> {
                int id = (int) value;
                if (p.offset == r.offset && delivery().isLpi(id)) delivery().configure(id, -1);
            }
            case INVALL -> {
                if (p.offset == r.offset) delivery().configureAll(vcpu);
            }
            default -> {}
        }
    }

    private long enable() {
        return gic.isV3() ? ENABLE_GROUP1 : ENABLE_V2;
    }

    /** SGIs of a GICv2 become pending by GICD_SGIR and GICD_SPENDSGIRn only. */
    private long v2Sgis(Row r, Place p) {
        return !gic.isV3() && r.irq(p.offset) == 0 ? 0xffff : 0;
    }

    private void configure(int vcpu, Row r, Place p, int length, long value) {
        delivery().lock().lock();
        try {
            int n = r.bits == 8 ? length : r.what == What.CONFIG ? 16 : (p.offset & 4) == 0 ? 1 : 0;
            for (int i = 0; i < n && exists(r, p, i); i++) {
                int id = r.irq(p.offset) + i;
                long irq = delivery().irq(vcpu, id);
                long now = switch (r.what) {
                    case PRIORITY -> VgicIrq.priority(irq, (int) (value >>> 8 * i));
                    // Private interrupts have a fixed configuration: KVM's timers are levels.
                    case CONFIG -> id < Vgic.PRIVATE ? irq : VgicIrq.set(irq, VgicIrq.EDGE, (value >>> 2 * i & 2) != 0);
                    case TARGET -> {
                        if (id < Vgic.PRIVATE) yield irq;
                        int cpus = (int) (value >>> 8 * i)
                                & (1 << vm.vcpus().get().all().size()) - 1;
                        yield VgicIrq.target(
                                VgicIrq.cpus(irq, cpus), cpus == 0 ? 0 : Integer.numberOfTrailingZeros(cpus));
                    }
                    case SENDERS_CLEAR -> {
                        int left = VgicIrq.cpus(irq) & ~(int) (value >>> 8 * i);
                        yield VgicIrq.set(
                                VgicIrq.cpus(irq, left), VgicIrq.LATCH, left != 0 && (irq & VgicIrq.LATCH) != 0);
                    }
                    case SENDERS_SET -> {
                        int now8 = VgicIrq.cpus(irq) | (int) (value >>> 8 * i) & 0xff;
                        yield VgicIrq.set(VgicIrq.cpus(irq, now8), VgicIrq.LATCH, now8 != 0);
                    }
                    default ->
                        VgicIrq.target(VgicIrq.affinity(irq, value), delivery().byAffinity(value & 0xffffff));
                };
                delivery().irq(vcpu, id, now);
                if (r.what == What.ROUTER || r.what == What.SENDERS_SET)
                    delivery().kick(vcpu, id);
            }
        } finally {
            delivery().lock().unlock();
        }
    }

    /** Sets or clears a bit of each interrupt whose bit in {@code value} is set. */
    private void change(int vcpu, Row r, Place p, long value, long bit, boolean on) {
        delivery().lock().lock();
        try {
            for (int i = 0; i < 32 && exists(r, p, i); i++) {
                if ((value >>> i & 1) == 0) continue;
                int id = r.irq(p.offset) + i;
                delivery().irq(vcpu, id, VgicIrq.set(delivery().irq(vcpu, id), bit, on));
                if (on) delivery().kick(vcpu, id);
            }
        } finally {
            delivery().lock().unlock();
        }
    }

    /** A bit of each of 32 interrupts; 0 for "is pending". */
    private long bits(int vcpu, Row r, Place p, long bit) {
        long v = 0;
        for (int i = 0; i < 32 && exists(r, p, i); i++) {
            long irq = irq(vcpu, r, p, i);
            if (bit == 0 ? VgicIrq.pending(irq) : (irq & bit) != 0) v |= 1L << i;
        }
        return v;
    }

    /** The distributor shows shared interrupts only. */
    private boolean exists(Row r, Place p, int i) {
        int id = r.irq(p.offset) + i;
        return p.vcpu >= 0 ? id < Vgic.PRIVATE : (id >= Vgic.PRIVATE || !gic.isV3()) && id < gic.shownIrqs();
    }

    private long irq(int vcpu, Row r, Place p, int i) {
        return delivery().irq(vcpu, r.irq(p.offset) + i);
    }

    private boolean hasIts() {
        return vm.devices().test(1L << DeviceIoctls.ITS);
    }

    private long misc(int offset) {
        return switch (offset) {
            case CTLR -> delivery().enabled().get() | (gic.isV3() ? ARE | DS : 0);
            case TYPER ->
                !gic.isV3()
                        ? (gic.irqs() >>> 5) - 1 | vm.vcpus().get().all().size() - 1L << 5
                        : (gic.irqs() >>> 5) - 1 | (hasIts() ? 15L << 19 | 1 << 17 : 9L << 19);
            case IIDR -> PRODUCT_KVM | gic.revision().get() << 12 | IMPLEMENTER_ARM;
            default -> 0;
        };
    }

    private long typer(int vcpu) {
        Vcpu v = vm.vcpus().get().all().get(vcpu);
        return (VgicDelivery.affinity(v) & 0xffffff) << 32
                | (v.id() & 0xffffL) << 8
                | (gic.isLastRedistributor(vcpu) ? 1 << 4 : 0)
                | (hasIts() ? 1 : 0);
    }

    private Word pendbaser(int vcpu) {
        VgicCpu c = delivery().cpu(vm.vcpus().get().all().get(vcpu));
        if (c == null)
            throw new IllegalStateException("a redistributor before the interrupt controller is initialised");
        return c.pendbaser;
    }

    private static long part(long v, int offset, int length) {
        return length == 8 ? v : v >>> 8 * (offset & 4) & 0xffffffffL;
    }

    private static void merge(Word w, int offset, int length, long value) {
        int shift = 8 * (offset & 4);
        w.set(length == 8 ? value : w.get() & ~(0xffffffffL << shift) | (value & 0xffffffffL) << shift);
    }
}
