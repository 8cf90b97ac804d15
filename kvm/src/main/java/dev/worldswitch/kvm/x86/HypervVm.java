package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Eventfd;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What Hyper-V's interface has once for a VM (struct kvm_hv): identity, hypercall page, reference TSC page, crash data, debugger. */
final class HypervVm {
    private static final int TSC_UNSET = 0, TSC_GUEST_CHANGED = 1, TSC_HOST_CHANGED = 2, TSC_SET = 3, TSC_BROKEN = 4;
    private static final long ENABLE = 1, CRASH_NOTIFY = 1L << 63, PAGE = -4096;
    private static final int EVENTFD_SIZE = 24, DEASSIGN = 1, CONNECTION_MASK = 0x00ffffff;
    /** Places of {@link #debug}: SYNDBG_CONTROL to SYNDBG_PENDING_BUFFER, then SYNDBG_OPTIONS. */
    private static final int DEBUG_STATUS = 1, DEBUG_OPTIONS = 5;

    private final Vm vm;
    private final Mutex lock;
    private final Word osId, hypercall, tscPage, tscStatus, tscSequence, tscScale, tscOffset, crashControl;
    private final Word reenlightenment, tscEmulation, tscEmulationStatus, invariantControl;
    private final Words crash, debug;
    private final Ref<Map<Integer, Eventfd>> connections;

    HypervVm(Region r, Vm vm) {
        this.vm = vm;
        lock = new Mutex(r, "lock");
        osId = r.word("osId");
        hypercall = r.word("hypercall");
        tscPage = r.word("tscPage");
        tscStatus = r.word("tscStatus");
        tscSequence = r.word("tscSequence");
        tscScale = r.word("tscScale");
        tscOffset = r.word("tscOffset");
        crashControl = r.word("crashControl");
        reenlightenment = r.word("reenlightenment");
        tscEmulation = r.word("tscEmulation");
        tscEmulationStatus = r.word("tscEmulationStatus");
        invariantControl = r.word("invariantControl");
        crash = r.words("crash", 5);
        debug = r.words("debug", 6);
        connections = r.ref("connections", Map.of());
    }

    static void rows(Rows t) {
        t.vm(
                "KVM_HYPERV_EVENTFD",
                iow(0xbd, EVENTFD_SIZE),
                154,
                "api.rst 4.111",
                (vm, c) -> vm.hyperv().eventfd(c));
    }

    /** kvm_hv_hypercall_enabled, the VM's part. */
    boolean identified() {
        return osId.get() != 0;
    }

    boolean usesDebugHypercalls() {
        return (debug.get(DEBUG_OPTIONS) & 4) != 0;
    }

    void debugStatus(long v) {
        debug.set(DEBUG_STATUS, v);
    }

    /** SYNDBG_CONTROL, send, receive and pending page, as an exit tells of them. */
    long[] debugPages() {
        return new long[] {debug.get(0), debug.get(2), debug.get(3), debug.get(4)};
    }

    /** kvm_hv_invtsc_suppressed: a guest that may ask for its invariant TSC has not. */
    boolean suppressesInvariantTsc(Vcpu v) {
        return HypervCpuid.enabled(v)
                && v.cpuid().get().has(HypervCpuid.FEATURES, 0, 0, 15)
                && (invariantControl.get() & 1) == 0;
    }

    /** kvm_hv_get_msr_pw; null where the access fails. */
    @Nullable
    Long get(Vcpu v, int index, boolean host) {
        if (index >= HypervMsrs.CRASH_P0 && index < HypervMsrs.CRASH_CTL) return crash.get(index - HypervMsrs.CRASH_P0);
        if (index >= HypervMsrs.SYNDBG_CONTROL && index <= HypervMsrs.SYNDBG_OPTIONS)
            return host || v.hyperv().debugs() ? Long.valueOf(debug.get(debugPlace(index))) : null;
        return switch (index) {
            case HypervMsrs.GUEST_OS_ID -> osId.get();
            case HypervMsrs.HYPERCALL -> hypercall.get();
            case HypervMsrs.TIME_REF_COUNT -> referenceTime();
            case HypervMsrs.REFERENCE_TSC -> tscPage.get();
            case HypervMsrs.CRASH_CTL -> crashControl.get();
            case HypervMsrs.RESET -> 0L;
            case HypervMsrs.REENLIGHTENMENT -> reenlightenment.get();
            case HypervMsrs.TSC_EMULATION -> tscEmulation.get();
            case HypervMsrs.TSC_EMULATION_STATUS -> tscEmulationStatus.get();
            case HypervMsrs.TSC_INVARIANT -> invariantControl.get();
            default -> null;
        };
    }

    private static int debugPlace(int index) {
        return index == HypervMsrs.SYNDBG_OPTIONS ? DEBUG_OPTIONS : index - HypervMsrs.SYNDBG_CONTROL;
    }

    /** kvm_hv_set_msr_pw; false where the access fails. */
    boolean set(Vcpu v, int index, long value, boolean host) {
        lock.lock();
        boolean ok = setLocked(v, index, value, host);
        lock.unlock();
        return ok;
    }

    private boolean setLocked(Vcpu v, int index, long value, boolean host) {
        if (index >= HypervMsrs.CRASH_P0 && index < HypervMsrs.CRASH_CTL) {
            crash.set(index - HypervMsrs.CRASH_P0, value);
            return true;
        }
        if (index >= HypervMsrs.SYNDBG_CONTROL && index <= HypervMsrs.SYNDBG_OPTIONS)
            return setDebug(v, index, value, host);
        switch (index) {
            case HypervMsrs.GUEST_OS_ID -> {
                osId.set(value);
                if (value == 0) hypercall.and(~ENABLE);
            }
            case HypervMsrs.HYPERCALL -> {
                return setHypercall(v, value);
            }
            case HypervMsrs.REFERENCE_TSC -> {
                tscPage.set(value);
                boolean on = (value & ENABLE) != 0;
                tscStatus.set(on ? host ? TSC_HOST_CHANGED : TSC_GUEST_CHANGED : TSC_UNSET);
                if (on) vm.clock().masterClockUpdate();
            }
            case HypervMsrs.CRASH_CTL -> {
                if (host) crashControl.set(value & CRASH_NOTIFY);
                else if ((value & CRASH_NOTIFY) != 0) v.runLoop().kick(RunState.REQ_HV_CRASH);
            }
            case HypervMsrs.RESET -> {
                if (value == 1) v.runLoop().kick(RunState.REQ_HV_RESET);
            }
            case HypervMsrs.REENLIGHTENMENT -> reenlightenment.set(value);
            case HypervMsrs.TSC_EMULATION -> tscEmulation.set(value);
            case HypervMsrs.TSC_EMULATION_STATUS -> {
                if (value != 0 && !host) return false;
                tscEmulationStatus.set(value);
            }
            case HypervMsrs.TIME_REF_COUNT -> {
                return host;
            }
            case HypervMsrs.TSC_INVARIANT -> {
                // A guest can't take it back.
                if ((value & ~1) != 0 || !host && invariantControl.get() != 0 && value == 0) return false;
                invariantControl.set(value);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean setDebug(Vcpu v, int index, long value, boolean host) {
        if (!host && !v.hyperv().debugs()) return false;
        debug.set(debugPlace(index), value);
        boolean tells = index == HypervMsrs.SYNDBG_CONTROL || index == HypervMsrs.SYNDBG_PENDING;
        if (tells && !host) v.hyperv().exitDebug(index);
        return true;
    }

    /** The hypercall page is this vendor's instruction and a return. */
    private boolean setHypercall(Vcpu v, long value) {
        if (osId.get() == 0) return true;
        if ((value & ENABLE) != 0) {
            int last = X86Ops.of(vm.kvm().profile()).hypercallByte();
            Bytes code = new Bytes(new byte[] {0x0f, 0x01, (byte) last, (byte) 0xc3});
            if (!v.writeSeen(value & PAGE, code)) return false;
        }
        hypercall.set(value);
        return true;
    }

    // The reference time, in units of 100 ns.

    /** get_time_ref_counter. */
    long referenceTime() {
        if (tscStatus.get() != TSC_SET) return vm.clock().nanoseconds() / 100;
        Vcpu first = vm.vcpus().get().all().get(0);
        return Math.unsignedMultiplyHigh(first.guestTsc(), tscScale.get()) + tscOffset.get();
    }

    /** kvm_hv_request_tsc_page_update: the clock was set. */
    void requestTscPageUpdate() {
        lock.lock();
        if (tscStatus.get() == TSC_SET && tscEmulation.get() == 0) tscStatus.set(TSC_HOST_CHANGED);
        lock.unlock();
    }

    /** kvm_hv_setup_tsc_page: {@code time = tsc * scale / 2^64 + offset}; a sequence of 0 means that the page is not to be used. */
    void setupTscPage(KvmClock.Parameters clock) {
        lock.lock();
        long status = tscStatus.get();
        if ((status == TSC_GUEST_CHANGED || status == TSC_HOST_CHANGED) && (tscPage.get() & ENABLE) != 0)
            tscStatus.set(writeTscPage(clock, status) ? TSC_SET : TSC_BROKEN);
        lock.unlock();
    }

    private boolean writeTscPage(KvmClock.Parameters clock, long status) {
        long gpa = tscPage.get() & PAGE;
        Bytes old = vm.memory().read(gpa, 24);
        if (old == null) return false;
        int sequence = old.u32(0);
        // A guest that has its TSC emulated after migration expects the page as it was.
        if (sequence != 0 && status != TSC_GUEST_CHANGED && tscEmulation.get() != 0) {
            keep(sequence, old.u64(8), old.u64(16));
            return true;
        }
        Vcpu first = vm.vcpus().get().all().get(0);
        if (!first.writeGuest(gpa, new Bytes(4))) return false;
        long most = 100L << 32 - clock.scale().shift();
        if (!clock.stable() || Long.compareUnsigned(clock.scale().mul(), most) >= 0) return false;
        long scale = divide(clock.scale().mul(), 32 + clock.scale().shift());
        long offset = clock.systemTime() / 100 - Math.unsignedMultiplyHigh(clock.tsc(), scale);
        sequence = sequence == -1 || sequence == -2 ? 1 : sequence + 1;
        keep(sequence, scale, offset);
        Bytes page = new Bytes(24).u64(8, scale).u64(16, offset);
        // All of it is there before a sequence that says so.
        return first.writeGuest(gpa, page) && first.writeGuest(gpa, new Bytes(4).u32(0, sequence));
    }

    private void keep(int sequence, long scale, long offset) {
        tscSequence.set(sequence);
        tscScale.set(scale);
        tscOffset.set(offset);
    }

    /** {@code (mul << shift) / 100} by 96 bits. */
    private static long divide(long mul, int shift) {
        long high = mul / 100, rest = mul % 100, r = high;
        for (int i = 0; i < shift; i++) {
            rest <<= 1;
            r = r << 1 | rest / 100;
            rest %= 100;
        }
        return r;
    }

    // KVM_HYPERV_EVENTFD: what a guest's HvSignalEvent signals.

    private long eventfd(Call call) {
        if (!vm.kvm().config("hyperv")) return Errno.ENOTTY;
        Bytes b = call.in(EVENTFD_SIZE);
        if (b == null) return Errno.EFAULT;
        int connection = b.u32(0), flags = b.u32(8);
        if ((flags & ~DEASSIGN) != 0 || (connection & ~CONNECTION_MASK) != 0) return Errno.EINVAL;
        if (flags == DEASSIGN) {
            Map<Integer, Eventfd> now = new HashMap<>(connections.get());
            Eventfd gone = now.remove(connection);
            connections.set(Map.copyOf(now));
            if (gone == null) return Errno.ENOENT;
            gone.close();
            return 0;
        }
        long bad = call.client().eventfdError(b.u32(4));
        if (bad != 0) return bad;
        if (connections.get().containsKey(connection)) return Errno.EEXIST;
        Eventfd event = call.client().eventfd(b.u32(4));
        if (event == null) return Errno.EBADF;
        Map<Integer, Eventfd> now = new HashMap<>(connections.get());
        now.put(connection, event);
        connections.set(Map.copyOf(now));
        return 0;
    }

    /** False for a connection of nobody. */
    boolean signal(int connection) {
        Eventfd event = connections.get().get(connection);
        if (event != null) event.signal();
        return event != null;
    }

    /** The VM goes. */
    void close() {
        for (Eventfd e : connections.get().values()) e.close();
        connections.set(Map.of());
    }
}
