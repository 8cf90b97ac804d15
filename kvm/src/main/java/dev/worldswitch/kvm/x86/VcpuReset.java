package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.x86.X86State;

/** kvm_vcpu_reset at power-up (SDM vol. 3, table 10-1). */
final class VcpuReset {
    private VcpuReset() {}

    static void powerUp(Vcpu v) {
        // kvm_arch_vcpu_postcreate: the first guest's TSC starts at 0, the others are where it is.
        v.vm().tscSync().start(v);
        boolean boot = v.id() == v.vm().bootCpuId();
        v.setApicBase(0xfee00000L | 0x800 | (boot ? 0x100 : 0));
        v.mpState()
                .set(v.vm().lapicInKernel() && !boot ? KvmX86Abi.MP_STATE_UNINITIALIZED : KvmX86Abi.MP_STATE_RUNNABLE);
        registers(v);
    }

    /** INIT: registers and the local APIC; FPU image, MSRs and the APIC base stay. */
    static void init(Vcpu v) {
        v.events().smiPending.set(0);
        registers(v);
        v.lapic().reset(true);
    }

    /** The registers that INIT and power-up share. */
    static void registers(Vcpu v) {
        X86State s = v.state();
        for (int i = 0; i < 16; i++) s.gpr.set(i, 0);
        CpuidTable.Entry one = v.cpuid().get().find(1, 0);
        s.gpr.set(X86State.RDX, one == null ? 0x600 : one.eax() & 0xffffffffL);
        s.rip.set(0xfff0);
        s.rflags.set(2);
        for (int n = 0; n < 8; n++) {
            s.segBase.set(n, n == X86State.CS ? 0xffff0000L : 0);
            s.segSelector.set(n, n == X86State.CS ? 0xf000 : 0);
            s.segLimit.set(n, 0xffff);
            s.segAttr.set(n, v.vendor().resetAttr(n));
        }
        s.gdtBase.set(0);
        s.gdtLimit.set(0xffff);
        s.idtBase.set(0);
        s.idtLimit.set(0xffff);
        s.cr.set(0, X86State.CR0_CD | X86State.CR0_NW | X86State.CR0_ET);
        for (int n : new int[] {2, 3, 4, 8}) s.cr.set(n, 0);
        s.efer.set(0);
        for (int n = 0; n < 4; n++) v.db().set(n, 0);
        v.db().set(6, 0xffff0ff0L);
        v.db().set(7, 0x400);
        v.updateDr();
        v.xcr0().set(1);
    }
}
