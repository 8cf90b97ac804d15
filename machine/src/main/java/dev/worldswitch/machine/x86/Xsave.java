package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.cell.Words;

/**
 * Moving XSAVE-managed state between a register file and an image, both in the standard layout. Rules: SDM vol. 1,
 * 13.7 to 13.14. The formats that guest instructions write to memory are in {@code XsaveInstructions}.
 */
public final class Xsave {
    private static final int BV = XsaveLayout.XSTATE_BV / 8;
    private final XsaveLayout layout;

    public Xsave(XsaveLayout layout) {
        this.layout = layout;
    }

    public XsaveLayout layout() {
        return layout;
    }

    /** Puts the components of {@code mask} into their initial configuration. */
    public void init(Words file, long mask) {
        if ((mask & 1) != 0) {
            file.set(0, XsaveLayout.FCW_INIT);
            file.set(1, 0);
            file.set(2, 0);
            file.fill(XsaveLayout.ST0 / 8, 16, 0);
        }
        if ((mask & 2) != 0) file.fill(XsaveLayout.XMM0 / 8, 32, 0);
        if ((mask & 6) != 0) file.set(3, XsaveLayout.MXCSR_INIT | 0xffffL << 32);
        for (XsaveLayout.Component c : layout.components())
            if ((mask >> c.number() & 1) != 0) file.fill(c.offset() / 8, c.size() / 8, 0);
        file.set(BV, file.get(BV) & ~mask);
    }

    /** As XSAVES: components in use are written, XSTATE_BV tells which; a component disabled by XFD counts as not in use. */
    public void save(Words file, Words image, long rfbm, long xfd) {
        long live = file.get(BV) & rfbm & ~xfd;
        copyComponents(file, image, live);
        if ((rfbm & 6) != 0) image.set(3, file.get(3));
        image.set(BV, image.get(BV) & ~rfbm | live);
    }

    /** As XRSTORS; the components that would raise #NM (then nothing is loaded), or 0. */
    public long restore(Words image, Words file, long rfbm, long xfd) {
        long bv = image.get(BV);
        long nm = bv & rfbm & xfd;
        if (nm != 0) return nm;
        copyComponents(image, file, bv & rfbm);
        init(file, rfbm & ~bv & ~xfd);
        if ((rfbm & 6) != 0) file.set(3, image.get(3));
        file.set(BV, file.get(BV) & ~(rfbm & ~xfd) | bv & rfbm);
        return 0;
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
