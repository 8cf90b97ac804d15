package dev.worldswitch.machine.x86;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Random encodings of one row of the operand table each, with registers and memory that let it run in user mode: memory
 * operands are [RBX + disp8], the stack is in the same data, a branch lands on the next instruction or the one after.
 */
final class RowCases {
    static final long BASE = IntegerCases.BASE, CODE = 0x10001000L;
    private static final int CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800, ALL = 0x8d5;
    private static final Map<String, Integer> UNDEFINED = new TreeMap<>();
    private static final Set<String> MMX =
            new MmxTable().rows().stream().map(Row::encoding).collect(Collectors.toSet());

    static {
        for (String n : List.of("AND", "OR", "XOR", "TEST")) UNDEFINED.put(n, AF);
        for (String n : List.of("MUL", "IMUL")) UNDEFINED.put(n, SF | ZF | AF | PF);
        for (String n : List.of("DIV", "IDIV")) UNDEFINED.put(n, ALL);
        for (String n : List.of("BT", "BTS", "BTR", "BTC", "TZCNT", "LZCNT")) UNDEFINED.put(n, OF | SF | AF | PF);
        for (String n : List.of("BSF", "BSR")) UNDEFINED.put(n, OF | SF | AF | PF | CF);
        for (String n : List.of("SHLD", "SHRD")) UNDEFINED.put(n, AF | OF);
        for (String n : List.of("ANDN", "BLSR", "BLSMSK", "BLSI", "BZHI")) UNDEFINED.put(n, AF | PF);
        UNDEFINED.put("BEXTR", AF | PF | SF);
    }

    private final Random random;
    private final byte[] code = new byte[60];
    private int at;
    private long[] gpr = new long[16];
    private byte[] data = new byte[256];
    /** Flags that the instruction leaves undefined. */
    int undefined;

    RowCases(long seed) {
        random = new Random(seed);
    }

    private void b(int... bytes) {
        for (int v : bytes) code[at++] = (byte) v;
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

    private void word(long address, long v) {
        int k = (int) (address - BASE + 128);
        for (int i = 0; i < 8; i++) data[k + i] = (byte) (v >>> 8 * i);
    }

    NativeCpu.Case next(Row row) {
        at = 0;
        for (int i = 0; i < 16; i++) gpr[i] = value();
        gpr[3] = BASE;
        gpr[4] = BASE;
        gpr[5] = BASE - 16 + 8 * random.nextInt(4);
        gpr[6] = BASE - 64 + random.nextInt(64);
        gpr[7] = BASE + random.nextInt(64);
        random.nextBytes(data);
        if (row.encoding().startsWith("EVEX") && row.operands().endsWith("X")) gather(row);
        else if (row.encoding().startsWith("EVEX")) evex(row);
        else if (MMX.contains(row.encoding())) mmx(row);
        else if (row.mnemonic().startsWith("K")) opmask(row);
        else if (row.mnemonic().endsWith("MASKMOVDQU")) {
            undefined = 0;
            b(0xf3, 0x0f, 0x6f, 0x4b, 0xc0, 0xf3, 0x0f, 0x6f, 0x53, 0xe0);
            if (row.mnemonic().startsWith("V")) b(0xc5, 0xf9, 0xf7, 0xca);
            else b(0x66, 0x0f, 0xf7, 0xca);
        } else if (row.mnemonic().startsWith("F") && !row.mnemonic().equals("FENCE")) x87(row);
        else encode(row);
        return new NativeCpu.Case(Arrays.copyOf(code, at), gpr.clone(), random.nextInt() & ALL | 2, data.clone());
    }

    private static int prefix(String[] parts) {
        for (String p : parts) {
            if (p.equals("66")) return 1;
            if (p.equals("F3")) return 2;
            if (p.equals("F2")) return 3;
        }
        return 0;
    }

    private static boolean has(String[] words, String word) {
        return Arrays.asList(words).contains(word);
    }

    private static int map(String[] parts) {
        return has(parts, "0F38") ? 2 : has(parts, "0F3A") ? 3 : 1;
    }

    private static int w(String[] parts, int other) {
        return has(parts, "W1") ? 1 : has(parts, "W0") ? 0 : other;
    }

    /**
     * Three 512-bit registers and two opmasks from the data, the instruction on them or on memory, with or without an opmask,
     * zeroing and broadcasting, then its result to memory.
     */
    private void evex(Row row) {
        undefined = 0;
        String[] words = row.encoding().split(" "), parts = words[0].split("\\.");
        int opcode = Integer.parseInt(words[1], 16), digit = -1;
        for (String t : words) if (t.matches("/[0-7]")) digit = t.charAt(1) - '0';
        int vl = has(parts, "128") ? 0 : has(parts, "512") ? 2 : random.nextInt(3);
        boolean store = row.operands().startsWith("W,V"),
                toMask = row.mnemonic().matches("VP?(CMP|TEST|MOV.2M|SHUFBIT|FPCLASS).*");
        boolean mem = !has(words, "reg") && (has(words, "mem") || random.nextBoolean());
        int masked = random.nextInt(3) == 0 ? 0 : 1, zero = masked == 1 && random.nextInt(3) == 0 ? 1 : 0;
        // Of what does not round, with EVEX.b and a register, Intel's CPUs make #UD and AMD's take no notice.
        boolean rounds = row.mnemonic()
                .matches(
                        "V(ADD|MUL|SUB|MIN|MAX|DIV|SQRT|FM|FNM|CVT(?!NE)|CMP|U?COMI|RNDS|REDU|RANGE|GETMANT|FIX|GETEXP|SCALEF).*");
        boolean numbers = rounds || row.mnemonic().startsWith("VFPCLASS");
        if (numbers) numbers();
        int b = (mem || rounds) && random.nextInt(3) == 0 ? 1 : 0;
        b(0xc5, 0xf9, 0xef, 0xc0, 0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x4b, 0xfe, 0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x53, 0xff);
        b(0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x5b, 0xfe, 0xc4, 0xe1, 0xf8, 0x90, 0x4b, 0xf8);
        // MXCSR, or a second opmask.
        if (numbers) b(0x0f, 0xae, 0x53, 0x30);
        else b(0xc4, 0xe1, 0xf8, 0x90, 0x53, 0xf0);
        int vvvv = random.nextBoolean() ? 15 : 14;
        b(0x62, 0xf0 | map(parts), w(parts, random.nextInt(2)) << 7 | vvvv << 3 | 4 | prefix(parts));
        b(zero << 7 | vl << 5 | b << 4 | 8 | masked, opcode);
        int reg = digit >= 0 ? digit : toMask || store || row.operands().startsWith("G") ? 2 : 3,
                rm = mem || store ? 3 : 2;
        b((mem ? 0x40 : 0xc0) | reg << 3 | rm);
        if (mem) b(store || row.operands().startsWith("E,V") ? 0 : -1);
        // VREDUCE tells of a lost digit by the SDM, and never on AMD's CPUs: its immediate keeps that quiet here.
        int quiet = row.mnemonic().startsWith("VREDUCE") ? 8 : 0;
        if (row.operands().endsWith("Ib")) b(random.nextInt(256) | quiet);
        // The destination of a shift by an immediate is what vvvv names.
        int result = digit < 0 ? 3 : vvvv == 15 ? 0 : 1;
        if (toMask) b(0xc4, 0xe1, 0xf8, 0x91, 0x53, 0x60);
        else b(0x62, 0xf1, 0xfe, 0x48, 0x7f, 0x43 | result << 3, 0x01);
        if (numbers) b(0x0f, 0xae, 0x5b, 0xf0);
    }

    private static final long[] DOUBLES = {
        0,
        0x3ff0L << 48,
        0x7ff0L << 48,
        0x7ff8000000000123L,
        0x7ff0000000000456L,
        1,
        (1L << 52) - 1,
        1L << 52,
        0x7fefffffffffffffL,
        0x41e0L << 48,
        0x43e0L << 48,
        0x43f0L << 48,
        0x3fe0L << 48,
        0x4004L << 48,
        0x41f0L << 48
    };
    private static final int[] FLOATS = {
        0,
        0x3f800000,
        0x7f800000,
        0x7fc00123,
        0x7f800456,
        1,
        0x007fffff,
        0x00800000,
        0x7f7fffff,
        0x4f000000,
        0x4f800000,
        0x5f000000,
        0x5f800000,
        0x3f000000,
        0x40200000
    };

    private int single() {
        return FLOATS[random.nextInt(FLOATS.length)] | random.nextInt(2) << 31;
    }

    /** Numbers of all kinds for registers and memory, an MXCSR; the opmask stays as random as it was. */
    private void numbers() {
        for (int k = -128; k < 48; k += 8) {
            if (k == -8) continue;
            long v = switch (random.nextInt(8)) {
                case 0 -> DOUBLES[random.nextInt(DOUBLES.length)] | random.nextLong() << 63;
                case 1, 2 -> single() & 0xffffffffL | (long) single() << 32;
                case 3 -> Double.doubleToRawLongBits(random.nextGaussian() * 1000);
                case 4 -> Double.doubleToRawLongBits(random.nextInt(100) - 50);
                case 5 ->
                    Float.floatToRawIntBits((float) random.nextGaussian() * 100) & 0xffffffffL
                            | (long) Float.floatToRawIntBits(random.nextInt(100) - 50) << 32;
                case 6 -> random.nextLong() & 0x800fffffffffffffL | (long) random.nextInt(120) << 52;
                default -> random.nextLong();
            };
            word(BASE + k, v);
        }
        int modes =
                random.nextInt(3) == 0 ? random.nextInt(4) << 13 | random.nextInt(2) << 6 | random.nextInt(2) << 15 : 0;
        word(BASE + 48, 0x1f80 | modes | (random.nextBoolean() ? 0 : 0x20));
    }

    /** As {@link #evex}, with an index register of small numbers; the opmask goes to memory too. */
    private void gather(Row row) {
        undefined = 0;
        String[] words = row.encoding().split(" "), parts = words[0].split("\\.");
        boolean wideIndex = row.mnemonic().matches(".*(GATHER|SCATTER)Q.*");
        for (int k = 0; k < 8; k++)
            word(BASE - 64 + 8 * k, random.nextInt(8) - 4 | (wideIndex ? 0 : (random.nextInt(8) - 4L) << 32));
        for (int k = 0; k < 8 && !wideIndex; k++)
            word(BASE - 64 + 8 * k, (random.nextInt(8) - 4L) & 0xffffffffL | (random.nextInt(8) - 4L) << 32);
        // The opmask is the last word of the first register, which the index register does not use.
        b(0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x4b, 0xfe, 0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x53, 0xff);
        b(0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x5b, 0xfe, 0xc4, 0xe1, 0xf8, 0x90, 0x4b, 0x88);
        int vl = random.nextInt(3);
        b(0x62, 0xf0 | map(parts), w(parts, 0) << 7 | 15 << 3 | 4 | prefix(parts), vl << 5 | 8 | 1);
        b(Integer.parseInt(words[1], 16), 0x44 | 3 << 3, random.nextInt(4) << 6 | 2 << 3 | 3, random.nextInt(3) - 1);
        b(0x62, 0xf1, 0xfe, 0x48, 0x7f, 0x5b, 0x01, 0xc4, 0xe1, 0xf8, 0x91, 0x4b, 0x38);
    }

    /** Two opmask registers from the data, the instruction, then the first to memory. */
    private void opmask(Row row) {
        undefined = 0;
        String[] words = row.encoding().split(" "), parts = words[0].split("\\.");
        int opcode = Integer.parseInt(words[1], 16), w = w(parts, 0);
        boolean three = has(parts, "L1"),
                mem = has(words, "mem"),
                move = row.mnemonic().startsWith("KMOV");
        if (random.nextInt(4) == 0) word(BASE - 8, -1L >>> random.nextInt(64));
        b(0xc4, 0xe1, 0xf8, 0x90, 0x4b, 0xf8, 0xc4, 0xe1, 0xf8, 0x90, 0x53, 0xf0);
        b(0xc4, 0xe0 | map(parts), w << 7 | (three ? 0x6c : 0x78) | prefix(parts), opcode);
        int reg = !move || opcode == 0x90 || opcode == 0x92 ? 1 : opcode == 0x91 ? 2 : 0;
        if (mem) b(0x40 | reg << 3 | 3, 8 * random.nextInt(4));
        else b(0xc0 | reg << 3 | (opcode == 0x92 && move ? 0 : 2));
        if (row.operands().endsWith("Ib")) b(random.nextInt(random.nextBoolean() ? 70 : 256));
        b(0xc4, 0xe1, 0xf8, 0x91, 0x4b, 0x30);
    }

    /**
     * Three registers of the x87 FPU's stack as MMX registers 5 to 7, and XMM2, from the data; the instruction; then the status
     * word, the registers, the 80 bits of the destination, XMM2 and MXCSR to memory.
     */
    private void mmx(Row row) {
        undefined = 0;
        String[] words = row.encoding().split(" ");
        List<Integer> opcode = new java.util.ArrayList<>();
        int prefix = 0, digit = -1;
        for (String t : words) {
            if (t.matches("66|F3|F2") && opcode.isEmpty()) prefix = Integer.parseInt(t, 16);
            else if (t.matches("[0-9A-F]{2}")) opcode.add(Integer.parseInt(t, 16));
            else if (t.matches("/[0-7]")) digit = t.charAt(1) - '0';
        }
        for (int k = 0; k < 3; k++) word(BASE - 48 + 10 * k, value() | (random.nextInt(8) == 0 ? 0 : Long.MIN_VALUE));
        word(BASE - 56, 0x1f80 | (random.nextInt(3) == 0 ? random.nextInt(4) << 13 : 0));
        b(0xdb, 0xe3);
        for (int k = 0; k < 3; k++) b(0xdb, 0x6b, 0xd0 + 10 * k);
        b(0xf3, 0x0f, 0x6f, 0x53, 0x80, 0x0f, 0xae, 0x53, 0xc8);
        if (prefix != 0) b(prefix);
        boolean general = row.operands().matches("(.*,)?E(,.*)?"),
                wide = general && row.mnemonic().equals("MOVD") && random.nextBoolean();
        if (wide) b(0x48);
        for (int v : opcode) b(v);
        String[] operands = row.operands().split(",");
        boolean mem = !has(words, "reg") && (has(words, "mem") || random.nextBoolean());
        // Of operands in memory vendors differ: see MmxTable.
        if (row.mnemonic().equals("CVTPI2PS")) mem = false;
        int reg = 5 + random.nextInt(3), rm = 5 + random.nextInt(3), destination = digit >= 0 ? rm : reg;
        boolean store = opcode.getLast() == 0x7f || opcode.getLast() == 0x7e;
        if (store && opcode.getLast() == 0x7f && !mem) destination = rm;
        boolean first = row.operands().startsWith("V") || row.operands().startsWith("G");
        if (digit >= 0) reg = digit;
        else if (first) reg = 2;
        if (general || operands[operands.length - 1].equals("W") || operands[operands.length - 1].equals("U")) rm = 2;
        if (mem)
            b(0x40 | reg << 3 | 3, store || has(words, "mem") ? 8 * random.nextInt(4) : 16 * random.nextInt(8) - 64);
        else b(0xc0 | reg << 3 | rm);
        if (row.operands().endsWith("Ib")) b(random.nextInt(random.nextBoolean() ? 70 : 256));
        b(0xdd, 0x7b, 0x40, 0x0f, 0x7f, 0x6b, 0x48, 0x0f, 0x7f, 0x73, 0x50, 0x0f, 0x7f, 0x7b, 0x58);
        b(0xd9, 0xc8 | destination, 0xdb, 0x7b, 0x60, 0xf3, 0x0f, 0x7f, 0x53, 0x20, 0x0f, 0xae, 0x5b, 0x70);
    }

    /** Two numbers on the stack, the instruction, then the status word and what is on top. */
    private void x87(Row row) {
        double[] numbers = {0, -0.0, 1, -1.5, 1e10, -3e-300, 1e300, 0.1, 32767, -40000, Double.NaN, 1 / 0.0, 7e18};
        for (int k = 0; k < 2; k++)
            word(BASE - 48 + 8 * k, Double.doubleToRawLongBits(numbers[random.nextInt(numbers.length)]));
        word(BASE + 32, 0x037f | random.nextInt(4) << 10 | random.nextInt(4) << 8);
        // Doubles, or numbers of the extended format that no double is.
        boolean extended = random.nextBoolean();
        for (int k = 0; k < 2 && extended; k++) {
            int[] exponents = {0, 1, 2, 40, 16300, 16383, 16384, 16400, 16446, 16447, 16500, 32765, 32766, 32767};
            boolean integer = random.nextInt(8) != 0;
            word(BASE - 48 + 10 * k, value() & Long.MAX_VALUE | (integer ? Long.MIN_VALUE : 0));
            int high = random.nextInt(2) << 15 | exponents[random.nextInt(exponents.length)];
            data[128 - 40 + 10 * k] = (byte) high;
            data[128 - 39 + 10 * k] = (byte) (high >> 8);
        }
        b(0xdb, 0xe3);
        if (extended) b(0xdb, 0x6b, 0xd0, 0xdb, 0x6b, 0xda);
        else b(0xdd, 0x43, 0xd0, 0xdd, 0x43, 0xd8);
        b(0xd9, 0x6b, 0x20);
        int kept = at;
        encode(row);
        undefined = 0;
        // A control word from the data would unmask exceptions: WAIT would then raise them, natively by a signal.
        if (row.mnemonic().equals("FLDCW")) {
            at = kept;
            b(0xd9, 0x6b, 0x20);
        }
        b(0xdd, 0x7b, 0x40, 0xdb, 0x7b, 0x48, 0xdb, 0x7b, 0x58);
    }

    private void encode(Row row) {
        String[] words = row.encoding().split(" ");
        String operands = row.operands();
        if (words[0].startsWith("VEX")) {
            vex(row, words);
            return;
        }
        boolean branch =
                operands.startsWith("J") || List.of("JMP", "CALL", "RET").contains(row.mnemonic());
        boolean byteOperand = operands.startsWith("Eb") || operands.endsWith("Eb") && operands.startsWith("Gb");
        int pp = 0, digit = -1, mod = -1, rmField = -1, plus = -1;
        boolean slash = false, lockable = false;
        StringBuilder opcode = new StringBuilder();
        for (String w : words) {
            if (opcode.isEmpty() && words.length > 1 && w.matches("66|F3|F2")) pp = Integer.parseInt(w, 16);
            else if (w.matches("[0-9A-F]{2}\\+r")) {
                plus = random.nextInt(8);
                opcode.append(w, 0, 2);
            } else if (w.matches("[0-9A-F]{2}")) opcode.append(w);
            else if (w.equals("/r")) slash = true;
            else if (w.matches("/[0-7]")) digit = w.charAt(1) - '0';
            else if (w.equals("mem")) mod = 0;
            else if (w.equals("reg")) mod = 3;
            else if (w.matches("m[0-7]")) rmField = w.charAt(1) - '0';
            else if (w.equals("lock")) lockable = true;
        }
        boolean modrm = slash || digit >= 0 || mod >= 0;
        if (modrm && mod < 0) mod = random.nextBoolean() ? 3 : 1;
        if (opcode.toString().equals("0F0D")) mod = 1;
        boolean sized = !byteOperand && !branch && !row.mnemonic().startsWith("F");
        int size = !sized ? (byteOperand ? 1 : 4) : new int[] {2, 4, 8, 8, 4}[random.nextInt(5)];
        boolean stack = row.encoding().contains("d64");
        if (lockable && mod != 3 && random.nextBoolean()) b(0xf0);
        if (size == 2) b(0x66);
        boolean string = opcode.toString().matches("A[4-7AB]|A[C-F]") && !modrm;
        if (string && random.nextBoolean()) {
            b(random.nextBoolean() ? 0xf3 : 0xf2);
            gpr[1] = random.nextInt(6);
        }
        if (pp != 0) b(pp);
        int rex = !modrm || row.mnemonic().startsWith("F") || random.nextInt(3) == 0 ? 0 : 0x40 | random.nextInt(8);
        if (digit >= 0) rex &= ~4;
        if (mod != 3) rex &= ~1;
        if (size == 8) rex |= 0x48;
        if (rmField >= 0) rex = 0;
        if (rex != 0) b(rex);
        byte[] op = HexFormat.of().parseHex(opcode);
        boolean bswap =
                opcode.toString().matches("0FC[89A-F]") || opcode.toString().matches("9[1-7]");
        if (plus >= 0) {
            while (plus == 3 || plus == 4) plus = random.nextInt(8);
            op[op.length - 1] += (byte) plus;
        } else if (bswap && (op[op.length - 1] & 7) >= 3 && (op[op.length - 1] & 7) <= 4) {
            // RBX and RSP must stay: R11 and R12 instead.
            if (rex != 0) code[at - 1] |= 1;
            else b(0x41);
        }
        b2(op);
        int rm = 0, reg = digit;
        if (modrm) {
            if (digit < 0) reg = pick(rex, rex & 4);
            rm = rmField >= 0 ? rmField : mod == 3 ? pick(rex, rex & 1) : 3;
            if (row.mnemonic().startsWith("F") && mod == 3 && rmField < 0) rm = random.nextInt(3);
            b((mod == 3 ? 0xc0 : 0x40) | reg << 3 | rm);
            if (mod != 3)
                b(row.mnemonic().equals("CMPXCHG8B") ? 16 * (random.nextInt(6) - 3) : random.nextInt(120) - 60);
        }
        prepare(row, reg | (digit < 0 && (rex & 4) != 0 ? 8 : 0), rm | (rex & 1) << 3, mod, size);
        int immediate = 0;
        for (String o : operands.split(",")) {
            switch (o) {
                case "Ib", "Ub" -> {
                    // 16-bit SHLD by more than 16 is undefined.
                    immediate =
                            row.mnemonic().startsWith("SH") && row.operands().startsWith("Ev,Gv") && size == 2
                                    ? random.nextInt(17)
                                    : random.nextInt(256);
                    b(row.mnemonic().equals("ENTER") ? random.nextInt(4) : immediate);
                }
                case "Jb" -> b(random.nextInt(2));
                case "Jz" -> b(random.nextInt(2), 0, 0, 0);
                case "Iw" -> b(8 * random.nextInt(4), 0);
                case "Iz" -> imm(Math.min(size, 4));
                case "Iv" -> imm(size);
                case "Ob", "Ov" -> address();
                default -> {}
            }
        }
        if (branch) b(0xf5, 0xf9);
        undefined(row, size, immediate);
        target();
    }

    private int targetRegister = -1;
    private long targetWord = -1;

    /** What the instruction needs to run in this little world. */
    private void prepare(Row row, int reg, int rm, int mod, int size) {
        targetRegister = -1;
        targetWord = -1;
        String name = row.mnemonic();
        boolean indirect = row.encoding().startsWith("FF /4") || row.encoding().startsWith("FF /2");
        if (indirect && mod == 3) targetRegister = rm;
        if (indirect && mod != 3) targetWord = BASE + code[at - 1];
        if (name.equals("RET")) targetWord = BASE;
        if (name.equals("POPF")) word(BASE, random.nextInt() & 0xcd5 | 0x202);
        if (name.startsWith("BT") && row.operands().equals("Ev,Gv") && mod != 3) {
            gpr[reg] = random.nextInt(512) - 256;
            if (reg == 3 || reg == 4) gpr[reg] = BASE;
        }
        if (name.endsWith("DIV") && random.nextInt(4) != 0) {
            gpr[0] &= 0xff;
            gpr[2] = 0;
        }
        boolean byCl = name.startsWith("SH") && row.operands().equals("Ev,Gv,CL");
        if (byCl && size == 2) gpr[1] = random.nextInt(17);
        if (row.operands().startsWith("LOOP") || name.startsWith("LOOP") || name.startsWith("Jr"))
            gpr[1] = random.nextInt(3);
    }

    /** Branch targets that come from a register or memory: the instruction after the branch. */
    private void target() {
        if (targetRegister >= 0) gpr[targetRegister] = CODE + at - random.nextInt(2);
        if (targetWord >= 0) word(targetWord, CODE + at - random.nextInt(2));
    }

    private void undefined(Row row, int size, int immediate) {
        undefined = UNDEFINED.getOrDefault(row.mnemonic(), 0);
        boolean one = row.encoding().startsWith("D0") || row.encoding().startsWith("D1");
        switch (row.mnemonic()) {
            case "ROL", "ROR", "RCL", "RCR" -> undefined = one ? 0 : OF;
            case "SHL", "SHR", "SAL", "SAR" -> undefined = one ? AF : AF | OF | (size < 4 ? CF : 0);
            default -> {}
        }
    }

    private void vex(Row row, String[] words) {
        int map = 2, pp = 0, digit = -1;
        for (String p : words[0].split("\\.")) {
            switch (p) {
                case "0F38" -> map = 2;
                case "0F3A" -> map = 3;
                case "66" -> pp = 1;
                case "F3" -> pp = 2;
                case "F2" -> pp = 3;
                default -> {}
            }
        }
        if (words[2].matches("/[0-7]")) digit = words[2].charAt(1) - '0';
        int w = random.nextInt(2), vvvv = row.mnemonic().equals("RORX") ? 0 : pick(0x48, 0);
        b(0xc4, 0xe0 | map, w << 7 | (~vvvv & 15) << 3 | pp, Integer.parseInt(words[1], 16));
        int reg = digit >= 0 ? digit : pick(0x48, 0);
        if (random.nextInt(3) == 0) b(0x40 | reg << 3 | 3, random.nextInt(100) - 50);
        else b(0xc0 | reg << 3 | pick(0x48, 0));
        if (row.operands().endsWith("Ib")) b(random.nextInt(256));
        undefined(row, w == 1 ? 8 : 4, 0);
    }

    private void b2(byte[] bytes) {
        for (byte v : bytes) b(v);
    }

    private void imm(int n) {
        for (int i = 0; i < n; i++) b(random.nextInt(256));
    }

    private void address() {
        long a = BASE + random.nextInt(100) - 50;
        for (int i = 0; i < 8; i++) b((int) (a >>> 8 * i));
    }

    /** A register field that names neither RBX nor RSP, nor a part of them. */
    private int pick(int rex, int extended) {
        for (; ; ) {
            int r = random.nextInt(8);
            if (extended != 0 || r != 3 && r != 4 && r != 7) return r;
            if (r == 4 && rex == 0 && random.nextBoolean()) continue;
            if (r == 7 && rex != 0) return r;
        }
    }
}
