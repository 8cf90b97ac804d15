package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.InterruptEntry;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.RetiredCounter;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/**
 * A physical x86-64 CPU: the XSAVE-managed register file, XCR0, IA32_XFD, IA32_XFD_ERR, and the host's use of them.
 * The register file {@link #fpregs} has the layout of a standard-format XSAVE image, its XSTATE_BV word being XINUSE.
 */
public final class X86Cpu extends PhysicalCpu {
    private final X86Profile profile;
    private final Words fpregs;
    private final Word xcr0, xfd, xfdErr, debugctl, random;
    private final Xsave xsave;
    private final RetiredCounter retired;

    public X86Cpu(Region region, int id, X86Profile profile, Timing timing, InterruptEntry entry) {
        super(region, id, timing, entry);
        this.profile = profile;
        this.fpregs = region.words("fpregs", (profile.xsave().standardSize(-1) + 7) / 8);
        this.xcr0 = region.word("xcr0");
        this.xfd = region.word("xfd");
        this.xfdErr = region.word("xfdErr");
        this.debugctl = region.word("debugctl");
        this.random = region.word("random");
        this.xsave = new Xsave(profile.xsave());
        this.retired = new RetiredCounter(region);
        xcr0.set(1);
        xsave.init(fpregs, -1);
    }

    public X86Profile profile() {
        return profile;
    }

    /** The vector, tile and x87 registers that are physically there. */
    public Words fpregs() {
        return fpregs;
    }

    public Xsave xsave() {
        return xsave;
    }

    /** What this CPU's guest retires, for its event counters. */
    public RetiredCounter retired() {
        return retired;
    }

    public Word xcr0() {
        return xcr0;
    }

    public Word xfd() {
        return xfd;
    }

    public Word xfdErr() {
        return xfdErr;
    }

    private int pkruWord() {
        return profile.xsave().component(XsaveLayout.PKRU).offset() / 8;
    }

    /** Host RDPKRU. */
    public long rdpkru() {
        return fpregs.get(pkruWord()) & 0xffffffffL;
    }

    /** Host WRPKRU. */
    public void wrpkru(long v) {
        moment("wrpkru");
        fpregs.set(pkruWord(), v & 0xffffffffL);
        if (v != 0)
            fpregs.set(XsaveLayout.XSTATE_BV / 8, fpregs.get(XsaveLayout.XSTATE_BV / 8) | 1L << XsaveLayout.PKRU);
    }

    /** The random number generator's next value: a sequence that is the same in every run (SplitMix64). */
    long nextRandom() {
        long z = random.get() + 0x9e3779b97f4a7c15L;
        random.set(z);
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    /** Host WRMSR IA32_XFD. */
    public void wrmsrXfd(long v) {
        moment("wrmsr IA32_XFD");
        xfd.set(v);
    }

    /** Host RDMSR IA32_XFD. */
    public long rdmsrXfd() {
        moment("rdmsr IA32_XFD");
        return xfd.get();
    }

    /** Host RDMSR IA32_XFD_ERR. */
    public long rdmsrXfdErr() {
        moment("rdmsr IA32_XFD_ERR");
        return xfdErr.get();
    }

    /** Host WRMSR IA32_XFD_ERR. */
    public void wrmsrXfdErr(long v) {
        moment("wrmsr IA32_XFD_ERR");
        xfdErr.set(v);
    }

    public Word debugctl() {
        return debugctl;
    }

    /** Host RDMSR IA32_DEBUGCTL. */
    public long rdmsrDebugctl() {
        moment("rdmsr IA32_DEBUGCTL");
        return debugctl.get();
    }

    /** Host WRMSR IA32_DEBUGCTL. */
    public void wrmsrDebugctl(long v) {
        moment("wrmsr IA32_DEBUGCTL");
        debugctl.set(v);
    }

    /** Power-on state, the kernel's XCR0 set. */
    public void reset(long kernelXcr0) {
        xsave.init(fpregs, -1);
        xcr0.set(kernelXcr0);
        xfd.set(0);
        xfdErr.set(0);
    }

    /** Host XSETBV. */
    public void xsetbv(long v) {
        moment("xsetbv");
        xcr0.set(v);
    }

    /** Kernel code computes in x87, SSE, AVX registers: what was there is gone. Tiles and opmasks are not used by it. */
    public void clobberVectors() {
        long used = fpregs.get(XsaveLayout.XSTATE_BV / 8) | 2;
        for (int i = 0; i < 32; i++) fpregs.set(XsaveLayout.XMM0 / 8 + i, 0x6b65726e656c0000L + i);
        if (profile.xsave().has(XsaveLayout.AVX)) {
            XsaveLayout.Component avx = profile.xsave().component(XsaveLayout.AVX);
            fpregs.fill(avx.offset() / 8, avx.size() / 8, 0x6b65726e656c5f59L);
            used |= 4;
        }
        fpregs.set(XsaveLayout.XSTATE_BV / 8, used);
    }

    /** A host task in user mode computes: its SSE and AVX registers are a function of {@code value} afterwards. */
    @Override
    public void fillVectors(long value) {
        long used = fpregs.get(XsaveLayout.XSTATE_BV / 8) | 2;
        for (int i = 0; i < 32; i++) fpregs.set(XsaveLayout.XMM0 / 8 + i, value + i);
        if (profile.xsave().has(XsaveLayout.AVX)) {
            XsaveLayout.Component avx = profile.xsave().component(XsaveLayout.AVX);
            fpregs.fill(avx.offset() / 8, avx.size() / 8, value);
            used |= 4;
        }
        fpregs.set(XsaveLayout.XSTATE_BV / 8, used);
    }

    /** Are the SSE and AVX registers as {@link #fillVectors} left them? */
    @Override
    public boolean vectorsHold(long value) {
        boolean same = true;
        for (int i = 0; i < 32; i++) same &= fpregs.get(XsaveLayout.XMM0 / 8 + i) == value + i;
        if (!profile.xsave().has(XsaveLayout.AVX)) return same;
        XsaveLayout.Component avx = profile.xsave().component(XsaveLayout.AVX);
        for (int i = 0; i < avx.size() / 8; i++) same &= fpregs.get(avx.offset() / 8 + i) == value;
        return same;
    }

    /** Host XSAVE of the components {@code rfbm} into {@code image}, as one access. */
    public void xsaves(Words image, long rfbm) {
        moment("xsaves");
        save(image, rfbm);
    }

    /** The same in the middle of something that nothing can interrupt. */
    public void save(Words image, long rfbm) {
        xsave.save(fpregs, image, rfbm & xcr0.get(), xfd.get());
    }

    /** Host XRSTOR; true when it raised #NM (a component with XSTATE_BV[i] = 1 is disabled by XFD): nothing is loaded. */
    public boolean xrstors(Words image, long rfbm) {
        moment("xrstors");
        long nm = xsave.restore(image, fpregs, rfbm & xcr0.get(), xfd.get());
        if (nm != 0) xfdErr.set(xfd.get() & nm);
        return nm != 0;
    }

    /** Host XRSTOR of nothing in use: initial registers. */
    public void xrstorsInit() {
        moment("xrstors");
        xsave.init(fpregs, -1);
    }

    /**
     * Host XSAVE to user memory. Whether a PKRU of 0, its initial value, counts as in use is the processor's (SDM vol. 1,
     * 13.6: XINUSE).
     *
     * @return false when it faulted: nothing is known of {@code image} then
     */
    public boolean xsaveUser(Words image, long rfbm, boolean mapped) {
        moment("xsave");
        if (!mapped) return false;
        xsave.save(fpregs, image, rfbm & xcr0.get(), xfd.get());
        if (profile.xsave().has(XsaveLayout.PKRU)
                && rdpkru() == 0
                && timing().choose("XINUSE[9] while PKRU is 0 (set, clear)", 2) == 1)
            image.set(XsaveLayout.XSTATE_BV / 8, image.get(XsaveLayout.XSTATE_BV / 8) & ~(1L << XsaveLayout.PKRU));
        return true;
    }

    /**
     * Host XRSTOR from user memory, whose second page may not be there: it faults, and may have loaded what was on the first
     * (SDM vol. 2, XRSTOR; APM vol. 4).
     *
     * @return false when it faulted
     */
    public boolean xrstorUser(Words image, long rfbm, boolean mapped) {
        moment("xrstor");
        if (mapped) return xsave.restore(image, fpregs, rfbm & xcr0.get(), xfd.get()) == 0;
        fpregs.copy(image, XsaveLayout.XMM0 / 8, 32);
        return false;
    }
}
