package dev.worldswitch.machine.arm64;

/**
 * The virtual CPU interface as memory (GICV, Arm IHI 0048, 5.5): where the second stage shows a guest that frame as the CPU
 * interface of its GICv2. The same list registers as those behind ICC_*_EL1, with the number of the CPU that sent an SGI in
 * bits 12:10 of the interrupt's.
 */
final class GicvFrame {
    /** Two pages: the second has GICV_DIR. */
    private static final long SIZE = 0x2000;

    private static final int CTLR = 0x00, PMR = 0x04, BPR = 0x08, IAR = 0x0c, EOIR = 0x10, RPR = 0x14, HPPIR = 0x18;
    private static final int ABPR = 0x1c,
            AIAR = 0x20,
            AEOIR = 0x24,
            AHPPIR = 0x28,
            APR = 0xd0,
            IIDR = 0xfc,
            DIR = 0x1000;
    /** ICH_VMCR_EL2: VENG0 0, VENG1 1, VAckCtl 2, VFIQEn 3, VCBPR 4, VEOIM 9. */
    private static final long CONTROLS = 0x21f;

    private static final long ACK_CTL = 4;
    private static final int OTHER_GROUP = 1022, SPURIOUS = 1023, ID = 0x1fff;
    /** GICV_IIDR: GICv2, Arm. */
    private static final long ARM_GICV2 = 0x0002_043b;

    // ISS of a data abort: ISV 24, SAS 23:22, SRT 20:16, WnR 6.
    private static final int ISV = 1 << 24, WRITE = 1 << 6;

    private final Arm64Interpreter c;
    private final VirtualGic gic;
    /** Guest-physical address of the frame; -1 where none is shown. */
    private long base = -1;

    GicvFrame(Arm64Interpreter c, VirtualGic gic) {
        this.c = c;
        this.gic = gic;
    }

    /** At an entry of the guest. */
    void at(long ipa) {
        base = ipa;
    }

    boolean isShown() {
        return base != -1;
    }

    /** An access that found no memory; false where it is not of this frame, or not one that the frame takes. */
    boolean takes(long ipa, long esr) {
        long at = ipa - base;
        boolean word = (esr >>> 22 & 3) == 2;
        if (base == -1 || at < 0 || at >= SIZE || (esr & ISV) == 0 || !word || (at & 3) != 0) return false;
        int register = (int) (esr >>> 16) & 31;
        long value = register == 31 ? 0 : c.x[register];
        if ((esr & WRITE) != 0) write((int) at, value & 0xffffffffL);
        else {
            long v = read((int) at);
            if (register != 31) c.x[register] = v & 0xffffffffL;
        }
        return true;
    }

    private long read(int at) {
        return switch (at) {
            case CTLR -> gic.vmcr() & CONTROLS;
            case PMR -> gic.read(SysReg.ICC_PMR_EL1) & 0xf8;
            case BPR -> gic.read(SysReg.ICC_BPR0_EL1);
            case ABPR -> gic.read(SysReg.ICC_BPR1_EL1);
            case IAR -> acknowledge();
            case AIAR -> gic.acknowledge(1) & ID;
            case RPR -> gic.read(SysReg.ICC_RPR_EL1);
            case HPPIR -> pending();
            case AHPPIR -> gic.read(SysReg.ICC_HPPIR1_EL1) & ID;
            case APR -> gic.activePriorities();
            case IIDR -> ARM_GICV2;
            default -> 0;
        };
    }

    /** An interrupt of group 1 shows itself here only with AckCtl. */
    private long acknowledge() {
        int group = gic.signalled();
        if (group == 1 && (gic.vmcr() & ACK_CTL) == 0) return OTHER_GROUP;
        return group < 0 ? SPURIOUS : gic.acknowledge(group) & ID;
    }

    private long pending() {
        long first = gic.read(SysReg.ICC_HPPIR0_EL1) & ID, second = gic.read(SysReg.ICC_HPPIR1_EL1) & ID;
        if (first != SPURIOUS) return first;
        return second == SPURIOUS || (gic.vmcr() & ACK_CTL) != 0 ? second : OTHER_GROUP;
    }

    private void write(int at, long v) {
        switch (at) {
            case CTLR -> gic.vmcr(gic.vmcr() & ~CONTROLS | v & CONTROLS);
            case PMR -> gic.write(SysReg.ICC_PMR_EL1, v & 0xf8);
            case BPR -> gic.write(SysReg.ICC_BPR0_EL1, v & 7);
            case ABPR -> gic.write(SysReg.ICC_BPR1_EL1, v & 7);
            case EOIR -> gic.write(SysReg.ICC_EOIR0_EL1, v & ID);
            case AEOIR -> gic.write(SysReg.ICC_EOIR1_EL1, v & ID);
            case DIR -> gic.write(SysReg.ICC_DIR_EL1, v & ID);
            case APR -> gic.activePriorities(v);
            default -> {}
        }
    }
}
