package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * A CPU's registers as host code at EL1 or EL2 reaches them, each access a moment. Names mean what they mean at this EL with
 * this E2H. A written control counts for other units from the next context synchronisation on; until then
 * {@link dev.worldswitch.machine.Timing#choose} decides, the new value being the usual one.
 */
public final class HostAccess {
    private static final int LEN = 0xf;
    private static final long CPTR_TZ = 1 << 8, CPTR_TFP = 1 << 10;
    /** Enabling halves of CPACR_EL1's fields, and of CPTR_EL2's with E2H, for the host's own level. */
    private static final long FPEN = 1L << 20, SMEN = 1L << 24, ZEN = 1L << 16, CPTR_TSM = 1 << 12;

    private static final int GUEST = 0;
    private final Arm64Cpu cpu;
    private final Words before, written;
    /** The host's exception level, or {@link #GUEST}; the vector length in force last, in quadwords. */
    private final Word el, vqInForce;

    private final Ref<@Nullable HypVectors> hypVectors;

    HostAccess(Arm64Cpu cpu, Region region) {
        this.cpu = cpu;
        this.before = region.words("beforeSync", SysReg.count());
        this.written = region.words("writtenSinceSync", (SysReg.count() + 63) / 64);
        this.el = region.word("hostEl");
        this.hypVectors = region.ref("hypVectors", null);
        this.vqInForce = region.word("vqInForce");
        el.set(cpu.profile().vhe() ? 2 : 1);
    }

    /** The CPU was reset: the host is at its own exception level again, nothing waits for synchronisation. */
    void reset() {
        el.set(cpu.profile().vhe() ? 2 : 1);
        vqInForce.set(0);
        written.fill(0, written.length(), 0);
    }

    /** Who takes exceptions of the nVHE host to EL2. */
    public void hypVectors(HypVectors vectors) {
        hypVectors.set(vectors);
    }

    /** The register that {@code name} reaches at the present EL. */
    public SysReg resolve(SysReg name) {
        return el.get() == 2 && cpu.e2h() ? name.underE2h() : name.storage();
    }

    public long mrs(SysReg name) {
        cpu.moment(name.mrsStep());
        if (name.isSpe() && !cpu.spe().reachable(name)) cpu.undefinedAccess(name.mrsStep());
        SysReg r = resolve(name);
        if (limitsVectors(r)) sveAccess(name.mrsStep());
        return cpu.sys().get(r.ordinal());
    }

    private static boolean limitsVectors(SysReg r) {
        return r == SysReg.ZCR_EL1 || r == SysReg.ZCR_EL2;
    }

    public void msr(SysReg name, long v) {
        cpu.moment(name.msrStep());
        if (name.isSpe() && !cpu.spe().reachable(name)) cpu.undefinedAccess(name.msrStep());
        SysReg r = resolve(name);
        int i = r.ordinal();
        if (limitsVectors(r)) sveAccess(name.msrStep());
        if ((written.get(i >>> 6) >>> i & 1) == 0) before.set(i, cpu.sys().get(i));
        written.or(i >>> 6, 1L << i);
        if (r == SysReg.SVCR) cpu.sme().changes(v);
        cpu.sys().set(i, v);
        if (r == SysReg.PMSCR_EL1 || r == SysReg.PMSCR_EL2) cpu.spe().controlled(v != 0);
        // LEN of ZCR_ELx and SMCR_ELx needs no synchronisation: an indirect read of it comes after the write in program
        // order.
        if (limitsVectors(r) || r == SysReg.SVCR || r == SysReg.SMCR_EL1 || r == SysReg.SMCR_EL2)
            vectorLengthMayChange();
    }

    /**
     * Whether {@code acts} holds for the value of {@code r} that counts now: until a context synchronisation maybe still the
     * one before the last write.
     */
    boolean inEffect(SysReg r, LongPredicate acts) {
        boolean now = acts.test(cpu.sys().get(r.ordinal()));
        if (acts.test(beforeSync(r)) == now) return now;
        return cpu.timing().choose(r.msrStep() + " has not taken effect yet", 2) == 0 ? now : !now;
    }

    /** The host's own use of FP and Advanced SIMD: with a trap in effect at its level the kernel or hypervisor is lost. */
    private void fpAccess(String step) {
        if (fpTraps()) cpu.undefinedAccess(step + ", trapped,");
    }

    private boolean fpTraps() {
        if (el.get() == 1) return inEffect(SysReg.CPACR_EL1, v -> (v & FPEN) == 0);
        return inEffect(SysReg.CPTR_EL2, v -> cpu.e2h() ? (v & FPEN) == 0 : (v & CPTR_TFP) != 0);
    }

    /** The same for SVE; at EL1 CPTR_EL2's trap is {@link #useSve}'s. */
    private void sveAccess(String step) {
        if (sveTraps()) cpu.undefinedAccess(step + ", trapped,");
    }

    private boolean sveTraps() {
        if (el.get() == 1) return inEffect(SysReg.CPACR_EL1, v -> (v & ZEN) == 0);
        return inEffect(SysReg.CPTR_EL2, v -> cpu.e2h() ? (v & ZEN) == 0 : (v & CPTR_TZ) != 0);
    }

    /** The value of {@code r} before its last write while that is not synchronised yet, else its value. */
    long beforeSync(SysReg r) {
        int i = r.ordinal();
        return (written.get(i >>> 6) >>> i & 1) == 0 ? cpu.sys().get(i) : before.get(i);
    }

    /** True while host code runs at EL2 without E2H: hypervisor code of an nVHE host. */
    boolean inNvheHyp() {
        return el.get() == 2 && !cpu.profile().vhe();
    }

    public void isb() {
        cpu.moment("isb");
        contextSync();
    }

    /** PSB CSYNC: records of profiling that were made are written by the next DSB; a NOP on a CPU without SPE. */
    public void psbCsync() {
        cpu.moment("psb csync");
        cpu.spe().psbCsync();
    }

    /** DSB NSH: what came before is complete. */
    public void dsbNsh() {
        cpu.moment("dsb nsh");
        cpu.spe().dsb();
    }

    /** What an exception entry or return synchronises. */
    public void contextSync() {
        for (int i = 0; i < written.length(); i++) {
            long w = written.get(i);
            if (w == 0) continue;
            written.set(i, 0);
            // What was before means nothing any more: states that differ in it only are the same.
            for (; w != 0; w &= w - 1) before.set(64 * i + Long.numberOfTrailingZeros(w), 0);
        }
    }

    /** HVC from the nVHE host: {@code hyp} is an ordinary call at EL2 with everything masked. */
    public long hvc(java.util.function.LongSupplier hyp) {
        cpu.moment("hvc");
        if (cpu.profile().vhe()) throw new IllegalStateException("a VHE host is at EL2 already");
        contextSync();
        boolean were = cpu.irqSave();
        level(2);
        long r = hyp.getAsLong();
        level(1);
        contextSync();
        cpu.irqRestore(were);
        return r;
    }

    private void level(int now) {
        el.set(now);
        vectorLengthMayChange();
    }

    /** ERET to a guest. */
    public void enterGuest() {
        cpu.moment("eret to the guest");
        contextSync();
        level(GUEST);
    }

    /** The guest's exception to EL2. */
    public void leaveGuest() {
        contextSync();
        level(2);
    }

    /** The nVHE host uses an SVE instruction: with CPTR_EL2.TZ it traps to EL2 first. */
    public void useSve() {
        HypVectors v = hypVectors.get();
        if (el.get() != 1 || v == null || (cpu.sys().get(SysReg.CPTR_EL2.ordinal()) & CPTR_TZ) == 0) return;
        hvc(() -> {
            v.hostSveTrap(cpu);
            return 0;
        });
    }

    /**
     * Vector length in quadwords at the present EL (Arm ARM B1.4.2, spec of ZCR_ELx.LEN): the largest implemented one within
     * what ZCR_EL2, and for a guest and an nVHE host at EL1 ZCR_EL1 too, allow; in streaming mode SMCR_ELx.
     */
    public int liveVq() {
        if (cpu.sme().streaming()) return cpu.sme().streamingVq(el.get() == 2);
        int len = (int) cpu.sys().get(SysReg.ZCR_EL2.ordinal()) & LEN;
        if (el.get() != 2) len = Math.min(len, (int) cpu.sys().get(SysReg.ZCR_EL1.ordinal()) & LEN);
        return cpu.profile().vqAtMost(len + 1);
    }

    /** SMSTOP: streaming mode and ZA off. */
    public void smstop() {
        cpu.moment("smstop");
        cpu.sme().userWrites(0);
    }

    /** The same for SME; ZA and ZT0 are there only while PSTATE.ZA is on. */
    private void smeAccess(String step) {
        boolean traps = el.get() == 1
                ? inEffect(SysReg.CPACR_EL1, v -> (v & SMEN) == 0)
                        || inEffect(SysReg.CPTR_EL2, v -> (v & CPTR_TSM) != 0)
                : inEffect(SysReg.CPTR_EL2, v -> cpu.e2h() ? (v & SMEN) == 0 : (v & CPTR_TSM) != 0);
        if (traps || !cpu.sme().reachable(cpu.sys().get(resolve(SysReg.SMCR_EL1).ordinal())))
            cpu.undefinedAccess(step + ", trapped,");
    }

    /** Stores ZA at the present streaming vector length, and ZT0. */
    public void smeSave(Words za, Words zt0) {
        cpu.moment("sme_save_state");
        smeAccess("sme_save_state");
        copyZa(cpu.sme().za(), za);
        zt0.copy(cpu.sme().zt0(), 0, zt0.length());
    }

    public void smeLoad(Words za, Words zt0) {
        cpu.moment("sme_load_state");
        smeAccess("sme_load_state");
        copyZa(za, cpu.sme().za());
        cpu.sme().zt0().copy(zt0, 0, zt0.length());
    }

    private void copyZa(Words from, Words to) {
        int svq = cpu.sme().streamingVq(el.get() == 2),
                stride = 2 * cpu.profile().maxSvq();
        for (int row = 0; row < 16 * svq; row++) to.copy(from, row * stride, 2 * svq);
    }

    /**
     * A vector length or the exception level changed, here or in a guest. Bits above a length that was in force are kept or
     * zero when they come back (Arm ARM B1.4.2): all of them alike here.
     */
    public void vectorLengthMayChange() {
        if (!cpu.profile().hasSve()) return;
        int before = (int) vqInForce.get(), now = liveVq();
        if (before == now) return;
        vqInForce.set(now);
        if (before == 0 || now < before || !anySet(before, now)) return;
        if (cpu.timing().choose("bits above the old vector length become zero", 2) == 0) return;
        for (int n = 0; n < 32; n++) cpu.z().fill(n * cpu.zStride() + 2 * before, 2 * (now - before), 0);
        clearPredicates(before);
    }

    /** Something of Z between two vector lengths is not zero: else it makes no difference what becomes of it. */
    private boolean anySet(int from, int to) {
        return cpu.z().ask(() -> {
            for (int n = 0; n < 32; n++)
                for (int i = 2 * from; i < 2 * to; i++) if (cpu.z().get(n * cpu.zStride() + i) != 0) return true;
            return false;
        });
    }

    private void clearPredicates(int vq) {
        int stride = cpu.pStride();
        for (int n = 0; n <= Arm64Cpu.FFR; n++)
            for (int w = vq / 4; w < stride; w++) {
                int at = n * stride + w;
                cpu.p().set(at, w == vq / 4 ? cpu.p().get(at) & (1L << 16 * (vq % 4)) - 1 : 0);
            }
    }

    /** Stores V0-V31 into the low words of {@code z}. */
    public void fpsimdSave(Words z) {
        cpu.moment("fpsimd_save_state");
        fpAccess("fpsimd_save_state");
        for (int n = 0; n < 32; n++) z.copy(cpu.z(), n * cpu.zStride(), 2);
    }

    /** Loads V0-V31; what lies above them in Z is zeroed up to the vector length. */
    public void fpsimdLoad(Words z) {
        cpu.moment("fpsimd_load_state");
        fpAccess("fpsimd_load_state");
        int vq = cpu.profile().hasSve() ? liveVq() : 1;
        for (int n = 0; n < 32; n++) {
            cpu.z().copy(z, n * cpu.zStride(), 2);
            if (vq > 1) cpu.z().fill(n * cpu.zStride() + 2, 2 * vq - 2, 0);
        }
    }

    /** Stores Z, P and FFR at the present vector length. */
    public void sveSave(Words z, Words p) {
        cpu.moment("sve_save_state");
        sveAccess("sve_save_state");
        int vq = liveVq();
        for (int n = 0; n < 32; n++) z.copy(cpu.z(), n * cpu.zStride(), 2 * vq);
        copyPredicates(cpu.p(), p, vq);
    }

    public void sveLoad(Words z, Words p) {
        cpu.moment("sve_load_state");
        sveAccess("sve_load_state");
        int vq = liveVq();
        for (int n = 0; n < 32; n++) cpu.z().copy(z, n * cpu.zStride(), 2 * vq);
        copyPredicates(p, cpu.p(), vq);
    }

    private void copyPredicates(Words from, Words to, int vq) {
        int stride = cpu.pStride();
        for (int n = 0; n <= Arm64Cpu.FFR; n++)
            for (int bit = 0, w = 0; bit < 16 * vq; bit += 64, w++) {
                long mask = 16 * vq - bit >= 64 ? -1 : (1L << 16 * vq - bit) - 1;
                to.set(n * stride + w, to.get(n * stride + w) & ~mask | from.get(n * stride + w) & mask);
            }
    }

    /** Zeroes P, FFR and what is above V in Z up to the vector length. */
    public void sveFlushLive() {
        cpu.moment("sve_flush_live");
        sveAccess("sve_flush_live");
        int vq = liveVq();
        if (vq > 1) for (int n = 0; n < 32; n++) cpu.z().fill(n * cpu.zStride() + 2, 2 * vq - 2, 0);
        cpu.p().fill(0, cpu.p().length(), 0);
    }

    /** Kernel code computes in V registers: what was in them is gone, above them up to the vector length zeroes. */
    public void clobberVectors() {
        cpu.moment("kernel-mode NEON");
        fpAccess("kernel-mode NEON");
        int vq = cpu.profile().hasSve() ? liveVq() : 1;
        for (int n = 0; n < 32; n++) {
            cpu.z().set(n * cpu.zStride(), 0x6b65726e656c0000L + n);
            cpu.z().fill(n * cpu.zStride() + 1, 2 * vq - 1, 0);
        }
    }
}
