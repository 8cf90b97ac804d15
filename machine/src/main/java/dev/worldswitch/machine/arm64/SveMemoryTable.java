package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.sf;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;
import static dev.worldswitch.machine.arm64.SimdTable.four;

/** Contiguous loads and stores (Arm ARM C4.1 "SVE Memory - Contiguous Load", "- Store", "Unsized Contiguous"). */
final class SveMemoryTable extends SveRows {
    @Override
    void build() {
        memory();
        replicated();
    }

    /** dtype of contiguous loads: memory size, element size, sign extension. */
    private static final int[][] DTYPE = {
        {1, 1, 0}, {1, 2, 0}, {1, 4, 0}, {1, 8, 0}, {4, 8, 1}, {2, 2, 0}, {2, 4, 0}, {2, 8, 0},
        {2, 8, 1}, {2, 4, 1}, {4, 4, 0}, {4, 8, 0}, {1, 8, 1}, {1, 4, 1}, {1, 2, 1}, {8, 8, 0}
    };

    private static long scalars(Arm64Interpreter c, int w, int msize) {
        return c.base(n(w)) + c.x[zr(m(w))] * msize;
    }

    private void memory() {
        row("LDR (vector)", "1000010110iiiiii010iiinnnnnttttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * c.vl;
            long[] r = SveOps.vector(c);
            for (int k = 0; k < c.vl; k += 8) r[k / 8] = little(c, c.ld64(at + k));
            SveOps.write(c, d(w), r);
        });
        row("STR (vector)", "1110010110iiiiii010iiinnnnnttttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * c.vl;
            c.checkWrite(at, c.vl);
            for (int k = 0; k < c.vl; k += 8) c.st64(at + k, little(c, SveOps.get(c, d(w), k / 8, 8)));
        });
        row("LDR (predicate)", "1000010110iiiiii000iiinnnnn0tttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * (c.vl / 8);
            long[] r = SveOps.predicate(c);
            for (int k = 0; k < c.vl / 8; k++) r[k / 8] |= c.ld8(at + k) << 8 * (k & 7);
            SveOps.writePredicate(c, w & 15, r);
        });
        row("STR (predicate)", "1110010110iiiiii000iiinnnnn0tttt", (c, w, pc) -> {
            long at = c.base(n(w)) + offset9(w) * (c.vl / 8);
            c.checkWrite(at, c.vl / 8);
            for (int k = 0; k < c.vl / 8; k++) c.st8(at + k, c.p[(w & 15) * c.pw + k / 8] >>> 8 * (k & 7));
        });
        for (int t = 0; t < 16; t++) {
            int[] k = DTYPE[t];
            String dt = four(t);
            SveLanes.Access access = new SveLanes.Access(k[1], k[0], k[2] != 0);
            contiguous("LD1 " + dt, "1010010" + dt, "101", "010", SveLanes.Load.class, access);
            row(
                    "LDFF1 " + dt + " (scalar plus scalar)",
                    "1010010" + dt + "mmmmm011gggnnnnnttttt",
                    (c, w, pc) ->
                            SveOps.loadFirstFault(c, d(w), scalars(c, w, k[0]), g(w), k[1], k[0], k[2] != 0, true));
            row(
                    "LDNF1 " + dt,
                    "1010010" + dt + "1iiii101gggnnnnnttttt",
                    (c, w, pc) -> SveOps.loadFirstFault(
                            c,
                            d(w),
                            c.base(n(w)) + sf(w, 19, 16) * (c.vl / k[1]) * k[0],
                            g(w),
                            k[1],
                            k[0],
                            k[2] != 0,
                            false));
            row("LD1R " + dt, "1000010" + two(t >> 2) + "1iiiiii1" + two(t) + "gggnnnnnttttt", (c, w, pc) -> {
                boolean any = false;
                for (int e = 0; e < c.vl / k[1]; e++) any |= SveOps.active(c, g(w), e, k[1]);
                long[] r = SveOps.vector(c);
                if (any) {
                    long v = c.ld(c.base(n(w)) + (long) f(w, 21, 16) * k[0], k[0]);
                    if (k[2] != 0) v = LaneFn.s(v, 8 * k[0]);
                    for (int e = 0; e < c.vl / k[1]; e++)
                        if (SveOps.active(c, g(w), e, k[1])) SveOps.put(r, e, k[1], v);
                }
                SveOps.write(c, d(w), r);
            });
        }
        for (int msz = 0; msz < 4; msz++) {
            int mem = 1 << msz;
            for (int sz = msz; sz < 4; sz++) {
                int size = 1 << sz;
                String head = "1110010" + two(msz) + two(sz);
                SveLanes.Access access = new SveLanes.Access(size, mem, false);
                contiguous("ST1 " + two(msz) + two(sz), head, "111", "010", SveLanes.Store.class, access);
            }
            for (int regs = 1; regs < 5; regs++) {
                int count = regs;
                String opc = two(regs - 1);
                row(
                        (regs == 1 ? "LDNT1 " : "LD" + regs + " ") + mem + " (scalar plus immediate)",
                        "1010010" + two(msz) + opc + "0iiii111gggnnnnnttttt",
                        (c, w, pc) -> SveOps.load(
                                c, d(w), count, c.base(n(w)) + sf(w, 19, 16) * c.vl * count, g(w), mem, mem, false));
                row(
                        (regs == 1 ? "LDNT1 " : "LD" + regs + " ") + mem + " (scalar plus scalar)",
                        "1010010" + two(msz) + opc + "mmmmm110gggnnnnnttttt",
                        Feature.SVE,
                        SveMemoryTable::offset,
                        (c, w, pc) -> SveOps.load(c, d(w), count, scalars(c, w, mem), g(w), mem, mem, false));
                row(
                        (regs == 1 ? "STNT1 " : "ST" + regs + " ") + mem + " (scalar plus immediate)",
                        "1110010" + two(msz) + opc + "1iiii111gggnnnnnttttt",
                        (c, w, pc) -> SveOps.store(
                                c, d(w), count, c.base(n(w)) + sf(w, 19, 16) * c.vl * count, g(w), mem, mem));
                row(
                        (regs == 1 ? "STNT1 " : "ST" + regs + " ") + mem + " (scalar plus scalar)",
                        "1110010" + two(msz) + opc + "mmmmm011gggnnnnnttttt",
                        Feature.SVE,
                        SveMemoryTable::offset,
                        (c, w, pc) -> SveOps.store(c, d(w), count, scalars(c, w, mem), g(w), mem, mem));
            }
        }
    }

    private void contiguous(
            String name, String head, String imm, String offset, Class<? extends A64Op> kind, SveLanes.Access access) {
        row(
                name + " (scalar plus immediate)",
                head + "0iiii" + imm + "gggnnnnnttttt",
                w -> SveLanes.contiguous(kind, access, d(w), n(w), -1, g(w), sf(w, 19, 16)));
        row(
                name + " (scalar plus scalar)",
                head + "mmmmm" + offset + "gggnnnnnttttt",
                Feature.SVE,
                SveMemoryTable::offset,
                w -> SveLanes.contiguous(kind, access, d(w), n(w), m(w), g(w), 0));
    }

    /** The whole register is bytes: little-endian whatever the data endianness. */
    private static long little(Arm64Interpreter c, long v) {
        return c.bigEndian ? Long.reverseBytes(v) : v;
    }

    private static long offset9(int w) {
        return sf(w, 21, 16) << 3 | g(w);
    }

    /** Whether the offset register is one: 31 is unallocated. */
    private static boolean offset(int w) {
        return m(w) != 31;
    }

    /** LD1RQ and LD1RO: 16 or 32 bytes to all of the vector. */
    private void replicated() {
        for (int msz = 0; msz < 4; msz++) {
            for (int k = 0; k < 2; k++) {
                int size = 1 << msz, bytes = 16 << k;
                String name = (k == 0 ? "LD1RQ " : "LD1RO ") + size;
                Feature feature = k == 0 ? Feature.SVE : Feature.SVE_F64MM;
                String head = "1010010" + two(msz) + two(k);
                row(
                        name + " (scalar plus scalar)",
                        head + "mmmmm000gggnnnnnttttt",
                        feature,
                        SveMemoryTable::offset,
                        (c, w, pc) -> replicate(c, w, scalars(c, w, size), size, bytes));
                row(
                        name + " (scalar plus immediate)",
                        head + "0iiii001gggnnnnnttttt",
                        feature,
                        (c, w, pc) -> replicate(c, w, c.base(n(w)) + sf(w, 19, 16) * bytes, size, bytes));
            }
        }
    }

    private static void replicate(Arm64Interpreter c, int w, long at, int size, int bytes) {
        if (c.vl < bytes) throw c.undefined();
        long[] r = SveOps.vector(c);
        for (int e = 0; e < bytes / size; e++)
            if (SveOps.active(c, g(w), e, size)) SveOps.put(r, e, size, c.ld(at + (long) e * size, size));
        int words = bytes / 8;
        for (int i = words; i < c.vl / 8 / words * words; i++) r[i] = r[i - words];
        SveOps.write(c, d(w), r);
    }
}
