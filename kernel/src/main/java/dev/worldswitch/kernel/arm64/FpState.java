package dev.worldswitch.kernel.arm64;

import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.arm64.Sme;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/**
 * A context's FP registers in memory: struct user_fpsimd_state and the SVE buffer in one. A V register is the low two words
 * of its Z register; in FPSIMD form the rest of Z, P and FFR count as zero.
 */
public final class FpState {
    /** fp_type: which form was saved last. */
    public static final long FPSIMD = 0, SVE = 1;

    private final Region region;
    private final Words z, p, za, zt0;
    private final Word fpsr, fpcr, fpType, svcr, fpmr;
    private final int zStride, pStride;

    public FpState(Region region, Arm64Profile profile) {
        this(region, profile, false);
    }

    /** @param sme has room for ZA and ZT0: a task's */
    FpState(Region region, Arm64Profile profile, boolean sme) {
        this.region = region;
        this.zStride = profile.zStride();
        this.pStride = profile.pStride();
        this.z = region.words("z", 32 * zStride);
        this.p = region.words("p", 17 * pStride);
        this.za = region.words("za", sme ? Sme.zaWords(profile) : 0);
        this.zt0 = region.words("zt0", sme ? Sme.zt0Words(profile) : 0);
        this.fpsr = region.word("fpsr");
        this.fpcr = region.word("fpcr");
        this.fpType = region.word("fpType");
        this.svcr = region.word("svcr");
        this.fpmr = region.word("fpmr");
    }

    public Region region() {
        return region;
    }

    /** Z0-Z31, {@link #zStride} words each. */
    public Words z() {
        return z;
    }

    /** P0-P15 and FFR, {@link #pStride} words each. */
    public Words p() {
        return p;
    }

    /** As {@link Sme#za}. */
    Words za() {
        return za;
    }

    Words zt0() {
        return zt0;
    }

    public Word fpsr() {
        return fpsr;
    }

    public Word fpcr() {
        return fpcr;
    }

    public Word fpType() {
        return fpType;
    }

    /** SVCR: streaming mode and ZA. */
    public Word svcr() {
        return svcr;
    }

    public Word fpmr() {
        return fpmr;
    }

    public int zStride() {
        return zStride;
    }

    public int pStride() {
        return pStride;
    }

    @Override
    public String toString() {
        return region.path();
    }
}
