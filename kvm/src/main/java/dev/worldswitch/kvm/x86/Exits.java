package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.Mm;
import dev.worldswitch.kvm.PrivateRanges;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** What KVM does about each exit: 1 goes on in the guest, 0 returns to user space, an errno fails KVM_RUN. */
final class Exits {
    /** Handles one kind of exit. */
    private interface Handler {
        long handle(X86Exit exit);
    }

    private record Row(int reason, String source, Handler handler) {}

    private final VcpuRun run;
    private final Vcpu vcpu;
    private final X86State state;
    private final Injection injection;
    private final Pio pio;
    private final MmioExits mmio;
    private final MsrExits msr;
    private final Hypercall hypercall;
    private final DebugExits debug;
    private final ControlRegisters control;
    private final CpuidExits cpuid;
    private final Emulator emulator;
    private final Row[] rows = new Row[X86Exit.NAMES.length];

    Exits(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.state = vcpu.state();
        this.injection = run.injection();
        this.pio = new Pio(run);
        this.mmio = new MmioExits(run);
        this.msr = new MsrExits(run);
        this.hypercall = new Hypercall(run);
        this.debug = new DebugExits(run);
        this.control = new ControlRegisters(run);
        this.cpuid = new CpuidExits(run);
        this.emulator = new Emulator(run);
        row(X86Exit.INTERRUPT, "SDM vol. 3, 28.1", e -> 1);
        row(X86Exit.INTERRUPT_WINDOW, "SDM vol. 3, 26.2 interrupt-window exiting", e -> 1);
        row(X86Exit.IO, "SDM vol. 3, 26.1.3 I/O instructions", pio::handle);
        row(X86Exit.MMIO_READ, "api.rst KVM_EXIT_MMIO", mmio::handleRead);
        row(X86Exit.MMIO_WRITE, "api.rst KVM_EXIT_MMIO", mmio::handleWrite);
        row(X86Exit.HLT, "SDM vol. 3, 26.1.3 HLT", e -> handleHalt());
        row(X86Exit.CPUID, "SDM vol. 3, 26.1.2 CPUID", cpuid::handle);
        row(X86Exit.RDMSR, "SDM vol. 3, 26.1.3 RDMSR", msr::handleRdmsr);
        row(X86Exit.WRMSR, "SDM vol. 3, 26.1.3 WRMSR", msr::handleWrmsr);
        row(X86Exit.XSETBV, "SDM vol. 3, 26.1.2 XSETBV", control::handleXsetbv);
        row(X86Exit.HYPERCALL, "kvm/x86/hypercalls.rst", hypercall::handle);
        row(X86Exit.SHUTDOWN, "SDM vol. 3, 26.2 triple fault", e -> handleShutdown());
        row(X86Exit.EXCEPTION, "SDM vol. 3, 26.2 exceptions", this::handleException);
        row(X86Exit.CR_ACCESS, "SDM vol. 3, 26.1.3 MOV to CR", control::handleCr);
        row(X86Exit.DR_ACCESS, "SDM vol. 3, 26.1.3 MOV DR", debug::handleDrAccess);
        row(X86Exit.FAULT, "api.rst KVM_EXIT_MEMORY_FAULT", this::handleFault);
        row(X86Exit.UNIMPLEMENTED, "api.rst KVM_EXIT_INTERNAL_ERROR", this::handleUnimplemented);
        row(X86Exit.FETCH_MMIO, "api.rst KVM_EXIT_INTERNAL_ERROR", this::handleFetch);
        row(X86Exit.UNBACKED, "SDM vol. 3, 29.3.3 EPT-induced VM exits", emulator::handleUnbacked);
        row(X86Exit.OTHER, "SDM vol. 3, 26.1.3", this::handleOther);
        row(X86Exit.TASK_SWITCH, "SDM vol. 3, 26.4.2", this::handleTaskSwitch);
    }

    private void row(int reason, String source, Handler h) {
        if (rows[reason] != null) throw new IllegalStateException("two handlers for exit " + X86Exit.NAMES[reason]);
        rows[reason] = new Row(reason, source, h);
    }

    Pio pio() {
        return pio;
    }

    MmioExits mmio() {
        return mmio;
    }

    MsrExits msr() {
        return msr;
    }

    Hypercall hypercall() {
        return hypercall;
    }

    ControlRegisters control() {
        return control;
    }

    Emulator emulator() {
        return emulator;
    }

    DebugExits debug() {
        return debug;
    }

    long handle(X86Exit exit) {
        Row row = exit.reason > 0 && exit.reason < rows.length ? rows[exit.reason] : null;
        if (row == null) {
            run.page().internalError(RunPage.INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, exit.reason, 0);
            return 0;
        }
        return row.handler.handle(exit);
    }

    /** handle_task_switch, task_switch_interception: KVM does the switch; the event that asked for it is delivered by that. */
    private long handleTaskSwitch(X86Exit e) {
        injection.taskGateTaken();
        // Instructions are skipped, exceptions and interrupts come back to where they were.
        state.rip.set(state.rip.get() + e.length);
        run.entry().interpreter().switchTask(e);
        return 1;
    }

    /** kvm_emulate_halt; RIP is past the instruction already. */
    private long handleHalt() {
        if (vcpu.vm().lapicInKernel()) {
            vcpu.mpState().set(VcpuRun.MP_HALTED);
            return 1;
        }
        run.page().exitReason(RunPage.EXIT_HLT);
        return 0;
    }

    private long handleShutdown() {
        run.page().exitReason(RunPage.EXIT_SHUTDOWN);
        if (run.ops().resetsOnShutdown()) {
            if (vcpu.smm().active()) vcpu.smm().changed(false);
            VcpuReset.init(vcpu);
        }
        return 0;
    }

    private long handleException(X86Exit exit) {
        switch (exit.vector) {
            case Injection.DB:
                return debug.handleDb(exit);
            case Injection.BP:
                return debug.handleBp();
            case Injection.UD:
                return emulator.handleUd();
            default:
                // #NM: the guest's IA32_XFD_ERR was taken with interrupts off; the exception itself is the guest's.
                injection.queueFromExit(exit);
                return 1;
        }
    }

    /** kvm_mmu_prepare_memory_fault_exit: who asks for private memory that is not there hears of it. */
    private long handleFault(X86Exit exit) {
        if (vcpu.vm().memory().privateRanges().get().has(exit.gpa))
            run.page().memoryFault(exit.gpa & -Mm.PAGE_SIZE, Mm.PAGE_SIZE, PrivateRanges.PRIVATE);
        return Errno.EFAULT;
    }

    /** An instruction that this machine lacks: its bytes for the client, and #UD waits behind the exit. */
    private long handleUnimplemented(X86Exit exit) {
        Trace t = run.trace();
        if (t != null)
            t.unimplemented(vcpu, state.rip.get(), java.util.HexFormat.of().formatHex(exit.bytes, 0, exit.byteCount));
        return emulator.lacking(run.ops().exceptionInfo(Injection.UD));
    }

    /** Fetch from memory that no slot backs. */
    private long handleFetch(X86Exit exit) {
        return emulator.handleFetch(exit);
    }

    /** Instructions that KVM intercepts only to skip, or to refuse: PAUSE, INVD, WBINVD, MONITOR, MWAIT, RDPMC. */
    private long handleOther(X86Exit exit) {
        return exit.vector == X86Exit.RSM ? emulator.handleRsm() : control.handleOther(exit);
    }
}
