package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.IrqRouting;
import dev.worldswitch.kvm.IrqRouting.Route;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/** A vCPU's synthetic interrupt controller: 16 sources with their message page, and the four synthetic timers (Hyper-V TLFS). */
final class Synic {
    private static final int SYNIC_EXIT = 1, SINTS = 16, TIMERS = 4, FIRST_VECTOR = 16, MESSAGE = 256, VERSION = 1;
    private static final long MASKED = 1 << 16, AUTO_EOI = 1 << 17, ENABLE = 1, PAGE = -4096;
    private static final int TIMER_EXPIRED = 0x8000_0010, PAYLOAD = 24;
    /** Bits of a timer's configuration. */
    private static final long ON = 1, PERIODIC = 2, AUTO_ENABLE = 8, DIRECT = 1 << 12;

    private final Vcpu vcpu;
    private final Word active, keepsPages, control, version, eventPage, messagePage, pending;
    private final Words sints, configs, counts, expiry, deadlines, waiting;

    Synic(Region r, Vcpu vcpu) {
        this.vcpu = vcpu;
        active = r.word("active");
        keepsPages = r.word("keepsPages");
        control = r.word("control");
        version = r.word("version");
        eventPage = r.word("eventPage");
        messagePage = r.word("messagePage");
        pending = r.word("pendingTimers");
        sints = r.words("sints", SINTS);
        configs = r.words("configs", TIMERS);
        counts = r.words("counts", TIMERS);
        expiry = r.words("expiry", TIMERS);
        deadlines = r.words("deadlines", TIMERS);
        waiting = r.words("messageWaits", TIMERS);
        version.set(VERSION);
        sints.fill(0, SINTS, MASKED);
    }

    static boolean owns(int msr) {
        return msr >= HypervMsrs.SCONTROL && msr <= HypervMsrs.EOM
                || msr >= HypervMsrs.SINT0 && msr <= HypervMsrs.SINT15
                || msr >= HypervMsrs.STIMER0_CONFIG && msr <= HypervMsrs.STIMER3_COUNT;
    }

    /** kvm_hv_activate_synic. */
    void activate(boolean keepPages) {
        active.set(1);
        keepsPages.set(keepPages ? 1 : 0);
        control.set(ENABLE);
    }

    boolean isActive() {
        return active.get() != 0;
    }

    /** Control, event page, message page: what an exit tells. */
    long[] pages() {
        return new long[] {control.get(), eventPage.get(), messagePage.get()};
    }

    @Nullable
    Long get(int msr, boolean host) {
        if (msr >= HypervMsrs.STIMER0_CONFIG) {
            int n = msr - HypervMsrs.STIMER0_CONFIG;
            return (n % 2 == 0 ? configs : counts).get(n / 2);
        }
        if (!isActive() && !host) return null;
        return switch (msr) {
            case HypervMsrs.SCONTROL -> control.get();
            case HypervMsrs.SVERSION -> version.get();
            case HypervMsrs.SIEFP -> eventPage.get();
            case HypervMsrs.SIMP -> messagePage.get();
            case HypervMsrs.EOM -> 0L;
            default -> sints.get(msr - HypervMsrs.SINT0);
        };
    }

    boolean set(int msr, long value, boolean host) {
        if (!isActive() && (!host || value != 0)) return false;
        if (msr >= HypervMsrs.STIMER0_CONFIG) {
            int n = msr - HypervMsrs.STIMER0_CONFIG;
            return n % 2 == 0 ? setConfig(n / 2, value, host) : setCount(n / 2, value, host);
        }
        switch (msr) {
            case HypervMsrs.SCONTROL -> control.set(value);
            case HypervMsrs.SVERSION -> {
                if (!host) return false;
                version.set(value);
            }
            case HypervMsrs.SIEFP, HypervMsrs.SIMP -> {
                boolean clears = (value & ENABLE) != 0 && !host && keepsPages.get() == 0;
                if (clears && !vcpu.writeGuest(value & PAGE, new Bytes(4096))) return false;
                (msr == HypervMsrs.SIMP ? messagePage : eventPage).set(value);
            }
            case HypervMsrs.EOM -> {
                if (isActive()) for (int i = 0; i < SINTS; i++) acked(i);
            }
            default -> {
                if ((value & 0xff) < FIRST_VECTOR && !host && (value & MASKED) == 0) return false;
                sints.set(msr - HypervMsrs.SINT0, value);
            }
        }
        boolean tells = msr == HypervMsrs.SCONTROL || msr == HypervMsrs.SIEFP || msr == HypervMsrs.SIMP;
        if (tells && !host) vcpu.hyperv().exit(SYNIC_EXIT, msr);
        return true;
    }

    // Interrupts.

    private int vector(int sint) {
        long v = sints.get(sint);
        return (v & MASKED) != 0 ? -1 : (int) v & 0xff;
    }

    /** A source of this vector ends its interrupts as they are delivered. */
    boolean endsItself(int vector) {
        if (!isActive()) return false;
        for (int i = 0; i < SINTS; i++) if (vector(i) == vector && (sints.get(i) & AUTO_EOI) != 0) return true;
        return false;
    }

    /** kvm_hv_synic_send_eoi. */
    void eoi(int vector) {
        if (!isActive()) return;
        for (int i = 0; i < SINTS; i++) if (vector(i) == vector) acked(i);
    }

    /** kvm_hv_notify_acked_sint: timers whose message found no room try again, the source's interrupt line hears of it. */
    private void acked(int sint) {
        for (int i = 0; i < TIMERS; i++)
            if (waiting.get(i) != 0 && (configs.get(i) & (ON | DIRECT)) == ON && (configs.get(i) >> 16 & 15) == sint)
                markPending(i);
        for (Route r : vcpu.vm().chips().routes().get().routes())
            if (r.type() == IrqRouting.HV_SINT && r.chip() == vcpu.hyperv().vpIndex() && r.pin() == sint)
                dev.worldswitch.kvm.IrqFd.acked(vcpu.vm(), r.gsi());
    }

    /** synic_set_irq: 1 when it was delivered, 0 when the local APIC is off, -1 for a source that is masked or not there. */
    int setIrq(int sint) {
        if (!isActive() || sint < 0 || sint >= SINTS || vector(sint) < 0) return -1;
        return vcpu.lapic().deliverFixed(vector(sint), false) ? 1 : 0;
    }

    /** synic_deliver_msg: false when it has to be tried again. */
    private boolean deliver(int sint, Bytes message, boolean noRetry) {
        if ((messagePage.get() & ENABLE) == 0) return false;
        long at = (messagePage.get() & PAGE) + (long) sint * MESSAGE;
        Bytes type = vcpu.readSeen(at, 4);
        if (type == null) return false;
        if (type.u32(0) != 0) {
            // The place is taken: its reader is asked to say when it is free (message_flags.msg_pending).
            if (!noRetry) vcpu.writeSeen(at + 5, new Bytes(1).u8(0, 1));
            return noRetry;
        }
        return vcpu.writeSeen(at, message) && setIrq(sint) > 0;
    }

    // Timers.

    private boolean setConfig(int n, long value, boolean host) {
        boolean direct = (value & DIRECT) != 0;
        boolean offered = vcpu.cpuid().get().has(HypervCpuid.FEATURES, 0, 3, 19);
        if (!host && vcpu.hyperv().enforces() && direct && !offered) return false;
        long old = configs.get(n);
        cleanUp(n);
        if ((old & ON) != 0 && !direct && (value >> 16 & 15) == 0) value &= ~ON;
        configs.set(n, value);
        if ((value & ON) != 0) markPending(n);
        return true;
    }

    private boolean setCount(int n, long count, boolean host) {
        cleanUp(n);
        counts.set(n, count);
        if (!host) {
            if (count == 0) configs.and(n, ~ON);
            else if ((configs.get(n) & AUTO_ENABLE) != 0) configs.or(n, ON);
        }
        if ((configs.get(n) & ON) != 0) markPending(n);
        return true;
    }

    private void cleanUp(int n) {
        deadlines.set(n, 0);
        pending.and(~(1L << n));
        waiting.set(n, 0);
        expiry.set(n, 0);
    }

    private void markPending(int n) {
        pending.or(1L << n);
        vcpu.runLoop().kick(RunState.REQ_HV_STIMER);
    }

    /** kvm_hv_has_stimer_pending. */
    boolean hasPending() {
        return pending.get() != 0;
    }

    /** Time in nanoseconds at which the next timer is due, 0 for never. */
    long deadline() {
        long next = 0;
        for (int i = 0; i < TIMERS; i++) {
            long at = deadlines.get(i);
            if (at != 0 && (next == 0 || at < next)) next = at;
        }
        return next;
    }

    private long now() {
        return vcpu.vm().kvm().kernel().timing().now();
    }

    /** Timers that are due by now are pending (stimer_timer_callback). */
    void serve() {
        if (deadline() == 0) return;
        for (int i = 0; i < TIMERS; i++) {
            if (deadlines.get(i) == 0 || now() < deadlines.get(i)) continue;
            deadlines.set(i, 0);
            markPending(i);
        }
    }

    /** kvm_hv_process_stimers. */
    void process() {
        for (int i = 0; i < TIMERS; i++) {
            if ((pending.and(~(1L << i)) >> i & 1) == 0 || (configs.get(i) & ON) == 0) continue;
            long at = expiry.get(i);
            if (at != 0 && Long.compareUnsigned(vcpu.vm().hyperv().referenceTime(), at) >= 0) expire(i);
            if ((configs.get(i) & ON) == 0) continue;
            if (counts.get(i) == 0) cleanUp(i);
            else if (waiting.get(i) == 0) start(i);
        }
    }

    /** stimer_start: a period goes on from where it was; a single time that has passed expires at once. */
    private void start(int n) {
        long time = vcpu.vm().hyperv().referenceTime(), count = counts.get(n), at = expiry.get(n);
        if ((configs.get(n) & PERIODIC) == 0) {
            expiry.set(n, count);
            if (Long.compareUnsigned(time, count) >= 0) markPending(n);
            else arm(n, count - time);
            return;
        }
        if (at == 0) at = time + count;
        else if (Long.compareUnsigned(time, at) >= 0) at = time + count - Long.remainderUnsigned(time - at, count);
        expiry.set(n, at);
        arm(n, at - time);
    }

    private void arm(int n, long ticks) {
        long most = (Long.MAX_VALUE - now()) / 100;
        deadlines.set(n, Long.compareUnsigned(ticks, most) >= 0 ? Long.MAX_VALUE : now() + 100 * ticks);
    }

    /** stimer_expiration. */
    private void expire(int n) {
        long config = configs.get(n);
        boolean done = (config & DIRECT) != 0
                ? vcpu.lapic().deliverFixed((int) config >> 4 & 0xff, false)
                : deliver((int) config >> 16 & 15, message(n), (config & PERIODIC) != 0);
        waiting.set(n, done ? 0 : 1);
        if (done && (config & PERIODIC) == 0) configs.and(n, ~ON);
    }

    /** struct hv_message of a timer: type, payload's size; index, expiration and delivery time. */
    private Bytes message(int n) {
        Bytes b = new Bytes(16 + PAYLOAD).u32(0, TIMER_EXPIRED).u8(4, PAYLOAD);
        return b.u32(16, n).u64(24, expiry.get(n)).u64(32, vcpu.vm().hyperv().referenceTime());
    }
}
