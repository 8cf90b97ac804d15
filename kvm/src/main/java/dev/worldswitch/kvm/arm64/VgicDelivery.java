package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Interrupts of an interrupt controller on their way: their states, the lists of what each vCPU must see, list registers
 * before an entry and after an exit (vgic.c, vgic-v3.c).
 */
final class VgicDelivery {
    private static final long LR_PENDING = 1L << 62, LR_ACTIVE = 1L << 63, LR_GROUP1 = 1L << 60, LR_EOI = 1L << 41;

    private final Vm vm;
    private final Vgic gic;
    private final Mutex lock;
    private final Words shared, queued;
    private final Word enabled, paused;
    private final Ref<List<VgicCpu>> cpus;
    private final int listCount;

    VgicDelivery(Vm vm, Vgic gic, Region region) {
        this.vm = vm;
        this.gic = gic;
        this.lock = new Mutex(region, "lock");
        this.shared = region.words("spis", Vgic.MAX_IRQS - Vgic.PRIVATE);
        this.queued = region.words("queued", Vgic.MAX_IRQS / 64);
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
        return id < Vgic.PRIVATE ? at(vcpu).irqs.get(id) : shared.get(id - Vgic.PRIVATE);
    }

    /** Stores a state and what follows from it: whether it is on a list. The lock is held. */
    void irq(int vcpu, int id, long state) {
        boolean on = VgicIrq.queued(state);
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

    /** The next interrupt after {@code id} on a list that this vCPU may have to see; -1 at the end. */
    private int next(VgicCpu c, int id) {
        for (int word = id + 1 >>> 6; word < queued.length(); word++) {
            // Private interrupts have the places of shared ones that do not exist.
            long bits = queued.get(word) | (word == 0 ? c.queued.acquire() : 0);
            if (word == id + 1 >>> 6) bits &= -1L << id + 1;
            if (bits != 0) return word << 6 | Long.numberOfTrailingZeros(bits);
        }
        return -1;
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

    /** vgic_v3_populate_lr. */
    private long populate(int me, int id) {
        long irq = irq(me, id), lr = id;
        boolean edge = (irq & VgicIrq.EDGE) != 0, active = (irq & VgicIrq.ACTIVE) != 0;
        if (active) lr |= LR_ACTIVE;
        if (!edge) lr |= LR_EOI;
        // A level is sampled again once it is deactivated, so it is never both.
        if (VgicIrq.pending(irq) && (edge || !active)) {
            lr |= LR_PENDING;
            if (edge) irq &= ~VgicIrq.LATCH;
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
                if ((lr & (LR_PENDING | LR_ACTIVE)) == 0 && (lr & LR_EOI) != 0) ids[ended++] = (int) lr & 0x3ff;
            }
            c.used.set(0);
        } finally {
            lock.unlock();
        }
        // Without the lock: the line goes down, and who resamples may raise it again.
        for (int i = 0; i < ended; i++) gic.acked(ids[i]);
    }

    /** vgic_v3_fold_lr_state for one list register. */
    private void fold(int me, long lr) {
        int id = (int) lr & 0x3ff;
        boolean active = (lr & LR_ACTIVE) != 0, pending = (lr & LR_PENDING) != 0;
        long irq = VgicIrq.set(irq(me, id), VgicIrq.ACTIVE, active);
        boolean edge = (irq & VgicIrq.EDGE) != 0;
        if (edge && pending) irq |= VgicIrq.LATCH;
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
