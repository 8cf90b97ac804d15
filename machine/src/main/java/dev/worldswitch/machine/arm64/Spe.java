package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/**
 * A CPU's statistical profiling unit: samples are made while PMSCR_EL1 and PMBLIMITR_EL1.E say so, and written to the buffer
 * some time later, through whatever translation is live then.
 */
public final class Spe {
    private static final long PMSCR_E0SPE_E1SPE = 3, PMBLIMITR_E = 1, MDCR_E2PB = 3 << 12, HCR_VM = 1;
    private final Arm64Cpu cpu;
    private final boolean implemented;
    private final Word waiting, inHostBuffer, inGuestMemory, lost;

    Spe(Arm64Cpu cpu, Region region) {
        this.cpu = cpu;
        this.implemented = cpu.profile().hasSpe(cpu.id());
        this.waiting = region.word("speWaiting");
        this.inHostBuffer = region.word("speInHostBuffer");
        this.inGuestMemory = region.word("speInGuestMemory");
        this.lost = region.word("speLost");
    }

    /** FEAT_SPE on this CPU. */
    public boolean implemented() {
        return implemented;
    }

    /** True while an operation of the present exception level below EL2 may be sampled. */
    public boolean sampling() {
        return implemented
                && (cpu.host().inEffect(SysReg.PMBLIMITR_EL1) & PMBLIMITR_E) != 0
                && (cpu.host().inEffect(pmscr()) & PMSCR_E0SPE_E1SPE) != 0;
    }

    private SysReg pmscr() {
        return cpu.profile().vhe() ? SysReg.PMSCR_EL2 : SysReg.PMSCR_EL1;
    }

    /** An operation was sampled: its record waits to be written. */
    public void sample() {
        if (sampling()) waiting.set(waiting.get() + 1);
    }

    public boolean recordsWait() {
        return waiting.get() != 0;
    }

    /** A waiting record reaches memory, through the translation that is live now. */
    public void write() {
        if (!recordsWait()) return;
        waiting.set(waiting.get() - 1);
        Word where = target();
        where.set(where.get() + 1);
    }

    private Word target() {
        long e2pb = cpu.host().inEffect(SysReg.MDCR_EL2) & MDCR_E2PB;
        if (cpu.profile().vhe()) return e2pb == 0 ? inHostBuffer : inGuestMemory;
        if (e2pb == 0) return lost;
        boolean guestTables = (cpu.host().inEffect(SysReg.HCR_EL2) & HCR_VM) != 0
                || cpu.host().inEffect(SysReg.TTBR0_EL1) != cpu.hostTtbr0();
        return guestTables ? inGuestMemory : inHostBuffer;
    }

    /** PSB CSYNC (HINT #17) and the DSB that waits for it: all records made so far are in memory. */
    void drain() {
        while (recordsWait()) write();
    }

    /** Records that the host's buffer got. */
    public long inHostBuffer() {
        return inHostBuffer.get();
    }

    /** Records of the host that went through a guest's translation. */
    public long inGuestMemory() {
        return inGuestMemory.get();
    }

    /** Records whose address meant nothing to the regime that owned the buffer. */
    public long lost() {
        return lost.get();
    }
}
