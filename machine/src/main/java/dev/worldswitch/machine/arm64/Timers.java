package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.Line;
import java.math.BigInteger;

/** The generic timer as a guest sees it (Arm ARM, chapter D11): counters, and the virtual and physical EL1 timers. */
final class Timers {
    private static final int VOFF = SysReg.CNTVOFF_EL2.ordinal();
    private static final int PCTL = SysReg.CNTP_CTL_EL0.ordinal(), PCVAL = SysReg.CNTP_CVAL_EL0.ordinal();
    private static final int VCTL = SysReg.CNTV_CTL_EL0.ordinal(), VCVAL = SysReg.CNTV_CVAL_EL0.ordinal();
    private static final int HCTL = SysReg.CNTHP_CTL_EL2.ordinal(), HCVAL = SysReg.CNTHP_CVAL_EL2.ordinal();
    private static final long NS = 1_000_000_000L;
    private final Arm64Interpreter c;
    private final long frequency;

    Timers(Arm64Interpreter c) {
        this.c = c;
        this.frequency = c.cpu.profile().cntfrq();
    }

    /** CNTPCT_EL0 at this moment. */
    long physical() {
        return ticks(c.cpu.timing().now(), frequency);
    }

    static long ticks(long ns, long frequency) {
        long high = Math.multiplyHigh(ns, frequency), low = ns * frequency;
        if (high == 0 && low >= 0) return low / NS;
        return BigInteger.valueOf(ns)
                .multiply(BigInteger.valueOf(frequency))
                .divide(BigInteger.valueOf(NS))
                .longValue();
    }

    long virtual() {
        return physical() - c.sys[VOFF];
    }

    /** A counter that the guest reads: past the host's own timer, that one's interrupt comes before what follows. */
    private long seen(long offset) {
        long now = physical();
        if ((c.sys[HCTL] & 1) != 0 && now - c.sys[HCVAL] >= 0) c.cpu.raise(Line.KICK);
        return now - offset;
    }

    long read(SysReg r) {
        return switch (r) {
            case CNTPCT_EL0, CNTPCTSS_EL0 -> seen(0);
            case CNTVCT_EL0, CNTVCTSS_EL0 -> seen(c.sys[VOFF]);
            case CNTP_TVAL_EL0 -> c.sys[PCVAL] - physical() & 0xffffffffL;
            case CNTV_TVAL_EL0 -> c.sys[VCVAL] - virtual() & 0xffffffffL;
            case CNTP_CTL_EL0 -> control(c.sys[PCTL], c.sys[PCVAL], physical());
            default -> control(c.sys[VCTL], c.sys[VCVAL], virtual());
        };
    }

    /** ENABLE, IMASK and, while enabled, ISTATUS. */
    private static long control(long ctl, long compare, long now) {
        boolean met = (ctl & 1) != 0 && now - compare >= 0;
        return ctl & 3 | (met ? 4 : 0);
    }

    void write(SysReg r, long v) {
        switch (r) {
            case CNTP_TVAL_EL0 -> c.sys[PCVAL] = physical() + (int) v;
            case CNTV_TVAL_EL0 -> c.sys[VCVAL] = virtual() + (int) v;
            case CNTP_CTL_EL0 -> c.sys[PCTL] = v & 3;
            case CNTV_CTL_EL0 -> c.sys[VCTL] = v & 3;
            default -> c.sys[r.ordinal()] = v;
        }
    }
}
