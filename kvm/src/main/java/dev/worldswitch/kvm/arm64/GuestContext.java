package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.arm64.FpState;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/**
 * struct kvm_cpu_context of a guest: its registers while it is on no CPU. System registers have the same places as in a
 * physical CPU; SP_EL0 and the AArch32 SPSRs are among them.
 */
public final class GuestContext {
    private final Words x, sys;
    private final FpState fp;
    private final Word pc, pstate;

    GuestContext(Region region, Arm64Profile profile) {
        this.x = region.words("x", 31);
        this.sys = region.words("sys", SysReg.count());
        this.fp = new FpState(region.child("fp"), profile);
        this.pc = region.word("pc");
        this.pstate = region.word("pstate");
    }

    /** x0-x30. */
    public Words x() {
        return x;
    }

    public Word pc() {
        return pc;
    }

    public Word pstate() {
        return pstate;
    }

    /** System registers by {@link SysReg#ordinal}. */
    public Words sys() {
        return sys;
    }

    public long sys(SysReg r) {
        return sys.get(r.ordinal());
    }

    public void sys(SysReg r, long v) {
        sys.set(r.ordinal(), v);
    }

    /** Vectors, predicates, FPSR and FPCR. */
    public FpState fp() {
        return fp;
    }

    /** Register {@code n} as an instruction operand: 31 reads as zero. */
    public long reg(int n) {
        return n == 31 ? 0 : x.get(n);
    }

    public void reg(int n, long v) {
        if (n != 31) x.set(n, v);
    }
}
