package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.Property;
import java.util.List;

/** What must hold for x86 hosts and guests in every timing. */
final class X86Properties {
    static final Property OWN_REGISTERS = new Property(
            "own-registers",
            "a task's registers are its own again after each call",
            "System V ABI, kernel part: a system call keeps vector registers");
    static final Property HOST_CONTROL = new Property(
            "host-control",
            "IA32_XFD, XCR0, IA32_XFD_ERR, PKRU, IA32_DEBUGCTL in user mode are the host's",
            "arch/x86/kernel/fpu/core.c, xfd_update_state; vmx.c, handle_nm_fault_irqoff");
    static final Property GUEST_RUNS =
            new Property("guest-runs", "the guest runs as on a CPU of its own", "KVM API, KVM_RUN");
    static final Property GUEST_REGISTERS =
            new Property("guest-registers", "a guest sees its own registers", "SDM vol. 1, chapter 13");
    static final Property GUEST_DEBUGCTL = new Property(
            "guest-debugctl",
            "a guest does not run with the host's IA32_DEBUGCTL",
            "SDM vol. 3, 28.2.2.1; APM vol. 2, 15.23; KVM: SVM: Manually context switch DEBUGCTL");
    static final Property GUEST_DR6 =
            new Property("guest-dr6", "a guest reads from DR6 what it wrote", "SDM vol. 3, 18.2.3; KVM API, KVM_RUN");
    static final Property TILES = new Property(
            "tiles",
            "tiles are kept; those that IA32_XFD disabled: old or initial, whole",
            "SDM vol. 1, 13.14; x86/fpu: Clear XSTATE_BV[i] in guest XSAVE state whenever XFD[i]=1");
    static final Property BV_XFD = new Property(
            "bv-xfd",
            "no image that is restored has XSTATE_BV[i] = IA32_XFD[i] = 1",
            "x86/fpu: Clear XSTATE_BV[i] in guest XSAVE state whenever XFD[i]=1");
    static final Property GUEST_NM = new Property(
            "guest-nm", "the guest takes #NM exactly when it must, with its IA32_XFD_ERR", "SDM vol. 1, 13.14");

    static final List<Property> ALL = List.of(
            OWN_REGISTERS,
            HOST_CONTROL,
            GUEST_RUNS,
            GUEST_REGISTERS,
            GUEST_DEBUGCTL,
            GUEST_DR6,
            TILES,
            BV_XFD,
            GUEST_NM);

    private X86Properties() {}
}
