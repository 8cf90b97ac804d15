package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/** MSR_KVM_STEAL_TIME: the guest reads in struct kvm_steal_time how long its vCPU waited for a CPU (kvm/x86/msr.rst). */
final class StealTime {
    /** Offsets in struct kvm_steal_time, and its size up to them. */
    private static final int VERSION = 8, PREEMPTED = 16, SIZE = 24;

    private static final long ENABLED = 1, ADDRESS = -64;
    private final Vcpu vcpu;
    private final Word msr, last;

    StealTime(Region r, Vcpu vcpu) {
        this.vcpu = vcpu;
        this.msr = r.word("msr");
        this.last = r.word("last");
    }

    long msr() {
        return msr.get();
    }

    boolean msr(long value) {
        if ((value & ~ADDRESS & ~ENABLED) != 0) return false;
        msr.set(value);
        if ((value & ENABLED) != 0) vcpu.runLoop().kick(RunState.REQ_STEAL_UPDATE);
        return true;
    }

    boolean enabled() {
        return (msr.get() & ENABLED) != 0;
    }

    /** record_steal_time: once per load of the vCPU; the version is odd meanwhile. */
    void record(Caller caller) {
        if (!enabled()) return;
        long gpa = msr.get() & ADDRESS;
        Bytes b = vcpu.vm().memory().read(gpa, SIZE);
        if (b == null) return;
        int version = b.u32(VERSION) + (b.u32(VERSION) & 1) + 1;
        if (!write(gpa + VERSION, new Bytes(4).u32(0, version))) return;
        long delay = caller.runDelay();
        b.u64(0, b.u64(0) + delay - last.get());
        last.set(delay);
        write(gpa, b.u32(VERSION, version).u8(PREEMPTED, 0));
        write(gpa + VERSION, new Bytes(4).u32(0, version + 1));
    }

    private boolean write(long gpa, Bytes b) {
        return vcpu.writeGuest(gpa, b);
    }
}
