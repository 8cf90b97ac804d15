package dev.worldswitch.machine.x86;

import java.util.Arrays;
import java.util.Random;

/** Random short sequences of integer instructions; memory operands are [RBX + disp8], RBX and RSP stay as they are. */
final class IntegerCases {
    static final long BASE = 0x10000880L;
    private static final int CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800;
    private final Random random;
    private final byte[] code = new byte[60];
    private int at;
    /** Flags that the last instruction leaves undefined. */
    int undefined;

    long[] gpr = new long[16];

    IntegerCases(long seed) {
        random = new Random(seed);
    }

    NativeCpu.Case next() {
        at = 0;
        undefined = 0;
        for (int i = 0; i < 16; i++) gpr[i] = value();
        gpr[3] = BASE;
        gpr[4] = BASE;
        gpr[6] = BASE - 64 + random.nextInt(64);
        gpr[7] = BASE + random.nextInt(64);
        byte[] data = new byte[256];
        random.nextBytes(data);
        int n = 1 + random.nextInt(4);
        for (int k = 0; k < n && undefined == 0; k++) one(k == 0);
        return new NativeCpu.Case(Arrays.copyOf(code, at), gpr.clone(), random.nextInt() & 0x8d5 | 2, data);
    }

    private long value() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt(256) - 128;
            case 1 -> 1L << random.nextInt(64);
            case 2 -> Long.MAX_VALUE >>> random.nextInt(64);
            case 3 -> random.nextInt();
            default -> random.nextLong();
        };
    }

    private void b(int... bytes) {
        for (int v : bytes) code[at++] = (byte) v;
    }

    private boolean mem;
    private int size, reg;

    /** Prefixes, opcode and ModRM of an instruction with operands of a random size. */
    private void op(boolean wide, boolean allowMem, int digit, int... opcode) {
        prefixed(0, wide, allowMem, digit, opcode);
    }

    private void prefixed(int prefix, boolean wide, boolean allowMem, int digit, int... opcode) {
        size = wide ? new int[] {2, 4, 8, 8, 4}[random.nextInt(5)] : 1;
        if (size == 2) b(0x66);
        if (prefix != 0) b(prefix);
        int rex = random.nextInt(3) == 0 ? 0 : 0x40 | random.nextInt(8);
        if (size == 8) rex |= 0x48;
        mem = allowMem && random.nextInt(3) == 0;
        if (mem) rex &= ~1;
        if (digit >= 0) rex &= ~4;
        if (rex != 0) b(rex);
        b(opcode);
        reg = digit >= 0 ? digit : pick(rex, rex & 4);
        if (mem) b(0x40 | reg << 3 | 3, random.nextInt(120) - 60);
        else b(0xc0 | reg << 3 | pick(rex, rex & 1));
        if (digit < 0) reg |= (rex & 4) << 1;
    }

    private int pick(int rex, int extended) {
        for (; ; ) {
            int r = random.nextInt(8);
            if (extended != 0) return r;
            if (r == 3 || r == 4 && (size > 1 || rex != 0) || r == 7 && size == 1 && rex == 0) continue;
            return r;
        }
    }

    private void imm(int n) {
        for (int i = 0; i < n; i++) b(random.nextInt(256));
    }

    private int wideImm() {
        return Math.min(size, 4);
    }

    private void one(boolean first) {
        boolean wide = random.nextInt(4) != 0;
        int w = wide ? 1 : 0;
        switch (random.nextInt(25)) {
            case 0, 1, 2 -> {
                int n = random.nextInt(8);
                op(wide, true, -1, n << 3 | random.nextInt(2) << 1 | w);
                if (n == 1 || n == 4 || n == 6) undefined = AF;
            }
            case 3 -> {
                int n = random.nextInt(8);
                boolean small = wide && random.nextBoolean();
                op(wide, true, n, small ? 0x83 : 0x80 | w);
                imm(small || !wide ? 1 : wideImm());
                if (n == 1 || n == 4 || n == 6) undefined = AF;
            }
            case 4 -> {
                int n = random.nextInt(8);
                op(wide, true, n, 0xf6 | w);
                if (n < 2) imm(wide ? wideImm() : 1);
                undefined = n < 2 ? AF : n < 4 ? 0 : n < 6 ? SF | ZF | AF | PF : OF | SF | ZF | AF | PF | CF;
            }
            case 5 -> op(wide, true, random.nextInt(2), 0xfe | w);
            case 6, 7, 8 -> shift(wide, w);
            case 9 -> {
                op(true, true, -1, 0x0f, 0xaf);
                undefined = SF | ZF | AF | PF;
            }
            case 10 -> {
                boolean small = random.nextBoolean();
                op(true, true, -1, small ? 0x6b : 0x69);
                imm(small ? 1 : wideImm());
                undefined = SF | ZF | AF | PF;
            }
            case 11 -> {
                boolean im = random.nextBoolean();
                op(true, true, -1, 0x0f, (random.nextBoolean() ? 0xa4 : 0xac) | (im ? 0 : 1));
                int count = random.nextInt(size == 2 ? 17 : 64);
                if (im) b(count);
                else if (size == 2) at = start(); // a word shifted by more than 16 is undefined
                undefined = AF | OF;
            }
            case 12 -> bits(first);
            case 13 -> {
                boolean rep = random.nextBoolean();
                prefixed(rep ? 0xf3 : 0, true, true, -1, 0x0f, random.nextBoolean() ? 0xbc : 0xbd);
                undefined = rep ? OF | SF | AF | PF : OF | SF | AF | PF | CF;
            }
            case 14 -> {
                prefixed(0xf3, true, true, -1, 0x0f, 0xb8);
            }
            case 15 -> op(true, true, -1, 0x0f, new int[] {0xb6, 0xb7, 0xbe, 0xbf}[random.nextInt(4)]);
            case 16 -> op(true, true, -1, 0x0f, 0x40 + random.nextInt(16));
            case 17 -> op(false, true, 0, 0x0f, 0x90 + random.nextInt(16));
            case 18 -> {
                int c = new int[] {0xb0, 0xc0}[random.nextInt(2)] | w;
                op(wide, true, -1, 0x0f, c);
            }
            case 19 -> op(wide, true, -1, new int[] {0x86, 0x88, 0x8a, 0x84}[random.nextInt(4)] | w);
            case 20 -> simple();
            case 21 -> {
                boolean store = random.nextBoolean();
                prefixed(0, true, true, -1, 0x0f, 0x38, store ? 0xf1 : 0xf0);
                if (!mem) at = start();
            }
            case 22 -> string(wide ? 1 : 0);
            case 23 -> bmi();
            default -> {
                b(
                        0x48 | random.nextInt(2),
                        0x8d,
                        0x44 | 0x38 & random.nextInt(64) & 0x30,
                        random.nextInt(256) & ~0x38 | 0x20 | random.nextInt(2) << 3,
                        imm8());
            }
        }
    }

    private int imm8() {
        return random.nextInt(256);
    }

    /** Drops an instruction that came out in a form that does not exist. */
    private int start() {
        Arrays.fill(code, (byte) 0x90);
        return 1;
    }

    private void shift(boolean wide, int w) {
        int n = random.nextInt(8);
        int kind = random.nextInt(3);
        op(wide, true, n, (kind == 0 ? 0xc0 : kind == 1 ? 0xd0 : 0xd2) | w);
        if (kind == 0) imm(1);
        undefined = n < 4 ? (kind == 1 ? 0 : OF) : kind == 1 ? AF : AF | OF;
        // A byte or word shifted by more than its width leaves CF undefined too.
        if (n >= 4 && kind != 1 && size < 4) undefined |= CF;
    }

    private void bits(boolean first) {
        if (random.nextBoolean()) {
            op(true, true, 4 + random.nextInt(4), 0x0f, 0xba);
            imm(1);
        } else {
            op(true, first, -1, 0x0f, 0x83 + 8 * (4 + random.nextInt(4)));
            if (mem) gpr[reg] = random.nextInt(512) - 256;
            if (mem && (reg == 3 || reg == 4)) at = start();
        }
        undefined = OF | SF | AF | PF;
    }

    private void simple() {
        int[][] forms = {
            {0x98},
            {0x48, 0x98},
            {0x66, 0x98},
            {0x99},
            {0x48, 0x99},
            {0x9e},
            {0x9f},
            {0xf5},
            {0xf8},
            {0xf9},
            {0x0f, 0xc9},
            {0x48, 0x0f, 0xc8},
            {0x49, 0x0f, 0xcf},
            {0x50},
            {0x6a, 0x85},
            {0x58},
            {0x9c, 0x58},
            {0x54, 0x58},
            {0x0f, 0x1f, 0xc0},
            {0xf3, 0x0f, 0x1e, 0xfa},
            {0x90},
            {0x49, 0x90},
            {0x92},
            {0x48, 0x95},
            {0xff, 0x33},
            {0x8f, 0x43, 0x08},
            {0x48, 0x0f, 0xc7, 0x4b, 0x10},
            {0x0f, 0xc7, 0x4b, 0x21},
            {0xf2, 0x48, 0x0f, 0x38, 0xf1, 0xc2},
            {0xf2, 0x0f, 0x38, 0xf0, 0xc1},
            {0x66, 0xf2, 0x0f, 0x38, 0xf1, 0x03},
            {0xf0, 0x48, 0x01, 0x4b, 0x08},
            {0xf0, 0x0f, 0xc1, 0x53, 0x0d},
            {0xf0, 0xff, 0x43, 0x20},
            {0xf0, 0xf7, 0x5b, 0x03},
            {0xf0, 0x0f, 0xb1, 0x0b},
            {0x63, 0xc1},
            {0x48, 0x63, 0x0b},
            {0xe3, 0x01, 0xf5},
            {0x74, 0x01, 0xf9},
            {0x66, 0x50},
            {0xc8, 0x10, 0x00, 0x00, 0xc9},
            {0xe8, 0, 0, 0, 0, 0x58}
        };
        b(forms[random.nextInt(forms.length)]);
    }

    private void string(int w) {
        int op = new int[] {0xa4, 0xa6, 0xaa, 0xac, 0xae}[random.nextInt(5)] | w;
        boolean rep = random.nextBoolean();
        if (rep) b(0xb9, random.nextInt(6), 0, 0, 0);
        if (rep) b(random.nextBoolean() ? 0xf3 : 0xf2);
        if (w == 1 && random.nextBoolean()) b(0x48);
        b(op);
    }

    /** BMI1, BMI2 and ADX, which the CPU of this computer may lack. */
    private void bmi() {
        if (!BMI) {
            b(0x90);
            return;
        }
        if (random.nextInt(8) == 0) {
            size = 8;
            b(random.nextBoolean() ? 0x66 : 0xf3, 0x48, 0x0f, 0x38, 0xf6, 0xc0 | pick(0x48, 0) << 3 | pick(0x48, 0));
            return;
        }
        // map, pp, opcode, digit or -1, undefined flags
        int[][] forms = {
            {2, 0, 0xf2, -1, AF | PF},
            {2, 0, 0xf3, 1, AF | PF},
            {2, 0, 0xf3, 2, AF | PF},
            {2, 0, 0xf3, 3, AF | PF},
            {2, 0, 0xf7, -1, AF | PF | SF},
            {2, 0, 0xf5, -1, AF | PF},
            {2, 1, 0xf7, -1, 0},
            {2, 2, 0xf7, -1, 0},
            {2, 3, 0xf7, -1, 0},
            {2, 2, 0xf5, -1, 0},
            {2, 3, 0xf5, -1, 0},
            {2, 3, 0xf6, -1, 0},
            {3, 3, 0xf0, -1, 0}
        };
        int[] f = forms[random.nextInt(forms.length)];
        size = 8;
        boolean m = random.nextInt(3) == 0;
        int w = random.nextInt(2), vvvv = f[0] == 3 ? 0 : pick(0x48, 0);
        b(0xc4, 0xe0 | f[0], w << 7 | (~vvvv & 15) << 3 | f[1], f[2]);
        int r = f[3] >= 0 ? f[3] : pick(0x48, 0);
        if (m) b(0x40 | r << 3 | 3, random.nextInt(100) - 50);
        else b(0xc0 | r << 3 | pick(0x48, 0));
        if (f[0] == 3) imm(1);
        undefined = f[4];
    }

    private static final boolean BMI = hasBmi();

    private static boolean hasBmi() {
        try {
            return java.nio.file.Files.readString(java.nio.file.Path.of("/proc/cpuinfo"))
                    .contains(" bmi2 ");
        } catch (java.io.IOException e) {
            return false;
        }
    }
}
