package dev.worldswitch.kvm.arm64;

import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/** A vCPU's part of an interrupt controller: its private interrupts and its virtual CPU interface (struct vgic_cpu). */
final class VgicCpu {
    /** ICH_HCR_EL2: the interface is on; underflow interrupt. */
    static final long EN = 1, UIE = 2;

    private static final int LR0 = SysReg.ICH_LR0_EL2.ordinal(), VMCR = SysReg.ICH_VMCR_EL2.ordinal();
    private static final int AP0 = SysReg.ICH_AP0R0_EL2.ordinal(), AP1 = SysReg.ICH_AP1R0_EL2.ordinal();

    /** SGIs and PPIs, {@link VgicIrq}. */
    final Words irqs;
    /** A bit for each private interrupt that {@link VgicIrq#queued} is true of. */
    final Word queued;

    final Words lists;
    final Word used, vmcr, hcr, ap0, ap1, pendbaser, lpisOn;
    private final int listCount;

    VgicCpu(Region r, long vtr) {
        listCount = listRegisters(vtr);
        irqs = r.words("irqs", Vgic.PRIVATE);
        queued = r.word("queued");
        lists = r.words("lists", listCount);
        used = r.word("usedLists");
        vmcr = r.word("vmcr");
        hcr = r.word("hcr");
        ap0 = r.word("ap0r0");
        ap1 = r.word("ap1r0");
        pendbaser = r.word("pendbaser");
        lpisOn = r.word("enableLpis");
        hcr.set(EN);
    }

    /** ICH_VTR_EL2.ListRegs. */
    static int listRegisters(long vtr) {
        return (int) (vtr & 31) + 1;
    }

    /** vgic_v3_load and __vgic_v3_restore_state. */
    void load(Arm64Cpu cpu) {
        Words sys = cpu.sys();
        for (int i = 0; i < listCount; i++) sys.set(LR0 + i, lists.get(i));
        sys.set(VMCR, vmcr.get());
        sys.set(AP0, ap0.get());
        sys.set(AP1, ap1.get());
        sys.set(SysReg.ICH_HCR_EL2.ordinal(), hcr.get());
    }

    /** __vgic_v3_save_state: of the list registers those that were used. */
    void save(Arm64Cpu cpu) {
        Words sys = cpu.sys();
        for (int i = 0; i < used.get(); i++) lists.set(i, sys.get(LR0 + i));
        vmcr.set(sys.get(VMCR));
        ap0.set(sys.get(AP0));
        ap1.set(sys.get(AP1));
    }

    /** Priority below which nothing is signalled. */
    int pmr() {
        return (int) (vmcr.get() >>> 24) & 0xff;
    }
}
