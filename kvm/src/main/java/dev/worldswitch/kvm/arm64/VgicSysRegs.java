package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Registers of the GICv3 CPU interface as user space saves and restores them (vgic-sys-reg-v3.c). */
final class VgicSysRegs {
    /** A register's value for user space. */
    interface Get {
        long get(VgicCpu c, Vcpu v);
    }

    /** Takes a value from user space: 0 or an errno. */
    interface Set {
        long set(VgicCpu c, Vcpu v, long value);
    }

    record Row(SysReg register, Get get, Set set) {}

    // ICH_VMCR_EL2: VENG0 0, VENG1 1, VCBPR 4, VEOIM 9, VBPR1 20:18, VBPR0 23:21, VPMR 31:24.
    private static final long CBPR = 1 << 4;
    private static final int EOIM_AT = 9, BPR1_AT = 18, BPR0_AT = 21, PMR_AT = 24;
    private static final long SRE_DFB_DIB = 7;

    private static final List<Row> ROWS = List.of(
            field(SysReg.ICC_PMR_EL1, PMR_AT, 8),
            field(SysReg.ICC_BPR0_EL1, BPR0_AT, 3),
            active(SysReg.ICC_AP0R0_EL1, 0, c -> c.ap0),
            active(SysReg.ICC_AP0R1_EL1, 1, c -> c.ap0),
            active(SysReg.ICC_AP0R2_EL1, 2, c -> c.ap0),
            active(SysReg.ICC_AP0R3_EL1, 3, c -> c.ap0),
            active(SysReg.ICC_AP1R0_EL1, 0, c -> c.ap1),
            active(SysReg.ICC_AP1R1_EL1, 1, c -> c.ap1),
            active(SysReg.ICC_AP1R2_EL1, 2, c -> c.ap1),
            active(SysReg.ICC_AP1R3_EL1, 3, c -> c.ap1),
            new Row(SysReg.ICC_BPR1_EL1, VgicSysRegs::getBpr1, VgicSysRegs::setBpr1),
            new Row(SysReg.ICC_CTLR_EL1, VgicSysRegs::getCtlr, VgicSysRegs::setCtlr),
            new Row(
                    SysReg.ICC_SRE_EL1,
                    (c, v) -> SRE_DFB_DIB,
                    (c, v, value) -> value == SRE_DFB_DIB ? 0 : Errno.EINVAL),
            field(SysReg.ICC_IGRPEN0_EL1, 0, 1),
            field(SysReg.ICC_IGRPEN1_EL1, 1, 1));

    private VgicSysRegs() {}

    static @Nullable Row find(int encoding) {
        for (Row r : ROWS) if (r.register.encoding() == encoding) return r;
        return null;
    }

    private static Row field(SysReg r, int at, int bits) {
        return new Row(r, (c, v) -> get(c, at, bits), (c, v, value) -> set(c, at, bits, value));
    }

    private static long get(VgicCpu c, int at, int bits) {
        return c.vmcr.get() >>> at & (1L << bits) - 1;
    }

    private static long set(VgicCpu c, int at, int bits, long value) {
        long mask = (1L << bits) - 1 << at;
        c.vmcr.set(c.vmcr.get() & ~mask | value << at & mask);
        return 0;
    }

    /** With five bits of preemption there is one register of active priorities; the others can't be set. */
    private static Row active(SysReg r, int n, Function<VgicCpu, Word> word) {
        return new Row(r, (c, v) -> n == 0 ? word.apply(c).get() : 0, (c, v, value) -> {
            if (n != 0) return Errno.EINVAL;
            word.apply(c).set(value & 0xffffffffL);
            return 0;
        });
    }

    private static long getBpr1(VgicCpu c, Vcpu v) {
        boolean common = (c.vmcr.get() & CBPR) != 0;
        return common ? Math.min(get(c, BPR0_AT, 3) + 1, 7) : get(c, BPR1_AT, 3);
    }

    private static long setBpr1(VgicCpu c, Vcpu v, long value) {
        return (c.vmcr.get() & CBPR) != 0 ? 0 : set(c, BPR1_AT, 3, value);
    }

    private static long vtr(Vcpu v) {
        return v.kvm().profile().register(SysReg.ICH_VTR_EL2);
    }

    /** What the host's interface has: PRIbits, IDbits, SEIS, A3V. */
    private static long fixed(Vcpu v) {
        long vtr = vtr(v);
        return (vtr >>> 29 & 7) << 8 | (vtr >>> 23 & 7) << 11 | (vtr >>> 22 & 1) << 14 | (vtr >>> 21 & 1) << 15;
    }

    private static long getCtlr(VgicCpu c, Vcpu v) {
        return fixed(v) | get(c, EOIM_AT, 1) << 1 | get(c, 4, 1);
    }

    private static long setCtlr(VgicCpu c, Vcpu v, long value) {
        long host = fixed(v);
        boolean tooMany = (value >>> 8 & 7) > (host >>> 8 & 7) || (value >>> 11 & 7) > (host >>> 11 & 7);
        if (tooMany || ((value ^ host) & 3L << 14) != 0) return Errno.EINVAL;
        set(c, 4, 1, value);
        return set(c, EOIM_AT, 1, value >>> 1);
    }
}
