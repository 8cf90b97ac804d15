package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/** Events on their way to the guest: exception, interrupt, NMI, SMI, triple fault. Fields as struct kvm_vcpu_arch has them. */
public final class PendingEvents {
    public final Word exceptionPending, exceptionInjected, exceptionNr, exceptionHasErrorCode, exceptionErrorCode;
    public final Word exceptionHasPayload, exceptionPayload;
    public final Word interruptInjected, interruptNr, interruptSoft;
    /** NMIs that wait (nmi_pending, at most 2), and one being delivered; the mask is X86State.nmiMasked. */
    public final Word nmiPending, nmiInjected;

    /** KVM_REQ_SMI, in SMM, NMI mask from before SMM, latched INIT. */
    public final Word smiPending, smm, smmInsideNmi, latchedInit;
    /** KVM_REQ_TRIPLE_FAULT. */
    public final Word tripleFault;
    /** SIPI vector. */
    public final Word sipiVector;

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
        latchedInit = r.word("latchedInit");
        tripleFault = r.word("tripleFault");
        sipiVector = r.word("sipiVector");
    }
}
