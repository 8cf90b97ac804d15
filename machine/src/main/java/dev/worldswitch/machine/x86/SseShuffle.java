package dev.worldswitch.machine.x86;

/**
 * Operations that move lanes between the two halves of a 128-bit vector: one function for the low half of the result and
 * one for the high half, of the operands' halves {@code aLo, aHi, bLo, bHi} and an immediate. The table names them in
 * pairs. Intel SDM vol. 2.
 */
public final class SseShuffle {
    /** One half of the result. */
    public interface Half {
        long of(long aLo, long aHi, long bLo, long bHi, int imm);
    }

    private SseShuffle() {}

    private static long byteOf(long lo, long hi, int i) {
        return (i < 8 ? lo >>> 8 * i : hi >>> 8 * (i - 8)) & 0xff;
    }

    private static long wordOf(long lo, long hi, int i) {
        return (i < 4 ? lo >>> 16 * i : hi >>> 16 * (i - 4)) & 0xffff;
    }

    static long dwordOf(long lo, long hi, int i) {
        return (i < 2 ? lo >>> 32 * i : hi >>> 32 * (i - 2)) & 0xffffffffL;
    }

    private static long interleave8(long a, long b, int from) {
        long r = 0;
        for (int i = 0; i < 4; i++)
            r |= (a >>> 8 * (from + i) & 0xff) << 16 * i | (b >>> 8 * (from + i) & 0xff) << 16 * i + 8;
        return r;
    }

    private static long interleave16(long a, long b, int from) {
        long x = a >>> 16 * from, y = b >>> 16 * from;
        return x & 0xffff | (y & 0xffff) << 16 | (x >>> 16 & 0xffff) << 32 | (y >>> 16 & 0xffff) << 48;
    }

    public static long punpcklbwLo(long al, long ah, long bl, long bh, int i) {
        return interleave8(al, bl, 0);
    }

    public static long punpcklbwHi(long al, long ah, long bl, long bh, int i) {
        return interleave8(al, bl, 4);
    }

    public static long punpckhbwLo(long al, long ah, long bl, long bh, int i) {
        return interleave8(ah, bh, 0);
    }

    public static long punpckhbwHi(long al, long ah, long bl, long bh, int i) {
        return interleave8(ah, bh, 4);
    }

    public static long punpcklwdLo(long al, long ah, long bl, long bh, int i) {
        return interleave16(al, bl, 0);
    }

    public static long punpcklwdHi(long al, long ah, long bl, long bh, int i) {
        return interleave16(al, bl, 2);
    }

    public static long punpckhwdLo(long al, long ah, long bl, long bh, int i) {
        return interleave16(ah, bh, 0);
    }

    public static long punpckhwdHi(long al, long ah, long bl, long bh, int i) {
        return interleave16(ah, bh, 2);
    }

    public static long punpckldqLo(long al, long ah, long bl, long bh, int i) {
        return al & 0xffffffffL | bl << 32;
    }

    public static long punpckldqHi(long al, long ah, long bl, long bh, int i) {
        return al >>> 32 | bl & 0xffffffff00000000L;
    }

    public static long punpckhdqLo(long al, long ah, long bl, long bh, int i) {
        return ah & 0xffffffffL | bh << 32;
    }

    public static long punpckhdqHi(long al, long ah, long bl, long bh, int i) {
        return ah >>> 32 | bh & 0xffffffff00000000L;
    }

    public static long aLo(long al, long ah, long bl, long bh, int i) {
        return al;
    }

    public static long aHi(long al, long ah, long bl, long bh, int i) {
        return ah;
    }

    public static long bLo(long al, long ah, long bl, long bh, int i) {
        return bl;
    }

    public static long bHi(long al, long ah, long bl, long bh, int i) {
        return bh;
    }

    private static long packSs16(long v) {
        long r = 0;
        for (int i = 0; i < 4; i++) r |= (SsePacked.s8((short) (v >>> 16 * i)) & 0xff) << 8 * i;
        return r;
    }

    private static long packUs16(long v) {
        long r = 0;
        for (int i = 0; i < 4; i++) r |= SsePacked.u8((short) (v >>> 16 * i)) << 8 * i;
        return r;
    }

    private static long packSs32(long v) {
        return SsePacked.s16((int) v) & 0xffff | (SsePacked.s16((int) (v >>> 32)) & 0xffff) << 16;
    }

    private static long packUs32(long v) {
        return SsePacked.u16((int) v) | SsePacked.u16((int) (v >>> 32)) << 16;
    }

    public static long packsswbLo(long al, long ah, long bl, long bh, int i) {
        return packSs16(al) | packSs16(ah) << 32;
    }

    public static long packsswbHi(long al, long ah, long bl, long bh, int i) {
        return packSs16(bl) | packSs16(bh) << 32;
    }

    public static long packuswbLo(long al, long ah, long bl, long bh, int i) {
        return packUs16(al) | packUs16(ah) << 32;
    }

    public static long packuswbHi(long al, long ah, long bl, long bh, int i) {
        return packUs16(bl) | packUs16(bh) << 32;
    }

    public static long packssdwLo(long al, long ah, long bl, long bh, int i) {
        return packSs32(al) | packSs32(ah) << 32;
    }

    public static long packssdwHi(long al, long ah, long bl, long bh, int i) {
        return packSs32(bl) | packSs32(bh) << 32;
    }

    public static long packusdwLo(long al, long ah, long bl, long bh, int i) {
        return packUs32(al) | packUs32(ah) << 32;
    }

    public static long packusdwHi(long al, long ah, long bl, long bh, int i) {
        return packUs32(bl) | packUs32(bh) << 32;
    }

    public static long pshufdLo(long al, long ah, long bl, long bh, int i) {
        return dwordOf(bl, bh, i & 3) | dwordOf(bl, bh, i >> 2 & 3) << 32;
    }

    public static long pshufdHi(long al, long ah, long bl, long bh, int i) {
        return dwordOf(bl, bh, i >> 4 & 3) | dwordOf(bl, bh, i >> 6 & 3) << 32;
    }

    private static long shuffleWords(long v, int i) {
        long r = 0;
        for (int k = 0; k < 4; k++) r |= (v >>> 16 * (i >> 2 * k & 3) & 0xffff) << 16 * k;
        return r;
    }

    public static long pshuflwLo(long al, long ah, long bl, long bh, int i) {
        return shuffleWords(bl, i);
    }

    public static long pshufhwHi(long al, long ah, long bl, long bh, int i) {
        return shuffleWords(bh, i);
    }

    public static long shufpsLo(long al, long ah, long bl, long bh, int i) {
        return dwordOf(al, ah, i & 3) | dwordOf(al, ah, i >> 2 & 3) << 32;
    }

    public static long shufpsHi(long al, long ah, long bl, long bh, int i) {
        return dwordOf(bl, bh, i >> 4 & 3) | dwordOf(bl, bh, i >> 6 & 3) << 32;
    }

    public static long shufpdLo(long al, long ah, long bl, long bh, int i) {
        return (i & 1) != 0 ? ah : al;
    }

    public static long shufpdHi(long al, long ah, long bl, long bh, int i) {
        return (i & 2) != 0 ? bh : bl;
    }

    private static long pshufb(long lo, long hi, long control) {
        long r = 0;
        for (int k = 0; k < 8; k++) {
            int c = (int) (control >>> 8 * k) & 0xff;
            if (c < 0x80) r |= byteOf(lo, hi, c & 15) << 8 * k;
        }
        return r;
    }

    public static long pshufbLo(long al, long ah, long bl, long bh, int i) {
        return pshufb(al, ah, bl);
    }

    public static long pshufbHi(long al, long ah, long bl, long bh, int i) {
        return pshufb(al, ah, bh);
    }

    /** Eight bytes from position {@code from} of the 32 bytes a above b. */
    private static long window(long al, long ah, long bl, long bh, int from) {
        long r = 0;
        for (int k = 0; k < 8; k++) {
            int at = from + k;
            if (at < 16) r |= byteOf(bl, bh, at) << 8 * k;
            else if (at < 32) r |= byteOf(al, ah, at - 16) << 8 * k;
        }
        return r;
    }

    public static long palignrLo(long al, long ah, long bl, long bh, int i) {
        return window(al, ah, bl, bh, i);
    }

    public static long palignrHi(long al, long ah, long bl, long bh, int i) {
        return window(al, ah, bl, bh, i + 8);
    }

    public static long psrldqLo(long al, long ah, long bl, long bh, int i) {
        return window(0, 0, al, ah, Math.min(i, 16));
    }

    public static long psrldqHi(long al, long ah, long bl, long bh, int i) {
        return window(0, 0, al, ah, Math.min(i, 16) + 8);
    }

    public static long pslldqLo(long al, long ah, long bl, long bh, int i) {
        return window(al, ah, 0, 0, 16 - Math.min(i, 16));
    }

    public static long pslldqHi(long al, long ah, long bl, long bh, int i) {
        return window(al, ah, 0, 0, 24 - Math.min(i, 16));
    }

    private static long hadd16(long v, boolean sub, boolean saturate) {
        long r = 0;
        for (int k = 0; k < 2; k++) {
            long x = (short) (v >>> 32 * k), y = (short) (v >>> 32 * k + 16), s = sub ? x - y : x + y;
            r |= ((saturate ? SsePacked.s16(s) : s) & 0xffff) << 16 * k;
        }
        return r;
    }

    private static long hadd32(long v, boolean sub) {
        long y = v >>> 32;
        return (sub ? v - y : v + y) & 0xffffffffL;
    }

    public static long phaddwLo(long al, long ah, long bl, long bh, int i) {
        return hadd16(al, false, false) | hadd16(ah, false, false) << 32;
    }

    public static long phaddwHi(long al, long ah, long bl, long bh, int i) {
        return hadd16(bl, false, false) | hadd16(bh, false, false) << 32;
    }

    public static long phsubwLo(long al, long ah, long bl, long bh, int i) {
        return hadd16(al, true, false) | hadd16(ah, true, false) << 32;
    }

    public static long phsubwHi(long al, long ah, long bl, long bh, int i) {
        return hadd16(bl, true, false) | hadd16(bh, true, false) << 32;
    }

    public static long phaddswLo(long al, long ah, long bl, long bh, int i) {
        return hadd16(al, false, true) | hadd16(ah, false, true) << 32;
    }

    public static long phaddswHi(long al, long ah, long bl, long bh, int i) {
        return hadd16(bl, false, true) | hadd16(bh, false, true) << 32;
    }

    public static long phsubswLo(long al, long ah, long bl, long bh, int i) {
        return hadd16(al, true, true) | hadd16(ah, true, true) << 32;
    }

    public static long phsubswHi(long al, long ah, long bl, long bh, int i) {
        return hadd16(bl, true, true) | hadd16(bh, true, true) << 32;
    }

    public static long phadddLo(long al, long ah, long bl, long bh, int i) {
        return hadd32(al, false) | hadd32(ah, false) << 32;
    }

    public static long phadddHi(long al, long ah, long bl, long bh, int i) {
        return hadd32(bl, false) | hadd32(bh, false) << 32;
    }

    public static long phsubdLo(long al, long ah, long bl, long bh, int i) {
        return hadd32(al, true) | hadd32(ah, true) << 32;
    }

    public static long phsubdHi(long al, long ah, long bl, long bh, int i) {
        return hadd32(bl, true) | hadd32(bh, true) << 32;
    }

    public static long movddup(long al, long ah, long bl, long bh, int i) {
        return bl;
    }

    public static long movshdupLo(long al, long ah, long bl, long bh, int i) {
        return bl >>> 32 | bl & 0xffffffff00000000L;
    }

    public static long movshdupHi(long al, long ah, long bl, long bh, int i) {
        return bh >>> 32 | bh & 0xffffffff00000000L;
    }

    public static long movsldupLo(long al, long ah, long bl, long bh, int i) {
        return bl & 0xffffffffL | bl << 32;
    }

    public static long movsldupHi(long al, long ah, long bl, long bh, int i) {
        return bh & 0xffffffffL | bh << 32;
    }

    private static long blend(long a, long b, int imm, int width) {
        long r = 0, lane = width == 64 ? -1 : (1L << width) - 1;
        for (int k = 0; k * width < 64; k++) r |= ((imm >> k & 1) != 0 ? b : a) & lane << k * width;
        return r;
    }

    public static long pblendwLo(long al, long ah, long bl, long bh, int i) {
        return blend(al, bl, i, 16);
    }

    public static long pblendwHi(long al, long ah, long bl, long bh, int i) {
        return blend(ah, bh, i >> 4, 16);
    }

    public static long blendpsLo(long al, long ah, long bl, long bh, int i) {
        return blend(al, bl, i, 32);
    }

    public static long blendpsHi(long al, long ah, long bl, long bh, int i) {
        return blend(ah, bh, i >> 2, 32);
    }

    public static long blendpdLo(long al, long ah, long bl, long bh, int i) {
        return blend(al, bl, i, 64);
    }

    public static long blendpdHi(long al, long ah, long bl, long bh, int i) {
        return blend(ah, bh, i >> 1, 64);
    }

    private static long widen(long v, int from, int to, boolean signed) {
        long r = 0, lane = to == 64 ? -1 : (1L << to) - 1;
        for (int k = 0; k * to < 64; k++) {
            long x = v >>> k * from & (1L << from) - 1;
            if (signed) x = x << 64 - from >> 64 - from;
            r |= (x & lane) << k * to;
        }
        return r;
    }

    /** PMOVSX and PMOVZX: {@code imm} packs from-width, to-width and signedness. */
    public static long widenLo(long al, long ah, long bl, long bh, int i) {
        return widen(bl, i & 0xff, i >> 8 & 0xff, i >> 16 != 0);
    }

    public static long widenHi(long al, long ah, long bl, long bh, int i) {
        int from = i & 0xff, to = i >> 8 & 0xff;
        return widen(bl >>> from * (64 / to), from, to, i >> 16 != 0);
    }
}
