package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/**
 * Keeps the time-stamp counters of a VM's vCPUs together (kvm_synchronize_tsc): a vCPU that is made, or one whose counter the
 * client sets to about what another one has by now, gets that one's offset.
 */
final class TscSync {
    private static final long NS_PER_MS = 1_000_000;
    private final Vm vm;
    private final Mutex lock;
    /** The last write: when, what, at which rate, and the offset it led to; the offset that all since share. */
    private final Word lastNs, lastWrite, lastKhz, lastOffset, curOffset;

    private final Word userSet;

    TscSync(Region r, Vm vm) {
        this.vm = vm;
        this.lock = new Mutex(r, "tscWriteLock");
        this.lastNs = r.word("lastTscNsec");
        this.lastWrite = r.word("lastTscWrite");
        this.lastKhz = r.word("lastTscKhz");
        this.lastOffset = r.word("lastTscOffset");
        this.curOffset = r.word("curTscOffset");
        this.userSet = r.word("userSetTsc");
    }

    private long now() {
        return vm.kvm().kernel().timing().now();
    }

    /** nsec_to_cycles at a vCPU's rate. */
    static long cycles(Vcpu v, long ns) {
        long khz = v.tscKhz().get();
        return ns / NS_PER_MS * khz + ns % NS_PER_MS * khz / NS_PER_MS;
    }

    /** The offset with which the vCPU's counter is {@code tsc} now. */
    private static long offsetFor(Vcpu v, long tsc) {
        return tsc - (v.guestTsc() - v.state().tscOffset.get());
    }

    /** A vCPU is made. */
    void start(Vcpu v) {
        synchronize(v, 0, false);
    }

    /** The client writes IA32_TIME_STAMP_COUNTER. */
    void write(Vcpu v, long tsc) {
        synchronize(v, tsc, true);
    }

    private void synchronize(Vcpu v, long wanted, boolean user) {
        lock.lock();
        long tsc = wanted, offset = offsetFor(v, tsc), ns = now();
        boolean together = joins(v, tsc, ns) && v.tscKhz().get() == lastKhz.get();
        if (user) userSet.set(1);
        if (together && vm.clock().tscClocksource()) {
            offset = curOffset.get();
        } else if (together) {
            tsc += cycles(v, ns - lastNs.get());
            offset = offsetFor(v, tsc);
        }
        note(v, offset, tsc, ns, together);
        lock.unlock();
    }

    /** A write of about what the counter is by now means the others' time, and so does 0. */
    private boolean joins(Vcpu v, long tsc, long ns) {
        if (tsc == 0) return true;
        if (userSet.get() == 0 && vm.kvm().kernel().has(Patch.TSC_NOT_SYNCED_TO_STARTUP)) return false;
        long expected = lastWrite.get() + cycles(v, ns - lastNs.get()),
                second = v.tscKhz().get() * 1000;
        return Long.compareUnsigned(tsc, expected + second) < 0 && Long.compareUnsigned(tsc + second, expected) > 0;
    }

    /** KVM_VCPU_TSC_OFFSET. */
    void setOffset(Vcpu v, long offset) {
        lock.lock();
        boolean matched = lastKhz.get() == v.tscKhz().get() && lastOffset.get() == offset;
        userSet.set(1);
        note(v, offset, v.guestTsc() - v.state().tscOffset.get() + offset, now(), matched);
        lock.unlock();
    }

    /** __kvm_synchronize_tsc. */
    private void note(Vcpu v, long offset, long tsc, long ns, boolean matched) {
        lastNs.set(ns);
        lastWrite.set(tsc);
        lastKhz.set(v.tscKhz().get());
        lastOffset.set(offset);
        v.writeTscOffset(offset);
        if (!matched) curOffset.set(offset);
    }

    // The rate.

    private static final long PPM = 1_000_000, TOLERANCE_PPM = 250;

    /** kvm_caps.has_tsc_control. */
    static boolean scales(Kvm kvm) {
        return kvm.config("tsc_scaling");
    }

    /** kvm_caps.max_guest_tsc_khz: what the largest ratio of the vendor gives; a client's rate is below it. */
    static boolean tooFast(Kvm kvm, long khz) {
        long ratio = kvm.profile().isAmd() ? 0xff : 0xffff;
        return scales(kvm) && khz >= Math.min(0x7fffffffL, ratio * kvm.profile().tscKhz());
    }

    /**
     * kvm_set_tsc_khz: false for a rate that neither the CPU's scaling nor waiting can give. The rate is noted before that is
     * found: an oddity of the real kernel.
     */
    static boolean setKhz(Vcpu v, long khz) {
        Kvm kvm = v.vm().kvm();
        long own = kvm.profile().tscKhz();
        v.tscKhz().set(khz);
        boolean near = khz >= own * (PPM - TOLERANCE_PPM) / PPM && khz <= own * (PPM + TOLERANCE_PPM) / PPM;
        if (near) {
            v.state().tscMultiplier.set(0);
            return true;
        }
        if (!scales(kvm)) return khz > own;
        int bits = kvm.profile().tscFractionBits();
        // (khz << bits) / own, whose dividend may have more than 64 bits.
        long whole = khz / own, rest = khz % own;
        long ratio = whole << bits;
        for (int b = bits - 1; b >= 0; b--) {
            rest <<= 1;
            if (rest >= own) {
                rest -= own;
                ratio |= 1L << b;
            }
        }
        if (ratio == 0) return false;
        v.state().tscMultiplier.set(ratio);
        return true;
    }
}
