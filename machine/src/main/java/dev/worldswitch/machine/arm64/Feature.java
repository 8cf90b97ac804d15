package dev.worldswitch.machine.arm64;

/** Architectural features that add instructions: the ID register field that announces each, and its least value. */
public enum Feature {
    BASE(SysReg.ID_AA64PFR0_EL1, 0, 0),
    FP(SysReg.ID_AA64PFR0_EL1, 16, -1),
    FP16(SysReg.ID_AA64PFR0_EL1, 16, 1),
    ASIMD(SysReg.ID_AA64PFR0_EL1, 20, -1),
    SVE(SysReg.ID_AA64PFR0_EL1, 32, 1),
    SVE2(SysReg.ID_AA64ZFR0_EL1, 0, 1),
    SVE_AES(SysReg.ID_AA64ZFR0_EL1, 4, 1),
    SVE_PMULL(SysReg.ID_AA64ZFR0_EL1, 4, 2),
    SVE_BITPERM(SysReg.ID_AA64ZFR0_EL1, 16, 1),
    SVE_BF16(SysReg.ID_AA64ZFR0_EL1, 20, 1),
    SVE_SHA3(SysReg.ID_AA64ZFR0_EL1, 32, 1),
    SVE_SM4(SysReg.ID_AA64ZFR0_EL1, 40, 1),
    SVE_I8MM(SysReg.ID_AA64ZFR0_EL1, 44, 1),
    SVE_F32MM(SysReg.ID_AA64ZFR0_EL1, 52, 1),
    SVE_F64MM(SysReg.ID_AA64ZFR0_EL1, 56, 1),
    RAS(SysReg.ID_AA64PFR0_EL1, 28, 1),
    BTI(SysReg.ID_AA64PFR1_EL1, 0, 1),
    SSBS(SysReg.ID_AA64PFR1_EL1, 4, 2),
    MTE(SysReg.ID_AA64PFR1_EL1, 8, 1),
    SME(SysReg.ID_AA64PFR1_EL1, 24, 1),
    AES(SysReg.ID_AA64ISAR0_EL1, 4, 1),
    PMULL(SysReg.ID_AA64ISAR0_EL1, 4, 2),
    SHA1(SysReg.ID_AA64ISAR0_EL1, 8, 1),
    SHA256(SysReg.ID_AA64ISAR0_EL1, 12, 1),
    SHA512(SysReg.ID_AA64ISAR0_EL1, 12, 2),
    CRC32(SysReg.ID_AA64ISAR0_EL1, 16, 1),
    LSE(SysReg.ID_AA64ISAR0_EL1, 20, 2),
    RDM(SysReg.ID_AA64ISAR0_EL1, 28, 1),
    SHA3(SysReg.ID_AA64ISAR0_EL1, 32, 1),
    SM3(SysReg.ID_AA64ISAR0_EL1, 36, 1),
    SM4(SysReg.ID_AA64ISAR0_EL1, 40, 1),
    DOTPROD(SysReg.ID_AA64ISAR0_EL1, 44, 1),
    FHM(SysReg.ID_AA64ISAR0_EL1, 48, 1),
    FLAGM(SysReg.ID_AA64ISAR0_EL1, 52, 1),
    FLAGM2(SysReg.ID_AA64ISAR0_EL1, 52, 2),
    RNDR(SysReg.ID_AA64ISAR0_EL1, 60, 1),
    DPB(SysReg.ID_AA64ISAR1_EL1, 0, 1),
    DPB2(SysReg.ID_AA64ISAR1_EL1, 0, 2),
    PAUTH(SysReg.ID_AA64ISAR1_EL1, 4, 1),
    JSCVT(SysReg.ID_AA64ISAR1_EL1, 12, 1),
    FCMA(SysReg.ID_AA64ISAR1_EL1, 16, 1),
    LRCPC(SysReg.ID_AA64ISAR1_EL1, 20, 1),
    LRCPC2(SysReg.ID_AA64ISAR1_EL1, 20, 2),
    PACGA(SysReg.ID_AA64ISAR1_EL1, 24, 1),
    FRINTTS(SysReg.ID_AA64ISAR1_EL1, 32, 1),
    SB(SysReg.ID_AA64ISAR1_EL1, 36, 1),
    SPECRES(SysReg.ID_AA64ISAR1_EL1, 40, 1),
    BF16(SysReg.ID_AA64ISAR1_EL1, 44, 1),
    I8MM(SysReg.ID_AA64ISAR1_EL1, 52, 1),
    XS(SysReg.ID_AA64ISAR1_EL1, 56, 1),
    WFXT(SysReg.ID_AA64ISAR2_EL1, 0, 1),
    MOPS(SysReg.ID_AA64ISAR2_EL1, 16, 1),
    BC(SysReg.ID_AA64ISAR2_EL1, 20, 1),
    CSSC(SysReg.ID_AA64ISAR2_EL1, 52, 1),
    PAN(SysReg.ID_AA64MMFR1_EL1, 20, 1),
    PAN2(SysReg.ID_AA64MMFR1_EL1, 20, 2),
    LOR(SysReg.ID_AA64MMFR1_EL1, 16, 1),
    UAO(SysReg.ID_AA64MMFR2_EL1, 4, 1),
    LSE2(SysReg.ID_AA64MMFR2_EL1, 32, 1),
    IDST(SysReg.ID_AA64MMFR2_EL1, 36, 1),
    DIT(SysReg.ID_AA64PFR0_EL1, 48, 1);

    private final SysReg id;
    private final int shift, least;

    Feature(SysReg id, int shift, int least) {
        this.id = id;
        this.shift = shift;
        this.least = least;
    }

    /** Its instructions use the SVE unit and its vector length. */
    public boolean isSve() {
        return this == SVE || id == SysReg.ID_AA64ZFR0_EL1;
    }

    /** The least value of a field that announces this feature; 0 when another field does. */
    int value(SysReg register, int at) {
        return register == id && at == shift ? Math.max(least, 1) : 0;
    }

    /** Whether a CPU of this machine has it; a least value of -1 marks a field where 15 means "not there". */
    public boolean in(Arm64Profile p) {
        int v = p.field(id, shift);
        return switch (this) {
            case FP16 -> v >= 1 && v != 15;
            // Either algorithm's field announces pointer authentication; PACQARMA3 has its own register.
            case PAUTH -> v >= 1 || p.field(id, 8) >= 1 || p.field(SysReg.ID_AA64ISAR2_EL1, 12) >= 1;
            case PACGA -> v >= 1 || p.field(id, 28) >= 1 || p.field(SysReg.ID_AA64ISAR2_EL1, 8) >= 1;
            default -> least < 0 ? v != 15 : v >= least;
        };
    }
}
