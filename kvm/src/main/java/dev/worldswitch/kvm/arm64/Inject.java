package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.SysReg;

/** Exceptions that KVM gives to a guest: pended here, taken at the next entry or before user space looks. */
final class Inject {
    /** Values of {@link Vcpu#exception}. */
    static final long NONE = 0, AA64_EL1_SYNC = 1, AA32_UND = 2, AA32_IABT = 3, AA32_DABT = 4;

    static final long HCR_VF = 1L << 6, HCR_VI = 1L << 7, HCR_VSE = 1L << 8;
    static final int EC_UNKNOWN = 0, EC_IABT_LOW = 0x20, EC_IABT_CUR = 0x21;
    private static final long ESR_IL = 1L << 25, ISS_MASK = (1L << 25) - 1, FSC_EXTABT = 0x10;

    private Inject() {}

    private static void pend(Vcpu v, long kind) {
        v.exception().set(kind);
        v.flags().setBits(Vcpu.PENDING_EXCEPTION);
        // An exception is taken at the instruction, so it is not skipped.
        v.flags().clearBits(Vcpu.INCREMENT_PC);
    }

    private static boolean lastTrapWas32Bits(Vcpu v) {
        return (v.esr() & ESR_IL) != 0;
    }

    /** kvm_inject_undefined; 0 so that an access handler can return it. */
    static long undefined(Vcpu v) {
        if (v.el1Is32Bit()) {
            pend(v, AA32_UND);
            return 0;
        }
        pend(v, AA64_EL1_SYNC);
        v.sys(SysReg.ESR_EL1, lastTrapWas32Bits(v) ? ESR_IL : 0);
        return 0;
    }

    /** kvm_inject_sync: an exception with this syndrome; 0 as {@link #undefined}. */
    static long sync(Vcpu v, long esr) {
        pend(v, AA64_EL1_SYNC);
        v.sys(SysReg.ESR_EL1, esr);
        return 0;
    }

    /** kvm_inject_dabt, kvm_inject_pabt: a synchronous external abort. */
    static void abort(Vcpu v, boolean instruction, long address) {
        if (v.el1Is32Bit()) {
            pend(v, instruction ? AA32_IABT : AA32_DABT);
            v.sys(SysReg.FAR_EL1, address);
            return;
        }
        pend(v, AA64_EL1_SYNC);
        long pstate = v.context().pstate().get();
        boolean lower = v.modeIs32Bit() || (pstate & Pstate.MODE_MASK) == Pstate.EL0T;
        long ec = lower ? EC_IABT_LOW : EC_IABT_CUR;
        if (!instruction) ec |= 4;
        boolean il = lastTrapWas32Bits(v) || v.kvm().has(Patch.ARM64_ABORT_IL_SET);
        long esr = ec << 26 | (il ? ESR_IL : 0) | FSC_EXTABT;
        // Before the syndrome was 64 bits wide everywhere, bit 31 was extended into the upper half.
        v.sys(SysReg.ESR_EL1, v.kvm().has(Patch.ARM64_ESR_NOT_SIGN_EXTENDED) ? esr : (int) esr);
        v.sys(SysReg.FAR_EL1, address);
    }

    /** inject_vabt64: an SError with this syndrome. */
    static void serror(Vcpu v, long esr) {
        v.vsesr().set(esr & ISS_MASK);
        v.hcr().or(HCR_VSE);
    }

    /** A synchronous exception waits: an MMIO access that user space completed is dropped. */
    static boolean pendingSync(Vcpu v) {
        return v.is(Vcpu.PENDING_EXCEPTION);
    }

    /** kvm_incr_pc: the instruction is done, the guest goes on behind it. */
    static void incrementPc(Vcpu v) {
        if (v.is(Vcpu.PENDING_EXCEPTION)) throw new IllegalStateException(v.region() + " has an exception pending");
        v.flags().setBits(Vcpu.INCREMENT_PC);
    }
}
