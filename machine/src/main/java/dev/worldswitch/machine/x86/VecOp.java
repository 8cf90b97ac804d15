package dev.worldswitch.machine.x86;

/**
 * Base of the operations on vector registers: the checks that come before them, the register file's positions, reading
 * an operand. SDM vol. 1 ch. 13 and vol. 2, 2.4 (exception classes of VEX instructions).
 */
abstract class VecOp extends Op {
    static final int XMM = XsaveLayout.XMM0 / 8, YMM_HI = XsaveLayout.LEGACY_AND_HEADER / 8;
    static final int BV = XsaveInstructions.BV;
    private static final int XM = 19, SSE3 = 1, SSSE3 = 1 << 9, SSE41 = 1 << 19, SSE42 = 1 << 20;
    private static final int PCLMUL = 2, AES = 1 << 25;

    /** The destination, the first and the second source; lanes of 128 bits; the memory operand needs alignment. */
    final int dst, a, b, lanes;

    final boolean vex;
    /** CPUID 1 ecx bits without which the instruction is #UD. */
    private final int needs;

    private final boolean aligned;

    /** {@code dst = a op b} as ModRM.reg, VEX.vvvv (or ModRM.reg), ModRM.rm. */
    VecOp(Insn i, boolean alignedInSse) {
        this(i, i.reg, i.vex == Insn.VEX ? i.vvvv : i.reg, i.rm, alignedInSse);
    }

    VecOp(Insn i, int dst, int a, int b, boolean aligned) {
        this.dst = dst;
        this.a = a;
        this.b = b;
        this.vex = i.vex == Insn.VEX;
        this.needs = vex ? 0 : needs(i);
        this.lanes = vex && i.vl == 1 ? 2 : 1;
        this.aligned = aligned;
        this.ea = i.isMem() ? i.mem() : null;
    }

    final void check(Interpreter m) {
        if (vex) avx(m);
        else {
            if (needs != 0 && (m.cpu.profile().leaf1Ecx() & needs) == 0) throw m.ud();
            sse(m);
        }
    }

    /** The extension that a legacy encoding came with: SDM vol. 1, 5.7 to 5.11. VEX forms come with XCR0[2]. */
    private static int needs(Insn i) {
        if (i.map == 1) {
            boolean duplicate = i.opcode == 0x12 && i.pp >= 2 || i.opcode == 0x16 && i.pp == 2;
            boolean sse3 = duplicate || i.opcode == 0x7c || i.opcode == 0x7d || i.opcode == 0xd0 || i.opcode == 0xf0;
            return sse3 ? SSE3 : 0;
        }
        if (i.map == 2 && i.opcode == 0x37 || i.map == 3 && i.opcode >= 0x60 && i.opcode <= 0x63) return SSE42;
        if (i.map == 3 && i.opcode == 0x44) return PCLMUL;
        if (i.map == 2 && i.opcode >= 0xdb && i.opcode <= 0xdf || i.map == 3 && i.opcode == 0xdf) return AES;
        // SHA and GFNI have bits of leaf 7, which their operations look at.
        if (i.opcode >= 0xc8 && i.opcode <= 0xcf) return 0;
        boolean ssse3 = i.map == 2 && (i.opcode < 0x10 || i.opcode >= 0x1c && i.opcode < 0x20);
        return ssse3 || i.map == 3 && i.opcode == 0x0f ? SSSE3 : SSE41;
    }

    static void sse(Interpreter m) {
        long cr0 = m.state.cr.get(0);
        if ((cr0 & X86State.CR0_EM) != 0 || (m.state.cr.get(4) & X86State.CR4_OSFXSR) == 0) throw m.ud();
        if ((cr0 & X86State.CR0_TS) != 0) throw m.nm();
    }

    static void avx(Interpreter m) {
        boolean enabled =
                (m.state.cr.get(4) & X86State.CR4_OSXSAVE) != 0 && (m.cpu.xcr0().get() & 6) == 6;
        if (!enabled || !protectedMode(m)) throw m.ud();
        if ((m.state.cr.get(0) & X86State.CR0_TS) != 0) throw m.nm();
    }

    static boolean protectedMode(Interpreter m) {
        return (m.state.cr.get(0) & X86State.CR0_PE) != 0 && (m.sys & X86State.VM) == 0;
    }

    static void x87(Interpreter m) {
        if ((m.state.cr.get(0) & (X86State.CR0_EM | X86State.CR0_TS)) != 0) throw m.nm();
    }

    /** Linear address of the memory operand of {@code bytes} bytes, alignment checked. */
    final long address(Interpreter m, int bytes, boolean write) {
        long la = m.linear(ea(), bytes, write);
        if (aligned && (la & bytes - 1) != 0) throw m.gp(0);
        return la;
    }

    /** A register's words into {@code to}. */
    final void read(long[] fp, int reg, long[] to) {
        to[0] = fp[XMM + 2 * reg];
        to[1] = fp[XMM + 2 * reg + 1];
        if (lanes == 2) {
            to[2] = fp[YMM_HI + 2 * reg];
            to[3] = fp[YMM_HI + 2 * reg + 1];
        }
    }

    /** Writes a register; VEX forms clear what lies above. */
    final void write(Interpreter m, int reg, long w0, long w1, long w2, long w3) {
        long[] fp = m.fp;
        fp[XMM + 2 * reg] = w0;
        fp[XMM + 2 * reg + 1] = w1;
        fp[BV] |= 2;
        if (!vex) return;
        if (lanes == 2) {
            fp[YMM_HI + 2 * reg] = w2;
            fp[YMM_HI + 2 * reg + 1] = w3;
            fp[BV] |= 4;
        } else clearYmmHigh(fp, reg);
        clearZmmHigh(m, reg);
    }

    /** Legacy and VEX.128 writes of one lane: {@link #write} for the low lane whatever the length. */
    final void writeLow(Interpreter m, int reg, long w0, long w1) {
        long[] fp = m.fp;
        fp[XMM + 2 * reg] = w0;
        fp[XMM + 2 * reg + 1] = w1;
        fp[BV] |= 2;
        if (!vex) return;
        clearYmmHigh(fp, reg);
        clearZmmHigh(m, reg);
    }

    private static void clearYmmHigh(long[] fp, int reg) {
        if ((fp[BV] & 4) == 0) return;
        fp[YMM_HI + 2 * reg] = 0;
        fp[YMM_HI + 2 * reg + 1] = 0;
    }

    static void clearZmmHigh(Interpreter m, int reg) {
        if ((m.fp[BV] >> XsaveLayout.ZMM_HI256 & 1) == 0) return;
        int at = m.cpu.xsave().layout().component(XsaveLayout.ZMM_HI256).offset() / 8 + 4 * reg;
        java.util.Arrays.fill(m.fp, at, at + 4, 0);
    }

    /** Records SIMD exception flags; an unmasked one raises #XM (or #UD without CR4.OSXMMEXCPT), flags recorded. */
    static void raise(Interpreter m, int flags) {
        if (flags == 0) return;
        int old = XsaveInstructions.mxcsr(m.fp);
        if ((old & flags) != flags) XsaveInstructions.setMxcsr(m.fp, old | flags);
        if ((flags & ~(old >> 7) & 0x3f) == 0) return;
        throw (m.state.cr.get(4) & X86State.CR4_OSXMMEXCPT) != 0 ? m.fault(XM) : m.ud();
    }
}
