package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.MachineProfile;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * An arm64 machine: values of the read-only registers of its CPUs ({@code reg NAME = value}), the vector lengths that it
 * implements ({@code sve_vqs}, in quadwords, absent without SVE), {@code vhe}, {@code cntfrq}.
 */
public final class Arm64Profile {
    private static final int MAX_VQ = 16, POWERS_OF_TWO = 0x808b;
    private final MachineProfile source;
    private final Map<SysReg, Long> registers = new EnumMap<>(SysReg.class);
    private final Set<SysReg> absent = EnumSet.noneOf(SysReg.class);
    private final int vqs;
    private final int maxVq, svqs;
    private final boolean vhe, spe, speAhead, gicv, nv;
    private final int gicVersion, pageShift;
    private final int cpusWithoutSpe, cpusWithSpeOfEl3;

    private Arm64Profile(MachineProfile source) {
        this.source = source;
        source.table("reg").forEach((name, v) -> registers.put(register(name), v[0]));
        String missing = source.find("absent");
        if (missing != null) for (String name : missing.split("\\s+")) absent.add(register(name));
        withoutActivePriorities();
        int mask = 0;
        for (long vq : source.numbers("sve_vqs")) {
            if (vq < 1 || vq > MAX_VQ) throw bad("sve_vqs are quadwords from 1 to 16, not " + vq);
            mask |= 1 << (int) vq - 1;
        }
        Properties asked = new Properties(source, mask);
        if (asked.vqs() == 0 && mask != 0) hideSve();
        if (asked.sme2()) {
            registers.merge(SysReg.ID_AA64SMFR0_EL1, 1L << 56, (a, b) -> a | b);
            registers.merge(SysReg.ID_AA64PFR1_EL1, 2L << 24, (a, b) -> a & ~(0xfL << 24) | b);
        }
        if (asked.fpmr()) registers.merge(SysReg.ID_AA64PFR2_EL1, 1L << 32, (a, b) -> a | b);
        if (asked.mops()) registers.merge(SysReg.ID_AA64ISAR2_EL1, 1L << 16, (a, b) -> a | b);
        if (asked.cipher() != Properties.Cipher.OWN) authenticateBy(asked.cipher());
        this.vqs = asked.vqs();
        this.vhe = asked.vhe();
        this.nv = asked.nv();
        this.spe = asked.spe();
        this.speAhead = asked.speAhead();
        this.gicVersion = asked.gicVersion();
        this.gicv = asked.gicv();
        this.pageShift = asked.pageShift();
        this.cpusWithoutSpe = asked.cpusWithoutSpe();
        this.cpusWithSpeOfEl3 = asked.cpusWithSpeOfEl3();
        this.maxVq = 32 - Integer.numberOfLeadingZeros(vqs);
        // A machine's table has one row of lengths: of them SME's are the powers of two, or up to a maximum of its own.
        int widest = asked.smeMaxVq() == 0 ? vqs : mask & (2 << asked.smeMaxVq() - 1) - 1;
        this.svqs = widest & POWERS_OF_TWO;
        check();
    }

    /** 32 levels of preemption need one register of active priorities for each group, 64 two, 128 four. */
    private void withoutActivePriorities() {
        int levels = (int) (registers.getOrDefault(SysReg.ICH_VTR_EL2, 0L) >>> 26 & 7) + 1;
        for (SysReg r : SysReg.values())
            if (r.name().matches("ICC_AP[01]R[1-3]_EL1")
                    && r.name().charAt("ICC_AP0R".length()) - '0' >= 1 << Math.max(levels - 5, 0)) absent.add(r);
    }

    /** Addresses by this cipher at level FEAT_FPACCOMBINE, and generic codes by it. */
    private void authenticateBy(Properties.Cipher cipher) {
        boolean three = cipher == Properties.Cipher.QARMA3;
        long isar1 = register(SysReg.ID_AA64ISAR1_EL1) & ~0xff00_0ff0L;
        long isar2 = register(SysReg.ID_AA64ISAR2_EL1) & ~0xff00L;
        registers.put(SysReg.ID_AA64ISAR1_EL1, three ? isar1 : isar1 | 1L << 24 | 5 << 4);
        registers.put(SysReg.ID_AA64ISAR2_EL1, three ? isar2 | 1 << 8 | 5 << 12 : isar2);
    }

    private void hideSve() {
        registers.merge(SysReg.ID_AA64PFR0_EL1, ~(0xfL << 32), (a, b) -> a & b);
        registers.remove(SysReg.ID_AA64ZFR0_EL1);
    }

    private void check() {
        for (SysReg r : new SysReg[] {SysReg.MIDR_EL1, SysReg.ID_AA64PFR0_EL1, SysReg.ID_AA64MMFR0_EL1, SysReg.CTR_EL0})
            if (!registers.containsKey(r)) throw bad("lacks reg " + r);
        boolean sve = (register(SysReg.ID_AA64PFR0_EL1) >>> 32 & 15) != 0;
        if (sve != (vqs != 0)) throw bad("sve_vqs and the SVE field of ID_AA64PFR0_EL1 disagree");
        if (nv && !vhe) throw bad("nv=on needs a VHE host");
        if (!hasGranule(pageShift)) throw bad("has no pages of " + (1 << pageShift - 10) + "K");
        for (int vq = 1; vq <= maxVq; vq <<= 1)
            if (!implementsVq(vq)) throw bad("powers of two up to the largest vector length are mandatory: " + vq);
    }

    private SysReg register(String name) {
        try {
            return SysReg.valueOf(name);
        } catch (IllegalArgumentException e) {
            throw bad("no register '" + name + "'");
        }
    }

    private IllegalArgumentException bad(String what) {
        return new IllegalArgumentException("machine " + source.name() + ": " + what);
    }

    public static Arm64Profile of(MachineProfile source) {
        return new Arm64Profile(source);
    }

    public static Arm64Profile builtIn(String name) {
        return of(MachineProfile.builtIn(name));
    }

    public String name() {
        return source.name();
    }

    public MachineProfile source() {
        return source;
    }

    /** A read-only register of this machine's CPUs, 0 where the file has none. */
    public long register(SysReg r) {
        return registers.getOrDefault(r, 0L);
    }

    /** The CPU lacks a register that its ID registers promise ({@code absent} of the profile): an access is undefined. */
    public boolean isAbsent(SysReg r) {
        return absent.contains(r);
    }

    /** PAGE_SHIFT of the kernel that the machine's owner runs: 12, 14 or 16. */
    public int pageShift() {
        return pageShift;
    }

    /** The CPU has this granule in both stages (TGran of ID_AA64MMFR0_EL1). */
    private boolean hasGranule(int shift) {
        SysReg id = SysReg.ID_AA64MMFR0_EL1;
        return switch (shift) {
            case 12 -> field(id, 28) != 15 && field(id, 40) != 1;
            case 14 -> field(id, 20) != 0 && field(id, 32) != 1;
            default -> field(id, 24) != 15 && field(id, 36) != 1;
        };
    }

    /** A 4-bit field of an ID register. */
    public int field(SysReg id, int shift) {
        return (int) (register(id) >>> shift & 15);
    }

    public boolean hasSve() {
        return vqs != 0;
    }

    /** Largest vector length in quadwords; 0 without SVE. */
    public int maxVq() {
        return maxVq;
    }

    /** Words of one Z register in a register file: 2 without SVE. */
    public int zStride() {
        return 2 * Math.max(1, Math.max(maxVq, maxSvq()));
    }

    /** Words of one predicate register in a register file. */
    public int pStride() {
        return (16 * Math.max(1, Math.max(maxVq, maxSvq())) + 63) / 64;
    }

    /** Implemented vector lengths: bit {@code vq - 1}. */
    public int vqs() {
        return vqs;
    }

    public boolean implementsVq(int vq) {
        return vq >= 1 && vq <= MAX_VQ && (vqs >>> vq - 1 & 1) != 0;
    }

    /** FEAT_SME beside SVE. */
    public boolean hasSme() {
        return vqs != 0 && (register(SysReg.ID_AA64PFR1_EL1) >>> 24 & 15) != 0;
    }

    /** FEAT_SME2: ZT0. */
    public boolean hasSme2() {
        return hasSme() && (register(SysReg.ID_AA64SMFR0_EL1) >>> 56 & 15) != 0;
    }

    /** Largest streaming vector length in quadwords; 0 without SME. */
    public int maxSvq() {
        return hasSme() ? 32 - Integer.numberOfLeadingZeros(svqs) : 0;
    }

    /** The largest implemented streaming vector length that is not above {@code vq}, else the smallest (Arm ARM, SMCR_ELx.LEN). */
    int svqAtMost(int vq) {
        int below = svqs & (1 << vq) - 1;
        return below == 0 ? 1 + Integer.numberOfTrailingZeros(svqs) : 32 - Integer.numberOfLeadingZeros(below);
    }

    /** FEAT_FPMR. */
    public boolean hasFpmr() {
        return (register(SysReg.ID_AA64PFR2_EL1) >>> 32 & 15) != 0;
    }

    /** The largest implemented vector length that is not above {@code vq}; 1 at least. */
    public int vqAtMost(int vq) {
        int below = vqs & (vq >= 32 ? -1 : (1 << vq) - 1);
        return below == 0 ? 1 : 32 - Integer.numberOfLeadingZeros(below);
    }

    /** The host kernel runs at EL2 with HCR_EL2.E2H set. */
    public boolean vhe() {
        return vhe;
    }

    /** The CPUs have nested virtualisation (FEAT_NV2) and the host's KVM uses it. */
    public boolean nested() {
        return nv;
    }

    /** Counter frequency in Hz. */
    public long cntfrq() {
        return source.number("cntfrq", 62_500_000);
    }

    /** The interrupt controller: 3, or 2. */
    public int gicVersion() {
        return gicVersion;
    }

    /** The CPUs have a GICv2's virtual interface as memory: those of a GICv2, and of a GICv3 where it is compatible. */
    public boolean gicv() {
        return gicv;
    }

    /** The profiling unit translates its enabled buffer's address ahead of any record. */
    boolean speAhead() {
        return speAhead;
    }

    /** FEAT_SPE on this CPU: some CPUs of a machine may lack it. */
    public boolean hasSpe(int cpu) {
        return spe && (cpusWithoutSpe >>> cpu & 1) == 0;
    }

    /** PMBIDR_EL1.P on this CPU: its profiling buffer is EL3's. */
    boolean speOfEl3(int cpu) {
        return hasSpe(cpu) && (cpusWithSpeOfEl3 >>> cpu & 1) != 0;
    }
}
