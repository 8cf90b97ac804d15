package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.rd;
import static dev.worldswitch.machine.arm64.IntegerTable.rm;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;
import static dev.worldswitch.machine.arm64.IntegerTable.zw;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;

import java.util.ArrayList;
import java.util.List;

/** System instructions, exception generation, hints, barriers, pointer authentication: Arm ARM C4.1.93, C4.1.94. */
final class SystemTable implements A64Row.Table {
    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Feature feature, A64Row.Maker maker) {
        rows.add(new A64Row(name, bits, feature, maker, "C6.2 " + name));
    }

    private void row(String name, String bits, A64Row.Maker maker) {
        row(name, bits, Feature.BASE, maker);
    }

    private static A64Op a(A64Op op, int a, long imm) {
        op.a = a;
        op.imm = imm;
        return op;
    }

    @Override
    public List<A64Row> rows() {
        generation();
        hints();
        barriers();
        registers();
        pauth();
        return rows;
    }

    private void generation() {
        row("UDF", "0000000000000000iiiiiiiiiiiiiiii", (w, pc) -> null);
        String[][] all = {{"SVC", "000", "01"}, {"HVC", "000", "10"}, {"SMC", "000", "11"}, {"BRK", "001", "00"}};
        for (int k = 0; k < 4; k++) {
            int kind = k;
            row(
                    all[k][0],
                    "11010100" + all[k][1] + "iiiiiiiiiiiiiiii000" + all[k][2],
                    (w, pc) -> a(new SystemOps.Generate(), kind, f(w, 20, 5)));
        }
        // Halting debug is off: HLT and DCPS are UNDEFINED.
        row("HLT", "11010100010iiiiiiiiiiiiiiii00000", (w, pc) -> null);
        row("DCPS", "11010100101iiiiiiiiiiiiiiii000ll", (w, pc) -> null);
    }

    private void hint(String name, int number, A64Row.Maker maker) {
        row(
                name,
                "11010101000000110010" + two(number >> 5) + two(number >> 3) + (number >> 2 & 1) + two(number)
                        + "11111",
                maker);
    }

    private void hints() {
        row("HINT", "11010101000000110010ccccooo11111", (w, pc) -> new SystemOps.Nop());
        hint("WFE", 2, (w, pc) -> a(new SystemOps.Wait(), 1, 0));
        hint("WFI", 3, (w, pc) -> a(new SystemOps.Wait(), 0, 0));
        hint("ESB", 16, (w, pc) -> new SystemOps.Esb());
        row("WFET", "110101010000001100010000000ddddd", Feature.WFXT, (w, pc) -> a(new SystemOps.Wait(), 3, 0));
        row("WFIT", "110101010000001100010000001ddddd", Feature.WFXT, (w, pc) -> a(new SystemOps.Wait(), 2, 0));
        row("XPACLRI", "11010101000000110010000011111111", Feature.BASE, (w, pc) -> pointer(30, 0, Pauth.IA, 2));
        for (int k = 0; k < 2; k++) {
            int key = k == 0 ? Pauth.IA : Pauth.IB;
            String ab = k == 0 ? "A" : "B";
            int at = 2 * k;
            hint("PACI" + ab + "1716", 8 + at, (w, pc) -> pointer(17, 16, key, 0));
            hint("AUTI" + ab + "1716", 12 + at, (w, pc) -> pointer(17, 16, key, 1));
            hint("PACI" + ab + "Z", 24 + at, (w, pc) -> pointer(30, Arm64Cpu.ZR, key, 0));
            hint("PACI" + ab + "SP", 25 + at, (w, pc) -> pointer(30, Arm64Cpu.SP, key, 0));
            hint("AUTI" + ab + "Z", 28 + at, (w, pc) -> pointer(30, Arm64Cpu.ZR, key, 1));
            hint("AUTI" + ab + "SP", 29 + at, (w, pc) -> pointer(30, Arm64Cpu.SP, key, 1));
        }
    }

    private static A64Op pointer(int d, int n, int key, int how) {
        SystemOps.PointerOp o = new SystemOps.PointerOp();
        o.d = d;
        o.n = n;
        return a(o, key, how);
    }

    private void barriers() {
        row("CLREX", "11010101000000110011cccc01011111", (w, pc) -> new SystemOps.Clrex());
        row("DSB", "11010101000000110011cccc10011111", (w, pc) -> a(new SystemOps.Barrier(), 0, f(w, 11, 8)));
        row("DSB nXS", "11010101000000110011cc1000111111", Feature.XS, (w, pc) -> a(new SystemOps.Barrier(), 0, 3));
        row("DMB", "11010101000000110011cccc10111111", (w, pc) -> a(new SystemOps.Barrier(), 0, f(w, 11, 8)));
        row("ISB", "11010101000000110011cccc11011111", (w, pc) -> new SystemOps.Isb());
        row("SB", "11010101000000110011000011111111", Feature.SB, (w, pc) -> new SystemOps.Isb());
    }

    private void pstate(String name, int op1, int op2, Feature feature) {
        row(
                "MSR (immediate) " + name,
                "1101010100000" + (op1 >> 2) + two(op1) + "0100" + (op1 == 0 && op2 < 3 ? "0000" : "cccc") + (op2 >> 2)
                        + two(op2) + "11111",
                feature,
                (w, pc) -> a(new SystemOps.MsrImm(), op1 << 3 | op2, f(w, 11, 8)));
    }

    private void registers() {
        pstate("CFINV", 0, 0, Feature.FLAGM);
        pstate("XAFLAG", 0, 1, Feature.FLAGM2);
        pstate("AXFLAG", 0, 2, Feature.FLAGM2);
        pstate("UAO", 0, 3, Feature.UAO);
        pstate("PAN", 0, 4, Feature.PAN);
        pstate("SPSel", 0, 5, Feature.BASE);
        pstate("SSBS", 3, 1, Feature.SSBS);
        pstate("DIT", 3, 2, Feature.DIT);
        pstate("TCO", 3, 4, Feature.MTE);
        pstate("DAIFSet", 3, 6, Feature.BASE);
        pstate("DAIFClr", 3, 7, Feature.BASE);
        row("MRS", "110101010011roooooooooooooottttt".replace("roooooooooooooo", "ooooooooooooooo"), SystemTable::mrs);
        row("MSR (register)", "110101010001ooooooooooooooottttt", (w, pc) -> sys(new SystemOps.Msr(), zr(w & 31)));
        row("SYS", "1101010100001oooooooooooooottttt", (w, pc) -> sys(new SystemOps.Sys(), zr(w & 31)));
        row("SYSL", "1101010100101oooooooooooooottttt", (w, pc) -> sys(new SystemOps.Sys(), zr(w & 31)));
    }

    private static A64Op sys(A64Op o, int d) {
        o.d = d;
        return o;
    }

    private static A64Op mrs(int w, long pc) {
        SysReg r = SysReg.find(SysAccess.encoding(w));
        A64Op o = r == SysReg.SP_EL0
                ? new SystemOps.MrsSp()
                : r == SysReg.TPIDR_EL0 || r == SysReg.TPIDR_EL1 || r == SysReg.TPIDRRO_EL0
                        ? new SystemOps.MrsPlain()
                        : r == SysReg.CNTVCT_EL0 || r == SysReg.CNTVCTSS_EL0 || r == SysReg.CNTPCT_EL0
                                ? new SystemOps.MrsCounter()
                                : new SystemOps.Mrs();
        if (r != null) o.a = r.ordinal();
        return sys(o, zw(w & 31));
    }

    private void pauth() {
        String[] names = {"IA", "IB", "DA", "DB"};
        for (int k = 0; k < 4; k++) {
            int key = k;
            for (int how = 0; how < 2; how++) {
                int h = how;
                String n = (how == 0 ? "PAC" : "AUT") + names[k];
                row(
                        n,
                        "110110101100000100" + "0" + how + two(k) + "nnnnnddddd",
                        Feature.PAUTH,
                        (w, pc) -> pointer(zw(w & 31), spOr(f(w, 9, 5)), key, h));
                row(
                        n + "Z",
                        "110110101100000100" + "1" + how + two(k) + "11111ddddd",
                        Feature.PAUTH,
                        (w, pc) -> pointer(zw(w & 31), Arm64Cpu.ZR, key, h));
            }
        }
        row("XPACI", "110110101100000101000011111ddddd", Feature.PAUTH, (w, pc) -> pointer(zw(w & 31), 0, Pauth.IA, 2));
        row("XPACD", "110110101100000101000111111ddddd", Feature.PAUTH, (w, pc) -> pointer(zw(w & 31), 0, Pauth.DA, 2));
        row("PACGA", "10011010110mmmmm001100nnnnnddddd", Feature.PACGA, (w, pc) -> {
            A64Op o = new SystemOps.Pacga();
            o.d = rd(w);
            o.n = zr(f(w, 9, 5));
            o.m = f(w, 20, 16) == 31 ? Arm64Cpu.SP : rm(w);
            return o;
        });
    }

    private static int spOr(int r) {
        return r == 31 ? Arm64Cpu.SP : r;
    }
}
