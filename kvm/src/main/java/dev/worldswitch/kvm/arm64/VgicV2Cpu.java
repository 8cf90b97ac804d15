package dev.worldswitch.kvm.arm64;

/**
 * Registers of a GICv2's CPU interface as user space saves and restores them (vgic_v2_cpu_registers, KVM_DEV_ARM_VGIC_GRP_CPU_REGS);
 * guests find theirs in the hardware's frame.
 */
final class VgicV2Cpu {
    private static final int CTLR = 0x00, PMR = 0x04, BPR = 0x08, ABPR = 0x1c, APR = 0xd0, APR_END = 0xe0, IDENT = 0xfc;
    /** GICH_VMCR has these bits of GICC_CTLR at the same places. */
    private static final long CONTROLS = 0x21f;

    private static final int ABPR_AT = 18, BPR_AT = 21, PMR_AT = 27;
    private static final long KVM_GICV2 = 0x4bL << 20 | 2 << 16 | 0x43b;

    private VgicV2Cpu() {}

    static boolean has(int offset) {
        return switch (offset) {
            case CTLR, PMR, BPR, ABPR, IDENT -> true;
            default -> offset >= APR && offset < APR_END && (offset & 3) == 0;
        };
    }

    private static long field(VgicCpu c, int at, int bits) {
        return c.vmcr.get() >>> at & (1L << bits) - 1;
    }

    private static void field(VgicCpu c, int at, int bits, long v) {
        long mask = (1L << bits) - 1 << at;
        c.vmcr.set(c.vmcr.get() & ~mask | v << at & mask);
    }

    /** The priority mask is its upper five bits: what the ABI once began with. */
    static long read(VgicCpu c, int offset) {
        return switch (offset) {
            case CTLR -> c.vmcr.get() & CONTROLS;
            case PMR -> field(c, PMR_AT, 5);
            case BPR -> field(c, BPR_AT, 3);
            case ABPR -> field(c, ABPR_AT, 3);
            case APR -> c.ap0.get() | c.ap1.get();
            case IDENT -> KVM_GICV2;
            default -> 0;
        };
    }

    static void write(VgicCpu c, int offset, long v) {
        switch (offset) {
            case CTLR -> c.vmcr.set(c.vmcr.get() & ~CONTROLS | v & CONTROLS);
            case PMR -> field(c, PMR_AT, 5, v);
            case BPR -> field(c, BPR_AT, 3, v);
            case ABPR -> field(c, ABPR_AT, 3, v);
            case APR -> {
                c.ap0.set(0);
                c.ap1.set(v);
            }
            default -> {}
        }
    }
}
