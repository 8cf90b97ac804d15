package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.PreemptNotifier;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Fpsimd;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DirtyRing;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.RetiredCounter;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Exit;
import org.jspecify.annotations.Nullable;

/** KVM_RUN of one vCPU: kvm_arch_vcpu_ioctl_run and what it calls (arm.c), step by step as the kernel does. */
public final class VcpuRun implements PreemptNotifier {
    private final Vcpu vcpu;
    private final RunState rs;
    private final RunPage page;
    private final HandleExit exits;
    private final boolean commitsPc, signalCheckedLate, flagBeforeEntry;

    VcpuRun(Vcpu vcpu) {
        this.vcpu = vcpu;
        this.rs = new RunState(vcpu.region().child("run"), vcpu.kvm().cpus());
        this.page = new RunPage(vcpu.run());
        this.exits = new HandleExit(this);
        this.commitsPc = vcpu.kvm().has(Patch.COMMIT_PC_BEFORE_USER);
        this.flagBeforeEntry = vcpu.kvm().has(Patch.RUN_FLAG_UNDER_CONFIG_LOCK);
        this.signalCheckedLate = vcpu.kvm().has(Patch.RUN_LOOP_SIGNAL_CHECK);
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

    Hyp hyp() {
        return vcpu.kvm().hyp();
    }

    /** signal_pending(current): one from the client's process, or one that the kernel itself sent. */
    private static boolean signalPending(Caller caller) {
        return caller.signalPending() || caller.task().flags().test(Task.TIF_SIGPENDING);
    }

    private Scheduler scheduler() {
        return vcpu.kvm().scheduler();
    }

    /** The ioctl. */
    long kvmArchVcpuIoctlRun(Caller caller) {
        long r = runPidChange();
        if (r != 0) return r;
        if (page.exitReason() == RunPage.EXIT_MMIO) exits.mmio().handleReturn();
        rest("vcpu_load", 0);
        vcpuLoad(caller);
        rest("vcpu_loaded", 0);
        if (page.immediateExit()) {
            r = Errno.EINTR;
        } else {
            page.exitReason(RunPage.EXIT_UNKNOWN);
            page.flags(0);
            r = runLoop(caller);
            if (!flagBeforeEntry) vcpu.vm().flags().setBits(Vm.HAS_RUN_ONCE);
            if (!vcpu.vm().irqchipInKernel()) tellLevels();
        }
        // User space sees a vCPU whose pending exception or skip is done.
        if (commitsPc && vcpu.flags().test(Vcpu.PENDING_EXCEPTION | Vcpu.INCREMENT_PC)) PcAdjust.adjustPc(vcpu);
        rest("vcpu_put", r);
        vcpuPut(caller);
        rest("vcpu_put done", r);
        TraceText t = vcpu.trace();
        if (t != null) t.kvmUserspaceExit(vcpu, page.exitReason(), r);
        return r;
    }

    /** kvm_arch_vcpu_run_pid_change: what must be true before the first entry, and what that freezes. */
    private long runPidChange() {
        Vm vm = vcpu.vm();
        if (!vcpu.is(Vcpu.INITIALIZED)) return Errno.ENOEXEC;
        if (!vcpu.isFinalized()) return Errno.EPERM;
        if (vcpu.is(Vcpu.HAS_RUN_ONCE)) return 0;
        Vgic gic = vm.vgic().get();
        if (gic != null) {
            long r = gic.mapResources();
            if (r != 0) return r;
        }
        if (vcpu.hasPmu() && !vcpu.is(Vcpu.PMU_CREATED)) return Errno.EINVAL;
        vm.configLock().lock();
        try {
            vm.idRegs().finalizeForRun();
            vcpu.hcr().set(VcpuReset.hcr(vcpu) | vcpu.hcr().get() & (Inject.HCR_VI | Inject.HCR_VF | Inject.HCR_VSE));
            vcpu.hcrx().set(Mops.hcrx(vcpu));
            // Under the lock that writers of ID registers hold: none of them can be between test and store now.
            if (flagBeforeEntry) vm.flags().setBits(Vm.HAS_RUN_ONCE);
        } finally {
            vm.configLock().unlock();
        }
        Pmu.reload(vcpu);
        vcpu.flags().setBits(Vcpu.HAS_RUN_ONCE);
        return 0;
    }

    /** KVM_RUN ended anywhere. */
    void brokeDown() {
        rs.mode.brokeDown();
        rs.runner.set(null);
    }

    private void vcpuLoad(Caller caller) {
        rs.runner.set(caller);
        scheduler().preemptDisable(caller.task());
        caller.task().preemptNotifier().set(this);
        kvmArchVcpuLoad(caller.task());
        scheduler().preemptEnable(caller.task());
    }

    /** The CPU that executes the guest's instructions now, whose registers are its own; null between. */
    @Nullable
    Arm64Cpu guestOn() {
        return (Arm64Cpu) rs.mode.executing();
    }

    private void vcpuPut(Caller caller) {
        scheduler().preemptDisable(caller.task());
        kvmArchVcpuPut(caller.task());
        caller.task().preemptNotifier().set(null);
        scheduler().preemptEnable(caller.task());
        rs.runner.set(null);
    }

    private void kvmArchVcpuLoad(Task task) {
        rs.mode.loadedOn(task.cpu());
        hyp().vcpuLoad(task, vcpu);
        vcpu.kvm().pmuEvents().restoreGuest(task);
        hyp().kvmFp().kvmArchVcpuLoadFp(task);
        if (vcpu.stolenTime().enabled()) rs.mode.requests().or(RunState.REQ_RECORD_STEAL);
    }

    private void kvmArchVcpuPut(Task task) {
        hyp().kvmFp().kvmArchVcpuPutFp(task, vcpu);
        vcpu.kvm().pmuEvents().restoreHost(task);
        hyp().vcpuPut(task);
        rs.mode.put();
    }

    /** A guest hypervisor and its guest have registers of their own: what is loaded goes, and comes back as the other's. */
    void switchNestedContext(Task task, boolean toHypervisor) {
        scheduler().preemptDisable(task);
        kvmArchVcpuPut(task);
        vcpu.hypContext().set(toHypervisor ? 1 : 0);
        kvmArchVcpuLoad(task);
        scheduler().preemptEnable(task);
    }

    /** kvm_sched_out. */
    @Override
    public void schedOut(Task task, PhysicalCpu cpu) {
        kvmArchVcpuPut(task);
    }

    /** kvm_sched_in: maybe on another CPU. */
    @Override
    public void schedIn(Task task, PhysicalCpu cpu) {
        kvmArchVcpuLoad(task);
    }

    /** Nothing that was read before is live but {@code live}: the loop's state is in the vCPU. */
    private void rest(String where, long live) {
        vcpu.kvm().kernel().timing().rest(where, live);
    }

    private long runLoop(Caller caller) {
        VcpuPort port = vcpu.port();
        if (port == null) return runLoop(caller, null);
        port.inRunLoop(true);
        long r = runLoop(caller, port);
        port.inRunLoop(false);
        return r;
    }

    private long runLoop(Caller caller, @Nullable VcpuPort port) {
        long r = 1;
        while (r > 0) {
            if (port != null && port.holds()) {
                // The debugger sees a vCPU whose pending exception or skip is done, as user space does.
                if (vcpu.flags().test(Vcpu.PENDING_EXCEPTION | Vcpu.INCREMENT_PC)) PcAdjust.adjustPc(vcpu);
                port.passes(caller);
            }
            rest("kvm_arch_vcpu_ioctl_run", 0);
            if (signalPending(caller)) {
                page.exitReason(RunPage.EXIT_INTR);
                vcpu.stats().add("signal_exits");
                return Errno.EINTR;
            }
            r = checkVcpuRequests(caller);
            if (r > 0) r = enterOnce(caller);
        }
        return r;
    }

    private long checkVcpuRequests(Caller caller) {
        if (rs.mode.requests().get() == 0) return 1;
        if (rs.take(RunState.REQ_VM_DEAD)) return Errno.EIO;
        rs.take(RunState.REQ_UNBLOCK);
        if (rs.take(RunState.REQ_SLEEP)) sleep(caller);
        VcpuReset.ifPending(vcpu);
        rs.take(RunState.REQ_IRQ_PENDING);
        if (rs.take(RunState.REQ_RECORD_STEAL)) vcpu.stolenTime().update(caller);
        long r = rs.take(RunState.REQ_SUSPEND) ? suspended(caller) : 1;
        return r > 0 && rs.mode.requests().test(RunState.REQ_DIRTY_RING_SOFT_FULL) && dirtyRingFull() ? 0 : r;
    }

    /** kvm_dirty_ring_check_request: the request stays until the client has made room. */
    private boolean dirtyRingFull() {
        DirtyRing ring = vcpu.dirtyRing();
        if (ring != null && ring.isSoftFull()) {
            page.exitReason(RunPage.EXIT_DIRTY_RING_FULL);
            return true;
        }
        rs.take(RunState.REQ_DIRTY_RING_SOFT_FULL);
        return false;
    }

    /** kvm_vcpu_sleep: powered off until another vCPU or user space says otherwise. */
    private void sleep(Caller caller) {
        block(caller, () -> !vcpu.stopped());
        if (vcpu.stopped()) rs.mode.requests().or(RunState.REQ_SLEEP);
    }

    /** kvm_vcpu_suspend: the state is sticky; a wake-up event goes to user space. */
    private long suspended(Caller caller) {
        if (vcpu.mpState().get() != MpState.SUSPENDED) return 1;
        waitForInterrupt(caller);
        rs.mode.requests().or(RunState.REQ_SUSPEND);
        if (!runnable()) return 1;
        page.systemEvent(RunPage.SYSTEM_EVENT_WAKEUP, 0, 0);
        return 0;
    }

    /** kvm_vcpu_wfi. */
    void waitForInterrupt(Caller caller) {
        block(caller, () -> runnable() || (rs.mode.requests().get() & RunState.REQ_UNBLOCK) != 0);
    }

    private void block(Caller caller, java.util.function.BooleanSupplier until) {
        armTimer(caller);
        TraceText t = vcpu.trace();
        long start = t == null ? 0 : now();
        VcpuPort port = vcpu.port();
        caller.block(() -> port != null && port.holds() || until.getAsBoolean() || signalPending(caller));
        caller.kickAfter(0);
        if (t != null) t.kvmVcpuWakeup(vcpu, now() - start, runnable());
    }

    private long now() {
        return vcpu.kvm().kernel().timing().now();
    }

    /** The host's timer for the guest's next one that is due: a user-space interrupt controller must hear of it in time. */
    private void armTimer(Caller caller) {
        long ticks = Math.min(ticksToGo(false), ticksToGo(true));
        rs.deadline.set(ticks == Long.MAX_VALUE ? Long.MAX_VALUE : vcpu.kvm().counter() + ticks);
        if (ticks != Long.MAX_VALUE) caller.kickAfter(nanoseconds(ticks));
    }

    private long ticksToGo(boolean physical) {
        long told = rs.toldLevels.get() & (physical ? RunPage.DEV_PTIMER : RunPage.DEV_VTIMER);
        return told != 0 ? Long.MAX_VALUE : TimerRegs.ticksToGo(vcpu, physical);
    }

    private long nanoseconds(long ticks) {
        long hz = vcpu.kvm().profile().cntfrq();
        long seconds = ticks / hz;
        return seconds > 1L << 32 ? Long.MAX_VALUE : seconds * 1_000_000_000 + ticks % hz * 1_000_000_000 / hz + 1;
    }

    /** kvm_arch_vcpu_runnable. */
    boolean runnable() {
        if (vcpu.stopped()) return false;
        if (vcpu.hcr().test(Inject.HCR_VI | Inject.HCR_VF)) return true;
        Vgic gic = vcpu.vm().vgic().get();
        if (gic == null) return levels() != rs.toldLevels.get();
        tellController(gic);
        return gic.hasPending(vcpu) && !gic.delivery().isPaused();
    }

    /** kvm_timer_update_irq and kvm_pmu_update_state: lines that changed reach the interrupt controller. */
    private void tellController(Vgic gic) {
        long now = levels(), changed = now ^ rs.toldLevels.get();
        if (changed == 0) return;
        rs.toldLevels.set(now);
        if ((changed & RunPage.DEV_VTIMER) != 0)
            gic.line(vcpu, (int) vcpu.vtimerIrq().get(), (now & RunPage.DEV_VTIMER) != 0);
        if ((changed & RunPage.DEV_PTIMER) != 0)
            gic.line(vcpu, (int) vcpu.ptimerIrq().get(), (now & RunPage.DEV_PTIMER) != 0);
        if ((changed & RunPage.DEV_PMU) != 0) gic.line(vcpu, (int) vcpu.pmuIrq().get(), (now & RunPage.DEV_PMU) != 0);
    }

    /** Lines of the timers and the PMU that a user-space interrupt controller must be told of. */
    private long levels() {
        return (TimerRegs.asserted(vcpu, false) ? RunPage.DEV_VTIMER : 0)
                | (TimerRegs.asserted(vcpu, true) ? RunPage.DEV_PTIMER : 0)
                | (Pmu.asserted(vcpu) ? RunPage.DEV_PMU : 0);
    }

    /** kvm_timer_update_run. */
    private void tellLevels() {
        long now = levels();
        rs.toldLevels.set(now);
        page.deviceIrqLevel(now);
    }

    /** One entry into the guest, its exit and what that exit asks for. */
    private long enterOnce(Caller caller) {
        Task task = caller.task();
        scheduler().preemptDisable(task);
        PhysicalCpu cpu = task.cpu();
        cpu.irqDisable();
        rs.mode.enter();
        if (!vcpu.vm().irqchipInKernel() && levels() != rs.toldLevels.get()) {
            leaveGuestMode(cpu, task);
            page.exitReason(RunPage.EXIT_INTR);
            return Errno.EINTR;
        }
        // Once more with interrupts masked: work that one of them brought after the first check must not enter the
        // guest.
        if (rs.mode.requests().acquire() != 0 || signalCheckedLate && signalPending(caller)) {
            leaveGuestMode(cpu, task);
            return 1;
        }
        Vgic gic = vcpu.vm().vgic().get();
        if (gic != null && gic.delivery().isPaused()) {
            leaveGuestMode(cpu, task);
            caller.block(() -> !gic.delivery().isPaused() || signalPending(caller));
            return 1;
        }
        if (vcpu.modeIs32Bit()) {
            leaveGuestMode(cpu, task);
            return exits.unimplemented("AArch32 guest state", 0);
        }
        vcpu.debug().setup();
        hyp().updateMdcr(task, vcpu);
        // After setup, which arms a step: an instruction that KVM skips is the step, and nothing more is executed.
        PcAdjust.adjustPc(vcpu);
        TraceText t = vcpu.trace();
        if (t != null) t.kvmEntry(vcpu);
        if (gic != null) {
            tellController(gic);
            gic.delivery().flush(vcpu);
        }
        armTimer(caller);
        hyp().kvmFp().kvmArchVcpuCtxflushFp(task);
        rest("kvm_vcpu_run", 0);
        RetiredCounter retired = Fpsimd.cpu(task).retired();
        PmuCounters.start(vcpu, retired);
        Arm64Exit exit = hyp().kvmVcpuRun(task, vcpu);
        PmuCounters.stop(vcpu, retired);
        // Before interrupts are on: a softirq that used the registers would find them bound to nobody.
        hyp().kvmFp().kvmArchVcpuCtxsyncFp(task, vcpu);
        vcpu.debug().clear();
        if (t != null) t.kvmExit(vcpu, exit);
        // Before the guest counts as left: whoever pauses all vCPUs finds no interrupt in a list register.
        if (gic != null) gic.delivery().sync(vcpu);
        vcpu.stats().add("exits");
        rest("exit", exit.live());
        leaveGuestMode(cpu, task);
        rest("handle_exit", exit.live());
        return exits.handle(caller, exit);
    }

    private void leaveGuestMode(PhysicalCpu cpu, Task task) {
        rs.mode.leave();
        cpu.irqEnable();
        scheduler().preemptEnable(task);
    }

    /** __kvm_arm_vcpu_power_off. */
    void powerOff() {
        vcpu.mpState().release(MpState.STOPPED);
        kick(RunState.REQ_SLEEP);
    }

    void suspend() {
        vcpu.mpState().release(MpState.SUSPENDED);
        kick(RunState.REQ_SUSPEND);
    }

    /** vcpu_interrupt_line: a change wakes the vCPU or makes it look at its lines. */
    void interruptLine(long bit, boolean level) {
        long old = level ? vcpu.hcr().or(bit) : vcpu.hcr().and(~bit);
        if (((old & bit) != 0) != level) kick(RunState.REQ_IRQ_PENDING);
    }

    /** kvm_vcpu_kick with a request: wakes a blocked vCPU, or makes a running guest exit; any thread. */
    public void kick(long request) {
        rs.mode.requests().or(request);
        Caller c = rs.runner.get();
        if (c != null) c.wake();
        rs.mode.kick();
    }

    /** Wakes a vCPU that sleeps. */
    void wakeUp() {
        Caller c = rs.runner.get();
        if (c != null) c.wake();
    }

    /** Makes a vCPU that executes guest code leave it, and returns once it has. */
    void kickOutOfGuest() {
        rs.mode.kickOut();
    }

    @Override
    public String toString() {
        return vcpu + ".run";
    }
}
