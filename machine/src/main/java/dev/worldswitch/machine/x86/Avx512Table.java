package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/**
 * The AVX-512 instructions that a guest needs to fill and read its state: unmasked whole-register moves and logic of 128,
 * 256 and 512 bits, and moves of opmask registers. Not there: masking, broadcasting, all other EVEX instructions. SDM
 * vol. 2, 2.7.
 */
final class Avx512Table implements OpTableSource {
    private static final long COMPONENTS = 0xe6;
    private final List<Row> rows = new ArrayList<>();

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) {
            moves();
            logic();
            masks();
        }
        return rows;
    }

    private void row(String name, String encoding, String operands, Row.Maker maker) {
        rows.add(new Row(name, encoding, operands, maker, "SDM vol. 2 " + name));
    }

    static void check(Interpreter m) {
        boolean on =
                (m.state.cr.get(4) & X86State.CR4_OSXSAVE) != 0 && (m.cpu.xcr0().get() & COMPONENTS) == COMPONENTS;
        if (!on || !VecOp.protectedMode(m)) throw m.ud();
        if ((m.state.cr.get(0) & X86State.CR0_TS) != 0) throw m.nm();
    }

    private static int word(Interpreter m, int component) {
        return m.cpu.xsave().layout().component(component).offset() / 8;
    }

    /** Unmasked {@code reg = f(vvvv, rm)}, or {@code rm = reg} for {@code store}. */
    static final class Evex extends Op {
        private final SseOps.Lane f;
        private final boolean store, aligned;
        private final int reg, first, rm, words;

        private Evex(Insn i, SseOps.Lane f, boolean store, boolean aligned) {
            this.f = f;
            this.store = store;
            this.aligned = aligned;
            this.reg = i.reg;
            this.first = i.vvvv;
            this.rm = i.rm;
            this.words = 2 << i.vl;
            // An 8-bit displacement counts whole operands.
            if (i.isMem()) this.ea = i.mod == 1 ? i.mem().plus(i.mem().disp * (8L * words - 1)) : i.mem();
        }

        /** Masked, broadcast and reserved forms are not implemented, and say so when they are executed. */
        static Op of(Insn i, SseOps.Lane f, boolean store, boolean aligned) {
            if (i.aaa != 0 || i.b || i.z || i.vl > 2) return new SystemOps.Unimplemented();
            return new Evex(i, f, store, aligned);
        }

        @Override
        public void exec(Interpreter m) {
            check(m);
            long[] v = new long[8];
            if (store) {
                read(m, reg, v);
                if (ea != null) m.store(address(m, true), 8 * words, v, 0);
                else write(m, rm, v);
                return;
            }
            if (ea != null) m.load(address(m, false), 8 * words, v, 0);
            else read(m, rm, v);
            long[] a = new long[8];
            read(m, first, a);
            for (int k = 0; k < words; k++) v[k] = f.of(a[k], v[k]);
            write(m, reg, v);
        }

        private long address(Interpreter m, boolean write) {
            long la = m.linear(ea(), 8 * words, write);
            if (aligned && (la & 8L * words - 1) != 0) throw m.gp(0);
            return la;
        }

        private static void read(Interpreter m, int r, long[] to) {
            long[] fp = m.fp;
            if (r >= 16) {
                System.arraycopy(fp, word(m, XsaveLayout.HI16_ZMM) + 8 * (r - 16), to, 0, 8);
                return;
            }
            System.arraycopy(fp, VecOp.XMM + 2 * r, to, 0, 2);
            System.arraycopy(fp, VecOp.YMM_HI + 2 * r, to, 2, 2);
            System.arraycopy(fp, word(m, XsaveLayout.ZMM_HI256) + 4 * r, to, 4, 4);
        }

        /** Words from {@link #words} on become zero; a component is in use once something but zero is in it. */
        private void write(Interpreter m, int r, long[] v) {
            for (int k = words; k < 8; k++) v[k] = 0;
            long[] fp = m.fp;
            if (r >= 16) {
                System.arraycopy(v, 0, fp, word(m, XsaveLayout.HI16_ZMM) + 8 * (r - 16), 8);
                fp[VecOp.BV] |= 1L << XsaveLayout.HI16_ZMM;
                return;
            }
            System.arraycopy(v, 0, fp, VecOp.XMM + 2 * r, 2);
            System.arraycopy(v, 2, fp, VecOp.YMM_HI + 2 * r, 2);
            System.arraycopy(v, 4, fp, word(m, XsaveLayout.ZMM_HI256) + 4 * r, 4);
            fp[VecOp.BV] |= 2 | (words > 2 ? 4 : 0) | (words > 4 ? 1L << XsaveLayout.ZMM_HI256 : 0);
        }
    }

    private void move(String name, String prefix, String w, String load, String store, boolean aligned) {
        String e = "EVEX." + prefix + ".0F." + w + " ";
        row(name, e + load + " /r", "V,W", i -> Evex.of(i, SsePacked::second, false, aligned));
        row(name, e + store + " /r", "W,V", i -> Evex.of(i, SsePacked::second, true, aligned));
    }

    private void moves() {
        move("VMOVDQU32", "F3", "W0", "6F", "7F", false);
        move("VMOVDQU64", "F3", "W1", "6F", "7F", false);
        move("VMOVDQU8", "F2", "W0", "6F", "7F", false);
        move("VMOVDQU16", "F2", "W1", "6F", "7F", false);
        move("VMOVDQA32", "66", "W0", "6F", "7F", true);
        move("VMOVDQA64", "66", "W1", "6F", "7F", true);
        move("VMOVUPS", "NP", "W0", "10", "11", false);
        move("VMOVUPD", "66", "W1", "10", "11", false);
        move("VMOVAPS", "NP", "W0", "28", "29", true);
        move("VMOVAPD", "66", "W1", "28", "29", true);
    }

    private void logic(String name, String op, SseOps.Lane f) {
        for (String w : new String[] {"W0", "W1"})
            row(
                    name + (w.equals("W0") ? "D" : "Q"),
                    "EVEX.66.0F." + w + " " + op + " /r",
                    "V,W",
                    i -> Evex.of(i, f, false, false));
    }

    private void logic() {
        logic("VPAND", "DB", SsePacked::and);
        logic("VPANDN", "DF", SsePacked::andn);
        logic("VPOR", "EB", SsePacked::or);
        logic("VPXOR", "EF", SsePacked::xor);
        row("VPADDD", "EVEX.66.0F.W0 FE /r", "V,W", i -> Evex.of(i, SsePacked::padd32, false, false));
        row("VPADDQ", "EVEX.66.0F.W1 D4 /r", "V,W", i -> Evex.of(i, SsePacked::padd64, false, false));
    }

    // KMOVB, KMOVW, KMOVD, KMOVQ.

    private void masks() {
        mask("KMOVB", 1, "66", "W0", "66", "W0");
        mask("KMOVW", 2, "NP", "W0", "NP", "W0");
        mask("KMOVD", 4, "66", "W1", "F2", "W0");
        mask("KMOVQ", 8, "NP", "W1", "F2", "W1");
    }

    private void mask(String name, int bytes, String pp, String w, String gprPp, String gprW) {
        String mem = "VEX.L0." + pp + ".0F." + w + " ", gpr = "VEX.L0." + gprPp + ".0F." + gprW + " ";
        kmov(name, mem + "90 /r mem", (m, i, op) -> set(m, i.reg, m.ld(m.linear(op.ea(), bytes, false), bytes)));
        kmov(name, mem + "90 /r reg", (m, i, op) -> set(m, i.reg, get(m, i.rm) & mask(bytes)));
        kmov(name, mem + "91 /r mem", (m, i, op) -> m.st(m.linear(op.ea(), bytes, true), bytes, get(m, i.reg)));
        kmov(name, gpr + "92 /r reg", (m, i, op) -> set(m, i.reg, m.reg(i.rm, 8) & mask(bytes)));
        kmov(name, gpr + "93 /r reg", (m, i, op) -> m.setReg(i.reg, 8, get(m, i.rm) & mask(bytes)));
    }

    private interface MaskAction {
        void run(Interpreter m, Insn i, Op op);
    }

    private void kmov(String name, String encoding, MaskAction a) {
        row(
                name,
                encoding,
                "G,E",
                i -> new XsaveTable.Simple(i, (m, op) -> {
                    check(m);
                    a.run(m, op.insn(), op);
                }));
    }

    private static long mask(int bytes) {
        return bytes == 8 ? -1 : (1L << 8 * bytes) - 1;
    }

    private static long get(Interpreter m, int k) {
        return m.fp[word(m, XsaveLayout.OPMASK) + (k & 7)];
    }

    private static void set(Interpreter m, int k, long v) {
        m.fp[word(m, XsaveLayout.OPMASK) + (k & 7)] = v;
        m.fp[VecOp.BV] |= 1L << XsaveLayout.OPMASK;
    }
}
