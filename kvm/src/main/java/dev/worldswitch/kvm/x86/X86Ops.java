package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86Profile;
import dev.worldswitch.machine.x86.X86State;

/** What differs between VMX and SVM (struct kvm_x86_ops). Chosen once, by the machine's vendor. */
sealed interface X86Ops permits Vmx, Svm {
    static X86Ops of(X86Profile profile) {
        return profile.isAmd() ? new Svm() : new Vmx();
    }

    String name();

    /** Last byte of the hypercall instruction that patch_hypercall writes. */
    int hypercallByte();

    /** The exit's name in the kernel's trace; {@code known} as in {@link #pageFaultInfo}. */
    String exitName(X86Exit exit, boolean known);

    /** info1, info2, intr_info and error_code of the kvm_exit tracepoint: fields of the VMCS or VMCB at this exit. */
    long[] exitFields(X86State state, X86Exit exit, boolean known);

    /** error_code of the kvm_page_fault tracepoint; -1 where KVM does not pass it. */
    long pageFaultErrorCode(X86Exit exit, boolean known);

    /** Exit reason and two words of information of an access to unbacked memory, as internal errors tell them. */
    long[] pageFaultInfo(X86Exit exit, boolean known);

    /** The same of an intercepted exception. */
    long[] exceptionInfo(int vector);

    /** KVM does not emulate while an event is being delivered, but tells user space. */
    boolean refusesEmulationDuringVectoring(Kernel kernel);

    /**
     * Injecting #BP or #OF needs the instruction that raises it: its length tells where the handler returns to. Without
     * it at RIP the exception is dropped.
     */
    boolean softExceptionNeedsInstruction();

    /** After the guest's triple fault: the state of an SVM guest is undefined then, so KVM resets it. */
    boolean resetsOnShutdown();

    /** The hardware loads the guest's IA32_DEBUGCTL at entry and clears it at exit. */
    boolean switchesDebugctl();

    /** A guest's timer makes it exit by itself, and a fast path enters it again. */
    boolean hasPreemptionTimer();
}
