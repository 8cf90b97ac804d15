package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.cell.Words;

/**
 * Moving XSAVE-managed state between a register file and a kernel's image, both in the standard layout whatever format
 * the machine's kernel uses; the rules are those of its format: XSAVES and XRSTORS, XSAVEOPT and XRSTOR, or FXSAVE and
 * FXRSTOR. Rules: SDM vol. 1, 13.7 to 13.14. The formats that guest instructions write to memory are in
 * {@link XsaveInstructions}.
 */
public final class Xsave {
    private static final int BV = XsaveLayout.XSTATE_BV / 8, MXCSR = XsaveLayout.MXCSR / 8;
    private final XsaveLayout layout;
    private final boolean compacted, fxsave;

    public Xsave(XsaveLayout layout) {
        this.layout = layout;
        this.compacted = layout.format() == XsaveLayout.Format.COMPACTED;
        this.fxsave = layout.format() == XsaveLayout.Format.FXSAVE;
    }

    public XsaveLayout layout() {
        return layout;
    }

    /** Puts the components of {@code mask} into their initial configuration. */
    public void init(Words file, long mask) {
        initComponents(file, mask);
        if ((mask & 6) != 0) file.set(MXCSR, XsaveLayout.MXCSR_INIT | 0xffffL << 32);
        file.set(BV, file.get(BV) & ~mask);
    }

    private void initComponents(Words file, long mask) {
        if ((mask & 1) != 0) {
            file.set(0, XsaveLayout.FCW_INIT);
            file.set(1, 0);
            file.set(2, 0);
            file.fill(XsaveLayout.ST0 / 8, 16, 0);
        }
        if ((mask & 2) != 0) file.fill(XsaveLayout.XMM0 / 8, 32, 0);
        for (XsaveLayout.Component c : layout.components())
            if ((mask >> c.number() & 1) != 0) file.fill(c.offset() / 8, c.size() / 8, 0);
    }

    /** Components in use are written, XSTATE_BV tells which; a component disabled by XFD counts as not in use. */
    public void save(Words file, Words image, long rfbm, long xfd) {
        if (fxsave) {
            copyComponents(file, image, XsaveLayout.XFEATURE_FPSSE);
            image.set(MXCSR, file.get(MXCSR));
            image.set(BV, XsaveLayout.XFEATURE_FPSSE);
            return;
        }
        long live = file.get(BV) & rfbm & ~xfd;
        if (compacted && (file.get(MXCSR) & 0xffffffffL) != XsaveLayout.MXCSR_INIT) live |= rfbm & 2;
        copyComponents(file, image, live);
        if (compacted ? (live & 2) != 0 : (rfbm & 6) != 0) image.set(MXCSR, file.get(MXCSR));
        image.set(BV, compacted ? live : image.get(BV) & ~rfbm | live);
    }

    /**
     * The components that would raise #NM (then nothing is loaded), or 0. A component of {@code rfbm} that is not in
     * XSTATE_BV is initialised, also where XFD disables it.
     */
    public long restore(Words image, Words file, long rfbm, long xfd) {
        long bv = fxsave ? XsaveLayout.XFEATURE_FPSSE : image.get(BV);
        long nm = bv & rfbm & xfd;
        if (nm != 0) return nm;
        long load = bv & rfbm;
        if ((load >> XsaveLayout.TILECFG & 1) != 0 && !legalTileConfig(image)) load &= ~(1L << XsaveLayout.TILECFG);
        copyComponents(image, file, load);
        // A component that is not in use already is in its initial configuration.
        initComponents(file, rfbm & ~load & file.get(BV));
        if (compacted ? (load & 2) != 0 : (rfbm & 6) != 0) file.set(MXCSR, image.get(MXCSR));
        else if (compacted && (rfbm & 2) != 0) file.set(MXCSR, XsaveLayout.MXCSR_INIT | 0xffffL << 32);
        file.set(BV, file.get(BV) & ~rfbm | load);
        return 0;
    }

    private boolean legalTileConfig(Words image) {
        int at = layout.component(XsaveLayout.TILECFG).offset() / 8;
        long[] cfg = new long[8];
        for (int i = 0; i < 8; i++) cfg[i] = image.get(at + i);
        return Amx.legal(cfg, 0) && Amx.palette(cfg, 0) == 1;
    }

    private void copyComponents(Words from, Words to, long mask) {
        if ((mask & 1) != 0) {
            to.copy(from, 0, 3);
            to.copy(from, XsaveLayout.ST0 / 8, 16);
        }
        if ((mask & 2) != 0) to.copy(from, XsaveLayout.XMM0 / 8, 32);
        for (XsaveLayout.Component c : layout.components())
            if ((mask >> c.number() & 1) != 0) to.copy(from, c.offset() / 8, c.size() / 8);
    }
}
