package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;

/**
 * What a CPU holds beside Z, P and FFR with FEAT_SME: ZA, with FEAT_SME2 ZT0, and what a change of PSTATE.SM and PSTATE.ZA does
 * (Arm ARM B1.4.6). Without SME nothing is kept.
 */
public final class Sme {
    public static final long SVCR_SM = 1, SVCR_ZA = 2;
    /** SMCR_ELx: ZT0 does not trap, all of A64 in streaming mode, and the vector length. */
    public static final long SMCR_EZT0 = 1L << 30, SMCR_FA64 = 1L << 31, SMCR_LEN = 0xf;

    private static final long FPSR_OF_NEW_MODE = 0x0800_009f;
    private static final int ZT0_WORDS = 8;
    private final Arm64Cpu cpu;
    private final Words za, zt0;

    Sme(Arm64Cpu cpu, Region region) {
        this.cpu = cpu;
        this.za = region.words("za", zaWords(cpu.profile()));
        this.zt0 = region.words("zt0", zt0Words(cpu.profile()));
    }

    /** Words of an image of ZA: a square of the largest streaming vector length. */
    public static int zaWords(Arm64Profile profile) {
        return 16 * profile.maxSvq() * 2 * profile.maxSvq();
    }

    public static int zt0Words(Arm64Profile profile) {
        return profile.hasSme2() ? ZT0_WORDS : 0;
    }

    /** ZA, row after row; each row takes as many words as the largest streaming vector. */
    public Words za() {
        return za;
    }

    public Words zt0() {
        return zt0;
    }

    boolean streaming() {
        return (svcr() & SVCR_SM) != 0;
    }

    private long svcr() {
        return cpu.sys().get(SysReg.SVCR.ordinal());
    }

    /**
     * The streaming vector length in quadwords: the largest implemented one within what SMCR_EL2, and below EL2 SMCR_EL1 too,
     * allow; the smallest where none is.
     */
    int streamingVq(boolean atEl2) {
        long len = cpu.sys().get(SysReg.SMCR_EL2.ordinal()) & SMCR_LEN;
        if (!atEl2) len = Math.min(len, cpu.sys().get(SysReg.SMCR_EL1.ordinal()) & SMCR_LEN);
        return cpu.profile().svqAtMost((int) len + 1);
    }

    /** SVCR is written: before it is {@code now}. */
    void changes(long now) {
        long changed = svcr() ^ now;
        if ((changed & SVCR_SM) != 0) {
            cpu.z().fill(0, cpu.z().length(), 0);
            cpu.p().fill(0, cpu.p().length(), 0);
            cpu.sys().set(SysReg.FPMR.ordinal(), 0);
            cpu.sys().set(SysReg.FPSR.ordinal(), FPSR_OF_NEW_MODE);
        }
        // On: both are zero. Off: both are lost.
        if ((changed & SVCR_ZA) != 0) {
            za.fill(0, za.length(), 0);
            zt0.fill(0, zt0.length(), 0);
        }
    }

    /** SMSTART and SMSTOP of user mode. */
    public void userWrites(long svcr) {
        changes(svcr);
        cpu.sys().set(SysReg.SVCR.ordinal(), svcr);
        cpu.host().vectorLengthMayChange();
    }

    /** PSTATE.ZA is off: ZA and ZT0 are not there; FEAT_SME2 with SMCR_ELx.EZT0 = 0: ZT0 traps. */
    boolean reachable(long smcr) {
        return (svcr() & SVCR_ZA) != 0 && (zt0.length() == 0 || (smcr & SMCR_EZT0) != 0);
    }
}
