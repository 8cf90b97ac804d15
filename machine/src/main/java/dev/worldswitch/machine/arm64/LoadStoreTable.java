package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.rm;
import static dev.worldswitch.machine.arm64.IntegerTable.sf;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;

import dev.worldswitch.machine.arm64.IntegerOps.Fn1;
import dev.worldswitch.machine.arm64.LoadStoreOps.Access;
import dev.worldswitch.machine.arm64.LoadStoreOps.Load;
import dev.worldswitch.machine.arm64.LoadStoreOps.Store;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Loads and stores: Arm ARM C4.1.88 "Loads and Stores" (exclusive and atomic ones are in {@link AtomicTable}). */
final class LoadStoreTable implements A64Row.Table {
    /** One register access: name, size field, opc field, what it does. */
    private record Kind(
            String name,
            int size,
            int opc,
            @Nullable Load load,
            @Nullable Store store) {}

    private static final Fn1 PLAIN = v -> v;

    private static final List<Kind> KINDS = List.of(
            new Kind("STRB", 0, 0, null, new Store(1)),
            new Kind("LDRB", 0, 1, new Load(1, PLAIN), null),
            new Kind("LDRSB (64-bit)", 0, 2, new Load(1, v -> (byte) v), null),
            new Kind("LDRSB (32-bit)", 0, 3, new Load(1, v -> (byte) v & A64.W), null),
            new Kind("STRH", 1, 0, null, new Store(2)),
            new Kind("LDRH", 1, 1, new Load(2, PLAIN), null),
            new Kind("LDRSH (64-bit)", 1, 2, new Load(2, v -> (short) v), null),
            new Kind("LDRSH (32-bit)", 1, 3, new Load(2, v -> (short) v & A64.W), null),
            new Kind("STR (32-bit)", 2, 0, null, new Store(4)),
            new Kind("LDR (32-bit)", 2, 1, new Load(4, PLAIN), null),
            new Kind("LDRSW", 2, 2, new Load(4, v -> (int) v), null),
            new Kind("STR (64-bit)", 3, 0, null, new Store(8)),
            new Kind("LDR (64-bit)", 3, 1, new Load(8, PLAIN), null));

    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C6.2 " + name));
    }

    static String two(int v) {
        return "" + (v >> 1 & 1) + (v & 1);
    }

    @Override
    public List<A64Row> rows() {
        for (Kind k : KINDS) single(k);
        literals();
        prefetch();
        pairs();
        authenticated();
        vectors();
        structures();
        return rows;
    }

    /** ISV, SAS, SSE, SRT, SF, AR. */
    static int iss(int size, boolean signed, boolean wide, int rt, boolean acquireRelease) {
        return 1 << 24
                | size << 22
                | (signed ? 1 << 21 : 0)
                | rt << 16
                | (wide ? 1 << 15 : 0)
                | (acquireRelease ? 1 << 14 : 0);
    }

    private static Access make(
            Kind k, Class<? extends A64Op> load, Class<? extends A64Op> store, int w, long imm, boolean syndrome) {
        int t = w & 31;
        Access op;
        if (k.load != null) {
            op = (Access) IntegerOps.template(load, k.load);
            op.d = zw(t);
        } else {
            op = (Access) IntegerOps.template(store, java.util.Objects.requireNonNull(k.store));
            op.d = zr(t);
        }
        op.n = f(w, 9, 5);
        op.imm = imm;
        boolean wide = k.size == 3 || k.opc == 2;
        if (syndrome) op.iss = iss(k.size, k.opc >= 2, wide, t, false);
        return op;
    }

    private void single(Kind k) {
        String head = two(k.size) + "111000" + two(k.opc);
        row(
                k.name + " (unsigned offset)",
                two(k.size) + "111001" + two(k.opc) + "iiiiiiiiiiiinnnnnttttt",
                Feature.BASE,
                (w, pc) -> make(
                        k,
                        LoadStoreOps.LoadImm.class,
                        LoadStoreOps.StoreImm.class,
                        w,
                        (long) f(w, 21, 10) << k.size,
                        true));
        row(
                k.name + " (unscaled)",
                head + "0iiiiiiiii00nnnnnttttt",
                Feature.BASE,
                (w, pc) -> make(k, LoadStoreOps.LoadImm.class, LoadStoreOps.StoreImm.class, w, sf(w, 20, 12), true));
        row(
                k.name + " (unprivileged)",
                head + "0iiiiiiiii10nnnnnttttt",
                Feature.BASE,
                (w, pc) -> make(k, LoadStoreOps.LoadUser.class, LoadStoreOps.StoreUser.class, w, sf(w, 20, 12), true));
        for (int pre = 0; pre < 2; pre++) {
            int before = pre;
            row(
                    k.name + (pre == 1 ? " (pre-index)" : " (post-index)"),
                    head + "0iiiiiiiii" + pre + "1nnnnnttttt",
                    Feature.BASE,
                    (w, pc) -> {
                        Access o =
                                make(k, LoadStoreOps.LoadWb.class, LoadStoreOps.StoreWb.class, w, sf(w, 20, 12), false);
                        o.m = before;
                        return o;
                    });
        }
        row(k.name + " (register)", head + "1mmmmmooos10nnnnnttttt", Feature.BASE, (w, pc) -> {
            if (f(w, 14, 14) == 0) return null;
            Access o = make(
                    k,
                    LoadStoreOps.LoadReg.class,
                    LoadStoreOps.StoreReg.class,
                    w,
                    f(w, 12, 12) != 0 ? k.size : 0,
                    true);
            o.m = rm(w);
            o.a = f(w, 15, 13);
            return o;
        });
        // LDAPUR, STLUR: RCpc with an unscaled offset; the accesses here are as strong as the host's.
        row(
                k.store != null ? "STLUR " + k.name : "LDAPUR " + k.name,
                two(k.size) + "011001" + two(k.opc) + "0iiiiiiiii00nnnnnttttt",
                Feature.LRCPC2,
                (w, pc) -> {
                    Access o = make(k, LoadStoreOps.LoadImm.class, LoadStoreOps.StoreImm.class, w, sf(w, 20, 12), true);
                    o.iss |= 1 << 14;
                    return new AtomicOps.Fenced(o, k.store != null);
                });
    }

    private void literals() {
        Load[] loads = {new Load(4, PLAIN), new Load(8, PLAIN), new Load(4, v -> (int) v)};
        for (int opc = 0; opc < 3; opc++) {
            int o = opc;
            row(
                    "LDR" + (opc == 2 ? "SW" : "") + " (literal) " + opc,
                    two(opc) + "011000iiiiiiiiiiiiiiiiiiittttt",
                    Feature.BASE,
                    (w, pc) -> {
                        Access op = (Access) IntegerOps.template(LoadStoreOps.LoadImm.class, loads[o]);
                        op.d = zw(w & 31);
                        op.n = Arm64Cpu.ZR;
                        op.imm = pc + sf(w, 23, 5) * 4;
                        op.iss = iss(o == 1 ? 3 : 2, o == 2, o != 0, w & 31, false);
                        return op;
                    });
            row("LDR (literal, SIMD&FP) " + opc, two(opc) + "011100iiiiiiiiiiiiiiiiiiittttt", Feature.FP, (w, pc) -> {
                LoadStoreOps.LoadVec v = new LoadStoreOps.LoadVec();
                v.size = 4 << o;
                v.d = w & 31;
                v.n = Arm64Cpu.ZR;
                v.imm = pc + sf(w, 23, 5) * 4;
                return v;
            });
        }
    }

    private void prefetch() {
        row("PRFM (literal)", "11011000iiiiiiiiiiiiiiiiiiittttt", Feature.BASE, (w, pc) -> new SystemOps.Nop());
        row("PRFM (immediate)", "1111100110iiiiiiiiiiiinnnnnttttt", Feature.BASE, (w, pc) -> new SystemOps.Nop());
        row("PRFUM", "11111000100iiiiiiiii00nnnnnttttt", Feature.BASE, (w, pc) -> new SystemOps.Nop());
        row(
                "PRFM (register)",
                "11111000101mmmmmooos10nnnnnttttt",
                Feature.BASE,
                (w, pc) -> f(w, 14, 14) == 0 ? null : new SystemOps.Nop());
    }

    private static final String[] MODES = {" (non-temporal)", " (post-index)", " (signed offset)", " (pre-index)"};

    private void pairs() {
        for (int mode = 0; mode < 4; mode++) {
            int how = mode == 0 ? 2 : mode;
            String at = two(mode);
            pair("STP (32-bit)" + MODES[mode], "001010" + "0" + at + "0", how, 4, w -> new LoadStoreOps.StorePair32());
            pair("LDP (32-bit)" + MODES[mode], "001010" + "0" + at + "1", how, 4, w -> new LoadStoreOps.LoadPair32());
            pair("STP (64-bit)" + MODES[mode], "101010" + "0" + at + "0", how, 8, w -> new LoadStoreOps.StorePair64());
            pair("LDP (64-bit)" + MODES[mode], "101010" + "0" + at + "1", how, 8, w -> new LoadStoreOps.LoadPair64());
            if (mode != 0)
                pair("LDPSW" + MODES[mode], "011010" + "0" + at + "1", how, 4, w -> {
                    LoadStoreOps.Pair o = new LoadStoreOps.LoadPair32();
                    o.m = 1;
                    return o;
                });
            for (int opc = 0; opc < 3; opc++) {
                int size = 4 << opc;
                vecPair("STP (SIMD&FP) " + size + MODES[mode], two(opc) + "10110" + at + "0", how, size, false);
                vecPair("LDP (SIMD&FP) " + size + MODES[mode], two(opc) + "10110" + at + "1", how, size, true);
            }
        }
    }

    private interface PairMaker {
        LoadStoreOps.Pair make(int w);
    }

    private void pair(String name, String head, int mode, int size, PairMaker maker) {
        boolean load = head.endsWith("1");
        row(name, head + "iiiiiiiuuuuunnnnnttttt", Feature.BASE, (w, pc) -> {
            LoadStoreOps.Pair o = maker.make(w);
            o.mode = mode;
            o.d = load ? zw(w & 31) : zr(w & 31);
            o.a = load ? zw(f(w, 14, 10)) : zr(f(w, 14, 10));
            o.n = f(w, 9, 5);
            o.imm = sf(w, 21, 15) * size;
            return o;
        });
    }

    private void vecPair(String name, String head, int mode, int size, boolean load) {
        row(name, head + "iiiiiiiuuuuunnnnnttttt", Feature.FP, (w, pc) -> {
            LoadStoreOps.VecPair o = load ? new LoadStoreOps.LoadVecPair() : new LoadStoreOps.StoreVecPair();
            o.mode = mode;
            o.size = size;
            o.d = w & 31;
            o.a = f(w, 14, 10);
            o.n = f(w, 9, 5);
            o.imm = sf(w, 21, 15) * size;
            return o;
        });
    }

    private void authenticated() {
        for (int key = 0; key < 2; key++) {
            int k = key;
            row(key == 0 ? "LDRAA" : "LDRAB", "11111000" + key + "S1iiiiiiiiiW1nnnnnttttt", Feature.PAUTH, (w, pc) -> {
                A64Op o = new LoadStoreOps.LoadAuth();
                o.d = zw(w & 31);
                o.n = f(w, 9, 5);
                o.a = k == 0 ? Pauth.DA : Pauth.DB;
                o.m = f(w, 11, 11);
                o.imm = (f(w, 22, 22) != 0 ? -512L | f(w, 20, 12) : f(w, 20, 12)) * 8;
                return o;
            });
        }
    }

    private static LoadStoreOps.VecAccess vec(boolean load, int size, int mode, int w, long imm) {
        LoadStoreOps.VecAccess o = load ? new LoadStoreOps.LoadVec() : new LoadStoreOps.StoreVec();
        o.size = size;
        o.mode = mode;
        o.d = w & 31;
        o.n = f(w, 9, 5);
        o.imm = imm;
        return o;
    }

    private void vectors() {
        for (int log = 0; log < 5; log++) {
            int scale = log, bytes = 1 << log;
            String size = log == 4 ? "00" : two(log);
            for (int l = 0; l < 2; l++) {
                boolean load = l == 1;
                String name = (load ? "LDR" : "STR") + " (SIMD&FP, " + bytes + " bytes)";
                String opc = (log == 4 ? "1" : "0") + l;
                row(
                        name + " unsigned offset",
                        size + "111101" + opc + "iiiiiiiiiiiinnnnnttttt",
                        Feature.FP,
                        (w, pc) -> vec(load, bytes, 0, w, (long) f(w, 21, 10) << scale));
                row(
                        name + " unscaled",
                        size + "111100" + opc + "0iiiiiiiii00nnnnnttttt",
                        Feature.FP,
                        (w, pc) -> vec(load, bytes, 0, w, sf(w, 20, 12)));
                row(
                        name + " post-index",
                        size + "111100" + opc + "0iiiiiiiii01nnnnnttttt",
                        Feature.FP,
                        (w, pc) -> vec(load, bytes, 1, w, sf(w, 20, 12)));
                row(
                        name + " pre-index",
                        size + "111100" + opc + "0iiiiiiiii11nnnnnttttt",
                        Feature.FP,
                        (w, pc) -> vec(load, bytes, 3, w, sf(w, 20, 12)));
                row(name + " register", size + "111100" + opc + "1mmmmmooos10nnnnnttttt", Feature.FP, (w, pc) -> {
                    if (f(w, 14, 14) == 0) return null;
                    LoadStoreOps.VecAccess o = vec(load, bytes, 2, w, f(w, 12, 12) != 0 ? scale : 0);
                    o.m = rm(w);
                    o.a = f(w, 15, 13);
                    return o;
                });
            }
        }
    }

    /** opcode, registers per structure, repetitions. */
    private static final int[][] MULTIPLE = {
        {0b0000, 4, 1}, {0b0010, 1, 4}, {0b0100, 3, 1}, {0b0110, 1, 3}, {0b0111, 1, 1}, {0b1000, 2, 1}, {0b1010, 1, 2}
    };

    private void structures() {
        for (int l = 0; l < 2; l++) {
            boolean load = l == 1;
            for (int[] m : MULTIPLE) {
                String opcode = two(m[0] >> 2) + two(m[0]);
                String name = (load ? "LD" : "ST") + m[1] + " (multiple structures, " + m[1] * m[2] + " registers)";
                A64Row.Maker maker = (w, pc) -> {
                    // One 64-bit element per D register is only for LD1 and ST1.
                    if (f(w, 11, 10) == 3 && f(w, 30, 30) == 0 && m[1] != 1) return null;
                    LoadStoreOps.Structures o = new LoadStoreOps.Structures();
                    o.load = load;
                    o.quad = f(w, 30, 30) != 0;
                    o.size = 1 << f(w, 11, 10);
                    o.a = m[1];
                    o.imm = m[2];
                    o.d = w & 31;
                    o.n = f(w, 9, 5);
                    o.m = f(w, 23, 23) != 0 ? f(w, 20, 16) : -1;
                    return o;
                };
                row(name, "0q0011000" + l + "000000" + opcode + "ssnnnnnttttt", Feature.ASIMD, maker);
                row(name + " post-index", "0q0011001" + l + "0mmmmm" + opcode + "ssnnnnnttttt", Feature.ASIMD, maker);
            }
            for (int r = 0; r < 2; r++) {
                String name = (load ? "LD" : "ST") + (r == 0 ? "1/3" : "2/4") + " (single structure)";
                A64Row.Maker maker = (w, pc) -> singleStructure(w, load);
                row(name, "0q0011010" + l + r + "00000cccsssnnnnnttttt", Feature.ASIMD, maker);
                row(name + " post-index", "0q0011011" + l + r + "mmmmmcccsssnnnnnttttt", Feature.ASIMD, maker);
            }
        }
    }

    private static @Nullable A64Op singleStructure(int w, boolean load) {
        int opcode = f(w, 15, 13), s = f(w, 12, 12), size = f(w, 11, 10), q = f(w, 30, 30);
        LoadStoreOps.SingleStructure o = new LoadStoreOps.SingleStructure();
        o.load = load;
        o.quad = q != 0;
        o.a = ((opcode & 1) << 1 | f(w, 21, 21)) + 1;
        o.d = w & 31;
        o.n = f(w, 9, 5);
        o.m = f(w, 23, 23) != 0 ? f(w, 20, 16) : -1;
        switch (opcode >> 1) {
            case 0 -> {
                o.size = 1;
                o.imm = q << 3 | s << 2 | size;
            }
            case 1 -> {
                if ((size & 1) != 0) return null;
                o.size = 2;
                o.imm = q << 2 | s << 1 | size >> 1;
            }
            case 2 -> {
                if (size > 1 || size == 1 && s != 0) return null;
                o.size = size == 0 ? 4 : 8;
                o.imm = size == 0 ? q << 1 | s : q;
            }
            default -> {
                if (!load || s != 0) return null;
                o.size = 1 << size;
                o.imm = -1;
            }
        }
        return o;
    }
}
