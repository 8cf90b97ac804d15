package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Interrupts of an interrupt controller on their way: their states, the lists of what each vCPU must see, list registers
 * before an entry and after an exit (vgic.c, vgic-v3.c).
 */
final class VgicDelivery {
    private static final long LR_PENDING = 1L << 62, LR_ACTIVE = 1L << 63, LR_GROUP1 = 1L << 60, LR_EOI = 1L << 41;
    /** Who sent an SGI of a GICv2. */
    private static final int LR_CPU = 10;

    /** GICR_PROPBASER and GICR_PENDBASER: addresses, and "the pending table is zero". */
    private static final long TABLE = 0x000f_ffff_ffff_f000L, PENDING_TABLE = 0x000f_ffff_ffff_0000L, PTZ = 1L << 62;

    private final Vm vm;
    private final Vgic gic;
    private final Mutex lock;
    private final Words shared, queued;
    private final Lpis lpis;
    private final Word enabled, paused;
    private final Ref<List<VgicCpu>> cpus;
    private final int listCount;

    VgicDelivery(Vm vm, Vgic gic, Region region) {
        this.vm = vm;
        this.gic = gic;
        this.lock = new Mutex(region, "lock");
        this.shared = region.words("spis", Vgic.MAX_IRQS - Vgic.PRIVATE);
        this.queued = region.words("queued", Vgic.MAX_IRQS / 64);
        this.lpis = new Lpis(region);
        this.enabled = region.word("enabled");
        this.paused = region.word("paused");
        this.cpus = region.ref("cpus", List.of());
        this.listCount = VgicCpu.listRegisters(vm.kvm().profile().register(SysReg.ICH_VTR_EL2));
    }

    /** kvm_vgic_dist_init and kvm_vgic_vcpu_init: SGIs are edges and always on, the rest levels and off. */
    void initialize(Region region, boolean v3) {
        long group = v3 ? VgicIrq.GROUP1 : 0, vtr = vm.kvm().profile().register(SysReg.ICH_VTR_EL2);
        List<VgicCpu> made = new ArrayList<>();
        for (Vcpu v : vcpus()) {
            VgicCpu c = new VgicCpu(region.child("cpu" + v.id()), vtr);
            for (int i = 0; i < Vgic.PRIVATE; i++) {
                long irq = i < 16 ? VgicIrq.EDGE | VgicIrq.ENABLED | group : group;
                c.irqs.set(i, VgicIrq.target(irq, made.size()));
                if (!v3 && i >= 16) c.irqs.set(i, VgicIrq.cpus(c.irqs.get(i), 1 << made.size()));
            }
            made.add(c);
        }
        for (int i = 0; i < shared.length(); i++) shared.set(i, VgicIrq.target(group, vcpus().isEmpty() ? -1 : 0));
        cpus.set(List.copyOf(made));
    }

    private List<Vcpu> vcpus() {
        return vm.vcpus().get().all();
    }

    int index(Vcpu v) {
        return vcpus().indexOf(v);
    }

    @Nullable
    VgicCpu cpu(Vcpu v) {
        List<VgicCpu> all = cpus.get();
        int i = all.isEmpty() ? -1 : index(v);
        return i < 0 || i >= all.size() ? null : all.get(i);
    }

    private VgicCpu at(int vcpu) {
        return cpus.get().get(vcpu);
    }

    Mutex lock() {
        return lock;
    }

    /** GICD_CTLR: interrupts are forwarded at all. */
    Word enabled() {
        return enabled;
    }

    /** State of an interrupt, of vCPU {@code vcpu} where it is private. */
    long irq(int vcpu, int id) {
        if (id >= Its.FIRST_LPI) return lpis.get(id);
        return id < Vgic.PRIVATE ? at(vcpu).irqs.get(id) : shared.get(id - Vgic.PRIVATE);
    }

    /** Stores a state and what follows from it: whether it is on a list. The lock is held. */
    void irq(int vcpu, int id, long state) {
        boolean on = VgicIrq.queued(state);
        if (id >= Its.FIRST_LPI) {
            lpis.set(id, state, on);
            return;
        }
        if (id < Vgic.PRIVATE) {
            VgicCpu c = at(vcpu);
            c.irqs.set(id, state);
            if (on) c.queued.or(1L << id);
            else c.queued.and(~(1L << id));
            return;
        }
        shared.set(id - Vgic.PRIVATE, state);
        if (on) queued.or(id >>> 6, 1L << id);
        else queued.and(id >>> 6, ~(1L << id));
    }

    /** vgic_target_oracle: index of the vCPU that must see it now; -1 for none. */
    private int oracle(long irq) {
        if ((irq & VgicIrq.ACTIVE) != 0) return VgicIrq.holder(irq) >= 0 ? VgicIrq.holder(irq) : VgicIrq.target(irq);
        boolean forwarded = (irq & VgicIrq.ENABLED) != 0 && VgicIrq.pending(irq) && enabled.get() != 0;
        return forwarded ? VgicIrq.target(irq) : -1;
    }

    /** vgic_queue_irq_unlock's last step: the vCPU looks at its list again. */
    void kick(int vcpu, int id) {
        int target = oracle(irq(vcpu, id));
        if (target >= 0) vcpus().get(target).runLoop().kick(RunState.REQ_IRQ_PENDING);
    }

    void kickAll() {
        for (Vcpu v : vcpus()) v.runLoop().kick(RunState.REQ_IRQ_PENDING);
    }

    /** kvm_vgic_inject_irq: only a level that changes and a rising edge do anything. */
    void inject(int vcpu, int id, boolean level) {
        lock.lock();
        try {
            long irq = irq(vcpu, id);
            boolean edge = (irq & VgicIrq.EDGE) != 0;
            if (edge ? !level : level == ((irq & VgicIrq.LINE) != 0)) return;
            irq(vcpu, id, edge ? irq | VgicIrq.LATCH : VgicIrq.set(irq, VgicIrq.LINE, level));
            kick(vcpu, id);
        } finally {
            lock.unlock();
        }
    }

    /** A software-generated interrupt reaches one vCPU; one of group 1 only by a request for that group. */
    void sgi(int vcpu, int id, boolean allowGroup1) {
        lock.lock();
        try {
            long irq = irq(vcpu, id);
            if ((irq & VgicIrq.GROUP1) != 0 && !allowGroup1) return;
            irq(vcpu, id, irq | VgicIrq.LATCH);
            kick(vcpu, id);
        } finally {
            lock.unlock();
        }
    }

    /** vgic_mmio_write_sgir: an SGI of a GICv2 remembers who sent it. */
    void sgi(int vcpu, int id, int sender) {
        lock.lock();
        try {
            long irq = irq(vcpu, id);
            irq(vcpu, id, VgicIrq.cpus(irq, VgicIrq.cpus(irq) | 1 << sender) | VgicIrq.LATCH);
            kick(vcpu, id);
        } finally {
            lock.unlock();
        }
    }

    /** The next interrupt after {@code id} on a list that this vCPU may have to see; -1 at the end. */
    private int next(VgicCpu c, int id) {
        if (id >= Its.FIRST_LPI - 1) return lpis.next(id);
        for (int word = id + 1 >>> 6; word < queued.length(); word++) {
            // Private interrupts have the places of shared ones that do not exist.
            long bits = queued.get(word) | (word == 0 ? c.queued.acquire() : 0);
            if (word == id + 1 >>> 6) bits &= -1L << id + 1;
            if (bits != 0) return word << 6 | Long.numberOfTrailingZeros(bits);
        }
        return lpis.next(id);
    }

    private boolean mine(int me, int id, long irq) {
        int holder = VgicIrq.holder(irq);
        return oracle(irq) == me && (id < Vgic.PRIVATE || holder < 0 || holder == me);
    }

    /** kvm_vgic_vcpu_pending_irq. */
    boolean hasPending(Vcpu v) {
        VgicCpu c = cpu(v);
        if (c == null || enabled.get() == 0 || next(c, -1) < 0) return false;
        lock.lock();
        try {
            int me = index(v);
            for (int id = next(c, -1); id >= 0; id = next(c, id)) {
                long irq = irq(me, id);
                boolean waits = (irq & (VgicIrq.ENABLED | VgicIrq.ACTIVE)) == VgicIrq.ENABLED && VgicIrq.pending(irq);
                if (waits && mine(me, id, irq) && VgicIrq.priority(irq) < c.pmr()) return true;
            }
            return false;
        } finally {
            lock.unlock();
        }
    }

    /** kvm_vgic_flush_hwstate: the list registers for the next entry. */
    void flush(Vcpu v) {
        VgicCpu c = cpu(v);
        if (c == null) return;
        if (next(c, -1) < 0) return;
        lock.lock();
        try {
            fill(c, index(v));
        } finally {
            lock.unlock();
        }
    }

    private void fill(VgicCpu c, int me) {
        int n = 0, found = 0;
        int[] best = new int[listCount];
        for (int id = next(c, -1); id >= 0; id = next(c, id)) {
            long irq = irq(me, id);
            if (!mine(me, id, irq)) continue;
            found++;
            int at = n < listCount ? n++ : n - 1;
            if (at == listCount - 1 && found > listCount && order(me, best[at]) <= VgicIrq.order(irq)) continue;
            while (at > 0 && order(me, best[at - 1]) > VgicIrq.order(irq)) best[at] = best[--at];
            best[at] = id;
        }
        for (int i = 0; i < listCount; i++) c.lists.set(i, i < n ? populate(me, best[i]) : 0);
        c.used.set(n);
        // More than fit: the guest comes out when all but one are done.
        c.hcr.set(VgicCpu.EN | (found > listCount ? VgicCpu.UIE : 0));
    }

    private int order(int me, int id) {
        return VgicIrq.order(irq(me, id));
    }

    /** vgic_v3_populate_lr and vgic_v2_populate_lr. */
    private long populate(int me, int id) {
        long irq = irq(me, id), lr = id;
        boolean edge = (irq & VgicIrq.EDGE) != 0, active = (irq & VgicIrq.ACTIVE) != 0;
        boolean sentBy = isV2Sgi(id), several = sentBy && Integer.bitCount(VgicIrq.cpus(irq)) + (active ? 1 : 0) > 1;
        if (active) lr |= LR_ACTIVE | (sentBy ? (long) VgicIrq.sender(irq) << LR_CPU : 0);
        // Told of the end of one, there is room for the next one's.
        if (!edge || active && several) lr |= LR_EOI;
        // A level is sampled again once it is deactivated, so it is never both.
        if (VgicIrq.pending(irq) && (edge || !active) && !(active && several)) {
            lr |= LR_PENDING;
            if (edge) irq &= ~VgicIrq.LATCH;
            if (sentBy && VgicIrq.cpus(irq) != 0) {
                int sender = Integer.numberOfTrailingZeros(VgicIrq.cpus(irq)),
                        rest = VgicIrq.cpus(irq) & ~(1 << sender);
                lr |= (long) sender << LR_CPU;
                irq = VgicIrq.cpus(irq, rest);
                if (rest != 0) {
                    irq |= VgicIrq.LATCH;
                    lr |= LR_EOI;
                }
            }
        }
        if ((irq & VgicIrq.GROUP1) != 0) lr |= LR_GROUP1;
        lr |= (long) VgicIrq.priority(irq) << 48;
        irq(me, id, VgicIrq.holder(irq, me));
        return lr;
    }

    /** kvm_vgic_sync_hwstate: what the guest did with the list registers. */
    void sync(Vcpu v) {
        VgicCpu c = cpu(v);
        if (c == null || c.used.get() == 0) return;
        int ended = 0, used = (int) c.used.get();
        int[] ids = new int[used];
        lock.lock();
        try {
            int me = index(v);
            for (int i = 0; i < used; i++) {
                long lr = c.lists.get(i);
                fold(me, lr);
                c.lists.set(i, 0);
                if ((lr & (LR_PENDING | LR_ACTIVE)) == 0 && (lr & LR_EOI) != 0) ids[ended++] = id(lr);
            }
            c.used.set(0);
        } finally {
            lock.unlock();
        }
        // Without the lock: the line goes down, and who resamples may raise it again.
        for (int i = 0; i < ended; i++) gic.acked(ids[i]);
    }

    /** Number of the interrupt in a list register; a GICv2 has the sender above it. */
    private int id(long lr) {
        return gic.isV3() ? (int) lr : (int) lr & 0x3ff;
    }

    private boolean isV2Sgi(int id) {
        return id < 16 && !gic.isV3();
    }

    // LPIs.

    /** vgic_lpis_enabled: GICR_CTLR of this vCPU. */
    boolean lpisEnabled(int vcpu) {
        return at(vcpu).lpisOn.acquire() != 0;
    }

    /** GICR_PROPBASER.IDbits say how many there are. */
    boolean isLpi(int id) {
        int bits = (int) Math.min((gic.propbaser().get() & 31) + 1, Its.LPI_BITS);
        return id >= Its.FIRST_LPI && id < 1 << bits;
    }

    /** A message: the LPI is pending. */
    void message(int id) {
        change(id, irq -> irq | VgicIrq.LATCH);
    }

    void clear(int id) {
        change(id, irq -> irq & ~VgicIrq.LATCH);
    }

    /** update_affinity. */
    void target(int id, int vcpu) {
        change(id, irq -> VgicIrq.target(irq, vcpu));
    }

    private void change(int id, LongUnaryOperator how) {
        lock.lock();
        try {
            long irq = lpis.get(id);
            if ((irq & VgicIrq.MAPPED) == 0) return;
            irq(0, id, how.applyAsLong(irq));
            kick(0, id);
        } finally {
            lock.unlock();
        }
    }

    /** vgic_add_lpi: configured from its property, and pending where its vCPU's table says so. */
    void add(int id, int vcpu) {
        if ((lpis.get(id) & VgicIrq.MAPPED) == 0)
            lpis.set(id, VgicIrq.target(VgicIrq.MAPPED | VgicIrq.EDGE | VgicIrq.GROUP1, vcpu), false);
        configure(id, -1);
        if (vcpu < 0) return;
        long at = pendingByte(vcpu, id);
        Bytes b = vm.memory().read(at, 1);
        if (b == null || (b.u8(0) >>> (id & 7) & 1) == 0) return;
        message(id);
        vm.memory().write(at, new Bytes(1).u8(0, b.u8(0) & ~(1 << (id & 7))), null);
    }

    void remove(int id) {
        lock.lock();
        try {
            lpis.set(id, 0, false);
        } finally {
            lock.unlock();
        }
    }

    /** update_lpi_config: enabled and priority from the table of properties; of LPIs of {@code vcpu} only, -1 for all. */
    void configure(int id, int vcpu) {
        Bytes b = vm.memory().read((gic.propbaser().get() & TABLE) + id - Its.FIRST_LPI, 1);
        if (b == null) return;
        int property = b.u8(0);
        change(id, irq -> {
            if (vcpu >= 0 && VgicIrq.target(irq) != vcpu) return irq;
            return VgicIrq.set(VgicIrq.priority(irq, property), VgicIrq.ENABLED, (property & 1) != 0);
        });
    }

    void configureAll(int vcpu) {
        for (int id = lpis.mapped(-1); id >= 0; id = lpis.mapped(id)) configure(id, vcpu);
    }

    void moveAll(int from, int to) {
        for (int id = lpis.mapped(-1); id >= 0; id = lpis.mapped(id))
            if (VgicIrq.target(lpis.get(id)) == from) target(id, to);
    }

    private long pendingByte(int vcpu, int id) {
        return (at(vcpu).pendbaser.get() & PENDING_TABLE) + id / 8;
    }

    /** GICR_CTLR.EnableLPIs: what the pending table says counts, unless it is all zero (PTZ). */
    void enableLpis(int vcpu, boolean on) {
        VgicCpu c = at(vcpu);
        if (on == (c.lpisOn.get() != 0)) return;
        c.lpisOn.release(on ? 1 : 0);
        if (on && (c.pendbaser.get() & PTZ) != 0) return;
        for (int id = lpis.mapped(-1); id >= 0; id = lpis.mapped(id)) {
            if (VgicIrq.target(lpis.get(id)) != vcpu) continue;
            Bytes b = on ? vm.memory().read(pendingByte(vcpu, id), 1) : null;
            boolean pending = b != null && (b.u8(0) >>> (id & 7) & 1) != 0;
            change(id, irq -> VgicIrq.set(irq, VgicIrq.LATCH, pending));
        }
    }

    /** vgic_v3_save_pending_tables. */
    long savePendingTables() {
        for (int id = lpis.mapped(-1); id >= 0; id = lpis.mapped(id)) {
            int vcpu = VgicIrq.target(lpis.get(id)), bit = 1 << (id & 7);
            if (vcpu < 0) continue;
            Bytes b = vm.memory().read(pendingByte(vcpu, id), 1);
            if (b == null) return Errno.EFAULT;
            boolean pending = (lpis.get(id) & VgicIrq.LATCH) != 0;
            if (pending == ((b.u8(0) & bit) != 0)) continue;
            Bytes now = new Bytes(1).u8(0, pending ? b.u8(0) | bit : b.u8(0) & ~bit);
            if (!vm.memory().write(pendingByte(vcpu, id), now, null)) return Errno.EFAULT;
        }
        return 0;
    }

    /** vgic_v3_fold_lr_state and vgic_v2_fold_lr_state for one list register. */
    private void fold(int me, long lr) {
        int id = id(lr), sender = (int) (lr >>> LR_CPU) & 7;
        boolean active = (lr & LR_ACTIVE) != 0, pending = (lr & LR_PENDING) != 0;
        // An LPI whose event went while it was in the list register.
        if (id >= Its.FIRST_LPI && (irq(me, id) & VgicIrq.MAPPED) == 0) return;
        long irq = VgicIrq.set(irq(me, id), VgicIrq.ACTIVE, active);
        boolean edge = (irq & VgicIrq.EDGE) != 0;
        if (active && isV2Sgi(id)) irq = VgicIrq.sender(irq, sender);
        if (edge && pending) irq |= VgicIrq.LATCH;
        if (edge && pending && isV2Sgi(id)) irq = VgicIrq.cpus(irq, VgicIrq.cpus(irq) | 1 << sender);
        if (!edge && !active && !pending) irq &= ~VgicIrq.LATCH;
        irq(me, id, VgicIrq.holder(irq, active ? me : -1));
        if (!active && VgicIrq.target(irq) != me) kick(me, id);
    }

    /** vgic_access_active_prepare: no vCPU has interrupts in its list registers until {@link #resume}. */
    void pause() {
        paused.add(1);
        for (Vcpu v : vcpus()) v.runLoop().kickOutOfGuest();
    }

    void resume() {
        paused.add(-1);
        for (Vcpu v : vcpus()) v.runLoop().wakeUp();
    }

    boolean isPaused() {
        return paused.acquire() != 0;
    }

    /** Index of the vCPU with this affinity; -1 for none (kvm_mpidr_to_vcpu). */
    int byAffinity(long affinity) {
        List<Vcpu> all = vcpus();
        for (int i = 0; i < all.size(); i++) if (affinity(all.get(i)) == affinity) return i;
        return -1;
    }

    /** kvm_vcpu_get_mpidr_aff. */
    static long affinity(Vcpu v) {
        return v.sys(SysReg.MPIDR_EL1) & 0xff_00ff_ffffL;
    }
}
