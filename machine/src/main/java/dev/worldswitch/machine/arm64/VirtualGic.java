package dev.worldswitch.machine.arm64;

/** The GICv3 virtual CPU interface (Arm IHI 0069, chapter 6): list registers ICH_LRn_EL2 seen through ICC_*_EL1. */
final class VirtualGic {
    private static final int HCR = SysReg.HCR_EL2.ordinal(), ICH = SysReg.ICH_HCR_EL2.ordinal();
    private static final int VMCR = SysReg.ICH_VMCR_EL2.ordinal(), LR0 = SysReg.ICH_LR0_EL2.ordinal();
    private static final int LR8 = SysReg.ICH_LR8_EL2.ordinal(), VTR = SysReg.ICH_VTR_EL2.ordinal();
    private static final int AP0 = SysReg.ICH_AP0R0_EL2.ordinal(), AP1 = SysReg.ICH_AP1R0_EL2.ordinal();
    private static final int SRE = SysReg.ICC_SRE_EL1.ordinal();
    private static final int SPURIOUS = 1023, LISTS = 16, FIRST_LPI = 8192;
    private static final long PENDING = 1L << 62, ACTIVE = 1L << 63, HW = 1L << 61, GROUP1 = 1L << 60;
    private static final long EOI = 1L << 41;
    private static final long FIQ_EN = 8;
    private final Arm64Interpreter c;
    /** This interface as memory. */
    final GicvFrame frame;

    VirtualGic(Arm64Interpreter c) {
        this.c = c;
        this.frame = new GicvFrame(c, this);
    }

    long vmcr() {
        return c.sys[VMCR];
    }

    void vmcr(long v) {
        c.sys[VMCR] = v;
        c.attention = true;
    }

    /** GICV_APR0: a GICv2 has one register of them. */
    long activePriorities() {
        return (c.sys[AP0] | c.sys[AP1]) & 0xffffffffL;
    }

    void activePriorities(long v) {
        c.sys[AP0] = 0;
        c.sys[AP1] = v;
    }

    private static int lr(int n) {
        return n < 8 ? LR0 + n : LR8 + n - 8;
    }

    private boolean enabled() {
        return (c.sys[ICH] & 1) != 0;
    }

    private static int id(long lr) {
        return (int) lr;
    }

    private static int priority(long lr) {
        return (int) (lr >>> 48) & 0xff;
    }

    // ICH_VMCR_EL2: VENG0 0, VENG1 1, VCBPR 4, VEOIM 9, VBPR1 20:18, VBPR0 23:21, VPMR 31:24.

    private int pmr() {
        return (int) (c.sys[VMCR] >>> 24) & 0xff;
    }

    private boolean groupOn(int group) {
        return (c.sys[VMCR] >>> group & 1) != 0;
    }

    private int bpr(int group) {
        // As many bits preempt as ICH_VTR_EL2.PREbits says; smaller fields read as the smallest that exists.
        int least = 6 - (int) (c.sys[VTR] >>> 26 & 7);
        int b0 = Math.max((int) (c.sys[VMCR] >>> 21) & 7, least),
                b1 = Math.max((int) (c.sys[VMCR] >>> 18) & 7, least + 1);
        if (group == 0) return b0;
        return (c.sys[VMCR] & 16) != 0 ? Math.min(b0 + 1, 7) : b1;
    }

    /** Bits of a priority that preempt, for a group. */
    private int groupMask(int group) {
        int b = bpr(group);
        if (group == 1 && (c.sys[VMCR] & 16) == 0) b--;
        return 0xff << Math.max(b, 0) + 1 & 0xff;
    }

    /** Priority of the highest active interrupt; 0xff for none. Five bits of priority are implemented. */
    private int running() {
        long active = (c.sys[AP0] | c.sys[AP1]) & 0xffffffffL;
        return active == 0 ? 0xff : Long.numberOfTrailingZeros(active) << 3;
    }

    /** List register of the highest-priority pending interrupt of an enabled group; -1 for none. */
    private int highest() {
        if (!enabled()) return -1;
        int best = -1;
        for (int n = 0; n < LISTS; n++) {
            long v = c.sys[lr(n)];
            if ((v & PENDING) == 0 || (v & ACTIVE) != 0 || !groupOn((v & GROUP1) != 0 ? 1 : 0)) continue;
            if (best < 0 || priority(v) < priority(c.sys[lr(best)])) best = n;
        }
        return best;
    }

    private boolean signals(int group) {
        int n = highest();
        if (n < 0) return false;
        long v = c.sys[lr(n)];
        if (((v & GROUP1) != 0 ? 1 : 0) != group || priority(v) >= pmr()) return false;
        int run = running();
        return run == 0xff || (priority(v) & groupMask(group)) < (run & groupMask(group));
    }

    boolean irq() {
        if ((c.sys[ICH] & 1) == 0 || (c.sys[HCR] & 1 << 4) == 0) return false;
        return signals(1) || !group0IsFiq() && signals(0);
    }

    /** VFIQEn, which system registers have as one. */
    private boolean group0IsFiq() {
        return !frame.isShown() || (c.sys[VMCR] & FIQ_EN) != 0;
    }

    /** Group of the interrupt that is signalled; -1 for none. */
    int signalled() {
        return signals(0) ? 0 : signals(1) ? 1 : -1;
    }

    boolean fiq() {
        return (c.sys[ICH] & 1) != 0 && (c.sys[HCR] & 1 << 3) != 0 && group0IsFiq() && signals(0);
    }

    long read(SysReg r) {
        return switch (r) {
            case ICC_IAR0_EL1 -> acknowledge(0);
            case ICC_IAR1_EL1 -> acknowledge(1);
            case ICC_HPPIR0_EL1 -> pendingId(0);
            case ICC_HPPIR1_EL1 -> pendingId(1);
            case ICC_PMR_EL1 -> pmr();
            case ICC_RPR_EL1 -> running();
            case ICC_BPR0_EL1 -> bpr(0);
            case ICC_BPR1_EL1 -> bpr(1);
            case ICC_IGRPEN0_EL1 -> c.sys[VMCR] & 1;
            case ICC_IGRPEN1_EL1 -> c.sys[VMCR] >>> 1 & 1;
            case ICC_CTLR_EL1 -> control();
            case ICC_SRE_EL1 -> c.sys[SRE] | 7;
            default -> activePriorities(r) >= 0 ? c.sys[activePriorities(r)] : 0;
        };
    }

    /** Priority and ID bits, SEIS, A3V from ICH_VTR_EL2; EOImode and CBPR from ICH_VMCR_EL2. */
    private long control() {
        long vtr = c.sys[VTR], vmcr = c.sys[VMCR];
        return (vtr >>> 29 & 7) << 8
                | (vtr >>> 23 & 7) << 11
                | (vtr >>> 22 & 1) << 14
                | (vtr >>> 21 & 1) << 15
                | (vmcr >>> 9 & 1) << 1
                | vmcr >>> 4 & 1;
    }

    private static int activePriorities(SysReg r) {
        String n = r.name();
        if (!n.startsWith("ICC_AP")) return -1;
        return (n.charAt(6) == '0' ? AP0 : AP1) + (n.charAt(8) - '0');
    }

    private long pendingId(int group) {
        int n = highest();
        if (n < 0 || ((c.sys[lr(n)] & GROUP1) != 0 ? 1 : 0) != group) return SPURIOUS;
        return id(c.sys[lr(n)]) & 0xffffffffL;
    }

    long acknowledge(int group) {
        if (!signals(group)) return SPURIOUS;
        int n = highest();
        long v = c.sys[lr(n)];
        // An LPI is never active.
        c.sys[lr(n)] = v & ~PENDING | (id(v) >= FIRST_LPI ? 0 : ACTIVE);
        c.sys[group == 0 && !frame.isShown() ? AP0 : AP1] |= 1L << ((priority(v) & groupMask(group)) >>> 3);
        c.attention = true;
        return id(v) & 0xffffffffL;
    }

    void write(SysReg r, long v) {
        switch (r) {
            case ICC_PMR_EL1 -> field(24, 8, v);
            case ICC_BPR0_EL1 -> field(21, 3, v);
            case ICC_BPR1_EL1 -> {
                if ((c.sys[VMCR] & 16) == 0) field(18, 3, Math.max(v & 7, 1));
            }
            case ICC_IGRPEN0_EL1 -> field(0, 1, v);
            case ICC_IGRPEN1_EL1 -> field(1, 1, v);
            case ICC_CTLR_EL1 -> {
                field(4, 1, v);
                field(9, 1, v >>> 1);
            }
            case ICC_EOIR0_EL1 -> end(0, (int) v & 0xffffff);
            case ICC_EOIR1_EL1 -> end(1, (int) v & 0xffffff);
            case ICC_DIR_EL1 -> {
                if ((c.sys[VMCR] & 1 << 9) != 0) deactivate((int) v & 0xffffff);
            }
            default -> {
                int ap = activePriorities(r);
                if (ap >= 0) c.sys[ap] = v & 0xffffffffL;
            }
        }
    }

    private void field(int at, int bits, long v) {
        long mask = (1L << bits) - 1 << at;
        c.sys[VMCR] = c.sys[VMCR] & ~mask | v << at & mask;
    }

    /** EOI: drops the running priority; deactivates too unless that is ICC_DIR_EL1's work (VEOIM). */
    private void end(int group, int id) {
        if (id >= 1020 && id <= 1023) return;
        // A GICv2 may end either group by GICC_EOIR, and has one set of active priorities.
        int ap = frame.isShown() ? (c.sys[AP0] != 0 ? AP0 : AP1) : group == 0 ? AP0 : AP1;
        c.sys[ap] &= c.sys[ap] - 1;
        if ((c.sys[VMCR] & 1 << 9) == 0 && id < FIRST_LPI) deactivate(id);
    }

    private void deactivate(int id) {
        for (int n = 0; n < LISTS; n++) {
            long v = c.sys[lr(n)];
            if ((v & ACTIVE) == 0 || id(v) != id) continue;
            c.sys[lr(n)] = v & ~ACTIVE;
            return;
        }
        // Not in the list registers: EOIcount of ICH_HCR_EL2.
        long count = (c.sys[ICH] >>> 27 & 31) + 1;
        c.sys[ICH] = c.sys[ICH] & ~(31L << 27) | (count & 31) << 27;
    }

    /** A maintenance condition that ICH_HCR_EL2 asks to be told of: underflow, no pending, EOI of a list register. */
    boolean maintenance() {
        if (!enabled()) return false;
        long ich = c.sys[ICH];
        int valid = 0, pending = 0;
        for (int n = 0; n < LISTS; n++) {
            long v = c.sys[lr(n)];
            if ((v & (PENDING | ACTIVE)) != 0) valid++;
            if ((v & PENDING) != 0) pending++;
            if ((v & (PENDING | ACTIVE | HW)) == 0 && (v & EOI) != 0) return true;
        }
        return (ich & 2) != 0 && valid <= 1
                || (ich & 8) != 0 && pending == 0
                || (ich & 4) != 0 && (ich >>> 27 & 31) != 0;
    }
}
