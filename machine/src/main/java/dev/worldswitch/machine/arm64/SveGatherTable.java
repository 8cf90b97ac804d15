package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;

/**
 * Gathers, scatters and prefetches (Arm ARM C4.1 "SVE Memory - 32-bit Gather", "- 64-bit Gather", "- Scatter"). Elements
 * of {@code size} bytes; an address is a scalar plus an offset from a vector, or a vector's element plus a constant.
 */
final class SveGatherTable extends SveRows {
    /** How the address of an element is made. */
    private record Form(boolean vectorBase, int offsetBits, boolean signed, boolean scaled) {
        /** Address of element {@code e} of {@code size} bytes; {@code scalar} is the base or the constant. */
        long of(Arm64Interpreter c, int v, int e, int size, int memory, long scalar) {
            long x = SveOps.get(c, v, e, size);
            if (vectorBase) return x + scalar;
            if (offsetBits == 32) x = signed ? (int) x : x & A64.W;
            return scalar + (scaled ? x * memory : x);
        }
    }

    private static final Form VECTOR = new Form(true, 0, false, false);
    private static final int SCALAR = 0, IMMEDIATE = 1, REGISTER = 2;

    @Override
    void build() {
        loads();
        stores();
        prefetches();
    }

    private static long scalar(Arm64Interpreter c, int w, int kind, int memory) {
        return switch (kind) {
            case SCALAR -> c.base(n(w));
            case IMMEDIATE -> (long) m(w) * memory;
            default -> c.x[zr(m(w))];
        };
    }

    private void load(
            String name,
            String bits,
            Feature feature,
            Form form,
            int kind,
            int size,
            int memory,
            boolean u,
            boolean ff) {
        // Without zero extension there must be something to extend.
        if (!u && memory >= size) return;
        row(name, bits, feature, (c, w, pc) -> {
            long scalar = scalar(c, w, kind, memory);
            int v = kind == SCALAR ? m(w) : n(w), n = SveOps.elements(c, size);
            long[] r = SveOps.vector(c);
            boolean mayFault = true;
            for (int e = 0; e < n; e++) {
                if (!SveOps.active(c, g(w), e, size)) continue;
                long at = form.of(c, v, e, size, memory, scalar);
                if (ff && !mayFault && !c.readable(at, memory)) {
                    SveOps.clearFirstFault(c, e * size);
                    break;
                }
                mayFault = false;
                long x = c.ld(at, memory);
                SveOps.put(r, e, size, u ? x : LaneFn.s(x, 8 * memory));
            }
            SveOps.write(c, d(w), r);
        });
    }

    private void loads(String name, String head, String tail, Form form, int kind, int size, int memory) {
        for (int k = 0; k < 4; k++) {
            boolean u = k >= 2, ff = (k & 1) != 0;
            load(
                    (ff ? "LDFF1" : "LD1") + (u ? "" : "S") + " " + memory + " to " + size + " (" + name + ")",
                    head + two(k) + tail,
                    Feature.SVE,
                    form,
                    kind,
                    size,
                    memory,
                    u,
                    ff);
        }
    }

    private void loads() {
        for (int size = 4; size <= 8; size *= 2) {
            String top = size == 4 ? "1000010" : "1100010", rest = "gggnnnnnttttt";
            for (int log = 0; 1 << log <= size; log++) {
                int memory = 1 << log;
                String head = top + two(log);
                for (int x = 0; x < 2; x++) {
                    for (int s = 0; s < (log == 0 ? 1 : 2); s++)
                        loads(
                                "scalar plus " + (x == 0 ? "UXTW" : "SXTW") + (s == 0 ? "" : ", scaled"),
                                head + x + s + "mmmmm0",
                                rest,
                                new Form(false, 32, x == 1, s == 1),
                                SCALAR,
                                size,
                                memory);
                }
                loads("vector plus immediate", head + "01iiiii1", rest, VECTOR, IMMEDIATE, size, memory);
                for (int s = 0; s < (log == 0 ? 1 : 2) && size == 8; s++)
                    loads(
                            "scalar plus 64-bit offset" + (s == 0 ? "" : ", scaled"),
                            head + "1" + s + "mmmmm1",
                            rest,
                            new Form(false, 64, false, s == 1),
                            SCALAR,
                            size,
                            memory);
                for (int u = 0; u < 2; u++)
                    load(
                            "LDNT1" + (u == 0 ? "S" : "") + " " + memory + " to " + size + " (vector plus scalar)",
                            head + "00mmmmm1" + (size == 4 ? "0" + u : u + "0") + rest,
                            Feature.SVE2,
                            VECTOR,
                            REGISTER,
                            size,
                            memory,
                            u == 1,
                            false);
            }
        }
    }

    private void store(String name, String bits, Feature feature, Form form, int kind, int size, int memory) {
        row(name + " " + memory + " of " + size, bits, feature, (c, w, pc) -> {
            long scalar = scalar(c, w, kind, memory);
            int v = kind == SCALAR ? m(w) : n(w), n = SveOps.elements(c, size);
            // All or nothing: faults come before the first store.
            for (int e = 0; e < n; e++)
                if (SveOps.active(c, g(w), e, size)) c.checkWrite(form.of(c, v, e, size, memory, scalar), memory);
            for (int e = 0; e < n; e++)
                if (SveOps.active(c, g(w), e, size))
                    c.st(form.of(c, v, e, size, memory, scalar), memory, SveOps.get(c, d(w), e, size));
        });
    }

    private void stores() {
        String rest = "gggnnnnnttttt";
        for (int size = 4; size <= 8; size *= 2) {
            boolean wide = size == 8;
            for (int log = 0; 1 << log <= size; log++) {
                int memory = 1 << log;
                String head = "1110010" + two(log);
                for (int x = 0; x < 2; x++)
                    for (int s = 0; s < (log == 0 ? 1 : 2); s++)
                        store(
                                "ST1 (scalar plus " + (x == 0 ? "UXTW" : "SXTW") + (s == 0 ? ")" : ", scaled)"),
                                head + (wide ? "0" : "1") + s + "mmmmm1" + x + "0" + rest,
                                Feature.SVE,
                                new Form(false, 32, x == 1, s == 1),
                                SCALAR,
                                size,
                                memory);
                for (int s = 0; s < (log == 0 ? 1 : 2) && wide; s++)
                    store(
                            "ST1 (scalar plus 64-bit offset" + (s == 0 ? ")" : ", scaled)"),
                            head + "0" + s + "mmmmm101" + rest,
                            Feature.SVE,
                            new Form(false, 64, false, s == 1),
                            SCALAR,
                            size,
                            memory);
                store(
                        "ST1 (vector plus immediate)",
                        head + (wide ? "10" : "11") + "iiiii101" + rest,
                        Feature.SVE,
                        VECTOR,
                        IMMEDIATE,
                        size,
                        memory);
                store(
                        "STNT1 (vector plus scalar)",
                        head + (wide ? "00" : "10") + "mmmmm001" + rest,
                        Feature.SVE2,
                        VECTOR,
                        REGISTER,
                        size,
                        memory);
            }
        }
    }

    private void prefetch(String name, String bits) {
        row("PRF (" + name + ")", bits, Feature.SVE, w -> !bits.contains("110ggg") || m(w) != 31, (c, w, pc) -> {});
    }

    private void prefetches() {
        String rest = "gggnnnnn0pppp";
        prefetch("contiguous, scalar plus immediate", "1000010111iiiiii0zz" + rest);
        prefetch("contiguous, scalar plus scalar", "1000010zz00mmmmm110" + rest);
        prefetch("32-bit gather, scalar plus vector", "100001000x1mmmmm0zz" + rest);
        prefetch("32-bit gather, vector plus immediate", "1000010zz00iiiii111" + rest);
        prefetch("64-bit gather, scalar plus unpacked vector", "110001000x1mmmmm0zz" + rest);
        prefetch("64-bit gather, scalar plus vector", "11000100011mmmmm1zz" + rest);
        prefetch("64-bit gather, vector plus immediate", "1100010zz00iiiii111" + rest);
    }
}
