package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.X86State;

/** Events on their way to the guest: exception, interrupt, NMI, SMI, triple fault. Fields as struct kvm_vcpu_arch has them. */
public final class PendingEvents {
    public final Word exceptionPending, exceptionInjected, exceptionNr, exceptionHasErrorCode, exceptionErrorCode;
    public final Word exceptionHasPayload, exceptionPayload;
    public final Word interruptInjected, interruptNr, interruptSoft;
    /** NMIs that wait (nmi_pending, at most 2), and one being delivered; the mask is X86State.nmiMasked. */
    public final Word nmiPending, nmiInjected;

    /** An SMI waits, in SMM, NMI mask from before SMM. */
    public final Word smiPending, smm, smmInsideNmi;
    /** KVM_REQ_TRIPLE_FAULT. */
    public final Word tripleFault;
    /** SIPI vector; a SIPI waits. */
    public final Word sipiVector, sipiPending;
    /** Split irqchip: vector of the user-space PIC plus 1, 0 for none. */
    public final Word extInterrupt;
    /** Counts reasons to look again for a blocked vCPU (KVM_REQ_UNBLOCK). */
    public final Word kicks;

    PendingEvents(Region r) {
        exceptionPending = r.word("exceptionPending");
        exceptionInjected = r.word("exceptionInjected");
        exceptionNr = r.word("exceptionNr");
        exceptionHasErrorCode = r.word("exceptionHasErrorCode");
        exceptionErrorCode = r.word("exceptionErrorCode");
        exceptionHasPayload = r.word("exceptionHasPayload");
        exceptionPayload = r.word("exceptionPayload");
        interruptInjected = r.word("interruptInjected");
        interruptNr = r.word("interruptNr");
        interruptSoft = r.word("interruptSoft");
        nmiPending = r.word("nmiPending");
        nmiInjected = r.word("nmiInjected");
        smiPending = r.word("smiPending");
        smm = r.word("smm");
        smmInsideNmi = r.word("smmInsideNmi");
        tripleFault = r.word("tripleFault");
        sipiVector = r.word("sipiVector");
        sipiPending = r.word("sipiPending");
        extInterrupt = r.word("extInterrupt");
        kicks = r.word("kicks");
    }

    /** kvm_queue_interrupt: the interrupt that is delivered at the next entry. */
    public void queueInterrupt(int vector, boolean soft) {
        interruptInjected.set(1);
        interruptNr.set(vector);
        interruptSoft.set(soft ? 1 : 0);
    }

    /** kvm_queue_exception without the rules of double faults: {@code errorCode} is -1 for none. */
    public void queueException(int vector, long errorCode) {
        exceptionPending.set(1);
        exceptionInjected.set(0);
        exceptionNr.set(vector);
        exceptionHasErrorCode.set(errorCode >= 0 ? 1 : 0);
        exceptionErrorCode.set(Math.max(errorCode, 0));
        exceptionHasPayload.set(0);
        exceptionPayload.set(0);
    }

    /** KVM_NMI: one may be in service and one waits, so two only while none is blocked. */
    void addNmi(X86State s) {
        limitNmis((int) nmiPending.get() + 1, s);
        wake();
    }

    /** process_nmi: at most 2, or 1 while an NMI is masked or being delivered. */
    void limitNmis(int wanted, X86State s) {
        boolean busy = s.nmiMasked.get() != 0 || nmiInjected.get() != 0;
        nmiPending.set(Math.min(wanted, busy ? 1 : 2));
    }

    /** kvm_deliver_exception_payload: CR2 or DR6 take it now. */
    public void deliverPayload(Vcpu v) {
        if (exceptionHasPayload.get() == 0) return;
        EventsIoctls.deliver(v, exceptionNr.get(), exceptionPayload.get());
        exceptionHasPayload.set(0);
        exceptionPayload.set(0);
    }

    void wake() {
        kicks.add(1);
    }
}
