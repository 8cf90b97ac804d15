package dev.worldswitch.machine.x86;

/** EVEX forms of the moves of single elements and halves of 128 bits, to and from memory and general registers (SDM vol. 2). */
final class Avx512MoveTable extends Avx512Table {
    @Override
    void fill() {
        for (String t : new String[] {"PS", "PD"}) {
            String form = t.equals("PS") ? "128.NP.0F.W0 " : "128.66.0F.W1 ";
            plain("VMOVL" + t, form + "12 /r mem", "V,M", 8, (m, o) -> pair(m, o, ld(m, o, 8), first(m, o)[1]));
            plain("VMOVL" + t, form + "13 /r mem", "M,V", 8, (m, o) -> st(m, o, 8, EvexOp.read(m, o.reg)[0]));
            plain("VMOVH" + t, form + "16 /r mem", "V,M", 8, (m, o) -> pair(m, o, first(m, o)[0], ld(m, o, 8)));
            plain("VMOVH" + t, form + "17 /r mem", "M,V", 8, (m, o) -> st(m, o, 8, EvexOp.read(m, o.reg)[1]));
        }
        plain(
                "VMOVHLPS",
                "128.NP.0F.W0 12 /r reg",
                "V,W",
                0,
                (m, o) -> pair(m, o, EvexOp.read(m, o.rm)[1], first(m, o)[1]));
        plain(
                "VMOVLHPS",
                "128.NP.0F.W0 16 /r reg",
                "V,W",
                0,
                (m, o) -> pair(m, o, first(m, o)[0], EvexOp.read(m, o.rm)[0]));
        plain("VINSERTPS", "128.66.0F3A.W0 21 /r", "V,W,Ib", 4, Avx512MoveTable::insertps);
        plain("VEXTRACTPS", "128.66.0F3A.WIG 17 /r", "E,V,Ib", 4, (m, o) -> extract(m, o, o.reg, 32));
        plain("VPINSRB", "128.66.0F3A.WIG 20 /r", "V,E,Ib", 1, (m, o) -> insert(m, o, 8));
        plain("VPINSRW", "128.66.0F.WIG C4 /r", "V,E,Ib", 2, (m, o) -> insert(m, o, 16));
        plain("VPINSRD", "128.66.0F3A.W0 22 /r", "V,E,Ib", 4, (m, o) -> insert(m, o, 32));
        plain("VPINSRQ", "128.66.0F3A.W1 22 /r", "V,E,Ib", 8, (m, o) -> insert(m, o, 64));
        plain("VPEXTRB", "128.66.0F3A.WIG 14 /r", "E,V,Ib", 1, (m, o) -> extract(m, o, o.reg, 8));
        plain("VPEXTRW", "128.66.0F3A.WIG 15 /r", "E,V,Ib", 2, (m, o) -> extract(m, o, o.reg, 16));
        plain("VPEXTRD", "128.66.0F3A.W0 16 /r", "E,V,Ib", 4, (m, o) -> extract(m, o, o.reg, 32));
        plain("VPEXTRQ", "128.66.0F3A.W1 16 /r", "E,V,Ib", 8, (m, o) -> extract(m, o, o.reg, 64));
        plain("VPEXTRW", "128.66.0F.WIG C5 /r reg", "G,W,Ib", 0, (m, o) -> {
            long v = Avx2Table.lane(EvexOp.read(m, o.rm), o.imm & 7, 16);
            m.setReg(o.reg & 15, 8, v);
        });
    }

    /** An instruction that knows no opmask. */
    private void plain(String name, String encoding, String operands, int bytes, EvexOp.Action a) {
        row(name, encoding, operands, i -> {
            EvexOp op = new EvexOp.Free(i, 32, bytes, a);
            op.undefined |= i.b || i.aaa != 0;
            return op;
        });
    }

    private static long ld(Interpreter m, EvexOp o, int bytes) {
        return m.ld(m.linear(o.ea(), bytes, false), bytes);
    }

    private static void st(Interpreter m, EvexOp o, int bytes, long v) {
        m.st(m.linear(o.ea(), bytes, true), bytes, v);
    }

    private static long[] first(Interpreter m, EvexOp o) {
        return EvexOp.read(m, o.first);
    }

    private static void pair(Interpreter m, EvexOp o, long low, long high) {
        EvexOp.write(m, o.reg, new long[] {low, high}, 2);
    }

    private static void insertps(Interpreter m, EvexOp o) {
        long v = o.ea != null ? ld(m, o, 4) : Avx2Table.lane(EvexOp.read(m, o.rm), o.imm >> 6, 32);
        long[] r = first(m, o);
        Avx2Table.setLane(r, o.imm >> 4 & 3, 32, v);
        for (int k = 0; k < 4; k++) if ((o.imm >> k & 1) != 0) Avx2Table.setLane(r, k, 32, 0);
        EvexOp.write(m, o.reg, r, 2);
    }

    private static void insert(Interpreter m, EvexOp o, int width) {
        long v = o.ea != null ? ld(m, o, width / 8) : m.g[o.rm & 15];
        long[] r = first(m, o);
        Avx2Table.setLane(r, o.imm & 128 / width - 1, width, v);
        EvexOp.write(m, o.reg, r, 2);
    }

    private static void extract(Interpreter m, EvexOp o, int from, int width) {
        long v = Avx2Table.lane(EvexOp.read(m, from), o.imm & 128 / width - 1, width);
        if (o.ea != null) st(m, o, width / 8, v);
        else m.setReg(o.rm & 15, 8, v);
    }
}
