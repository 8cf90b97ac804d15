package dev.worldswitch.machine.x86;

/**
 * What XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS, FXSAVE and FXRSTOR do between a register file (standard layout,
 * its XSTATE_BV word being XINUSE) and memory. Intel SDM vol. 1, 13.7 to 13.14. None changes the register file before all
 * memory was read and all checks were made.
 */
public final class XsaveInstructions {
    /** An operand in memory, by offset from its start; lengths are multiples of 8. */
    public interface Area {
        void load(int offset, int bytes, long[] to, int at);

        void store(int offset, int bytes, long[] from, int at);
    }

    /** Answers of the restoring forms: done, #GP(0); any other value has the components that raise #NM. */
    public static final long DONE = 0, GP = -1;

    public static final int BV = XsaveLayout.XSTATE_BV / 8, MXCSR_WORD = XsaveLayout.MXCSR / 8;
    private static final int ST_WORD = XsaveLayout.ST0 / 8, XMM_WORD = XsaveLayout.XMM0 / 8;
    private static final long COMPACTED = 1L << 63;
    /** MXCSR with its reserved bits, and MXCSR_MASK above it, as stored. */
    private static final long MXCSR_RESERVED = 0xffff0000L, MASK_STORED = 0xffffL << 32;

    private XsaveInstructions() {}

    /** XSAVE, and XSAVEOPT when {@code optimise}. {@code w}: REX.W, the 64-bit form of FIP and FDP. */
    public static void xsave(
            long[] fp, XsaveLayout layout, Area area, long rfbm, long xfd, boolean optimise, boolean w) {
        long[] header = new long[1];
        // BV is read before anything is written: a fault here leaves memory as it was.
        area.load(XsaveLayout.XSTATE_BV, 8, header, 0);
        long live = fp[BV] & rfbm & ~xfd;
        long write = optimise ? live : rfbm;
        if ((write & 1) != 0) storeX87(fp, area, (live & 1) != 0, w);
        if ((rfbm & 6) != 0)
            area.store(XsaveLayout.MXCSR, 8, new long[] {fp[MXCSR_WORD] & 0xffffffffL | MASK_STORED}, 0);
        if ((write & 2) != 0) storeRange(fp, area, XMM_WORD, XsaveLayout.XMM0, 256, (live & 2) != 0);
        for (XsaveLayout.Component c : layout.components())
            if (in(write, c)) storeRange(fp, area, c.offset() / 8, c.offset(), c.size(), in(live, c));
        header[0] = header[0] & ~rfbm | live;
        // BV last: an image whose components are not all written does not claim them.
        area.store(XsaveLayout.XSTATE_BV, 8, header, 0);
    }

    /** XSAVEC and XSAVES. */
    public static void xsavec(long[] fp, XsaveLayout layout, Area area, long rfbm, long xfd, boolean w) {
        long live = compactedLive(fp, rfbm, xfd);
        if ((live & 1) != 0) storeX87(fp, area, true, w);
        if ((live & 2) != 0) {
            area.store(XsaveLayout.MXCSR, 8, new long[] {fp[MXCSR_WORD] & 0xffffffffL | MASK_STORED}, 0);
            storeRange(fp, area, XMM_WORD, XsaveLayout.XMM0, 256, true);
        }
        for (XsaveLayout.Component c : layout.components())
            if (in(live, c))
                storeRange(fp, area, c.offset() / 8, layout.compactedOffset(c.number(), rfbm), c.size(), true);
        area.store(XsaveLayout.XSTATE_BV, 16, new long[] {live, rfbm | COMPACTED}, 0);
    }

    /** XSTATE_BV as XSAVEC gives it: SSE counts as in use when MXCSR is not in its initial state. */
    public static long compactedLive(long[] fp, long rfbm, long xfd) {
        long live = fp[BV] & rfbm & ~xfd;
        boolean mxcsr = (fp[MXCSR_WORD] & 0xffffffffL) != XsaveLayout.MXCSR_INIT;
        return mxcsr ? live | rfbm & 2 : live;
    }

    /** XRSTOR (either format) and XRSTORS ({@code onlyCompacted}). */
    public static long xrstor(
            long[] fp,
            XsaveLayout layout,
            Area area,
            long mask,
            long xcr0,
            long xfd,
            boolean onlyCompacted,
            boolean mayBeCompacted,
            boolean w) {
        long[] h = new long[8];
        area.load(XsaveLayout.XSTATE_BV, 64, h, 0);
        long bv = h[0], xcomp = h[1], rfbm = mask & xcr0;
        boolean compacted = xcomp < 0;
        if (onlyCompacted && !compacted || compacted && !mayBeCompacted) return GP;
        if (compacted ? badCompacted(h, xcr0) : badStandard(h, xcr0)) return GP;
        long nm = bv & rfbm & xfd;
        if (nm != 0) return nm;

        long[] image = new long[fp.length];
        long load = bv & rfbm;
        boolean mxcsrFromImage = compacted ? (load & 2) != 0 : (rfbm & 6) != 0;
        if ((load & 1) != 0) loadX87(area, image, w);
        if (mxcsrFromImage) area.load(XsaveLayout.MXCSR, 8, image, MXCSR_WORD);
        if ((load & 2) != 0) area.load(XsaveLayout.XMM0, 256, image, XMM_WORD);
        for (XsaveLayout.Component c : layout.components())
            if (in(load, c))
                area.load(
                        compacted ? layout.compactedOffset(c.number(), xcomp & ~COMPACTED) : c.offset(),
                        c.size(),
                        image,
                        c.offset() / 8);
        if (mxcsrFromImage && (image[MXCSR_WORD] & MXCSR_RESERVED) != 0) return GP;

        if (mxcsrFromImage) setMxcsr(fp, (int) image[MXCSR_WORD]);
        else if (compacted && (rfbm & 2) != 0) setMxcsr(fp, XsaveLayout.MXCSR_INIT);
        load &= ~illegalTileConfig(image, layout, load);
        take(fp, image, layout, load);
        init(fp, layout, rfbm & ~load);
        fp[BV] = fp[BV] & ~rfbm | load;
        return DONE;
    }

    private static boolean badStandard(long[] h, long xcr0) {
        return (h[0] & ~xcr0) != 0 || h[1] != 0 || h[2] != 0;
    }

    private static boolean badCompacted(long[] h, long xcr0) {
        long xcomp = h[1] & ~COMPACTED;
        long rest = h[2] | h[3] | h[4] | h[5] | h[6] | h[7];
        return (h[0] & ~xcomp) != 0 || (xcomp & ~xcr0) != 0 || rest != 0;
    }

    /** A TILECFG that LDTILECFG would refuse is loaded as the initial one (recorded from a real CPU). */
    static long illegalTileConfig(long[] image, XsaveLayout layout, long load) {
        if ((load >> XsaveLayout.TILECFG & 1) == 0) return 0;
        int at = layout.component(XsaveLayout.TILECFG).offset() / 8;
        return Amx.legal(image, at) && Amx.palette(image, at) == 1 ? 0 : 1L << XsaveLayout.TILECFG;
    }

    private static void take(long[] fp, long[] image, XsaveLayout layout, long load) {
        if ((load & 1) != 0) {
            System.arraycopy(image, 0, fp, 0, 3);
            System.arraycopy(image, ST_WORD, fp, ST_WORD, 16);
        }
        if ((load & 2) != 0) System.arraycopy(image, XMM_WORD, fp, XMM_WORD, 32);
        for (XsaveLayout.Component c : layout.components())
            if (in(load, c)) System.arraycopy(image, c.offset() / 8, fp, c.offset() / 8, c.size() / 8);
    }

    /** Initial configuration; MXCSR is no part of it here, since its rules differ by format. */
    static void init(long[] fp, XsaveLayout layout, long mask) {
        if ((mask & 1) != 0) {
            fp[0] = XsaveLayout.FCW_INIT;
            fp[1] = 0;
            fp[2] = 0;
            java.util.Arrays.fill(fp, ST_WORD, ST_WORD + 16, 0);
        }
        if ((mask & 2) != 0) java.util.Arrays.fill(fp, XMM_WORD, XMM_WORD + 32, 0);
        for (XsaveLayout.Component c : layout.components())
            if (in(mask, c)) java.util.Arrays.fill(fp, c.offset() / 8, (c.offset() + c.size()) / 8, 0);
        fp[BV] &= ~mask;
    }

    /** FXSAVE: x87, MXCSR and XMM; bytes 416 to 511 stay as they are. */
    public static void fxsave(long[] fp, Area area, boolean w, boolean code64) {
        storeX87(fp, area, true, w);
        area.store(XsaveLayout.MXCSR, 8, new long[] {fp[MXCSR_WORD] & 0xffffffffL | MASK_STORED}, 0);
        area.store(XsaveLayout.XMM0, code64 ? 256 : 128, fp, XMM_WORD);
    }

    /** FXRSTOR; {@link #DONE} or {@link #GP}. */
    public static long fxrstor(long[] fp, Area area, boolean w, boolean code64) {
        long[] image = new long[XMM_WORD + 32];
        loadX87(area, image, w);
        area.load(XsaveLayout.MXCSR, 8, image, MXCSR_WORD);
        int xmmBytes = code64 ? 256 : 128;
        area.load(XsaveLayout.XMM0, xmmBytes, image, XMM_WORD);
        if ((image[MXCSR_WORD] & MXCSR_RESERVED) != 0) return GP;
        System.arraycopy(image, 0, fp, 0, 3);
        System.arraycopy(image, ST_WORD, fp, ST_WORD, 16);
        System.arraycopy(image, XMM_WORD, fp, XMM_WORD, xmmBytes / 8);
        setMxcsr(fp, (int) image[MXCSR_WORD]);
        fp[BV] |= XsaveLayout.XFEATURE_FPSSE;
        return DONE;
    }

    public static int mxcsr(long[] fp) {
        return (int) fp[MXCSR_WORD];
    }

    public static void setMxcsr(long[] fp, int v) {
        fp[MXCSR_WORD] = v & 0xffffffffL | MASK_STORED;
    }

    private static boolean in(long mask, XsaveLayout.Component c) {
        return (mask >> c.number() & 1) != 0;
    }

    private static void storeRange(long[] fp, Area area, int word, int offset, int bytes, boolean live) {
        if (live) area.store(offset, bytes, fp, word);
        else area.store(offset, bytes, new long[bytes / 8], 0);
    }

    private static void storeX87(long[] fp, Area area, boolean live, boolean w) {
        long[] head = live ? new long[] {fp[0], fp[1], fp[2]} : new long[] {XsaveLayout.FCW_INIT, 0, 0};
        if (!w) {
            head[1] &= 0xffffffffL;
            head[2] &= 0xffffffffL;
        }
        area.store(0, 24, head, 0);
        storeRange(fp, area, ST_WORD, XsaveLayout.ST0, 128, live);
    }

    private static void loadX87(Area area, long[] image, boolean w) {
        area.load(0, 24, image, 0);
        area.load(XsaveLayout.ST0, 128, image, ST_WORD);
        if (!w) {
            image[1] &= 0xffffffffL;
            image[2] &= 0xffffffffL;
        }
        // Bits 79:0 of each 16-byte slot are the register.
        for (int i = 0; i < 8; i++) image[ST_WORD + 2 * i + 1] &= 0xffff;
    }
}
