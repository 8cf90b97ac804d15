package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/** Rows of the XSAVE family, FXSAVE, MXCSR and AMX. Rules: SDM vol. 1 ch. 13 and 18, vol. 2. */
final class XsaveTable implements OpTableSource {
    private static final int XSAVEOPT = 1, XSAVEC = 2, XGETBV1 = 4, XSAVES = 8;
    private final List<Row> rows = new ArrayList<>();

    interface Action {
        void run(Interpreter m, Simple op);
    }

    /** An operation given by a lambda. */
    static final class Simple extends Op {
        private final Action action;

        Simple(Insn i, Action action) {
            this.action = action;
            this.ea = i.isMem() ? i.mem() : null;
        }

        @Override
        public void exec(Interpreter m) {
            action.run(m, this);
        }
    }

    private void row(String name, String encoding, String operands, Action a) {
        rows.add(new Row(name, encoding, operands, i -> new Simple(i, a), "SDM vol. 2 " + name));
    }

    @Override
    public List<Row> rows() {
        if (rows.isEmpty()) {
            fxsave();
            xsave();
            amx();
        }
        return rows;
    }

    /** The operand as an area: each access at its own address, so that only what is touched can fault. */
    private record Operand(Interpreter m, long la) implements XsaveInstructions.Area {
        @Override
        public void load(int offset, int bytes, long[] to, int at) {
            m.load(la + offset, bytes, to, at);
        }

        @Override
        public void store(int offset, int bytes, long[] from, int at) {
            m.store(la + offset, bytes, from, at);
        }
    }

    private static Operand area(Interpreter m, Op op, int align, boolean write) {
        long la = m.linear(op.ea(), 512, write);
        if ((la & align - 1) != 0) throw m.gp(0);
        return new Operand(m, la);
    }

    private void fxsave() {
        row("FXSAVE", "NP 0F AE /0 mem", "M", (m, op) -> {
            VecOp.x87(m);
            Operand to = area(m, op, 16, true);
            m.checkWrite(to.la, 416);
            XsaveInstructions.fxsave(m.fp, to, op.insn().w, m.code == 64);
        });
        row("FXRSTOR", "NP 0F AE /1 mem", "M", (m, op) -> {
            VecOp.x87(m);
            Operand from = area(m, op, 16, false);
            if (XsaveInstructions.fxrstor(m.fp, from, op.insn().w, m.code == 64) != XsaveInstructions.DONE)
                throw m.gp(0);
        });
        row("LDMXCSR", "NP 0F AE /2 mem", "Md", (m, op) -> {
            VecOp.sse(m);
            loadMxcsr(m, op);
        });
        row("STMXCSR", "NP 0F AE /3 mem", "Md", (m, op) -> {
            VecOp.sse(m);
            m.st32(m.linear(op.ea(), 4, true), XsaveInstructions.mxcsr(m.fp) & 0xffffffffL);
        });
        row("VLDMXCSR", "VEX.128.NP.0F.WIG AE /2 mem", "Md", (m, op) -> {
            VecOp.avx(m);
            loadMxcsr(m, op);
        });
        row("VSTMXCSR", "VEX.128.NP.0F.WIG AE /3 mem", "Md", (m, op) -> {
            VecOp.avx(m);
            m.st32(m.linear(op.ea(), 4, true), XsaveInstructions.mxcsr(m.fp) & 0xffffffffL);
        });
    }

    private static void loadMxcsr(Interpreter m, Op op) {
        long v = m.ld32(m.linear(op.ea(), 4, false));
        if ((v & 0xffff0000L) != 0) throw m.gp(0);
        XsaveInstructions.setMxcsr(m.fp, (int) v);
    }

    /** #UD without CR4.OSXSAVE or without the CPUID 0xD.1 eax bit; #NM with CR0.TS. */
    private static void xsaveCheck(Interpreter m, int feature) {
        boolean there = feature == 0 || (m.cpu.profile().cpuid(0xd, 1).eax() & feature) != 0;
        if ((m.state.cr.get(4) & X86State.CR4_OSXSAVE) == 0 || !there) throw m.ud();
        if ((m.state.cr.get(0) & X86State.CR0_TS) != 0) throw m.nm();
    }

    private static long mask(Interpreter m) {
        return m.g[X86State.RDX] << 32 | m.g[X86State.RAX] & 0xffffffffL;
    }

    private static XsaveLayout layout(Interpreter m) {
        return m.cpu.xsave().layout();
    }

    /** #NM for components that XFD disables; IA32_XFD_ERR tells which the instruction needed. */
    private static Signal nmUnderXfd(Interpreter m, long components) {
        m.cpu.xfdErr().set(components & m.cpu.xfd().get());
        return m.nm();
    }

    private void xsave() {
        row("XGETBV", "NP 0F 01 /2 reg m0", "E", (m, op) -> {
            if ((m.state.cr.get(4) & X86State.CR4_OSXSAVE) == 0) throw m.ud();
            long n = m.g[X86State.RCX] & 0xffffffffL, v = m.cpu.xcr0().get();
            boolean inUse = n == 1 && (m.cpu.profile().cpuid(0xd, 1).eax() & XGETBV1) != 0;
            if (n != 0 && !inUse) throw m.gp(0);
            if (inUse) v &= m.fp[XsaveInstructions.BV];
            m.g[X86State.RAX] = v & 0xffffffffL;
            m.g[X86State.RDX] = v >>> 32;
        });
        row("RDPKRU", "NP 0F 01 /5 reg m6", "E", (m, op) -> {
            int at = pkru(m);
            m.g[X86State.RAX] = m.fp[at] & 0xffffffffL;
            m.g[X86State.RDX] = 0;
        });
        row("WRPKRU", "NP 0F 01 /5 reg m7", "E", (m, op) -> {
            int at = pkru(m);
            if ((m.g[X86State.RDX] & 0xffffffffL) != 0) throw m.gp(0);
            m.fp[at] = m.g[X86State.RAX] & 0xffffffffL;
            m.fp[XsaveInstructions.BV] |= 1L << XsaveLayout.PKRU;
            m.loadPaging();
        });
        row("XSAVE", "NP 0F AE /4 mem", "M", (m, op) -> xsave(m, op, false));
        row("XSAVEOPT", "NP 0F AE /6 mem", "M", (m, op) -> xsave(m, op, true));
        row("XSAVEC", "NP 0F C7 /4 mem", "M", (m, op) -> {
            xsaveCheck(m, XSAVEC);
            xsavec(m, op);
        });
        row("XSAVES", "NP 0F C7 /5 mem", "M", (m, op) -> {
            xsaveCheck(m, XSAVES);
            if (m.cpl != 0) throw m.gp(0);
            xsavec(m, op);
        });
        row("XRSTOR", "NP 0F AE /5 mem", "M", (m, op) -> {
            xsaveCheck(m, 0);
            xrstor(m, op, false);
            m.loadPaging();
        });
        row("XRSTORS", "NP 0F C7 /3 mem", "M", (m, op) -> {
            xsaveCheck(m, XSAVES);
            if (m.cpl != 0) throw m.gp(0);
            xrstor(m, op, true);
            m.loadPaging();
        });
    }

    /** Position of PKRU; #UD without CR4.PKE, #GP with ECX. */
    private static int pkru(Interpreter m) {
        if ((m.state.cr.get(4) & X86State.CR4_PKE) == 0 || !layout(m).has(XsaveLayout.PKRU)) throw m.ud();
        if ((m.g[X86State.RCX] & 0xffffffffL) != 0) throw m.gp(0);
        return layout(m).component(XsaveLayout.PKRU).offset() / 8;
    }

    private static void xsave(Interpreter m, Op op, boolean optimise) {
        xsaveCheck(m, optimise ? XSAVEOPT : 0);
        long rfbm = mask(m) & m.cpu.xcr0().get();
        Operand to = area(m, op, 64, true);
        m.checkWrite(to.la, layout(m).standardSize(rfbm));
        XsaveInstructions.xsave(m.fp, layout(m), to, rfbm, m.cpu.xfd().get(), optimise, op.insn().w);
    }

    private static void xsavec(Interpreter m, Op op) {
        long rfbm = mask(m) & m.cpu.xcr0().get();
        Operand to = area(m, op, 64, true);
        long live = XsaveInstructions.compactedLive(m.fp, rfbm, m.cpu.xfd().get());
        m.checkWrite(to.la, compactedEnd(layout(m), live, rfbm));
        XsaveInstructions.xsavec(m.fp, layout(m), to, rfbm, m.cpu.xfd().get(), op.insn().w);
    }

    /** The end of what XSAVEC writes: the last component in use, at least the first 16 bytes of the header. */
    private static int compactedEnd(XsaveLayout layout, long live, long rfbm) {
        int end = XsaveLayout.XSTATE_BV + 16;
        for (XsaveLayout.Component c : layout.components())
            if ((live >> c.number() & 1) != 0) end = layout.compactedOffset(c.number(), rfbm) + c.size();
        return end;
    }

    private static void xrstor(Interpreter m, Op op, boolean onlyCompacted) {
        Operand from = area(m, op, 64, false);
        boolean compacts = (m.cpu.profile().cpuid(0xd, 1).eax() & XSAVEC) != 0;
        long xcr0 = m.cpu.xcr0().get(), xfd = m.cpu.xfd().get();
        long r = XsaveInstructions.xrstor(
                m.fp, layout(m), from, mask(m), xcr0, xfd, onlyCompacted, compacts, op.insn().w);
        if (r == XsaveInstructions.GP) throw m.gp(0);
        if (r != XsaveInstructions.DONE) throw nmUnderXfd(m, r);
    }

    // AMX. The order of checks: enabled, tile configured and shapes (#UD), then XFD (#NM).

    private static void enabled(Interpreter m, Op op) {
        boolean on = (m.state.cr.get(4) & X86State.CR4_OSXSAVE) != 0
                && (m.cpu.xcr0().get() & XsaveLayout.XFEATURE_TILE) == XsaveLayout.XFEATURE_TILE;
        if (!on || m.code != 64) throw m.ud();
    }

    private static void noVvvv(Interpreter m, Op op) {
        if (op.insn().vvvv != 0) throw m.ud();
    }

    private static int cfg(Interpreter m) {
        return layout(m).component(XsaveLayout.TILECFG).offset() / 8;
    }

    private static int data(Interpreter m) {
        return layout(m).component(XsaveLayout.TILEDATA).offset() / 8;
    }

    private static void configured(Interpreter m, int tile) {
        if (!Amx.configured(m.fp, cfg(m), tile)) throw m.ud();
    }

    private static void notDisabled(Interpreter m) {
        long tiles = 1L << XsaveLayout.TILEDATA;
        if ((m.cpu.xfd().get() & tiles) != 0) throw nmUnderXfd(m, tiles);
    }

    private void amx() {
        row("LDTILECFG", "VEX.128.NP.0F38.W0 49 /0 mem", "M", (m, op) -> {
            enabled(m, op);
            noVvvv(m, op);
            long[] image = new long[8];
            m.load(m.linear(op.ea(), 64, false), 64, image, 0);
            if (!Amx.legal(image, 0)) throw m.gp(0);
            Amx.load(m.fp, cfg(m), data(m), image);
        });
        row("TILERELEASE", "VEX.128.NP.0F38.W0 49 /0 reg m0", "E", (m, op) -> {
            enabled(m, op);
            noVvvv(m, op);
            Amx.load(m.fp, cfg(m), data(m), new long[8]);
        });
        row("STTILECFG", "VEX.128.66.0F38.W0 49 /0 mem", "M", (m, op) -> {
            enabled(m, op);
            noVvvv(m, op);
            m.store(m.linear(op.ea(), 64, true), 64, m.fp, cfg(m));
        });
        row("TILEZERO", "VEX.128.F2.0F38.W0 49 reg m0", "G,E", (m, op) -> {
            enabled(m, op);
            noVvvv(m, op);
            int t = op.insn().reg;
            configured(m, t);
            notDisabled(m);
            Amx.zero(m.fp, data(m), t);
            Amx.done(m.fp, cfg(m));
        });
        row("TILELOADD", "VEX.128.F2.0F38.W0 4B /r mem", "G,M", XsaveTable::tileLoad);
        row("TILELOADDT1", "VEX.128.66.0F38.W0 4B /r mem", "G,M", XsaveTable::tileLoad);
        row("TILESTORED", "VEX.128.F3.0F38.W0 4B /r mem", "M,G", XsaveTable::tileStore);
        row("TDPBSSD", "VEX.128.F2.0F38.W0 5E /r reg", "G,E", (m, op) -> dotBytes(m, op, true, true));
        row("TDPBSUD", "VEX.128.F3.0F38.W0 5E /r reg", "G,E", (m, op) -> dotBytes(m, op, true, false));
        row("TDPBUSD", "VEX.128.66.0F38.W0 5E /r reg", "G,E", (m, op) -> dotBytes(m, op, false, true));
        row("TDPBUUD", "VEX.128.NP.0F38.W0 5E /r reg", "G,E", (m, op) -> dotBytes(m, op, false, false));
        row("TDPBF16PS", "VEX.128.F3.0F38.W0 5C /r reg", "G,E", (m, op) -> {
            Insn i = dotChecks(m, op);
            Amx.dotBf16(m.fp, cfg(m), data(m), i.reg, i.rm, i.vvvv);
            Amx.done(m.fp, cfg(m));
        });
    }

    private static Insn dotChecks(Interpreter m, Op op) {
        enabled(m, op);
        Insn i = op.insn();
        configured(m, i.reg);
        configured(m, i.rm);
        configured(m, i.vvvv);
        if (!Amx.shapesFit(m.fp, cfg(m), i.reg, i.rm, i.vvvv)) throw m.ud();
        notDisabled(m);
        return i;
    }

    private static void dotBytes(Interpreter m, Op op, boolean aSigned, boolean bSigned) {
        Insn i = dotChecks(m, op);
        Amx.dotBytes(m.fp, cfg(m), data(m), i.reg, i.rm, i.vvvv, aSigned, bSigned);
        Amx.done(m.fp, cfg(m));
    }

    private static Insn tileChecks(Interpreter m, Op op) {
        enabled(m, op);
        noVvvv(m, op);
        Insn i = op.insn();
        if ((i.rm & 7) != 4) throw m.ud();
        configured(m, i.reg);
        notDisabled(m);
        return i;
    }

    /** Address of row {@code r}: base and displacement, and the index register scaled as the stride. */
    private static long rowAddress(Interpreter m, Ea ea, int r) {
        long stride = (m.g[ea.index] & ea.indexMask) << ea.scale;
        long off = (m.g[ea.base] & ea.baseMask) + ea.disp + r * stride & ea.mask;
        return m.segment(ea.seg, off, Amx.MAX_COLSB, false);
    }

    private static void tileLoad(Interpreter m, Op op) {
        Insn i = tileChecks(m, op);
        int cfg = cfg(m), data = data(m), colsb = Amx.colsb(m.fp, cfg, i.reg), rows = Amx.rows(m.fp, cfg, i.reg);
        // Rows go in through a copy: a fault in the middle leaves the tile whole, and the instruction starts again.
        long[] tile = new long[Amx.TILE_WORDS];
        int start = Amx.startRow(m.fp, cfg);
        for (int r = start; r < rows; r++) m.load(rowAddress(m, op.ea(), r), colsb, tile, r * Amx.ROW_WORDS);
        for (int r = start; r < rows; r++)
            System.arraycopy(tile, r * Amx.ROW_WORDS, m.fp, Amx.row(data, i.reg, r), Amx.ROW_WORDS);
        Amx.zeroRowsFrom(m.fp, data, i.reg, rows);
        Amx.done(m.fp, cfg);
    }

    private static void tileStore(Interpreter m, Op op) {
        Insn i = tileChecks(m, op);
        int cfg = cfg(m), data = data(m), colsb = Amx.colsb(m.fp, cfg, i.reg), rows = Amx.rows(m.fp, cfg, i.reg);
        for (int r = Amx.startRow(m.fp, cfg); r < rows; r++)
            m.store(rowAddress(m, op.ea(), r), colsb, m.fp, Amx.row(data, i.reg, r));
        // Storing reads tiles: TILEDATA does not become in use by it.
        m.fp[cfg] &= ~0xff00L;
    }
}
