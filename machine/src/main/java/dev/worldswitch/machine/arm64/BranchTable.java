package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.sf;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;

import java.util.ArrayList;
import java.util.List;

/** Branches: Arm ARM C4.1.93 "Branches, Exception Generating and System instructions". */
final class BranchTable implements A64Row.Table {
    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C6.2 " + name));
    }

    private void row(String name, String bits, A64Row.Maker maker) {
        row(name, bits, Feature.BASE, maker);
    }

    private static A64Op to(A64Op op, long target) {
        op.imm = target;
        return op;
    }

    private static A64Op cb(A64Op op, int w, long pc) {
        op.n = zr(w & 31);
        return to(op, pc + sf(w, 23, 5) * 4);
    }

    @Override
    public List<A64Row> rows() {
        row("B", "000101iiiiiiiiiiiiiiiiiiiiiiiiii", (w, pc) -> to(new BranchOps.B(), pc + sf(w, 25, 0) * 4));
        row("BL", "100101iiiiiiiiiiiiiiiiiiiiiiiiii", (w, pc) -> to(new BranchOps.Bl(), pc + sf(w, 25, 0) * 4));
        row("B.cond", "01010100iiiiiiiiiiiiiiiiiii0cccc", BranchTable::conditional);
        row("BC.cond", "01010100iiiiiiiiiiiiiiiiiii1cccc", Feature.BC, BranchTable::conditional);
        row("CBZ", "s0110100iiiiiiiiiiiiiiiiiiittttt", (w, pc) -> cb(BranchOps.zero(w < 0, true), w, pc));
        row("CBNZ", "s0110101iiiiiiiiiiiiiiiiiiittttt", (w, pc) -> cb(BranchOps.zero(w < 0, false), w, pc));
        row("TBZ", "b0110110bbbbbiiiiiiiiiiiiiittttt", (w, pc) -> tb(w, pc, 0));
        row("TBNZ", "b0110111bbbbbiiiiiiiiiiiiiittttt", (w, pc) -> tb(w, pc, 1));
        row("BR", "1101011000011111000000nnnnn00000", (w, pc) -> indirect(w, 0));
        row("BLR", "1101011000111111000000nnnnn00000", (w, pc) -> indirect(w, 1));
        row("RET", "1101011001011111000000nnnnn00000", (w, pc) -> indirect(w, 2));
        row("ERET", "11010110100111110000001111100000", (w, pc) -> new BranchOps.Eret());
        for (int key = 0; key < 2; key++) {
            int k = key;
            String ab = key == 0 ? "A" : "B";
            row(
                    "BRA" + ab + "Z",
                    "110101100001111100001" + key + "nnnnn11111",
                    Feature.PAUTH,
                    (w, pc) -> auth(w, 4, k, Arm64Cpu.ZR));
            row(
                    "BLRA" + ab + "Z",
                    "110101100011111100001" + key + "nnnnn11111",
                    Feature.PAUTH,
                    (w, pc) -> auth(w, 5, k, Arm64Cpu.ZR));
            row(
                    "BRA" + ab,
                    "110101110001111100001" + key + "nnnnnmmmmm",
                    Feature.PAUTH,
                    (w, pc) -> auth(w, 4, k, w & 31));
            row(
                    "BLRA" + ab,
                    "110101110011111100001" + key + "nnnnnmmmmm",
                    Feature.PAUTH,
                    (w, pc) -> auth(w, 5, k, w & 31));
            row("RETA" + ab, "110101100101111100001" + key + "1111111111", Feature.PAUTH, (w, pc) -> {
                A64Op o = auth(w, 6, k, Arm64Cpu.SP);
                o.n = 30;
                return o;
            });
            row("ERETA" + ab, "110101101001111100001" + key + "1111111111", Feature.PAUTH, (w, pc) -> {
                A64Op o = new BranchOps.Eret();
                o.a = 1 + k;
                return o;
            });
        }
        return rows;
    }

    private static A64Op conditional(int w, long pc) {
        return to(IntegerOps.template(BranchOps.BCond.class, A64.CONDS.get(w & 15)), pc + sf(w, 23, 5) * 4);
    }

    private static A64Op tb(int w, long pc, int wanted) {
        A64Op o = new BranchOps.Tb();
        o.n = zr(w & 31);
        o.a = f(w, 31, 31) << 5 | f(w, 23, 19);
        o.d = wanted;
        return to(o, pc + sf(w, 18, 5) * 4);
    }

    private static A64Op indirect(int w, int kind) {
        A64Op o = new BranchOps.Indirect();
        o.n = zr(f(w, 9, 5));
        o.a = kind;
        return o;
    }

    private static A64Op auth(int w, int kind, int key, int modifier) {
        BranchOps.Indirect o = new BranchOps.Indirect();
        o.n = zr(f(w, 9, 5));
        o.m = modifier;
        o.a = kind;
        o.keyB = key != 0;
        return o;
    }
}
