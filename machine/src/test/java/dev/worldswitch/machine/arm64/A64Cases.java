package dev.worldswitch.machine.arm64;

import java.util.List;
import java.util.SplittableRandom;

/** Random instructions of a row and random registers for them; reproducible from the seed. */
final class A64Cases {
    private static final long[] EDGES = {
        0,
        1,
        -1,
        Long.MIN_VALUE,
        Long.MAX_VALUE,
        0x80000000L,
        0x7fffffffL,
        0xffffffffL,
        0x100000000L,
        2,
        31,
        32,
        63,
        64,
        0xff,
        0xffff
    };
    /** Single, double and half precision values worth meeting: zeros, ones, infinities, NaNs, denormals, limits. */
    private static final long[] D = {
        0,
        0x8000000000000000L,
        0x3ff0000000000000L,
        0xbff0000000000000L,
        0x7ff0000000000000L,
        0xfff0000000000000L,
        0x7ff8000000000000L,
        0x7ff0000000000001L,
        0xfff4000000000123L,
        1,
        0x000fffffffffffffL,
        0x0010000000000000L,
        0x7fefffffffffffffL,
        0x3fe0000000000000L,
        0x4330000000000001L,
        0x41e0000000000000L,
        0x43e0000000000000L,
        0x3ff8000000000000L,
        0x4004000000000000L,
        0xc1e0000000200000L,
        0x36a0000000000000L,
        0x47efffffefffffffL,
        0x3f10000000000000L
    };

    private static final int[] S = {
        0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffa00123, 1,
                0x007fffff,
        0x00800000, 0x7f7fffff, 0x3f000000, 0x4b000001, 0x4f000000, 0x5f000000, 0x3fc00000, 0x40200000, 0x33800000,
                0x477fefff, 0x38800000
    };
    private static final int[] H = {
        0, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfd23, 1, 0x03ff, 0x0400, 0x7bff, 0x3800, 0x6401,
        0x7800, 0x3e00, 0x4100
    };
    /** Not executed by the reference, or not comparable: system calls, waiting, keys that are random there. */
    static final List<String> LEFT_OUT = List.of(
            "SVC",
            "HVC",
            "SMC",
            "WFE",
            "WFI",
            "WFET",
            "WFIT",
            "MRS",
            "MSR (register)",
            "SYS",
            "SYSL",
            "PACGA",
            "LDRAA",
            "LDRAB",
            "BRAA",
            "BRAB",
            "BLRAA",
            "BLRAB",
            "BRAAZ",
            "BRABZ",
            "BLRAAZ",
            "BLRABZ",
            "RETAA",
            "RETAB");

    final SplittableRandom random;

    /** Quadwords of a vector. */
    private final int vq;

    A64Cases(long seed, int vq) {
        random = new SplittableRandom(seed);
        this.vq = vq;
    }

    static boolean isLeftOut(A64Row row) {
        String n = row.name();
        return LEFT_OUT.contains(n) || n.matches("(PAC|AUT)[ID].*|MSR \\(immediate\\) (SSBS|DIT|TCO)");
    }

    /**
     * UZP's joint is at the wrong place, and the end of FMMLA's result kept, at lengths that are no powers of two
     * (architecture and hardware have none). FMMLA of doubles is executed where 256 bits are not there.
     */
    static boolean isWrongInReference(A64Row row, int vq) {
        return Integer.bitCount(vq) != 1
                        && row.name().matches("(UZP[12] \\((predicates|quadwords)|FMMLA \\(double)\\).*")
                || vq == 1 && row.name().startsWith("FMMLA (double)");
    }

    private boolean access(A64Row row) {
        if (row.feature().isSve()) return row.bits().matches("[01]1000010.*|1[01]10010.*|1000010.*");
        return (row.mask() & row.value() & 0x0a000000) == 0x08000000 && (row.mask() & 0x0a000000) == 0x0a000000;
    }

    /** Instruction words of a case: the row's instruction, for a store-exclusive after the load that arms the monitor. */
    int[] words(A64Row row) {
        int mask = row.mask(), value = row.value();
        for (; ; ) {
            int w = random.nextInt() & ~mask | value;
            if (A64Table.find(w) != row) continue;
            // All three of a copy: how much of it each does is the implementation's choice.
            if (row.feature() == Feature.MOPS) return mops(w);
            // The reference takes some unallocated modified immediates for others.
            if (row.bits().contains("hhhhbbb") && (w >>> 19 & 15) == 0) continue;
            // The reference does not cut a saturated negative half-precision scalar to 16 bits.
            if (row.name().equals("FCVTZS (fixed-point, scalar)") && (w >>> 20 & 7) == 1) continue;
            // The reference takes 64-bit sources for signed numbers.
            if (row.name().matches("UQXTN[BT] .*") && (w >>> 22 & 1) != 0) continue;
            if (access(row)) {
                // Offsets that stay in the data area.
                if (row.bits().contains("iiiiiiiiiiii") && (mask & 0x3b000000) == 0x39000000) w &= ~0x003c0000 | value;
                if (row.name().contains("(literal")) w &= ~0x00ffc000;
                int n = w >>> 5 & 31, t = w & 31, t2 = w >>> 10 & 31, s = w >>> 16 & 31;
                if (n == t || n == t2 || n == s || t == t2 || t == s || t2 == s) continue;
                if (row.name().startsWith("CASP") && (n == t + 1 || n == s + 1)) continue;
                if (row.name().contains("SIMD") == false
                        && row.name().contains("structure")
                        && (w & 0x00800000) != 0
                        && s == n) continue;
            }
            String name = row.name();
            if (name.startsWith("STXR")
                    || name.startsWith("STLXR")
                    || name.startsWith("STXP")
                    || name.startsWith("STLXP")) {
                if (random.nextInt(4) == 0) return new int[] {w};
                // The load goes to registers that the store does not use.
                int n = w >>> 5 & 31;
                int load = w & ~0x1f & ~(31 << 16) & ~(31 << 10)
                        | 1 << 22
                        | 31 << 16
                        | free(w)
                        | (name.contains("P") ? free(w | free(w) << 10) << 10 : 31 << 10);
                if ((n | 32) == 31) continue;
                return new int[] {load, w};
            }
            return new int[] {w};
        }
    }

    /** A prologue with its main instruction and its epilogue; those now and then alone. */
    private int[] mops(int w) {
        int stage = (w >>> 22 & 3) == 3 ? 1 << 14 : 1 << 22;
        boolean prologue = (w / stage & 3) == 0;
        return prologue && random.nextInt(4) != 0 ? new int[] {w, w + stage, w + 2 * stage} : new int[] {w};
    }

    private long mopsAddress() {
        return UserCpu.DATA + 0x1000 * (1 + random.nextInt(6)) + random.nextInt(200) - 100;
    }

    /** Sizes of bytes, of pages, and beyond all memory; for all but prologues also negative, as option A has them. */
    private void mops(int w, long[] x) {
        int d = w & 31, n = w >>> 5 & 31, s = w >>> 16 & 31;
        boolean set = (w >>> 22 & 3) == 3;
        if (d == 31 || n == 31 || s == 31 && !set) return;
        x[d] = mopsAddress();
        if (!set) x[s] = random.nextBoolean() ? mopsAddress() : x[d] + random.nextInt(6000) - 3000;
        x[n] = switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> random.nextInt(0x5000);
            case 2 -> random.nextLong();
            default -> random.nextInt(300);
        };
        if ((w >>> (set ? 14 : 22) & 3) != 0 && random.nextInt(4) != 0) {
            x[n] = -x[n];
            x[d] -= x[n];
            if (!set) x[s] -= x[n];
        }
    }

    private static int free(int w) {
        for (int r = 0; ; r++)
            if (r != (w & 31) && r != (w >>> 5 & 31) && r != (w >>> 10 & 31) && r != (w >>> 16 & 31)) return r;
    }

    long value() {
        return switch (random.nextInt(5)) {
            case 0 -> EDGES[random.nextInt(EDGES.length)];
            case 1 -> random.nextInt();
            case 2 -> random.nextInt() & 0xffffffffL;
            case 3 -> random.nextLong() >> random.nextInt(64);
            default -> random.nextLong();
        };
    }

    /** A random word of the SVE encodings, or of those of Advanced SIMD and floating point. */
    int vectorWord(boolean sve) {
        for (; ; ) {
            int w = random.nextInt();
            if (sve) return w & ~0x1e000000 | 0x04000000;
            w |= 0x0e000000;
            // The reference stops at some unallocated words of "two registers miscellaneous, FP16", and takes
            // unallocated
            // ones of "across lanes, FP16" and of "modified immediate" for others.
            if ((w & 0x0e7e0c00) != 0x0e780800 && (w & 0xbf7e0c00) != 0x0e700800 && (w & 0x9ff80c00) != 0x0f000c00)
                return w;
        }
    }

    /** Registers that point into the data area. */
    QemuUser.State state() {
        long[] x = new long[31];
        for (int i = 0; i < 31; i++) x[i] = UserCpu.DATA + 0x4000;
        int zw = 2 * vq, pw = (zw + 7) / 8;
        return new QemuUser.State(x, UserCpu.DATA + 0x4000, 0, 0, 0, new long[32 * zw], new long[17 * pw]);
    }

    long vector() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextLong();
            case 1 -> D[random.nextInt(D.length)];
            case 2 -> (long) S[random.nextInt(S.length)] << 32 | S[random.nextInt(S.length)] & 0xffffffffL;
            case 3 -> {
                long v = 0;
                for (int i = 0; i < 4; i++) v = v << 16 | H[random.nextInt(H.length)];
                yield v;
            }
            case 4 -> Double.doubleToRawLongBits((random.nextDouble() - 0.5) * Math.pow(2, random.nextInt(80) - 40));
            default ->
                (long) Float.floatToRawIntBits(
                                        (float) ((random.nextDouble() - 0.5) * Math.pow(2, random.nextInt(60) - 30)))
                                << 32
                        | Float.floatToRawIntBits(
                                        (float) ((random.nextDouble() - 0.5) * Math.pow(2, random.nextInt(60) - 30)))
                                & 0xffffffffL;
        };
    }

    QemuUser.State state(A64Row row, int[] words) {
        int w = words[words.length - 1];
        int zw = 2 * vq, pw = (zw + 7) / 8;
        long[] x = new long[31], v = new long[32 * zw], p = new long[17 * pw];
        for (int i = 0; i < 31; i++) x[i] = value();
        long sp = UserCpu.DATA + 0x4000 + 16 * random.nextInt(16);
        boolean mops = row.feature() == Feature.MOPS;
        if (mops) mops(words[0], x);
        else if (access(row)) {
            int n = w >>> 5 & 31, m = w >>> 16 & 31;
            if (row.bits().contains("mmmmm") && m != 31) x[m] = random.nextInt(256) - 128;
            long at = UserCpu.DATA + 0x4000 + 16L * random.nextInt(16);
            // The reference looks at the monitor before it looks at the alignment.
            if (random.nextInt(6) == 0
                    && !row.name().startsWith("LDAPR")
                    && !row.name().startsWith("STX")
                    && !row.name().startsWith("STLX")) at += random.nextInt(16);
            if (n != 31) x[n] = at;
        } else if (random.nextInt(4) == 0) {
            int n = w >>> 5 & 31;
            if (n != 31) x[n] = UserCpu.CODE + 4L * random.nextInt(0x1000);
        }
        if (row.name().matches("WHILE(RW|WR).*")) keepApart(w, x);
        // The reference looks at the mapping of a branch target before its alignment.
        if ((row.mask() & row.value() & 0xfe000000) == 0xd6000000 && (w >>> 5 & 31) != 31) x[w >>> 5 & 31] &= -4;
        boolean sve = row.feature().isSve();
        for (int i = 0; i < 32; i++) for (int k = 0; k < (sve ? zw : 2); k++) v[zw * i + k] = vector();
        if (sve) predicates(row, p, pw);
        long fpcr = 0;
        if (random.nextInt(2) == 0)
            fpcr = (long) random.nextInt(4) << 22
                    | (long) random.nextInt(4) << 24
                    | (random.nextInt(4) == 0 ? 1 << 26 : 0)
                    | (random.nextInt(2) << 19);
        long nzcv = mops && random.nextInt(4) != 0 ? 0 : random.nextInt(16);
        return new QemuUser.State(x, sp, nzcv, fpcr, random.nextInt(4) == 0 ? 0x9f : 0, v, p);
    }

    /** The reference takes addresses less than one element apart for a conflict; DIV of the pseudocode makes that 0: none. */
    private static void keepApart(int w, long[] x) {
        int n = w >>> 5 & 31, m = w >>> 16 & 31, size = 1 << (w >>> 22 & 3);
        long a = n == 31 ? 0 : x[n], b = m == 31 ? 0 : x[m];
        long distance = Long.compareUnsigned(a, b) < 0 ? b - a : a - b;
        if (Long.compareUnsigned(distance, size) >= 0) return;
        if (n != 31) x[n] = b;
        else if (m != 31) x[m] = a;
    }

    /** As many ones as bits of {@code p} from bit {@code 64 * word} on lie within the vector length and below {@code n}. */
    private long below(int n, int word) {
        int k = Math.min(n, 16 * vq) - 64 * word;
        return k <= 0 ? 0 : k >= 64 ? -1 : (1L << k) - 1;
    }

    private void predicates(A64Row row, long[] p, int pw) {
        for (int i = 0; i < 16; i++) {
            int how = random.nextInt(4);
            for (int k = 0; k < pw; k++)
                p[i * pw + k] = (how == 0 ? -1 : how == 1 ? random.nextLong() & random.nextLong() : random.nextLong())
                        & below(16 * vq, k);
        }
        boolean firstFault = row.name().matches("LD(FF|NF).*");
        // The reference reads the wrong predicate bits when the first active element of these is not the first.
        if (firstFault) for (int i = 0; i < 16; i++) p[i * pw] |= 1;
        // FFR holds only what SETFFR and first-fault loads leave: ones from the bottom.
        // Loads beyond a clear FFR bit are unpredictable.
        int ones = firstFault ? 16 * vq : random.nextInt(16 * vq + 1);
        for (int k = 0; k < pw; k++) p[16 * pw + k] = below(ones, k);
    }
}
