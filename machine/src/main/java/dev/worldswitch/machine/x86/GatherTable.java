package dev.worldswitch.machine.x86;

/**
 * Gathers and scatters of AVX-512: elements at addresses that a vector gives, one after the other; each that is done clears its bit of
 * the opmask, so that a fault leaves what is still to come (SDM vol. 2, VPGATHERDD, VPSCATTERDD).
 */
final class GatherTable extends Avx512Table {
    @Override
    void fill() {
        for (boolean wideIndex : new boolean[] {false, true})
            for (boolean wide : new boolean[] {false, true}) {
                String x = wideIndex ? "Q" : "D", w = "66.0F38.W" + (wide ? 1 : 0) + " ";
                int low = wideIndex ? 1 : 0, index = wideIndex ? 64 : 32, width = wide ? 64 : 32;
                gather("VPGATHER" + x + (wide ? "Q" : "D"), w + "9" + low, index, width);
                gather("VGATHER" + x + (wide ? "PD" : "PS"), w + "9" + (2 + low), index, width);
                scatter("VPSCATTER" + x + (wide ? "Q" : "D"), w + "A" + low, index, width);
                scatter("VSCATTER" + x + (wide ? "PD" : "PS"), w + "A" + (2 + low), index, width);
            }
    }

    private void gather(String name, String encoding, int index, int width) {
        row(name, encoding + " /r mem", "V,X", i -> {
            EvexOp op = new EvexOp.Free(i, width, width / 8, (m, o) -> gather(m, o, i, index, width));
            op.undefined |= illegal(i) || i.reg == i.vectorIndex;
            return op;
        });
    }

    private void scatter(String name, String encoding, int index, int width) {
        row(name, encoding + " /r mem", "X,V,X", i -> {
            EvexOp op = new EvexOp.Free(i, width, width / 8, (m, o) -> scatter(m, o, i, index, width));
            op.undefined |= illegal(i);
            return op;
        });
    }

    /** An opmask and an index there must be; nothing is zeroed or broadcast, and EVEX.vvvv names nothing. */
    private static boolean illegal(Insn i) {
        return i.aaa == 0 || i.z || i.b || i.vectorIndex < 0 || (i.vvvv & 15) != 0;
    }

    /** Elements: as many as both vectors have. */
    private static int count(EvexOp o, int index, int width) {
        return 64 * o.words / Math.max(index, width);
    }

    private static void gather(Interpreter m, EvexOp o, Insn in, int index, int width) {
        long[] r = EvexOp.read(m, o.reg), at = EvexOp.read(m, in.vectorIndex);
        long left = o.active(m);
        int n = count(o, index, width);
        Signal stopped = null;
        try {
            for (int e = 0; e < n; e++) {
                if ((left >>> e & 1) == 0) continue;
                long la = Avx2Table.element(m, o.ea(), in, Avx2Table.lane(at, e, index), index, width / 8);
                Avx2Table.setLane(r, e, width, m.ld(la, width / 8));
                left &= ~(1L << e);
            }
        } catch (Signal s) {
            stopped = s;
        }
        int bits = n * width;
        if (stopped == null) {
            left = 0;
            // Half of a vector: what is above the last element goes.
            for (int e = n; e < 128 / width; e++) Avx2Table.setLane(r, e, width, 0);
        }
        EvexOp.write(m, o.reg, r, Math.max(bits / 64, 2));
        EvexOp.setOpmask(m, in.aaa, left);
        if (stopped != null) throw stopped;
    }

    private static void scatter(Interpreter m, EvexOp o, Insn in, int index, int width) {
        long[] v = EvexOp.read(m, o.reg), at = EvexOp.read(m, in.vectorIndex);
        long left = o.active(m);
        Signal stopped = null;
        try {
            for (int e = 0; e < count(o, index, width); e++) {
                if ((left >>> e & 1) == 0) continue;
                long la = Avx2Table.element(m, o.ea(), in, Avx2Table.lane(at, e, index), index, width / 8);
                m.st(la, width / 8, Avx2Table.lane(v, e, width));
                left &= ~(1L << e);
            }
        } catch (Signal s) {
            stopped = s;
        }
        EvexOp.setOpmask(m, in.aaa, stopped == null ? 0 : left);
        if (stopped != null) throw stopped;
    }
}
