package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.rm;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;

import dev.worldswitch.machine.arm64.AtomicOps.Update;
import java.util.ArrayList;
import java.util.List;

/** Exclusive, ordered, compare-and-swap and atomic accesses: Arm ARM C4.1.88 "Loads and Stores". */
final class AtomicTable implements A64Row.Table {
    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C6.2 " + name));
    }

    private static final String[] SUFFIX = {"B", "H", " (32-bit)", " (64-bit)"};

    private static A64Op op(A64Op o, int w, int d, int m, int size) {
        o.d = d;
        o.m = m;
        o.n = f(w, 9, 5);
        o.imm = size;
        return o;
    }

    @Override
    public List<A64Row> rows() {
        for (int log = 0; log < 4; log++) {
            int size = 1 << log;
            String z = two(log), s = SUFFIX[log];
            exclusive(z, s, size);
            ordered(log, "STLLR", z + "001000100mmmmm0uuuuunnnnnttttt", true, Feature.LOR);
            ordered(log, "STLR", z + "001000100mmmmm1uuuuunnnnnttttt", true, Feature.BASE);
            ordered(log, "LDLAR", z + "001000110mmmmm0uuuuunnnnnttttt", false, Feature.LOR);
            ordered(log, "LDAR", z + "001000110mmmmm1uuuuunnnnnttttt", false, Feature.BASE);
            ordered(log, "LDAPR", z + "11100010111111110000nnnnnttttt", false, Feature.LRCPC);
            for (int l = 0; l < 4; l++) {
                String order = new String[] {"", "L", "A", "AL"}[l];
                row(
                        "CAS" + order + s,
                        z + "0010001" + (l >> 1) + "1mmmmm" + (l & 1) + "11111nnnnnttttt",
                        Feature.LSE,
                        (w, pc) -> {
                            A64Op o = op(new AtomicOps.Cas(), w, zr(w & 31), rm(w), size);
                            o.a = zw(f(w, 20, 16));
                            return o;
                        });
                if (log < 2)
                    row(
                            "CASP" + order + SUFFIX[2 + log],
                            "0" + log + "0010000" + (l >> 1) + "1mmmmm" + (l & 1) + "11111nnnnnttttt",
                            Feature.LSE,
                            (w, pc) -> (w & 1) != 0 || (w >>> 16 & 1) != 0
                                    ? null
                                    : op(new AtomicOps.CasPair(), w, w & 31, f(w, 20, 16), 4 * size));
            }
            atomics(log, z, s);
        }
        for (int log = 2; log < 4; log++) {
            int size = 1 << log;
            String z = two(log), s = SUFFIX[log];
            for (int ord = 0; ord < 2; ord++) {
                row(
                        (ord == 0 ? "STXP" : "STLXP") + s,
                        z + "001000001mmmmm" + ord + "uuuuunnnnnttttt",
                        Feature.BASE,
                        (w, pc) -> {
                            A64Op o = op(new AtomicOps.StoreExclusivePair(), w, zr(w & 31), zw(f(w, 20, 16)), size);
                            o.a = zr(f(w, 14, 10));
                            return o;
                        });
                row(
                        (ord == 0 ? "LDXP" : "LDAXP") + s,
                        z + "001000011mmmmm" + ord + "uuuuunnnnnttttt",
                        Feature.BASE,
                        (w, pc) -> {
                            A64Op o = op(new AtomicOps.LoadExclusivePair(), w, zw(w & 31), 0, size);
                            o.a = zw(f(w, 14, 10));
                            return o;
                        });
            }
        }
        return rows;
    }

    private void exclusive(String z, String s, int size) {
        for (int ord = 0; ord < 2; ord++) {
            row(
                    (ord == 0 ? "STXR" : "STLXR") + s,
                    z + "001000000mmmmm" + ord + "uuuuunnnnnttttt",
                    Feature.BASE,
                    (w, pc) -> op(new AtomicOps.StoreExclusive(), w, zr(w & 31), zw(f(w, 20, 16)), size));
            row(
                    (ord == 0 ? "LDXR" : "LDAXR") + s,
                    z + "001000010mmmmm" + ord + "uuuuunnnnnttttt",
                    Feature.BASE,
                    (w, pc) -> op(new AtomicOps.LoadExclusive(), w, zw(w & 31), 0, size));
        }
    }

    private void ordered(int log, String name, String bits, boolean store, Feature feature) {
        row(name + SUFFIX[log], bits, feature, (w, pc) -> {
            AtomicOps.Ordered o = new AtomicOps.Ordered();
            o.store = store;
            o.iss = LoadStoreTable.iss(log, false, log == 3, w & 31, true);
            return op(o, w, store ? zr(w & 31) : zw(w & 31), 0, 1 << log);
        });
    }

    private static final String[] NAMES = {
        "LDADD", "LDCLR", "LDEOR", "LDSET", "LDSMAX", "LDSMIN", "LDUMAX", "LDUMIN", "SWP"
    };
    private static final Update[] UPDATES = {
        (o, v, b) -> o + v,
        (o, v, b) -> o & ~v,
        (o, v, b) -> o ^ v,
        (o, v, b) -> o | v,
        (o, v, b) -> Vec.sign(o, b) > Vec.sign(v, b) ? o : v,
        (o, v, b) -> Vec.sign(o, b) < Vec.sign(v, b) ? o : v,
        (o, v, b) -> Long.compareUnsigned(o, Vec.cut(v, b)) > 0 ? o : v,
        (o, v, b) -> Long.compareUnsigned(o, Vec.cut(v, b)) < 0 ? o : v,
        (o, v, b) -> v,
    };

    private void atomics(int log, String z, String s) {
        for (int k = 0; k < 9; k++) {
            Update u = UPDATES[k];
            String opc = k == 8 ? "1000" : "0" + (k >> 2) + two(k);
            for (int l = 0; l < 4; l++) {
                row(
                        NAMES[k] + new String[] {"", "L", "A", "AL"}[l] + s,
                        z + "111000" + two(l) + "1mmmmm" + opc + "00nnnnnttttt",
                        Feature.LSE,
                        (w, pc) -> op(IntegerOps.template(AtomicOps.Atomic.class, u), w, zw(w & 31), rm(w), 1 << log));
            }
        }
    }
}
