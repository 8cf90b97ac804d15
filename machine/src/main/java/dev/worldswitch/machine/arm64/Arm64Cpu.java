package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.InterruptEntry;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.RetiredCounter;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/**
 * A physical arm64 CPU: general, system and vector registers. While a guest runs, its EL1 and EL0 registers are really in
 * here.
 */
public final class Arm64Cpu extends PhysicalCpu {
    /** Places in {@link #gpr} beside x0-x30: the current SP, the zero register, a target for results that go nowhere. */
    public static final int SP = 31, ZR = 32, TRASH = 33;
    /** Places in {@link #p}: P0-P15, then FFR. */
    public static final int FFR = 16;

    private static final long HCR_E2H = 1L << 34;
    private final Arm64Profile profile;
    private final Words gpr, sys, z, p, exclusive;
    private final Word pc, pstate;
    private final RetiredCounter retired;
    private final HostAccess host;
    private final Spe spe;
    private final Sme sme;
    private final Word hostTtbr0, gicvFrame;
    private final int zStride, pStride;

    public Arm64Cpu(Region region, int id, Arm64Profile profile, Timing timing, InterruptEntry entry) {
        super(region, id, timing, entry);
        this.profile = profile;
        this.zStride = profile.zStride();
        this.pStride = profile.pStride();
        this.gpr = region.words("gpr", 34);
        this.sys = region.words("sys", SysReg.count());
        this.z = region.words("z", 32 * zStride);
        this.p = region.words("p", 17 * pStride);
        this.exclusive = region.words("exclusiveMonitor", 4);
        this.exclusive.set(0, -1);
        this.pc = region.word("pc");
        this.pstate = region.word("pstate");
        this.retired = new RetiredCounter(region);
        this.host = new HostAccess(this, region);
        this.spe = new Spe(this, region);
        this.sme = new Sme(this, region);
        this.hostTtbr0 = region.word("hostTtbr0");
        this.gicvFrame = region.word("gicvFrame");
        gicvFrame.set(-1);
        resetRegisters();
    }

    private void resetRegisters() {
        for (SysReg r : SysReg.values()) sys.set(r.ordinal(), profile.register(r));
        sys.set(SysReg.MPIDR_EL1.ordinal(), 0x8000_0000L | id());
        if (spe.implemented()) sys.set(SysReg.PMBIDR_EL1.ordinal(), spe.id());
        if (profile.vhe()) sys.set(SysReg.HCR_EL2.ordinal(), HCR_E2H);
    }

    /** As after a reset of this CPU alone; its kernel comes up on it again. */
    public void reset() {
        resetRegisters();
        host.reset();
    }

    public Arm64Profile profile() {
        return profile;
    }

    public Words gpr() {
        return gpr;
    }

    public Word pc() {
        return pc;
    }

    /** PSTATE as SPSR_ELx has it: M 3:0, DAIF 9:6, IL 20, SS 21, PAN 22, NZCV 31:28. */
    public Word pstate() {
        return pstate;
    }

    /** All system registers, by {@link SysReg#ordinal}. */
    public Words sys() {
        return sys;
    }

    /** Z0-Z31, {@link #zStride} words each; V registers are their low two words. */
    public Words z() {
        return z;
    }

    /** Instructions of user mode fill the vector registers V0 to V31. */
    @Override
    public void fillVectors(long value) {
        for (int n = 0; n < 32; n++)
            for (int i = 0; i < zStride(); i++) z.set(n * zStride() + i, i < 2 ? value + n : 0);
    }

    @Override
    public boolean vectorsHold(long value) {
        boolean same = true;
        for (int n = 0; n < 32; n++) for (int i = 0; i < 2; i++) same &= z.get(n * zStride() + i) == value + n;
        return same;
    }

    /** P0-P15 and FFR, {@link #pStride} words each. */
    public Words p() {
        return p;
    }

    public int zStride() {
        return zStride;
    }

    public int pStride() {
        return pStride;
    }

    /** The local monitor as the step before left it; only explored guests keep it here. */
    void loadMonitor(Monitor m) {
        m.set(exclusive.get(0), (int) exclusive.get(1), exclusive.get(2), exclusive.get(3));
    }

    void storeMonitor(Monitor m) {
        exclusive.set(0, m.address);
        exclusive.set(1, m.size);
        exclusive.set(2, m.low);
        exclusive.set(3, m.high);
    }

    /** Guest-physical address at which the second stage shows the virtual CPU interface's frame; -1 for nowhere. */
    public Word gicvFrame() {
        return gicvFrame;
    }

    /** Instructions that guests retire. */
    public RetiredCounter retired() {
        return retired;
    }

    /** What the host's kernel and hypervisor code do with this CPU's registers. */
    public HostAccess host() {
        return host;
    }

    public Spe spe() {
        return spe;
    }

    /** ZA, ZT0 and streaming mode. */
    public Sme sme() {
        return sme;
    }

    /** TTBR0_EL1 as the nVHE host runs with it: how the profiling unit tells the host's tables from a guest's. */
    long hostTtbr0() {
        return hostTtbr0.get();
    }

    /** The host installs its own tables at boot. */
    public void bootTables(long ttbr0) {
        hostTtbr0.set(ttbr0);
        sys.set(SysReg.TTBR0_EL1.ordinal(), ttbr0);
    }

    @Override
    public boolean maySample() {
        return spe.maySample();
    }

    @Override
    public void sample() {
        spe.sample();
    }

    @Override
    public boolean sampleWaits() {
        return spe.recordsWait();
    }

    @Override
    public void writeSample() {
        spe.write();
    }

    @Override
    protected void exceptionEntry() {
        host.contextSync();
    }

    /** A system register that the CPU lacks was touched by host code. */
    void undefinedAccess(String step) {
        undefined(step);
    }

    /** HCR_EL2.E2H: the host kernel is at EL2. */
    public boolean e2h() {
        return (sys.get(SysReg.HCR_EL2.ordinal()) & HCR_E2H) != 0;
    }
}
