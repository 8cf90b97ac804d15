package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.function.LongPredicate;

/**
 * A CPU's statistical profiling unit: samples are made while PMSCR_EL1 and PMBLIMITR_EL1.E say so, and written to the buffer
 * some time later, through whatever translation is live then (Arm ARM D17). A control write counts for it from the next
 * context synchronisation on; until then it may act by the old value, and here it does where that is the worse.
 */
public final class Spe {
    private static final long PMBIDR_P = 1 << 4;
    private static final long PMSCR_E0SPE_E1SPE = 3, PMBLIMITR_E = 1, MDCR_E2PB = 3 << 12, HCR_VM = 1;
    private final Arm64Cpu cpu;
    private final boolean implemented, ofEl3;
    private final Word waiting, syncing, translatedEarly, inGuestMemory, lost, ofGuest;

    Spe(Arm64Cpu cpu, Region region) {
        this.cpu = cpu;
        this.implemented = cpu.profile().hasSpe(cpu.id());
        this.ofEl3 = cpu.profile().speOfEl3(cpu.id());
        this.waiting = region.word("speWaiting");
        this.syncing = region.word("speSyncing");
        this.translatedEarly = region.word("speTranslatedEarly");
        this.inGuestMemory = region.word("speInGuestMemory");
        this.lost = region.word("speLost");
        this.ofGuest = region.word("speOfGuest");
    }

    /** FEAT_SPE on this CPU. */
    public boolean implemented() {
        return implemented;
    }

    /** The host may use it: EL3 does not keep the buffer for itself. */
    public boolean usable() {
        return implemented && !ofEl3;
    }

    /** PMBIDR_EL1. */
    long id() {
        return ofEl3 ? PMBIDR_P : 0;
    }

    /** MDCR_EL3.NSPB: EL3 traps all controls of a unit whose buffer is its own; the identification registers stay. */
    boolean reachable(SysReg r) {
        return usable() || implemented && (r == SysReg.PMBIDR_EL1 || r == SysReg.PMSIDR_EL1);
    }

    private boolean may(SysReg r, LongPredicate acts) {
        return acts.test(cpu.sys().get(r.ordinal())) || acts.test(cpu.host().beforeSync(r));
    }

    /**
     * An operation below EL2 may be sampled; or one of before the last synchronisation was, and its record is made now, in
     * hypervisor code.
     */
    boolean maySample() {
        if (!implemented || !may(SysReg.PMBLIMITR_EL1, v -> (v & PMBLIMITR_E) != 0)) return false;
        LongPredicate on = v -> (v & PMSCR_E0SPE_E1SPE) != 0;
        return cpu.host().inNvheHyp() ? on.test(cpu.host().beforeSync(pmscr())) : may(pmscr(), on);
    }

    /** What samples at the present level: a VHE host's own control is that of EL2. */
    private SysReg pmscr() {
        return cpu.profile().vhe() && !cpu.inGuest() ? SysReg.PMSCR_EL2 : SysReg.PMSCR_EL1;
    }

    /** Sampling is turned on or off: once on, the unit may translate its buffer's address at once and keep the result. */
    void controlled(boolean on) {
        translatedEarly.set(on && implemented && guestTables() ? 1 : 0);
    }

    void sample() {
        waiting.set(waiting.get() + 1);
        if (cpu.inGuest()) ofGuest.set(ofGuest.get() + 1);
    }

    boolean recordsWait() {
        return waiting.get() != 0 || translatesAhead();
    }

    /** The enabled buffer's address is translated without a record, where the machine does that ({@code spe-ahead}). */
    private boolean translatesAhead() {
        return cpu.profile().speAhead()
                && implemented
                && guestTables()
                && may(SysReg.PMBLIMITR_EL1, v -> (v & PMBLIMITR_E) != 0);
    }

    void write() {
        if (!recordsWait()) return;
        if (waiting.get() != 0) waiting.set(waiting.get() - 1);
        // Which regime owns the buffer, and whose tables translate it: with a write pending by the old value or the
        // new.
        if (acts(SysReg.MDCR_EL2, v -> ((v & MDCR_E2PB) == 0) != cpu.profile().vhe())) lost.set(lost.get() + 1);
        else if (translatedEarly.get() != 0 || translatedForGuest()) inGuestMemory.set(inGuestMemory.get() + 1);
    }

    private boolean acts(SysReg r, LongPredicate acts) {
        return cpu.host().inEffect(r, acts);
    }

    private boolean translatedForGuest() {
        return !cpu.profile().vhe()
                && (acts(SysReg.HCR_EL2, v -> (v & HCR_VM) != 0) || acts(SysReg.TTBR0_EL1, v -> v != cpu.hostTtbr0()));
    }

    /** nVHE: the buffer is translated as the host's EL1 is, unless a guest's tables are live. */
    private boolean guestTables() {
        return !cpu.profile().vhe()
                && (may(SysReg.HCR_EL2, v -> (v & HCR_VM) != 0) || may(SysReg.TTBR0_EL1, v -> v != cpu.hostTtbr0()));
    }

    void psbCsync() {
        if (implemented) syncing.set(1);
    }

    void dsb() {
        if (syncing.get() == 0) return;
        syncing.set(0);
        while (waiting.get() != 0) write();
    }

    /** Records of the host that went through a guest's translation. */
    public long inGuestMemory() {
        return inGuestMemory.get();
    }

    /** Records whose address meant nothing to the regime that owned the buffer. */
    public long lost() {
        return lost.get();
    }

    /** Operations of guests that the nVHE host's profiling sampled. */
    public long ofGuest() {
        return ofGuest.get();
    }
}
