package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/** Paravirtualised stolen time (DEN0057A): how long a vCPU's thread could run and had no CPU (pvtime.c). */
final class StolenTime {
    static final long INVALID = -1;
    /** struct pvclock_vcpu_stolen_time: revision, attributes, then nanoseconds at 8. */
    private static final int SIZE = 64, STOLEN = 8;

    private final Vcpu vcpu;
    private final Word base, last;

    StolenTime(Region r, Vcpu vcpu) {
        this.vcpu = vcpu;
        this.base = r.word("base");
        this.last = r.word("last");
        base.set(INVALID);
    }

    /** Guest-physical address of the record as user space gave it, or INVALID. */
    Word base() {
        return base;
    }

    boolean enabled() {
        return base.get() != INVALID;
    }

    /** kvm_init_stolen_time: a zeroed record, counted from now on, and its address. */
    long init(Caller caller) {
        last.set(caller.runDelay());
        vcpu.vm().memory().write(base.get(), new Bytes(SIZE), vcpu.dirtyRing());
        return base.get();
    }

    /** kvm_update_stolen_time: what the thread waited since the last time is added to what the record says. */
    void update(Caller caller) {
        if (!enabled()) return;
        long at = base.get() + STOLEN;
        Bytes b = vcpu.vm().memory().read(at, 8);
        if (b == null) return;
        long delay = caller.runDelay();
        vcpu.vm().memory().write(at, new Bytes(8).u64(0, b.u64(0) + delay - last.get()), vcpu.dirtyRing());
        last.set(delay);
    }
}
