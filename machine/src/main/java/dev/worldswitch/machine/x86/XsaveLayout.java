package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/**
 * The XSAVE-managed state of one machine, as data: which components exist, their offsets in the standard format, their
 * sizes, and whether they take part in XFD (Intel SDM vol. 1 ch. 13, CPUID leaf 0xD). A physical CPU's vector register
 * file and every FPU image use these same offsets, so saving a component is copying a range.
 */
public final class XsaveLayout {
    public static final int X87 = 0, SSE = 1, AVX = 2, BNDREGS = 3, BNDCSR = 4, OPMASK = 5, ZMM_HI256 = 6;
    public static final int HI16_ZMM = 7, PKRU = 9, TILECFG = 17, TILEDATA = 18;
    public static final long XFEATURE_FPSSE = 3, XFEATURE_AVX512 = 0xe0, XFEATURE_TILE = 3L << 17;
    /** Byte offsets in the legacy region and header (SDM vol. 1, 13.4.1 and 13.4.2). */
    public static final int FCW = 0, MXCSR = 24, MXCSR_MASK = 28, ST0 = 32, XMM0 = 160, XSTATE_BV = 512, XCOMP_BV = 520;

    public static final int LEGACY_AND_HEADER = 576;
    public static final int FCW_INIT = 0x37f, MXCSR_INIT = 0x1f80;

    /** CPUID 0xD.1 eax. */
    private static final int XSAVES = 8;

    /** One state component; {@code offset} in the standard format; bytes. */
    public record Component(int number, int offset, int size, boolean aligned64, boolean xfd) {}

    private final List<Component> components;
    private final Component[] byNumber = new Component[64];
    private final long supported;
    private final long xfdMask;

    private final Format format;

    /** How the machine's kernel saves: FXSAVE without XSAVE, the standard format, or the compacted one of XSAVES. */
    public enum Format {
        FXSAVE,
        STANDARD,
        COMPACTED
    }

    private XsaveLayout(List<Component> components, Format format) {
        this.format = format;
        this.components = List.copyOf(components);
        long all = XFEATURE_FPSSE, xfd = 0;
        for (Component c : components) {
            byNumber[c.number] = c;
            all |= 1L << c.number;
            if (c.xfd) xfd |= 1L << c.number;
        }
        this.supported = all;
        this.xfdMask = xfd;
    }

    static XsaveLayout of(List<Cpuid> leaves, long xcr0) {
        List<Component> found = new ArrayList<>();
        Format format = Format.FXSAVE;
        for (Cpuid c : leaves) {
            if (c.leaf() != 0xd || c.subleaf() > 1) continue;
            if (c.subleaf() == 1 && (c.eax() & XSAVES) != 0) format = Format.COMPACTED;
            else if (c.eax() != 0 && format == Format.FXSAVE) format = Format.STANDARD;
        }
        for (Cpuid c : leaves)
            if (c.leaf() == 0xd
                    && c.subleaf() >= 2
                    && c.eax() != 0
                    && (c.ecx() & 1) == 0
                    && (xcr0 >> c.subleaf() & 1) != 0)
                found.add(new Component(c.subleaf(), c.ebx(), c.eax(), (c.ecx() & 2) != 0, (c.ecx() & 4) != 0));
        return new XsaveLayout(found, format);
    }

    public Format format() {
        return format;
    }

    /** The extended components (2 and up) that exist, in order of number. */
    public List<Component> components() {
        return components;
    }

    public boolean has(int component) {
        return (supported >> component & 1) != 0;
    }

    /** @throws IllegalArgumentException when this machine lacks the component */
    public Component component(int number) {
        Component c = byNumber[number];
        if (c == null) throw new IllegalArgumentException("no XSAVE component " + number);
        return c;
    }

    /** XCR0 bits of all components. */
    public long supported() {
        return supported;
    }

    /** Bits that IA32_XFD may have. */
    public long xfdMask() {
        return xfdMask;
    }

    /** Bytes of the standard format with the components of {@code xfeatures}. */
    public int standardSize(long xfeatures) {
        int size = LEGACY_AND_HEADER;
        for (Component c : components) if ((xfeatures >> c.number & 1) != 0) size = Math.max(size, c.offset + c.size);
        return size;
    }

    /** Byte offset of a component in the compacted format of {@code xcompBv}, by a running sum from 576. */
    public int compactedOffset(int number, long xcompBv) {
        int at = LEGACY_AND_HEADER;
        for (Component c : components) {
            if ((xcompBv >> c.number & 1) == 0) continue;
            if (c.aligned64) at = at + 63 & ~63;
            if (c.number == number) return at;
            at += c.size;
        }
        throw new IllegalArgumentException(
                "component " + number + " is not in XCOMP_BV 0x" + Long.toHexString(xcompBv));
    }

    /** Bytes of the compacted format. */
    public int compactedSize(long xcompBv) {
        int at = LEGACY_AND_HEADER;
        for (Component c : components) {
            if ((xcompBv >> c.number & 1) == 0) continue;
            if (c.aligned64) at = at + 63 & ~63;
            at += c.size;
        }
        return at;
    }
}
