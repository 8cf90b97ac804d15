package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.machine.x86.Interpreter;
import dev.worldswitch.machine.x86.X86State;

/** Events on their way into the guest: queueing, merging to double and triple faults, and injection at entry. */
final class Injection {
    static final int DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, SS = 12;
    static final int GP = 13, PF = 14, MF = 16, AC = 17, MC = 18, XM = 19;
    /** Event types of the VM-entry interruption-information field (SDM vol. 3, 25.8.3). */
    private static final long VALID = 1L << 31, HAS_ERROR = 1 << 11;

    private static final long TYPE_INTERRUPT = 0,
            TYPE_NMI = 2 << 8,
            TYPE_EXCEPTION = 3 << 8,
            TYPE_SOFT_INTERRUPT = 4 << 8;
    private static final long TYPE_SOFT_EXCEPTION = 6 << 8;
    /** Vectors that count as contributory for double faults (SDM vol. 3, table 7-4). */
    private static final long CONTRIBUTORY = 1L << DE | 1L << TS | 1L << NP | 1L << SS | 1L << GP;
    /** Fault-class vectors: RF is set in the pushed flags; #DB is left out as KVM does. */
    private static final long FAULTS = ~(1L << DB | 1L << NMI | 1L << BP | 1L << OF | 1L << DF | 1L << MC);

    private static final long DR6_ACTIVE_LOW = 0xffff0ff0L, DR6_TRAP_BITS = 0xf;
    private static final long GUESTDBG_BLOCKIRQ = 0x00100000;
    private final Vcpu vcpu;
    private final X86State state;
    private final PendingEvents ev;

    Injection(Vcpu vcpu) {
        this.vcpu = vcpu;
        this.state = vcpu.state();
        this.ev = vcpu.events();
    }

    void queueException(int nr) {
        kvmMultipleException(nr, false, 0, false, 0);
    }

    void queueExceptionE(int nr, long errorCode) {
        kvmMultipleException(nr, true, errorCode, false, 0);
    }

    void queueExceptionP(int nr, boolean hasErrorCode, long errorCode, long payload) {
        kvmMultipleException(nr, hasErrorCode, errorCode, true, payload);
    }

    /** kvm_multiple_exception: a second exception becomes #DF or a triple fault, or replaces a benign first one. */
    private void kvmMultipleException(int nr, boolean hasError, long error, boolean hasPayload, long payload) {
        if (ev.exceptionPending.get() != 0 || ev.exceptionInjected.get() != 0) {
            int first = (int) ev.exceptionNr.get();
            if (first == DF) {
                ev.tripleFault.set(1);
                return;
            }
            if (contributory(first) && contributory(nr) || first == PF && (contributory(nr) || nr == PF)) {
                ev.exceptionInjected.set(0);
                ev.exceptionPending.set(0);
                kvmMultipleException(DF, true, 0, false, 0);
                return;
            }
        }
        ev.exceptionPending.set(1);
        ev.exceptionInjected.set(0);
        ev.exceptionNr.set(nr);
        ev.exceptionHasErrorCode.set(hasError ? 1 : 0);
        ev.exceptionErrorCode.set(error);
        ev.exceptionHasPayload.set(hasPayload ? 1 : 0);
        ev.exceptionPayload.set(payload);
        deliverExceptionPayload();
    }

    /** An exception that the guest raised and that exited first. */
    void queueFromExit(dev.worldswitch.machine.x86.X86Exit e) {
        boolean hasPayload = e.vector == PF;
        kvmMultipleException(e.vector, e.hasErrorCode, e.errorCode, hasPayload, hasPayload ? e.payload : 0);
    }

    /** kvm_clear_exception_queue: emulation starts afresh, and what the guest was being told comes again. */
    void clearExceptionQueue() {
        ev.exceptionPending.set(0);
        ev.exceptionInjected.set(0);
    }

    private static boolean contributory(int nr) {
        return nr < 32 && (CONTRIBUTORY >> nr & 1) != 0;
    }

    /** kvm_deliver_exception_payload: CR2 of #PF, DR6 of #DB. */
    void deliverExceptionPayload() {
        if (ev.exceptionHasPayload.get() == 0) return;
        long payload = ev.exceptionPayload.get();
        if (ev.exceptionNr.get() == PF) state.cr.set(2, payload);
        if (ev.exceptionNr.get() == DB) {
            // Set bits are ORed in, then those that are active low (RTM, BLD) are flipped: a set payload bit clears
            // them.
            long dr6 = state.dr.get(6) & ~DR6_TRAP_BITS | DR6_ACTIVE_LOW | payload;
            state.dr.set(6, dr6 ^ payload & DR6_ACTIVE_LOW);
        }
        ev.exceptionHasPayload.set(0);
        ev.exceptionPayload.set(0);
    }

    /**
     * kvm_check_and_inject_events. At most one event goes in per entry; what can't go in now waits for a window.
     *
     * @return for what {@link Interpreter#run} is to come back as soon as it can be taken
     */
    int checkAndInjectEvents(boolean hasInterrupt, java.util.function.IntSupplier acknowledge) {
        state.injectInfo.set(0);
        boolean canInject = true;
        // What was under way when the guest left goes in again before anything new.
        if (ev.exceptionInjected.get() != 0) {
            injectException(true);
            canInject = false;
        } else if (ev.exceptionPending.get() == 0) {
            if (ev.nmiInjected.get() != 0) {
                injectNmi();
                canInject = false;
            } else if (ev.interruptInjected.get() != 0) {
                injectInterrupt(true);
                canInject = false;
            }
        }
        if (ev.exceptionPending.get() != 0) {
            if ((FAULTS >>> ev.exceptionNr.get() & 1) != 0) state.rflags.or(X86State.RF);
            // After RF: the payload of an exception that user space made pending goes in only now.
            deliverExceptionPayload();
            if (ev.exceptionNr.get() == DB) state.dr.set(7, state.dr.get(7) & ~0x2000L);
            injectException(false);
            ev.exceptionPending.set(0);
            ev.exceptionInjected.set(1);
            canInject = false;
        }
        VcpuPort port = vcpu.port();
        if ((vcpu.guestDebug().get() & GUESTDBG_BLOCKIRQ) != 0 || port != null && port.oneByOne()) return 0;
        int waiting = 0;
        // In SMM another one waits for RSM, which exits anyway.
        if (ev.smiPending.get() != 0 && !vcpu.smm().active()) {
            if (!canInject) return Interpreter.IMMEDIATE_EXIT;
            vcpu.smm().enter();
            canInject = false;
        }
        if (ev.nmiPending.get() != 0) {
            // Something else goes in first: in and out again, before the guest's first instruction.
            if (!canInject) return Interpreter.IMMEDIATE_EXIT;
            if (nmiAllowed()) {
                ev.nmiPending.set(ev.nmiPending.get() - 1);
                ev.nmiInjected.set(1);
                injectNmi();
                canInject = false;
            }
            if (ev.nmiPending.get() != 0) waiting = Interpreter.NMI_WINDOW;
        }
        if (hasInterrupt) {
            if (!canInject) return waiting | Interpreter.IMMEDIATE_EXIT;
            if (interruptAllowed()) {
                ev.interruptInjected.set(1);
                ev.interruptNr.set(acknowledge.getAsInt());
                ev.interruptSoft.set(0);
                injectInterrupt(false);
            } else {
                waiting |= Interpreter.INTERRUPT_WINDOW;
            }
        }
        return waiting;
    }

    private void injectException(boolean again) {
        int nr = (int) ev.exceptionNr.get();
        // On real hardware the vector decides whether an error code is pushed in protected mode.
        boolean error = ev.exceptionHasErrorCode.get() != 0;
        long type = TYPE_EXCEPTION;
        if (nr == BP || nr == OF) {
            type = TYPE_SOFT_EXCEPTION;
            if (vcpu.runLoop().ops().softExceptionNeedsInstruction()) {
                long next = vcpu.runLoop().exits().emulator().softExceptionRip(nr);
                if (next == 0) return;
                state.rip.set(next);
            }
        }
        state.injectInfo.set(VALID | type | (error ? HAS_ERROR : 0) | nr & 0xff);
        state.injectErrorCode.set(ev.exceptionErrorCode.get());
        Trace t = vcpu.runLoop().trace();
        if (t != null) t.kvmInjException(vcpu, nr, error, (int) ev.exceptionErrorCode.get(), again);
    }

    private void injectNmi() {
        state.injectInfo.set(VALID | TYPE_NMI | NMI);
    }

    private void injectInterrupt(boolean again) {
        boolean soft = ev.interruptSoft.get() != 0;
        long type = soft ? TYPE_SOFT_INTERRUPT : TYPE_INTERRUPT;
        state.injectInfo.set(VALID | type | ev.interruptNr.get() & 0xff);
        Trace t = vcpu.runLoop().trace();
        if (t != null) t.kvmInjVirq(vcpu, (int) ev.interruptNr.get(), soft, again);
    }

    boolean nmiAllowed() {
        return state.nmiMasked.get() == 0
                && state.shadow.get() == 0
                && vcpu.gif().get() != 0;
    }

    boolean interruptAllowed() {
        return (state.rflags.get() & X86State.IF) != 0
                && state.shadow.get() == 0
                && vcpu.gif().get() != 0;
    }

    /** kvm_event_needs_reinjection. */
    boolean needsReinjection() {
        return ev.exceptionInjected.get() != 0 || ev.interruptInjected.get() != 0 || ev.nmiInjected.get() != 0;
    }

    /** The event on its way went through a task gate: nothing is left to inject. */
    void taskGateTaken() {
        if (ev.nmiInjected.get() != 0) state.nmiMasked.set(1);
        ev.nmiInjected.set(0);
        ev.exceptionInjected.set(0);
        ev.interruptInjected.set(0);
    }

    /** complete_interrupts: whatever was injected is delivered, unless the exit happened on its way. */
    void completeInterrupts() {
        ev.nmiInjected.set(0);
        ev.exceptionPending.set(0);
        ev.exceptionInjected.set(0);
        ev.interruptInjected.set(0);
        state.injectInfo.set(0);
        long info = state.vectoringInfo.get();
        if ((info & VALID) == 0) return;
        state.vectoringInfo.set(0);
        int vector = (int) info & 0xff;
        long type = info & 0x700;
        if (type == TYPE_NMI) {
            ev.nmiInjected.set(1);
            // The NMI did not begin after all: its own mask must not keep it out.
            state.nmiMasked.set(0);
        } else if (type == TYPE_EXCEPTION || type == TYPE_SOFT_EXCEPTION) {
            ev.exceptionInjected.set(1);
            ev.exceptionNr.set(vector);
            ev.exceptionHasErrorCode.set((info & HAS_ERROR) != 0 ? 1 : 0);
            ev.exceptionErrorCode.set(state.vectoringErrorCode.get());
        } else {
            ev.interruptInjected.set(1);
            ev.interruptNr.set(vector);
            ev.interruptSoft.set(type == TYPE_SOFT_INTERRUPT ? 1 : 0);
        }
    }
}
