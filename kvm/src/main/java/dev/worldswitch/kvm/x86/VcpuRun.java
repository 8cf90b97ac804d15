package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.PreemptNotifier;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DirtyRing;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.kvm.x86.RunState.Completion;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.x86.Interpreter;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** KVM_RUN of one vCPU: kvm_arch_vcpu_ioctl_run and what it calls, step by step as the kernel does. */
public final class VcpuRun implements PreemptNotifier {
    static final long MP_RUNNABLE = 0, MP_UNINITIALIZED = 1, MP_INIT_RECEIVED = 2, MP_HALTED = 3, MP_SIPI_RECEIVED = 4;
    static final long MP_AP_RESET_HOLD = 9;
    private static final long SYNC_VALID = 7;
    private final Vcpu vcpu;
    private final X86State state;
    private final RunState rs;
    private final RunPage page;
    private final Injection injection;
    private final X86Ops ops;
    private final GuestEntry entry;
    private final Exits exits;
    private final boolean debugctlLate;

    VcpuRun(Vcpu vcpu) {
        this.vcpu = vcpu;
        this.state = vcpu.state();
        this.rs = new RunState(vcpu.region().child("run"), vcpu.vm().kvm().cpus());
        this.page = new RunPage(vcpu.run());
        this.injection = new Injection(vcpu);
        this.ops = X86Ops.of(vcpu.vm().kvm().profile());
        this.entry = new GuestEntry(vcpu, rs);
        this.exits = new Exits(this);
        this.debugctlLate = vcpu.vm().kvm().kernel().has(Patch.DEBUGCTL_AFTER_IRQS_OFF);
    }

    Vcpu vcpu() {
        return vcpu;
    }

    RunState runState() {
        return rs;
    }

    RunPage page() {
        return page;
    }

    Injection injection() {
        return injection;
    }

    X86Ops ops() {
        return ops;
    }

    GuestEntry entry() {
        return entry;
    }

    Exits exits() {
        return exits;
    }

    @Nullable
    Trace trace() {
        return vcpu.vm().kvm().trace();
    }

    /** The ioctl. */
    long kvmArchVcpuIoctlRun(Caller caller) {
        vcpuLoad(caller);
        page.flags(0);
        entry.kvmLoadGuestFpu(caller);
        long r = runOrComplete(caller);
        entry.kvmPutGuestFpu(caller);
        if (page.validRegs() != 0 && (page.validRegs() & ~SYNC_VALID) == 0) SyncRegs.storeRegs(vcpu, page);
        postKvmRunSave();
        vcpuPut(caller);
        Trace t = trace();
        if (t != null) t.kvmUserspaceExit(vcpu, page.exitReason(), r);
        return r;
    }

    private void vcpuLoad(Caller caller) {
        vcpu.hasRun().set(1);
        rs.runner.set(caller);
        // Registered first: a preemption from here on tells where the vCPU goes.
        caller.task().preemptNotifier().set(this);
        loadOn(caller.task().cpu());
    }

    /** kvm_sched_in: a task that was preempted may go on elsewhere, and kicks must find it there. */
    @Override
    public void schedIn(Task task, PhysicalCpu cpu) {
        loadOn(cpu);
    }

    @Override
    public void schedOut(Task task, PhysicalCpu cpu) {}

    private void loadOn(PhysicalCpu cpu) {
        if (!debugctlLate) rs.hostDebugctl.set(((X86Cpu) cpu).rdmsrDebugctl());
        rs.mode.loadedOn(cpu);
        if (vcpu.stealTime().enabled()) rs.mode.requests().or(RunState.REQ_STEAL_UPDATE);
    }

    /** The CPU that executes the guest's instructions now, whose registers are its own; null between. */
    @Nullable
    X86Cpu guestOn() {
        return (X86Cpu) rs.mode.executing();
    }

    private void vcpuPut(Caller caller) {
        caller.task().preemptNotifier().set(null);
        rs.mode.put();
        rs.runner.set(null);
    }

    /** KVM_RUN ended anywhere. */
    void brokeDown() {
        rs.mode.brokeDown();
        rs.runner.set(null);
    }

    private long runOrComplete(Caller caller) {
        if (vcpu.mpState().get() == MP_UNINITIALIZED) return waitForInit(caller);
        if (((page.validRegs() | page.dirtyRegs()) & ~SYNC_VALID) != 0) return Errno.EINVAL;
        if (page.dirtyRegs() != 0) {
            long r = SyncRegs.syncRegs(vcpu, page);
            if (r != 0) return r;
        }
        if (!vcpu.vm().lapicInKernel()) state.cr.set(8, page.cr8() & 0xf);
        long r = completeUserspaceIo();
        if (r <= 0) return r;
        if (page.immediateExit()) return Errno.EINTR;
        return vcpuRun(caller);
    }

    /** A vCPU that has had no INIT and SIPI yet waits for them. */
    private long waitForInit(Caller caller) {
        if (page.immediateExit()) return Errno.EINTR;
        kvmVcpuBlock(caller, () -> false);
        kvmApicAcceptEvents();
        if (!caller.signalPending()) return Errno.EAGAIN;
        page.exitReason(RunPage.EXIT_INTR);
        return Errno.EINTR;
    }

    private long completeUserspaceIo() {
        Completion c = rs.takeCompletion();
        return switch (c) {
            case NONE, NOTHING -> 1;
            case OUT -> exits.pio().completeFastPioOut();
            case IN -> exits.pio().completeFastPioIn();
            case INS -> exits.pio().completeIns();
            case MMIO_READ -> exits.mmio().completeRead();
            case MMIO_WRITE -> exits.mmio().completeWrite();
            case RDMSR -> exits.msr().completeRdmsr();
            case WRMSR -> exits.msr().completeWrmsr();
            case HYPERCALL -> exits.hypercall().complete();
            case HYPERV_CALL -> exits.hypercall().hyperv().complete();
            case HYPERV_DEBUG -> vcpu.hyperv().completeDebug(page);
        };
    }

    /** vcpu_run. */
    private long vcpuRun(Caller caller) {
        VcpuPort port = vcpu.port();
        if (port == null) return vcpuRun(caller, null);
        port.inRunLoop(true);
        long r = vcpuRun(caller, port);
        port.inRunLoop(false);
        return r;
    }

    private long vcpuRun(Caller caller, @Nullable VcpuPort port) {
        for (; ; ) {
            if (port != null && !port.passes(caller)) {
                page.exitReason(RunPage.EXIT_INTR);
                return Errno.EINTR;
            }
            if (rs.mode.requests().test(RunState.REQ_VM_DEAD)) return Errno.EIO;
            // Nothing read before is live here: the loop's state is in the vCPU.
            vcpu.vm().kvm().kernel().timing().rest("vcpu_run", 0);
            long r = vcpu.mpState().get() == MP_RUNNABLE ? vcpuEnterGuest(caller) : vcpuBlock(caller);
            if (r <= 0) return r;
            if (dmRequestForIrqInjection() && readyForInterruptInjection()) {
                page.exitReason(RunPage.EXIT_IRQ_WINDOW_OPEN);
                return 0;
            }
            if (caller.signalPending()) {
                page.exitReason(RunPage.EXIT_INTR);
                return Errno.EINTR;
            }
        }
    }

    /** vcpu_block: halted, or waiting for INIT and SIPI. */
    private long vcpuBlock(Caller caller) {
        if (!kvmArchVcpuRunnable()) {
            kvmVcpuHalt(caller);
            if (!kvmArchVcpuRunnable()) return 1;
        }
        kvmApicAcceptEvents();
        long mp = vcpu.mpState().get();
        if (mp == MP_HALTED || mp == MP_AP_RESET_HOLD) vcpu.mpState().set(MP_RUNNABLE);
        return 1;
    }

    private void kvmVcpuHalt(Caller caller) {
        Trace t = trace();
        long start = t == null ? 0 : now();
        VcpuPort port = vcpu.port();
        kvmVcpuBlock(caller, () -> port != null && port.holds());
        if (t != null) t.kvmVcpuWakeup(vcpu, now() - start, kvmArchVcpuRunnable());
    }

    private long now() {
        return vcpu.vm().kvm().kernel().timing().now();
    }

    private void kvmVcpuBlock(Caller caller, BooleanSupplier held) {
        setAlarm(caller);
        caller.block(() -> held.getAsBoolean() || timerDue() || kvmArchVcpuRunnable() || caller.signalPending());
        serveTimers();
    }

    // Guest timers: the vCPU's own, and for vCPU 0 the VM's PIT.

    /** Time at which the next of them fires, 0 for never. */
    private long nextTimer() {
        if (!vcpu.vm().lapicInKernel()) return 0;
        long pit = vcpu.id() == 0 ? vcpu.vm().chips().pit().deadline() : 0;
        return earlier(earlier(vcpu.lapic().deadline(), vcpu.hyperv().synic().deadline()), pit);
    }

    private static long earlier(long a, long b) {
        return a == 0 || b != 0 && b < a ? b : a;
    }

    boolean timerDue() {
        long at = nextTimer();
        return at != 0 && now() >= at;
    }

    private void serveTimers() {
        if (nextTimer() == 0) return;
        vcpu.lapic().serveTimer();
        vcpu.hyperv().synic().serve();
        if (vcpu.id() == 0) vcpu.vm().chips().pit().serve();
    }

    /** The caller is kicked when the next timer is due, once; an alarm that is not needed any more does no harm. */
    private void setAlarm(Caller caller) {
        long at = nextTimer();
        if (at == rs.alarmAt.get() && (at == 0 || rs.alarmOf.get() == caller)) return;
        rs.alarmAt.set(at);
        rs.alarmOf.set(caller);
        caller.kickAfter(at == 0 ? 0 : Math.max(1, at - now()));
    }

    /** kvm_arch_vcpu_runnable. */
    boolean kvmArchVcpuRunnable() {
        PendingEvents ev = vcpu.events();
        if (vcpu.mpState().get() == MP_RUNNABLE) return true;
        if (vcpu.lapic().pendingInitOrSipi()) return true;
        if (ev.exceptionPending.get() != 0 || ev.tripleFault.get() != 0) return true;
        if (ev.nmiPending.get() != 0 && injection.nmiAllowed()) return true;
        if (vcpu.smm().requested() || vcpu.hyperv().synic().hasPending()) return true;
        return injection.interruptAllowed() && kvmCpuHasInterrupt();
    }

    private boolean kvmCpuHasInterrupt() {
        if (!vcpu.vm().lapicInKernel()) return vcpu.events().interruptInjected.get() != 0;
        return hasExtint() || vcpu.lapic().hasInterrupt();
    }

    /** kvm_cpu_has_extint: a PIC's interrupt, the client's PIC with a split irqchip. */
    private boolean hasExtint() {
        if (!vcpu.lapic().acceptsPic()) return false;
        if (vcpu.vm().picInKernel()) return vcpu.vm().chips().pic().hasInterrupt();
        return vcpu.events().extInterrupt.get() != 0;
    }

    /** kvm_cpu_get_interrupt. */
    private int getInterrupt() {
        if (!hasExtint()) return vcpu.lapic().acknowledge();
        if (vcpu.vm().picInKernel()) return vcpu.vm().chips().pic().readIrq();
        int vector = (int) vcpu.events().extInterrupt.get() - 1;
        vcpu.events().extInterrupt.set(0);
        return vector;
    }

    /** KVM_REQ_IOAPIC_EOI_EXIT. */
    void ioapicEoi(int vector) {
        rs.eoiVector.set(vector);
        rs.mode.requests().or(RunState.REQ_IOAPIC_EOI);
    }

    /** kvm_apic_accept_events: INIT and SIPI. */
    private void kvmApicAcceptEvents() {
        if (vcpu.vm().lapicInKernel()) vcpu.lapic().acceptEvents();
    }

    /** One entry into the guest, and its exit. */
    private long vcpuEnterGuest(Caller caller) {
        boolean window = dmRequestForIrqInjection();
        if (vcpu.events().tripleFault.get() != 0) {
            vcpu.events().tripleFault.set(0);
            page.exitReason(RunPage.EXIT_SHUTDOWN);
            return 0;
        }
        rs.mode.requests().and(~(RunState.REQ_EVENT | RunState.REQ_UNBLOCK));
        if (rs.mode.requests().test(RunState.REQ_DIRTY_RING_SOFT_FULL) && dirtyRingFull()) return 0;
        if (taken(RunState.REQ_TLB_FLUSH)) entry.flushTlb();
        vcpu.smm().process();
        if (rs.mode.requests().test(RunState.REQ_IOAPIC_EOI)) {
            rs.mode.requests().and(~RunState.REQ_IOAPIC_EOI);
            page.ioapicEoi((int) rs.eoiVector.get());
            return 0;
        }
        if (rs.mode.requests().test(HYPERV_EXITS) && hypervExit()) return 0;
        if (rs.mode.requests().test(RunState.REQ_CLOCK_UPDATE | RunState.REQ_STEAL_UPDATE)) updatePvPages(caller);
        kvmApicAcceptEvents();
        if (vcpu.mpState().get() != MP_RUNNABLE) return 1;
        Lapic lapic = vcpu.lapic();
        serveTimers();
        if (rs.mode.requests().test(RunState.REQ_HV_STIMER)) {
            rs.mode.requests().and(~RunState.REQ_HV_STIMER);
            vcpu.hyperv().synic().process();
        }
        setAlarm(caller);
        boolean hasInterrupt = lapic.inKernel() && kvmCpuHasInterrupt();
        // The window is open before the first instruction: the guest would leave at once.
        if (window && readyForInterruptInjection()) return 1;
        int leaveAt = injection.checkAndInjectEvents(hasInterrupt, this::getInterrupt);
        if (window) leaveAt |= Interpreter.INTERRUPT_WINDOW;
        X86Exit exit = entry.enter(caller, leaveAt, this);
        if (exit == null) {
            cancelInjection();
            return 1;
        }
        return exits.handle(exit);
    }

    /** The guest was not entered: what was to be injected stays queued. */
    private void cancelInjection() {
        state.vectoringInfo.set(state.injectInfo.get());
        state.vectoringErrorCode.set(state.injectErrorCode.get());
        boolean masked = state.nmiMasked.get() != 0;
        injection.completeInterrupts();
        if (masked) state.nmiMasked.set(1);
    }

    /** kvm_dirty_ring_check_request: the request stays until the client has made room. */
    private boolean dirtyRingFull() {
        DirtyRing ring = vcpu.dirtyRing();
        if (ring != null && ring.isSoftFull()) {
            page.exitReason(RunPage.EXIT_DIRTY_RING_FULL);
            return true;
        }
        rs.mode.requests().and(~RunState.REQ_DIRTY_RING_SOFT_FULL);
        return false;
    }

    private static final long HYPERV_EXITS = RunState.REQ_HV_EXIT | RunState.REQ_HV_CRASH | RunState.REQ_HV_RESET;

    /** One of the exits that Hyper-V's interface asks for, most urgent first; true when user space hears of it. */
    private boolean hypervExit() {
        if (taken(RunState.REQ_HV_CRASH)) page.systemEvent(RunPage.SYSTEM_EVENT_CRASH);
        else if (taken(RunState.REQ_HV_RESET)) page.systemEvent(RunPage.SYSTEM_EVENT_RESET);
        else if (taken(RunState.REQ_HV_EXIT)) vcpu.hyperv().fill(page);
        else return false;
        return true;
    }

    private boolean taken(long request) {
        return (rs.mode.requests().and(~request) & request) != 0;
    }

    /** KVM_REQ_TLB_FLUSH_GUEST: when this returns, no instruction of this vCPU uses an older translation. */
    void flushTlb() {
        rs.mode.requests().or(RunState.REQ_TLB_FLUSH);
        kickOutOfGuest();
    }

    private void updatePvPages(Caller caller) {
        long asked = rs.mode.requests().and(~(RunState.REQ_CLOCK_UPDATE | RunState.REQ_STEAL_UPDATE));
        if ((asked & RunState.REQ_CLOCK_UPDATE) != 0) vcpu.vm().clock().writePage(vcpu);
        if ((asked & RunState.REQ_STEAL_UPDATE) != 0) vcpu.stealTime().record(caller);
    }

    private boolean dmRequestForIrqInjection() {
        return page.requestInterruptWindow() && !vcpu.vm().picInKernel();
    }

    /** kvm_vcpu_ready_for_interrupt_injection. */
    private boolean readyForInterruptInjection() {
        return injection.interruptAllowed()
                && !injection.needsReinjection()
                && vcpu.events().exceptionPending.get() == 0
                && cpuAcceptDmIntr();
    }

    /** kvm_cpu_accept_dm_intr: with local APICs in the kernel, only through one that takes the PIC's interrupts. */
    private boolean cpuAcceptDmIntr() {
        return !vcpu.vm().lapicInKernel() || vcpu.lapic().acceptsPic() && !hasExtint();
    }

    private void postKvmRunSave() {
        boolean ready = vcpu.vm().picInKernel() || readyForInterruptInjection();
        page.save(
                (state.rflags.get() & X86State.IF) != 0,
                ready,
                vcpu.cr8(),
                vcpu.apicBase().get(),
                vcpu.events().smm.get() != 0);
    }

    /** kvm_vcpu_kick with a request: wakes a blocked vCPU, or makes a running guest exit; any thread. */
    public void kick(long request) {
        rs.mode.requests().or(request);
        Caller c = rs.runner.get();
        if (c != null) c.wake();
        rs.mode.kick();
    }

    /** Makes a vCPU that executes guest code leave it, and returns once it has. */
    void kickOutOfGuest() {
        rs.mode.kickOut();
    }

    /** kvm_skip_emulated_instruction; 1, or 0 when single-stepping leaves to user space. */
    long skip(int length) {
        long rip = state.rip.get() + length;
        if (!state.code64()) rip &= 0xffffffffL;
        state.rip.set(rip);
        state.shadow.set(0);
        vcpu.pmu().instructionEmulated();
        if ((state.rflags.get() & X86State.TF) == 0) return 1;
        return exits.debug().singleStep();
    }

    long linearRip() {
        if (state.code64()) return state.rip.get();
        return state.segBase.get(X86State.CS) + state.rip.get() & 0xffffffffL;
    }

    X86Cpu cpu(Caller caller) {
        return (X86Cpu) caller.task().cpu();
    }

    @Override
    public String toString() {
        return vcpu + ".run";
    }
}
