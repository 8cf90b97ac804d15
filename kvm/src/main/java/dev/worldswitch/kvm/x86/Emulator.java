package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.machine.x86.Insn;
import dev.worldswitch.machine.x86.Interpreter;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/**
 * x86_emulate_instruction: KVM executes the guest's instruction where the CPU could not, because it touched memory that no
 * slot backs. What the instruction means is the machine's own code; which ones KVM knows, how it fetches them, and what
 * becomes of their exceptions and traps is here.
 */
final class Emulator {
    private static final long GUESTDBG_SINGLESTEP = 2;
    private final VcpuRun run;
    private final Vcpu vcpu;
    private final X86State state;
    private final RunState rs;
    private final EmulatorTable table;

    Emulator(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.state = vcpu.state();
        this.rs = run.runState();
        this.table = new EmulatorTable(vcpu.vm().kvm().kernel()::has);
    }

    /** npf_interception, handle_ept_misconfig. */
    long handleUnbacked(X86Exit exit) {
        boolean known = rs.knownUnbacked(exit.gpa);
        pageFault(exit, known);
        long[] info = run.ops().pageFaultInfo(exit, known);
        rs.mmioPage.set(exit.gpa | 0xfff);
        if (run.injection().needsReinjection()) {
            if (run.ops().refusesEmulationDuringVectoring(vcpu.vm().kvm().kernel()))
                return vectoringExit(info, exit.gpa);
            if (exit.walk && vcpu.vm().kvm().kernel().has(Patch.RETRY_WALK_DURING_VECTORING)) return 1;
        }
        return emulate(info, exit.walk ? exit.gpa : -1);
    }

    private void pageFault(X86Exit exit, boolean known) {
        Trace t = run.trace();
        long errorCode = t == null ? -1 : run.ops().pageFaultErrorCode(exit, known);
        if (t != null && errorCode != -1) t.kvmPageFault(vcpu, exit.gpa, errorCode);
    }

    private void emulates(X86Exit fetched, boolean failed) {
        Trace t = run.trace();
        int length = failed ? fetched.byteCount : run.entry().interpreter().fetched().length;
        if (t != null) t.kvmEmulateInsn(vcpu, fetched.bytes, length, failed);
    }

    /** kvm_prepare_event_vectoring_exit: an event can't be delivered, because what it needs is in unbacked memory. */
    private long vectoringExit(long[] info, long gpa) {
        Caller caller = rs.runner.get();
        long cpu = caller == null ? 0 : caller.task().cpu().id();
        run.page().internalError(RunPage.INTERNAL_ERROR_DELIVERY_EV, info[2], info[0], info[1], gpa, cpu);
        return 0;
    }

    /** handle_ept_misconfig and npf_interception of a fetch. */
    long handleFetch(X86Exit exit) {
        return handleUnbacked(exit);
    }

    /**
     * svm_update_soft_interrupt_rip: where the handler of INT3 or INTO returns to; 0 when no such instruction is at RIP.
     * Known from the last exit, if that told it.
     */
    long softExceptionRip(int vector) {
        if (rs.nextRip.get() != 0) return rs.nextRip.get();
        Caller caller = rs.runner.get();
        if (caller == null) throw new IllegalStateException("no KVM_RUN under way on " + vcpu.region());
        Interpreter m = run.entry().interpreter(run.cpu(caller));
        if (m.fetchForEmulation() != null) return 0;
        int opcode = m.exit().bytes[0] & 0xff;
        return opcode == (vector == Injection.BP ? 0xcc : 0xce) ? state.rip.get() + 1 : 0;
    }

    /** handle_ud: KVM's emulator has few instructions for CPUs without them, and gives up on 64-bit SYSENTER. */
    long handleUd() {
        X86Exit fault = run.entry().interpreter().fetchForEmulation();
        byte[] b = run.entry().interpreter().exit().bytes;
        int at = (b[0] & 0xf0) == 0x40 ? 1 : 0;
        if (fault == null && b[at] == 0x0f && (b[at + 1] & 0xff) == 0xaa) return handleRsm();
        boolean sysenter = fault == null && b[at] == 0x0f && b[at + 1] == 0x34;
        if (sysenter && state.code64()) {
            remember(run.ops().exceptionInfo(Injection.UD));
            return failure(run.entry().interpreter().exit());
        }
        run.injection().queueException(Injection.UD);
        return 1;
    }

    /** em_rsm, which SVM intercepts by itself. */
    long handleRsm() {
        if (!vcpu.smm().active()) {
            run.injection().queueException(Injection.UD);
            return 1;
        }
        switch (vcpu.smm().leave(run.exits().control())) {
            case UNREADABLE -> {
                if (!vcpu.vm().kvm().kernel().has(Patch.SMM_ENTRY_CHECKED)) {
                    remember(run.ops().exceptionInfo(Injection.UD));
                    run.entry().interpreter().fetchForEmulation();
                    return failure(run.entry().interpreter().exit());
                }
                vcpu.events().tripleFault.set(1);
            }
            case SHUTDOWN -> vcpu.events().tripleFault.set(1);
            case DONE -> {
                if ((vcpu.guestDebug().get() & GUESTDBG_SINGLESTEP) != 0)
                    return run.exits().debug().singleStep();
            }
        }
        return 1;
    }

    private void remember(long[] info) {
        for (int i = 0; i < 3; i++) rs.exitInfo.set(i, info[i]);
    }

    /** {@code info}: exit reason, info 1, info 2 of the exit that led here. */
    private long emulate(long[] info, long gpa) {
        run.injection().clearExceptionQueue();
        remember(info);
        X86Exit fault = run.entry().interpreter().fetchForEmulation();
        if (fault != null && fault.reason == X86Exit.EXCEPTION) {
            run.injection().queueFromExit(fault);
            return 1;
        }
        X86Exit fetched = run.entry().interpreter().exit();
        if (fault != null) return failure(fetched);
        emulates(fetched, false);
        boolean real = (state.cr.get(0) & X86State.CR0_PE) == 0;
        switch (table.answer(fetched.bytes, fetched.byteCount, codeSize(), real)) {
            case NO:
                return failure(fetched);
            case NO_PROGRESS:
                // The emulator's own access to a descriptor fails: nothing changes, and the guest faults again.
                return 1;
            case AFTER_READS:
                begin();
                rs.refusedAfterReads.set(1);
                break;
            case YES:
                begin();
                break;
        }
        Insn insn = run.entry().interpreter().fetched();
        // emulator_can_use_gpa; string instructions have moved on since.
        rs.knownGpa.set(insn.string() ? -1 : gpa);
        rs.repeats.set(insn.repeats() ? 1 : 0);
        return execute(false);
    }

    private int codeSize() {
        if (state.code64()) return 64;
        boolean db = (state.segAttr.get(X86State.CS) & X86State.ATTR_DB) != 0;
        return db && (state.cr.get(0) & X86State.CR0_PE) != 0 ? 32 : 16;
    }

    /** As the instruction found them: it goes on from these when it is continued. */
    void begin() {
        rs.refusedAfterReads.set(0);
        rs.knownGpa.set(-1);
        rs.savedGpr.copy(state.gpr, 0, 16);
        rs.savedRip.set(state.rip.get());
        rs.savedRflags.set(state.rflags.get());
        rs.regsNeedSync.set(0);
    }

    /**
     * complete_emulated_io: the instruction goes on with the answers of user space. General registers that user space set
     * meanwhile win over the instruction's, but a string instruction moves on from them; RIP and the flags are the
     * instruction's (emulate_regs_need_sync_from_vcpu).
     */
    long resume() {
        if (rs.regsNeedSync.get() == 0) return execute(true);
        long[] given = new long[16];
        for (int i = 0; i < 16; i++) given[i] = state.gpr.get(i);
        restoreRegisters();
        rs.regsNeedSync.set(0);
        X86Exit e = once(true);
        boolean string = rs.repeats.get() != 0;
        for (int i = 0; i < 16; i++) {
            boolean counts = string && (i == X86State.RCX || i == X86State.RSI || i == X86State.RDI);
            state.gpr.set(i, given[i] + (counts ? state.gpr.get(i) - rs.savedGpr.get(i) : 0));
        }
        if (e.reason == X86Exit.MMIO_READ) {
            // Still not complete: what is given now is set again when it is.
            rs.savedGpr.copy(state.gpr, 0, 16);
        }
        return finish(e);
    }

    private void restoreRegisters() {
        state.gpr.copy(rs.savedGpr, 0, 16);
        state.rip.set(rs.savedRip.get());
        state.rflags.set(rs.savedRflags.get());
    }

    private long execute(boolean again) {
        return finish(once(again));
    }

    private X86Exit once(boolean again) {
        Caller caller = rs.runner.get();
        if (caller == null) throw new IllegalStateException("no KVM_RUN under way on " + vcpu.region());
        return run.entry().emulate(caller, again, rs.knownGpa.get());
    }

    private long finish(X86Exit first) {
        X86Exit e = first;
        if (rs.refusedAfterReads.get() != 0 && e.reason != X86Exit.MMIO_READ && e.reason != X86Exit.EXCEPTION) {
            restoreRegisters();
            X86Exit f = run.entry().interpreter().fetchForEmulation();
            return failure(f == null ? run.entry().interpreter().exit() : f);
        }
        // EMULATION_RESTART: up to 1024 iterations of a repeated string instruction in one go.
        while (e.reason == 0 && restarts()) e = once(false);
        switch (e.reason) {
            case 0:
                return done();
            case X86Exit.EXCEPTION:
                run.injection().queueFromExit(e);
                return 1;
            case X86Exit.IO_NEEDED:
                return 1;
            case X86Exit.UNIMPLEMENTED: {
                Trace t = run.trace();
                if (t != null) t.unimplemented(vcpu, state.rip.get(), "while emulating");
                return lacking();
            }
            case X86Exit.IO:
                return run.exits().pio().handleEmulated(e);
            case X86Exit.MMIO_READ:
                // Nothing is written back before the instruction is complete, of a repeated one only registers are.
                state.rflags.set(rs.savedRflags.get());
                return run.exits().handle(e);
            case X86Exit.MMIO_WRITE: {
                // A write that leaves to user space is not reported as a single step: KVM does not come back here.
                long r = run.exits().mmio().handleWrite(e);
                if (r == 1) return done();
                vcpu.rflags(vcpu.rflags());
                return r;
            }
            default:
                return run.exits().handle(e);
        }
    }

    private boolean restarts() {
        return rs.repeats.get() != 0
                && state.rip.get() == rs.savedRip.get()
                && (state.gpr.get(X86State.RCX) & 0x3ff) != 0;
    }

    /**
     * The end of x86_emulate_instruction: a single step, and the flags written back; the debugger's TF gets lost there
     * unless RIP is where it was set.
     */
    long done() {
        boolean steps =
                (state.rflags.get() & X86State.TF) != 0 || (vcpu.guestDebug().get() & GUESTDBG_SINGLESTEP) != 0;
        long r = steps ? run.exits().debug().singleStep() : 1;
        vcpu.rflags(vcpu.rflags());
        return r;
    }

    /** The same, RIP moved past the instruction. */
    long doneAndSkipped(int length) {
        long rip = state.rip.get() + length;
        state.rip.set(state.code64() ? rip : rip & 0xffffffffL);
        state.shadow.set(0);
        return done();
    }

    /** An instruction that the machine under the guest lacks, though the CPU it stands for has it. */
    long lacking(long[] info) {
        remember(info);
        return lacking();
    }

    private long lacking() {
        run.entry().interpreter().fetchForEmulation();
        run.injection().queueException(Injection.UD);
        X86Exit fetched = run.entry().interpreter().exit();
        prepareFailureExit(fetched.bytes, fetched.byteCount);
        return 0;
    }

    /** handle_emulation_failure: #UD, and at CPL 0 (or when asked) user space is told first. */
    long failure(X86Exit fetched) {
        emulates(fetched, true);
        boolean asked = vcpu.vm().exitOnEmulationFailure();
        if (!asked) run.injection().queueException(Injection.UD);
        if (!asked && state.cpl() != 0) return 1;
        prepareFailureExit(fetched.bytes, fetched.byteCount);
        return 0;
    }

    /** prepare_emulation_failure_exit: flags; size byte and 15 bytes, filled up with NOPs; what the exit was. */
    private void prepareFailureExit(byte[] bytes, int count) {
        long[] data = new long[count > 0 ? 8 : 6];
        int at = 1;
        if (count > 0) {
            data[0] = 1;
            data[1] = count;
            for (int i = 0; i < 15; i++)
                data[1 + (i + 1) / 8] |= (i < count ? bytes[i] & 0xffL : 0x90) << 8 * (i + 1 & 7);
            at = 3;
        }
        for (int i = 0; i < 3; i++) data[at + i] = rs.exitInfo.get(i);
        run.page().internalError(RunPage.INTERNAL_ERROR_EMULATION, data);
    }
}
