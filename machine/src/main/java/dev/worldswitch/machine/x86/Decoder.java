package dev.worldswitch.machine.x86;

/** Takes instruction bytes apart (SDM vol. 2, chapter 2) and finds the row of the operand table. */
final class Decoder {
    /** Where the bytes come from; may throw a {@link Signal}. */
    interface Bytes {
        int at(int offset);
    }

    private final Bytes in;
    private int at;
    private Insn i = new Insn();

    Decoder(Bytes in) {
        this.in = in;
    }

    /** Opcodes that no x86-64 CPU defines, as map * 256 + opcode (SDM vol. 2, appendix A; blanks of tables ). */
    private static boolean undefined(Insn i) {
        if (i.vex != Insn.NONE) return false;
        if (i.map == 0)
            return switch (i.opcode) {
                case 0x06,
                        0x07,
                        0x0e,
                        0x16,
                        0x17,
                        0x1e,
                        0x1f,
                        0x27,
                        0x2f,
                        0x37,
                        0x3f,
                        0x60,
                        0x61,
                        0x82,
                        0x9a,
                        0xce,
                        0xd4,
                        0xd5,
                        0xd6,
                        0xea -> i.is64();
                case 0xfe, 0xff, 0x8f, 0xc6, 0xc7, 0x8c, 0x8d, 0x8e -> true;
                default -> false;
            };
        if (i.map == 1)
            return switch (i.opcode) {
                // EMMS has no prefix.
                case 0x37,
                        0x77,
                        0x78,
                        0x79,
                        0x04,
                        0x0a,
                        0x0b,
                        0x0c,
                        0x0f,
                        0x24,
                        0x25,
                        0x26,
                        0x27,
                        0x36,
                        0x39,
                        0x3b,
                        0x3c,
                        0x3d,
                        0x3e,
                        0x3f,
                        0x7a,
                        0x7b,
                        0xa6,
                        0xa7,
                        0xb9,
                        0xff,
                        0xba,
                        0x01,
                        0x00,
                        0x20,
                        0x21,
                        0x22,
                        0x23 -> true;
                // RDRAND and RDSEED exist.
                case 0xc7 -> i.mod != 3 || i.digit < 6;
                default -> false;
            };
        return false;
    }

    /** The instruction at {@code ip}; its row is null when there is none. */
    Insn decode(long ip, int code) {
        i = new Insn();
        i.ip = ip;
        i.code = code;
        at = 0;
        int op = prefixes();
        if (op == 0x0f) {
            i.map = 1;
            op = next();
            if (op == 0x38 || op == 0x3a) {
                i.map = op == 0x38 ? 2 : 3;
                op = next();
            }
        } else if ((op == 0xc4 || op == 0xc5) && (i.is64() || peek() >= 0xc0)) op = vex(op);
        else if (op == 0x62 && (i.is64() || peek() >= 0xc0)) op = evex();
        i.opcode = op;
        if (i.vex == Insn.NONE) i.pp = i.repF3 || i.repF2 ? i.pp : i.prefix66 ? 1 : 0;
        i.addrSize = i.code == 64 ? (i.prefix67 ? 4 : 8) : (i.code == 32) != i.prefix67 ? 4 : 2;
        OpTable.Entry[] rows = OpTable.candidates(i.vex, i.map, op);
        if (rows == null) {
            i.length = at;
            return i;
        }
        long disp = 0;
        if (rows[0].modrm()) disp = modrm();
        OpTable.Entry hit = null;
        for (OpTable.Entry e : rows)
            if (e.fits(i)) {
                hit = e;
                break;
            }
        i.opsize = opsize(hit != null && hit.d64());
        if (hit != null && (!i.lock || hit.lock() && i.isMem())) {
            i.row = hit.row();
            immediates(hit.row().operands());
        }
        i.length = at;
        if (i.isMem()) memory(disp);
        return i;
    }

    /** True when this instruction is one that raises #UD, not one that this machine lacks. */
    static boolean isUndefined(Insn i) {
        if (i.lock && OpTable.candidates(i.vex, i.map, i.opcode) != null) return true;
        return undefined(i);
    }

    private int prefixes() {
        for (; ; ) {
            int b = next();
            switch (b) {
                case 0x66 -> i.prefix66 = true;
                case 0x67 -> i.prefix67 = true;
                case 0xf0 -> i.lock = true;
                case 0xf2 -> {
                    i.repF2 = true;
                    i.repF3 = false;
                    i.pp = 3;
                }
                case 0xf3 -> {
                    i.repF3 = true;
                    i.repF2 = false;
                    i.pp = 2;
                }
                case 0x26, 0x2e, 0x36, 0x3e -> {
                    if (!i.is64() || i.segOverride < 4) i.segOverride = b >> 3 & 3;
                }
                case 0x64, 0x65 -> i.segOverride = b - 0x60;
                default -> {
                    if (i.is64() && (b & 0xf0) == 0x40) {
                        i.rex = b;
                        i.rexPresent = true;
                        i.w = (b & 8) != 0;
                        b = next();
                        // A REX prefix counts only directly before the opcode.
                        if (isPrefix(b)) {
                            i.rex = 0;
                            i.rexPresent = false;
                            i.w = false;
                            at--;
                            continue;
                        }
                    }
                    return b;
                }
            }
        }
    }

    private static boolean isPrefix(int b) {
        return switch (b) {
            case 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 -> true;
            default -> (b & 0xf0) == 0x40;
        };
    }

    private int vex(int op) {
        i.vex = Insn.VEX;
        int p = next();
        i.rex = (p & 0x80) == 0 ? 4 : 0;
        i.map = 1;
        if (op == 0xc4) {
            i.rex |= (p & 0x40) == 0 ? 2 : 0;
            i.rex |= (p & 0x20) == 0 ? 1 : 0;
            i.map = p & 7;
            p = next();
            i.w = (p & 0x80) != 0;
        }
        if (!i.is64()) i.rex = 0;
        i.vvvv = ~p >> 3 & (i.is64() ? 15 : 7);
        i.vl = p >> 2 & 1;
        i.pp = p & 3;
        return next();
    }

    private int evex() {
        i.vex = Insn.EVEX;
        int p0 = next(), p1 = next(), p2 = next();
        i.map = p0 & 7;
        i.rex = (~p0 >> 7 & 1) << 2 | (~p0 >> 6 & 1) << 1 | ~p0 >> 5 & 1;
        evexR = (~p0 >> 4 & 1) << 4;
        evexX = (~p0 >> 6 & 1) << 4;
        i.w = (p1 & 0x80) != 0;
        i.pp = p1 & 3;
        i.vvvv = ~p1 >> 3 & 15 | (~p2 >> 3 & 1) << 4;
        i.z = (p2 & 0x80) != 0;
        i.vl = p2 >> 5 & 3;
        i.b = (p2 & 0x10) != 0;
        i.aaa = p2 & 7;
        return next();
    }

    private int evexR, evexX, base, index, scale;
    /** The index field of a SIB byte as the number of a vector register; -1 without such a byte. */
    private int vector;

    private long modrm() {
        int m = next();
        vector = -1;
        i.hasModrm = true;
        i.mod = m >> 6;
        i.digit = m >> 3 & 7;
        i.reg = i.digit | (i.rex & 4) << 1 | (i.vex == Insn.EVEX ? evexR : 0);
        i.rm = m & 7 | (i.rex & 1) << 3;
        if (i.mod == 3) {
            if (i.vex == Insn.EVEX) i.rm |= evexX;
            return 0;
        }
        return i.addrSize == 2 ? modrm16(m & 7) : modrm32(m & 7);
    }

    private long modrm16(int rm) {
        base = rm < 2 || rm == 7 ? 3 : rm == 2 || rm == 3 ? 5 : rm == 4 ? 6 : rm == 5 ? 7 : 5;
        index = rm < 4 ? 6 + (rm & 1) : -1;
        scale = 0;
        if (rm == 6 && i.mod == 0) {
            base = -1;
            return signedBytes(2);
        }
        return i.mod == 0 ? 0 : signedBytes(i.mod == 1 ? 1 : 2);
    }

    private long modrm32(int rm) {
        base = rm | (i.rex & 1) << 3;
        index = -1;
        scale = 0;
        int disp = i.mod == 1 ? 1 : i.mod == 2 ? 4 : 0;
        if (rm == 4) {
            int sib = next();
            index = sib >> 3 & 7 | (i.rex & 2) << 2;
            vector = index | (i.vex == Insn.EVEX ? i.vvvv & 16 : 0);
            if (index == 4) index = -1;
            scale = sib >> 6;
            base = sib & 7 | (i.rex & 1) << 3;
            if ((sib & 7) == 5 && i.mod == 0) {
                base = -1;
                disp = 4;
            }
        } else if (rm == 5 && i.mod == 0) {
            base = i.is64() ? -2 : -1;
            disp = 4;
        }
        return disp == 0 ? 0 : signedBytes(disp);
    }

    private void memory(long disp) {
        int seg = i.segOverride;
        if (i.row != null && i.row.operands().endsWith("X")) {
            i.vectorIndex = vector;
            i.vectorScale = scale;
            index = -1;
        }
        if (seg < 0) seg = base == 4 || base == 5 ? X86State.SS : X86State.DS;
        long d = base == -2 ? disp + i.ip + i.length : disp;
        i.ea = new Ea(Math.max(base, -1), index, scale, d, i.addrSize, seg, i.is64());
    }

    private int opsize(boolean d64) {
        if (i.is64()) return i.w ? 8 : i.prefix66 ? 2 : d64 ? 8 : 4;
        return (i.code == 32) != i.prefix66 ? 4 : 2;
    }

    private void immediates(String operands) {
        for (String o : operands.split(",")) {
            switch (o) {
                case "Ib", "Jb", "Lx" -> i.imm = signedBytes(1);
                case "Ub" -> i.imm2 = next();
                case "Iw" -> i.imm = unsignedBytes(2);
                case "Iz" -> i.imm = signedBytes(Math.min(i.opsize, 4));
                case "Jz" -> i.imm = signedBytes(i.is64() ? 4 : Math.min(i.opsize, 4));
                case "Iv" -> i.imm = i.opsize == 8 ? unsignedBytes(8) : signedBytes(i.opsize);
                case "Ob", "Ov" -> {
                    long off = unsignedBytes(i.addrSize);
                    i.ea = new Ea(
                            -1, -1, 0, off, i.addrSize, i.segOverride < 0 ? X86State.DS : i.segOverride, i.is64());
                }
                case "Ap" -> {
                    i.imm = unsignedBytes(i.opsize);
                    i.imm2 = (int) unsignedBytes(2);
                }
                default -> {}
            }
        }
    }

    private int peek() {
        return at > 14 ? 0 : in.at(at);
    }

    private int next() {
        if (at >= 15) throw new TooLong();
        int b = in.at(at);
        i.bytes[at++] = (byte) b;
        return b;
    }

    private long unsignedBytes(int n) {
        long v = 0;
        for (int k = 0; k < n; k++) v |= (long) next() << 8 * k;
        return v;
    }

    private long signedBytes(int n) {
        return Flags.signed(unsignedBytes(n), n);
    }

    /** More than 15 bytes: #GP(0). */
    static final class TooLong extends RuntimeException {
        private static final long serialVersionUID = 1;

        TooLong() {
            super(null, null, false, false);
        }
    }
}
