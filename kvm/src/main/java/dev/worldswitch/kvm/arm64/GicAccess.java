package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;

/** Trapped accesses of a guest to the GICv3 CPU interface. */
final class GicAccess {
    private static final long SRE_SRE_DFB_DIB = 7;

    private GicAccess() {}

    private static boolean hasGicV3(Vcpu v) {
        Vgic g = v.vm().vgic().get();
        return g != null && g.isV3();
    }

    static long sgi(Vcpu v, Row row, boolean write, long value) {
        if (!hasGicV3(v) || !write) return Inject.undefined(v);
        Vgic g = v.vm().vgic().get();
        // Only ICC_SGI1R_EL1 reaches interrupts of group 1: there is one security state.
        if (g != null) g.softwareInterrupt(v, value, row.encoding() == SysReg.ICC_SGI1R_EL1.encoding());
        return 0;
    }

    /** ICC_SRE_EL1: system registers only, with or without a GIC. */
    static long sre(Vcpu v, Row row, boolean write, long value) {
        return write ? 0 : SRE_SRE_DFB_DIB;
    }

    /** Without a GICv3 these trap and do not exist; with one the CPU answers them itself. */
    static long cpuInterface(Vcpu v, Row row, boolean write, long value) {
        return Inject.undefined(v);
    }
}
