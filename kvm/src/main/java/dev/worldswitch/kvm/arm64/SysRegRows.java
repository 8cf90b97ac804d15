package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.arm64.SysRegTable.HIDDEN;
import static dev.worldswitch.kvm.arm64.SysRegTable.RAZ;
import static dev.worldswitch.kvm.arm64.SysRegTable.USER_WI;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.arm64.SysRegTable.Access;
import dev.worldswitch.kvm.arm64.SysRegTable.Reset;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.kvm.arm64.SysRegTable.UserGet;
import dev.worldswitch.kvm.arm64.SysRegTable.UserSet;
import dev.worldswitch.kvm.arm64.SysRegTable.Visibility;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The rows of {@link SysRegTable} for one kernel: sys_reg_descs of sys_regs.c in 6.1 and 6.12, recorded lists after that. */
final class SysRegRows {
    /** What reset_unknown puts: a pattern that a guest can recognise. */
    static final long UNKNOWN = 0x1de7ec7edbadc0deL;

    private static final Visibility ALWAYS = v -> 0;
    private static final Visibility NEVER_SET = v -> RAZ;
    private static final Visibility SVE = v -> v.hasSve() ? 0 : HIDDEN;
    private static final Visibility PMU = v -> v.hasPmu() ? 0 : HIDDEN;
    private static final Visibility PTRAUTH = v -> v.hasPtrauth() ? 0 : HIDDEN;
    /** MTE, SME, FP8 and permission overlays are offered to no guest here. */
    private static final Visibility ABSENT = v -> HIDDEN;

    private final Kvm kvm;
    private final TreeSet<Row> rows = new TreeSet<>(Comparator.comparingInt(Row::encoding));

    private SysRegRows(Kvm kvm) {
        this.kvm = kvm;
    }

    static List<Row> of(Kvm kvm) {
        SysRegRows r = new SysRegRows(kvm);
        r.debug();
        r.identity();
        r.vmControl();
        r.trappedOnly();
        r.pmu();
        r.timers();
        r.rest();
        return List.copyOf(r.rows);
    }

    private void row(
            int encoding,
            @Nullable SysReg storage,
            Access access,
            @Nullable Reset reset,
            long value,
            Visibility visibility,
            @Nullable UserGet get,
            @Nullable UserSet set) {
        Row row = new Row(encoding, storage, access, reset, value, visibility, get, set);
        if (!rows.add(row)) throw new IllegalStateException("system register " + row.name() + " is listed twice");
    }

    private void stored(SysReg r, Access access, Reset reset, long value) {
        row(r.encoding(), r, access, reset, value, ALWAYS, null, null);
    }

    private void stored(SysReg r, Access access, Reset reset, Visibility visibility) {
        row(r.encoding(), r, access, reset, 0, visibility, null, null);
    }

    private void value(SysReg r, Access access, long value) {
        stored(r, access, SysRegRows::resetValue, value);
    }

    private void unknown(SysReg r, Access access) {
        stored(r, access, SysRegRows::resetUnknown, 0);
    }

    /** Trapped, not kept. */
    private void trapped(Access access, SysReg... all) {
        for (SysReg r : all) row(r.encoding(), null, access, null, 0, ALWAYS, null, null);
    }

    static void resetValue(Vcpu v, Row r) {
        v.sys(r.stored(), r.value());
    }

    static void resetUnknown(Vcpu v, Row r) {
        v.sys(r.stored(), UNKNOWN);
    }

    /** The self-hosted debug registers: all 16 of each kind, whatever the CPU implements. */
    private void debug() {
        for (int n = 0; n < 16; n++)
            for (String kind : List.of("DBGBVR", "DBGBCR", "DBGWVR", "DBGWCR"))
                value(SysReg.nth(kind, n, "_EL1"), GuestAccess::readWrite, 0);
        value(SysReg.MDCCINT_EL1, GuestAccess::readWrite, 0);
        value(SysReg.MDSCR_EL1, GuestAccess::readWrite, 0);
        trapped(
                GuestAccess::razWi,
                SysReg.MDRAR_EL1,
                SysReg.OSDLR_EL1,
                SysReg.DBGPRCR_EL1,
                SysReg.DBGCLAIMSET_EL1,
                SysReg.DBGCLAIMCLR_EL1,
                SysReg.MDCCSR_EL0,
                SysReg.DBGDTR_EL0,
                SysReg.DBGDTRRX_EL0);
        trapped(GuestAccess::osLar, SysReg.OSLAR_EL1);
        trapped(GuestAccess::dbgAuthStatus, SysReg.DBGAUTHSTATUS_EL1);
        row(
                SysReg.OSLSR_EL1.encoding(),
                SysReg.OSLSR_EL1,
                GuestAccess::readOnlyStored,
                SysRegRows::resetValue,
                GuestAccess.OSLSR_OSLM,
                ALWAYS,
                null,
                GuestAccess::setOslsr);
        value(SysReg.DBGVCR32_EL2, GuestAccess::undefined, 0);
    }

    private void identity() {
        stored(SysReg.MPIDR_EL1, GuestAccess::readWrite, CacheRegs::resetMpidr, 0);
        for (int crm = 1; crm < 8; crm++)
            for (int op2 = 0; op2 < 8; op2++) {
                int encoding = SysReg.encoding(3, 0, 0, crm, op2);
                SysReg r = SysReg.find(encoding);
                row(
                        encoding,
                        null,
                        IdRegs::access,
                        null,
                        IdRegMasks.writable(kvm, r),
                        idVisibility(r),
                        IdRegs::get,
                        IdRegs::set);
            }
        if (kvm.has(Patch.ARM64_CTR_PER_VM))
            row(
                    SysReg.CTR_EL0.encoding(),
                    null,
                    IdRegs::access,
                    null,
                    IdRegMasks.writable(kvm, SysReg.CTR_EL0),
                    ALWAYS,
                    IdRegs::get,
                    IdRegs::set);
        else row(SysReg.CTR_EL0.encoding(), null, InvariantRegs::access, null, 0, ALWAYS, null, null);
        if (kvm.has(Patch.ARM64_NORMALIZED_CACHES))
            row(
                    SysReg.CLIDR_EL1.encoding(),
                    SysReg.CLIDR_EL1,
                    GuestAccess::readOnlyStored,
                    CacheRegs::resetClidr,
                    CacheRegs.CLIDR_BITS,
                    ALWAYS,
                    null,
                    CacheRegs::setClidr);
        else row(SysReg.CLIDR_EL1.encoding(), null, InvariantRegs::access, null, 0, ALWAYS, null, null);
        if (kvm.has(Patch.ARM64_WRITABLE_IMP_ID_REGS))
            for (SysReg r : InvariantRegs.IMPLEMENTATION)
                row(
                        r.encoding(),
                        null,
                        InvariantRegs::access,
                        null,
                        r == SysReg.MIDR_EL1 ? 0xffffffffL : -1,
                        ALWAYS,
                        InvariantRegs::getUser,
                        InvariantRegs::setUser);
        trapped(CacheRegs::accessCcsidr, SysReg.CCSIDR_EL1);
        unknown(SysReg.CSSELR_EL1, GuestAccess::readWrite);
        Access absent = kvm.has(Patch.ARM64_IDST) ? GuestAccess::absentIdRegister : GuestAccess::undefined;
        trapped(absent, SysReg.CCSIDR2_EL1);
        trapped(kvm.has(Patch.ARM64_TID1) ? absent : GuestAccess::readZero, SysReg.SMIDR_EL1);
    }

    private Visibility idVisibility(@Nullable SysReg r) {
        if (r == null || IdRegMasks.hidden(kvm, r)) return NEVER_SET;
        if (r.crm() <= 3) return kvm.host().el0Aarch32() ? ALWAYS : v -> RAZ | USER_WI;
        return r == SysReg.ID_AA64ZFR0_EL1 ? v -> v.hasSve() ? 0 : RAZ : ALWAYS;
    }

    /** By a field of ID_AA64MMFR3_EL1. */
    private Visibility tcr2OrPie(int shift) {
        if (!kvm.has(Patch.ARM64_TCR2_PIE_VISIBILITY)) return ALWAYS;
        return v -> v.vm().idRegs().field(SysReg.ID_AA64MMFR3_EL1, shift) != 0 ? 0 : HIDDEN;
    }

    private void vmControl() {
        value(SysReg.SCTLR_EL1, GuestAccess::vmRegister, 0x00C50078);
        stored(SysReg.ACTLR_EL1, GuestAccess::actlr, CacheRegs::resetFromHost, 0);
        value(SysReg.CPACR_EL1, GuestAccess::readWrite, 0);
        row(
                SysReg.ZCR_EL1.encoding(),
                SysReg.ZCR_EL1,
                GuestAccess::readWrite,
                SysRegRows::resetValue,
                0,
                SVE,
                null,
                null);
        unknown(SysReg.TTBR0_EL1, GuestAccess::vmRegister);
        unknown(SysReg.TTBR1_EL1, GuestAccess::vmRegister);
        value(SysReg.TCR_EL1, GuestAccess::vmRegister, 0);
        // Listed even where the CPU has none of them, until they are hidden.
        if (kvm.has(Patch.ARM64_TCR2_EL1))
            row(
                    SysReg.TCR2_EL1.encoding(),
                    SysReg.TCR2_EL1,
                    GuestAccess::tcr2,
                    SysRegRows::resetValue,
                    0,
                    tcr2OrPie(0),
                    null,
                    null);
        if (kvm.has(Patch.ARM64_PIE_REGS)) {
            row(
                    SysReg.PIRE0_EL1.encoding(),
                    SysReg.PIRE0_EL1,
                    GuestAccess::readWrite,
                    SysRegRows::resetUnknown,
                    0,
                    tcr2OrPie(8),
                    null,
                    null);
            row(
                    SysReg.PIR_EL1.encoding(),
                    SysReg.PIR_EL1,
                    GuestAccess::readWrite,
                    SysRegRows::resetUnknown,
                    0,
                    tcr2OrPie(8),
                    null,
                    null);
        }
        if (kvm.has(Patch.ARM64_POE_REGS)) {
            stored(SysReg.POR_EL1, GuestAccess::readWrite, SysRegRows::resetUnknown, ABSENT);
            stored(SysReg.POR_EL0, GuestAccess::readWrite, SysRegRows::resetUnknown, ABSENT);
        }
        if (kvm.has(Patch.ARM64_FPMR_REG)) stored(SysReg.FPMR, GuestAccess::undefined, SysRegRows::resetValue, ABSENT);
        for (String key : List.of("APIA", "APIB", "APDA", "APDB", "APGA"))
            for (String half : List.of("KEYLO_EL1", "KEYHI_EL1"))
                stored(SysReg.valueOf(key + half), GuestAccess::undefined, SysRegRows::resetUnknown, PTRAUTH);
        unknown(SysReg.AFSR0_EL1, GuestAccess::vmRegister);
        unknown(SysReg.AFSR1_EL1, GuestAccess::vmRegister);
        unknown(SysReg.ESR_EL1, GuestAccess::vmRegister);
        unknown(SysReg.FAR_EL1, GuestAccess::vmRegister);
        unknown(SysReg.PAR_EL1, GuestAccess::readWrite);
        unknown(SysReg.MAIR_EL1, GuestAccess::vmRegister);
        stored(SysReg.AMAIR_EL1, GuestAccess::vmRegister, CacheRegs::resetFromHost, 0);
        value(SysReg.VBAR_EL1, GuestAccess::readWrite, 0);
        value(SysReg.DISR_EL1, GuestAccess::readWrite, 0);
        value(SysReg.CONTEXTIDR_EL1, GuestAccess::vmRegister, 0);
        unknown(SysReg.TPIDR_EL1, GuestAccess::readWrite);
        value(SysReg.CNTKCTL_EL1, GuestAccess::readWrite, 0);
        unknown(SysReg.TPIDR_EL0, GuestAccess::readWrite);
        unknown(SysReg.TPIDRRO_EL0, GuestAccess::readWrite);
        for (SysReg r : List.of(SysReg.RGSR_EL1, SysReg.GCR_EL1, SysReg.TFSR_EL1, SysReg.TFSRE0_EL1))
            stored(r, GuestAccess::undefined, SysRegRows::resetUnknown, ABSENT);
    }

    /** Registers that a guest reaches only through a trap and user space not at all. */
    private void trappedOnly() {
        trapped(
                GuestAccess::undefined,
                SysReg.TRFCR_EL1,
                SysReg.SMPRI_EL1,
                SysReg.SMCR_EL1,
                SysReg.SVCR,
                SysReg.TPIDR2_EL0,
                SysReg.ACCDATA_EL1,
                SysReg.SCXTNUM_EL1,
                SysReg.SCXTNUM_EL0,
                SysReg.PMSCR_EL1,
                SysReg.PMSNEVFR_EL1,
                SysReg.PMSICR_EL1,
                SysReg.PMSIRR_EL1,
                SysReg.PMSFCR_EL1,
                SysReg.PMSEVFR_EL1,
                SysReg.PMSLATFR_EL1,
                SysReg.PMSIDR_EL1,
                SysReg.PMBLIMITR_EL1,
                SysReg.PMBPTR_EL1,
                SysReg.PMBSR_EL1,
                SysReg.AMCR_EL0,
                SysReg.AMUSERENR_EL0,
                SysReg.ICC_PMR_EL1);
        trapped(
                GuestAccess::razWi,
                SysReg.ERRIDR_EL1,
                SysReg.ERRSELR_EL1,
                SysReg.ERXFR_EL1,
                SysReg.ERXCTLR_EL1,
                SysReg.ERXSTATUS_EL1,
                SysReg.ERXADDR_EL1,
                SysReg.ERXMISC0_EL1,
                SysReg.ERXMISC1_EL1);
        trapped(kvm.has(Patch.ARM64_PMMIR_NEEDS_PMU) ? GuestAccess::pmmir : GuestAccess::razWi, SysReg.PMMIR_EL1);
        trapped(
                GuestAccess::loRegion,
                SysReg.LORSA_EL1,
                SysReg.LOREA_EL1,
                SysReg.LORN_EL1,
                SysReg.LORC_EL1,
                SysReg.LORID_EL1);
        gicCpuInterface();
    }

    private void gicCpuInterface() {
        trapped(GicAccess::sgi, SysReg.ICC_SGI1R_EL1, SysReg.ICC_ASGI1R_EL1, SysReg.ICC_SGI0R_EL1);
        trapped(GicAccess::sre, SysReg.ICC_SRE_EL1);
        trapped(
                GicAccess::cpuInterface,
                SysReg.ICC_IAR0_EL1,
                SysReg.ICC_EOIR0_EL1,
                SysReg.ICC_HPPIR0_EL1,
                SysReg.ICC_BPR0_EL1,
                SysReg.ICC_AP0R0_EL1,
                SysReg.ICC_AP0R1_EL1,
                SysReg.ICC_AP0R2_EL1,
                SysReg.ICC_AP0R3_EL1,
                SysReg.ICC_AP1R0_EL1,
                SysReg.ICC_AP1R1_EL1,
                SysReg.ICC_AP1R2_EL1,
                SysReg.ICC_AP1R3_EL1,
                SysReg.ICC_DIR_EL1,
                SysReg.ICC_RPR_EL1,
                SysReg.ICC_IAR1_EL1,
                SysReg.ICC_EOIR1_EL1,
                SysReg.ICC_HPPIR1_EL1,
                SysReg.ICC_BPR1_EL1,
                SysReg.ICC_CTLR_EL1,
                SysReg.ICC_IGRPEN0_EL1,
                SysReg.ICC_IGRPEN1_EL1);
    }

    private void pmu() {
        pmu(SysReg.PMINTENSET_EL1, SysReg.PMINTENSET_EL1, Pmu::accessInten, Pmu::resetCounters, true);
        pmu(SysReg.PMINTENCLR_EL1, SysReg.PMINTENSET_EL1, Pmu::accessInten, Pmu::resetCounters, true);
        row(
                SysReg.PMCR_EL0.encoding(),
                SysReg.PMCR_EL0,
                Pmu::accessPmcr,
                Pmu::resetPmcr,
                0,
                PMU,
                Pmu::getPmcr,
                Pmu::setPmcr);
        pmu(SysReg.PMCNTENSET_EL0, SysReg.PMCNTENSET_EL0, Pmu::accessCnten, Pmu::resetCounters, true);
        pmu(SysReg.PMCNTENCLR_EL0, SysReg.PMCNTENSET_EL0, Pmu::accessCnten, Pmu::resetCounters, true);
        pmu(SysReg.PMOVSCLR_EL0, SysReg.PMOVSSET_EL0, Pmu::accessOvs, Pmu::resetCounters, true);
        pmu(SysReg.PMOVSSET_EL0, SysReg.PMOVSSET_EL0, Pmu::accessOvs, Pmu::resetCounters, true);
        row(SysReg.PMSWINC_EL0.encoding(), null, Pmu::accessSwinc, null, 0, PMU, (v, r) -> 0, (v, r, value) -> 0);
        pmu(SysReg.PMSELR_EL0, SysReg.PMSELR_EL0, Pmu::accessSelr, (v, r) -> v.sys(r.stored(), UNKNOWN & 31), false);
        for (SysReg r : List.of(SysReg.PMCEID0_EL0, SysReg.PMCEID1_EL0, SysReg.PMXEVTYPER_EL0, SysReg.PMXEVCNTR_EL0))
            row(r.encoding(), null, Pmu::accessSelected, null, 0, PMU, null, null);
        row(
                SysReg.PMCCNTR_EL0.encoding(),
                SysReg.PMCCNTR_EL0,
                Pmu::accessCounter,
                SysRegRows::resetUnknown,
                0,
                PMU,
                Pmu::getCycles,
                null);
        pmu(SysReg.PMUSERENR_EL0, SysReg.PMUSERENR_EL0, Pmu::accessUserenr, SysRegRows::resetValue, false);
        for (int n = 0; n < 31; n++) {
            SysReg counter = SysReg.nth("PMEVCNTR", n, "_EL0"), type = SysReg.nth("PMEVTYPER", n, "_EL0");
            row(
                    counter.encoding(),
                    counter,
                    Pmu::accessCounter,
                    (v, r) -> v.sys(r.stored(), UNKNOWN & 0xffffffffL),
                    0,
                    PMU,
                    Pmu::getCounter,
                    null);
            pmu(type, type, Pmu::accessType, Pmu::resetType, false);
        }
        pmu(SysReg.PMCCFILTR_EL0, SysReg.PMCCFILTR_EL0, Pmu::accessType, SysRegRows::resetValue, false);
    }

    private void pmu(SysReg name, SysReg storage, Access access, Reset reset, boolean mask) {
        boolean masked = mask && kvm.has(Patch.ARM64_PMU_USER_MASKS);
        row(
                name.encoding(),
                storage,
                access,
                reset,
                0,
                PMU,
                masked ? Pmu::getMask : null,
                masked ? Pmu::setMask : null);
    }

    /** The id of a timer register in the user's ABI is another one than in hardware, see {@link TimerRegs}. */
    private void timers() {
        boolean listed = kvm.has(Patch.ARM64_TIMERS_IN_SYSREG_TABLE);
        for (SysReg r : TimerRegs.REGISTERS)
            row(
                    r.encoding(),
                    null,
                    TimerRegs::access,
                    null,
                    0,
                    ALWAYS,
                    listed ? TimerRegs::getUser : null,
                    listed ? TimerRegs::setUser : null);
        for (SysReg r : List.of(SysReg.CNTPCTSS_EL0, SysReg.CNTVCTSS_EL0, SysReg.CNTP_TVAL_EL0, SysReg.CNTV_TVAL_EL0))
            row(r.encoding(), null, TimerRegs::access, null, 0, ALWAYS, null, null);
    }

    private void rest() {
        stored(SysReg.DACR32_EL2, GuestAccess::undefined, SysRegRows::resetUnknown, 0);
        stored(SysReg.IFSR32_EL2, GuestAccess::undefined, SysRegRows::resetUnknown, 0);
        value(SysReg.FPEXC32_EL2, GuestAccess::undefined, 0x700);
    }
}
