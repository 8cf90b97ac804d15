package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.kernel.x86.MachineCheck;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.x86.Interpreter;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The world switch: from the host's registers to the guest's and back, on the task's physical CPU. */
final class GuestEntry {
    private static final int GUESTDBG_ENABLE = 1, GUESTDBG_SINGLESTEP = 2, USE_SW_BP = 0x10000, USE_HW_BP = 0x20000;
    private final Vcpu vcpu;
    private final RunState rs;
    private final X86Ops ops;
    private final boolean checksFpu, debugctlLate, svmDebugctl, dr6BeforeLoop, xcr0Inside;
    private final MachineCheck machineCheck;
    private final X86State state;
    /** The instruction loop on the CPU where this vCPU ran last: caches only. */
    private final Ref<@Nullable Interpreter> loop;
    /** Caches as well: the loops of all CPUs where it ran. */
    private final Map<X86Cpu, Interpreter> loops = new HashMap<>();

    GuestEntry(Vcpu vcpu, RunState rs) {
        this.vcpu = vcpu;
        this.rs = rs;
        this.ops = X86Ops.of(vcpu.vm().kvm().profile());
        this.checksFpu = vcpu.vm().kvm().kernel().has(Patch.KVM_FPU_CHECK_AT_ENTRY);
        this.debugctlLate = vcpu.vm().kvm().kernel().has(Patch.DEBUGCTL_AFTER_IRQS_OFF);
        this.svmDebugctl = vcpu.vm().kvm().kernel().has(Patch.SVM_DEBUGCTL);
        this.dr6BeforeLoop = vcpu.vm().kvm().kernel().has(Patch.DR6_BEFORE_RUN_LOOP);
        this.xcr0Inside = vcpu.vm().kvm().kernel().has(Patch.XCR0_IN_VCPU_RUN);
        this.machineCheck =
                new MachineCheck(vcpu.vm().kvm().kernel(), vcpu.vm().kvm().scheduler());
        this.state = vcpu.state();
        this.loop = vcpu.region().ref("interpreter", null);
    }

    /** The instruction loop that ran last. */
    Interpreter interpreter() {
        Interpreter i = loop.get();
        if (i == null) throw new IllegalStateException(vcpu.region() + " never ran");
        return i;
    }

    Interpreter interpreter(X86Cpu cpu) {
        Interpreter i = loop.get();
        if (i != null && i.cpu == cpu) return i;
        Interpreter made = loops.computeIfAbsent(cpu, c -> new Interpreter(c, state, vcpu.seenMemory(), vcpu.port()));
        // What this vCPU invalidated elsewhere since is not known here: kvm_arch_vcpu_load asks for a flush as well.
        made.flushTlb();
        if (i != null) made.mmio().takeOver(i.mmio());
        loop.set(made);
        return made;
    }

    /** The CPU that runs this vCPU next forgets translations; others do when the vCPU comes back to them. */
    void flushTlb() {
        Interpreter i = loop.get();
        if (i != null) i.flushTlb();
    }

    /** kvm_fpu_get, kvm_read_sse_reg: words of the guest's vector registers. */
    long[] readXmm(Caller caller, int from, int count) {
        scheduler().preemptDisable(caller.task());
        fpu().fpregsAssertStateConsistent(caller.task());
        if (caller.task().flags().test(Task.TIF_NEED_FPU_LOAD)) fpu().switchFpuReturn(caller.task());
        long[] words = new long[count];
        for (int i = 0; i < count; i++) words[i] = cpu(caller).fpregs().get(from + i);
        scheduler().preemptEnable(caller.task());
        return words;
    }

    private Fpu fpu() {
        return vcpu.vm().kvm().fpu();
    }

    private Scheduler scheduler() {
        return vcpu.vm().kvm().scheduler();
    }

    /** kvm_load_guest_fpu: once per KVM_RUN. */
    void kvmLoadGuestFpu(Caller caller) {
        fpu().fpuSwapKvmFpstate(caller.task(), vcpu.fpuGuest(), true);
        Trace t = vcpu.runLoop().trace();
        if (t != null) t.kvmFpu(vcpu, true);
    }

    /** kvm_put_guest_fpu. */
    void kvmPutGuestFpu(Caller caller) {
        fpu().fpuSwapKvmFpstate(caller.task(), vcpu.fpuGuest(), false);
        Trace t = vcpu.runLoop().trace();
        if (t != null) t.kvmFpu(vcpu, false);
    }

    private static X86Cpu cpu(Caller caller) {
        return (X86Cpu) caller.task().cpu();
    }

    /** Enters the guest until it exits; null when something asked for the loop's attention first. */
    @Nullable
    X86Exit enter(Caller caller, int leaveAt, VcpuRun run) {
        scheduler().preemptDisable(caller.task());
        X86Cpu cpu = cpu(caller);
        cpu.irqDisable();
        rs.mode.enter();
        // A timer whose kick came before interrupts were off has lost it: its time is looked at again.
        if (rs.mode.requests().acquire() != 0 || run.timerDue()) {
            rs.mode.leave();
            cpu.irqEnable();
            scheduler().preemptEnable(caller.task());
            return null;
        }
        // A signal that is there already sends the guest back as its kick would: when the injected event is delivered.
        int at = caller.signalPending() ? leaveAt | Interpreter.IMMEDIATE_EXIT : leaveAt;
        Trace t = run.trace();
        if (t != null) t.kvmEntry(vcpu, state.rip.get(), (at & Interpreter.IMMEDIATE_EXIT) != 0);
        vcpu.pmu().start(cpu.retired());
        X86Exit exit = onCpu(caller, cpu, guest -> guest.run(at));
        rs.mode.leave();
        vcpu.pmu().stop(cpu.retired());
        if (t != null) {
            boolean known = rs.knownUnbacked(exit.gpa);
            long[] fields = run.ops().exitFields(state, exit, known);
            t.kvmExit(vcpu, run.ops().exitName(exit, known), state.rip.get(), fields);
        }
        run.injection().completeInterrupts();
        cpu.irqEnable();
        scheduler().preemptEnable(caller.task());
        boolean tellsNext = exit.reason == X86Exit.IO && !exit.string;
        rs.nextRip.set(tellsNext ? state.rip.get() + exit.length : 0);
        return exit;
    }

    /** Emulates the instruction at RIP to its end or its next exit. */
    X86Exit emulate(Caller caller, boolean again, long gpa) {
        scheduler().preemptDisable(caller.task());
        X86Cpu cpu = cpu(caller);
        cpu.irqDisable();
        X86Exit exit = onCpu(caller, cpu, guest -> guest.emulate(again, gpa));
        cpu.irqEnable();
        scheduler().preemptEnable(caller.task());
        return exit;
    }

    private X86Exit onCpu(Caller caller, X86Cpu cpu, Function<Interpreter, X86Exit> part) {
        Task task = caller.task();
        Interpreter guest = interpreter(cpu);
        fpu().fpregsAssertStateConsistent(task);
        if (checksFpu && task.flags().test(Task.TIF_NEED_FPU_LOAD)) fpu().switchFpuReturn(task);
        loadXfdErr(cpu);
        fpu().fpuLoadGuestXfd(task);
        long dr6 = state.dr.get(6);
        X86Exit exit;
        do {
            // Wrong at each entry but the first: the guest has written its DR6 since, without an exit.
            if (!dr6BeforeLoop) state.dr.set(6, dr6);
            exit = vcpuRun(task, cpu, guest, part);
        } while (entersAgain(caller, cpu, exit));
        // The guest's IA32_XFD is taken over before #NM is looked at, which depends on it.
        if (rs.xfdNoWriteIntercept.get() != 0) fpu().fpuSyncGuestVmexitXfdState(task);
        fpu().fpuPutGuestXfd(task);
        takeXfdErr(cpu, exit);
        syncDebugRegisters();
        return exit;
    }

    /** handle_fastpath_preemption_timer: nobody waits for it, the guest goes on at once. */
    private boolean entersAgain(Caller caller, X86Cpu cpu, X86Exit exit) {
        if (exit.reason != X86Exit.INTERRUPT || !ops.hasPreemptionTimer() || !cpu.retract(Line.TIMER)) return false;
        // kvm_vcpu_exit_request; an instruction that KVM emulates is not begun again.
        boolean asked = !rs.mode.isIn()
                || rs.mode.requests().acquire() != 0
                || caller.task().flags().test(Task.TIF_NEED_RESCHED)
                || caller.signalPending();
        return !asked && !cpu.anyPending();
    }

    /** vmx_vcpu_run, svm_vcpu_run. */
    private X86Exit vcpuRun(Task task, X86Cpu cpu, Interpreter guest, Function<Interpreter, X86Exit> part) {
        loadGuestXsaveState(cpu);
        long hostPkru = loadGuestPkru(cpu);
        state.intercepts.set(intercepts());
        syncLapicToCr8();
        loadGuestDebugctl(cpu);
        cpu.guestMode(true);
        X86Exit exit = part.apply(guest);
        boolean machineChecked = cpu.retract(Line.MACHINE_CHECK);
        cpu.guestMode(false);
        loadHostDebugctl(cpu);
        syncCr8ToLapic();
        loadHostPkru(cpu, hostPkru);
        // It may sleep: the next task's registers need the host's XCR0.
        if (machineChecked && !xcr0Inside) machineCheck.doMachineCheck(task);
        loadHostXsaveState(cpu);
        if (machineChecked && xcr0Inside) machineCheck.doMachineCheck(task);
        return exit;
    }

    /** kvm_update_dr0123 and its like: the guest writes its debug registers without exits while nobody debugs it. */
    private void syncDebugRegisters() {
        if ((vcpu.guestDebug().get() & USE_HW_BP) == 0) vcpu.db().copy(state.dr, 0, 8);
    }

    /** The guest's CR8 is the local APIC's task priority; it moves without exits while no interrupt waits for it. */
    private void syncLapicToCr8() {
        if (vcpu.vm().lapicInKernel()) state.cr.set(8, vcpu.lapic().tprCr8());
    }

    private void syncCr8ToLapic() {
        if (vcpu.vm().lapicInKernel() && state.cr.get(8) != vcpu.lapic().tprCr8()) vcpu.setCr8(state.cr.get(8));
    }

    /** The guest's IA32_DEBUGCTL: 0, the interpreter knows none of its functions. */
    private void loadGuestDebugctl(X86Cpu cpu) {
        // Interrupts are off: perf can not change it between here and the exit.
        if (debugctlLate) rs.hostDebugctl.set(cpu.rdmsrDebugctl());
        if (ops.switchesDebugctl()) cpu.debugctl().set(0);
        else if (svmDebugctl && rs.hostDebugctl.get() != 0) cpu.wrmsrDebugctl(0);
    }

    private void loadHostDebugctl(X86Cpu cpu) {
        if (ops.switchesDebugctl()) cpu.debugctl().set(0);
        else if (!svmDebugctl) return;
        if (rs.hostDebugctl.get() != 0) cpu.wrmsrDebugctl(rs.hostDebugctl.get());
    }

    private void loadXfdErr(X86Cpu cpu) {
        if (vcpu.xfdErr().get() != 0) cpu.wrmsrXfdErr(vcpu.xfdErr().get());
    }

    /** handle_nm_fault_irqoff, and the register is the host's again: both before interrupts are on. */
    private void takeXfdErr(X86Cpu cpu, X86Exit exit) {
        if (exit.reason == X86Exit.EXCEPTION && exit.vector == Injection.NM)
            vcpu.xfdErr().set(cpu.rdmsrXfdErr());
        if (vcpu.xfdErr().get() != 0) cpu.wrmsrXfdErr(0);
    }

    /** kvm_load_guest_xsave_state. */
    private void loadGuestXsaveState(X86Cpu cpu) {
        if ((state.cr.get(4) & X86State.CR4_OSXSAVE) != 0 && vcpu.xcr0().get() != hostXcr0())
            cpu.xsetbv(vcpu.xcr0().get());
    }

    /** kvm_load_host_xsave_state. */
    private void loadHostXsaveState(X86Cpu cpu) {
        if (cpu.xcr0().get() != hostXcr0()) cpu.xsetbv(hostXcr0());
    }

    /** The PKRU part of kvm_load_guest_xsave_state: KVM keeps the guest's itself. The host's value. */
    private long loadGuestPkru(X86Cpu cpu) {
        if (!guestHasPkru()) return 0;
        long host = cpu.rdpkru();
        cpu.wrpkru(vcpu.pkru().get());
        return host;
    }

    /** The PKRU part of kvm_load_host_xsave_state. */
    private void loadHostPkru(X86Cpu cpu, long host) {
        if (!guestHasPkru()) return;
        vcpu.pkru().set(cpu.rdpkru());
        cpu.wrpkru(host);
    }

    private boolean guestHasPkru() {
        return vcpu.vm().kvm().profile().xsave().has(XsaveLayout.PKRU)
                && ((vcpu.xcr0().get() >> XsaveLayout.PKRU & 1) != 0 || (state.cr.get(4) & X86State.CR4_PKE) != 0);
    }

    private long hostXcr0() {
        return vcpu.vm().kvm().profile().xcr0();
    }

    /** What the guest must not do alone now. */
    private long intercepts() {
        long debug = vcpu.guestDebug().get(), i = X86State.EXIT_UD | X86State.EXIT_TASK_SWITCH;
        if ((debug & GUESTDBG_ENABLE) != 0) {
            if ((debug & (GUESTDBG_SINGLESTEP | USE_HW_BP)) != 0) i |= X86State.EXIT_DB;
            if ((debug & USE_SW_BP) != 0) i |= X86State.EXIT_BP;
            if ((debug & USE_HW_BP) != 0) i |= X86State.EXIT_DR;
        }
        if (!vcpu.vm().msrFilter().get().equals(MsrFilter.ALLOW_ALL)) i |= X86State.EXIT_BASE_MSR;
        if (vcpu.vm().lapicInKernel() && vcpu.lapic().waitsForPriority()) i |= X86State.EXIT_CR8;
        if (rs.xfdNoWriteIntercept.get() != 0) i |= X86State.PASS_XFD | X86State.EXIT_NM;
        // vmx_vcpu_after_set_cpuid: reads of IA32_XFD_ERR only, a write must reach guest_fpu.xfd_err.
        if (vcpu.cpuid().get().has(0xd, 1, 0, 4) && (i & X86State.EXIT_BASE_MSR) == 0) i |= X86State.PASS_XFD_ERR_READ;
        return i;
    }
}
