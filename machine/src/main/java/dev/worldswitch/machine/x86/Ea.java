package dev.worldswitch.machine.x86;

/** A memory operand: base + index * scale + displacement in a segment. Absent registers are masked away. */
public final class Ea {
    final int base, index, scale, seg;
    final long baseMask, indexMask, disp, mask;
    /** 64-bit mode, no FS or GS: the offset is the linear address. */
    final boolean flat;

    final boolean long64;

    Ea(int base, int index, int scale, long disp, int addrSize, int seg, boolean code64) {
        this.base = Math.max(base, 0);
        this.index = Math.max(index, 0);
        this.baseMask = base < 0 ? 0 : -1;
        this.indexMask = index < 0 ? 0 : -1;
        this.scale = scale;
        this.disp = disp;
        this.mask = addrSize == 8 ? -1 : addrSize == 4 ? 0xffffffffL : 0xffff;
        this.seg = seg;
        this.long64 = code64;
        this.flat = code64 && seg != X86State.FS && seg != X86State.GS;
    }

    /** The offset in the segment. */
    public long offset(long[] g) {
        return (g[base] & baseMask) + ((g[index] & indexMask) << scale) + disp & mask;
    }

    /** The same operand moved by {@code by}, as BT with a register needs it. */
    Ea plus(long by) {
        return new Ea(
                baseMask == 0 ? -1 : base,
                indexMask == 0 ? -1 : index,
                scale,
                disp + by,
                mask == -1 ? 8 : mask == 0xffff ? 2 : 4,
                seg,
                long64);
    }
}
