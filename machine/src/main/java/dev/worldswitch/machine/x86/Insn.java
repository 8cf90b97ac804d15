package dev.worldswitch.machine.x86;

import org.jspecify.annotations.Nullable;

/** A decoded instruction: prefixes, opcode, ModRM, immediates. Registers are numbered 0 to 15 (0 to 31 with EVEX). */
public final class Insn {
    public static final int NONE = 0, VEX = 1, EVEX = 2;

    public long ip;
    public int length;
    /** 16, 32 or 64: the code segment's size. */
    public int code;

    /** Opcode map: 0 one-byte, 1 0F, 2 0F 38, 3 0F 3A (and EVEX maps 5, 6). */
    public int map;

    public int opcode;
    public boolean prefix66, prefix67, lock, repF3, repF2;
    /** Last of F3 (2) and F2 (3), else 66 (1), else 0; VEX.pp has the same numbers. */
    public int pp;

    public int segOverride = -1;
    public int rex;
    public boolean rexPresent;
    /** {@link #NONE}, {@link #VEX} or {@link #EVEX}. */
    public int vex;
    /** VEX.vvvv (EVEX.V'vvvv), the vector length as 0 (128), 1 (256), 2 (512), EVEX.z, EVEX.b, EVEX.aaa. */
    public int vvvv, vl;

    public boolean w, z, b;
    public int aaa;

    public boolean hasModrm;
    public int mod, reg, rm;
    /** ModRM.reg without extension bits: the /digit. */
    public int digit;

    /** The memory operand, when mod is not 3. */
    public @Nullable Ea ea;

    /** A memory operand whose index is a vector register (VSIB, {@code X} in a row): the register, or -1, and the scale. */
    public int vectorIndex = -1, vectorScale;

    public long imm;
    public int imm2;
    /** Operand size in bytes (2, 4, 8), address size likewise. */
    public int opsize, addrSize;

    public final byte[] bytes = new byte[15];
    public @Nullable Row row;

    public boolean isMem() {
        return hasModrm && mod != 3;
    }

    /** A string instruction with a REP prefix. */
    public boolean repeats() {
        return (repF3 || repF2) && string();
    }

    /** INS, OUTS, MOVS, CMPS, STOS, LODS, SCAS. */
    public boolean string() {
        boolean string = opcode >= 0x6c && opcode <= 0x6f || opcode >= 0xa4 && opcode <= 0xaf && (opcode & ~1) != 0xa8;
        return map == 0 && vex == NONE && string;
    }

    public boolean is64() {
        return code == 64;
    }

    /** The memory operand; only for {@link #isMem}. */
    public Ea mem() {
        Ea e = ea;
        if (e == null) throw new IllegalStateException("no memory operand");
        return e;
    }

    /** Register number for an operand of {@code size} bytes: AH, CH, DH, BH are 16 to 19. */
    public int gpr(int number, int size) {
        return size == 1 && !rexPresent && vex == NONE && number >= 4 && number < 8 ? number + 12 : number;
    }

    public Row row() {
        Row r = row;
        if (r == null) throw new IllegalStateException("no row");
        return r;
    }
}
