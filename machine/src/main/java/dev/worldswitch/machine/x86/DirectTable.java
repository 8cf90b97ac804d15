package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/**
 * Rows of direct stores (MOVDIRI, MOVDIR64B, ENQCMD), of waiting in user mode (UMONITOR, UMWAIT, TPAUSE) and of PTWRITE (SDM vol. 2).
 * Waiting ends at once, as for MWAIT; nothing traces, so PTWRITE's packet goes nowhere.
 */
final class DirectTable implements OpTableSource {
    private static final long TSD = 4;
    private final List<Row> rows = new ArrayList<>();

    private void row(String name, String encoding, String operands, Feature needs, XsaveTable.Action a) {
        rows.add(new Row(
                name, encoding, operands, i -> new XsaveTable.Simple(i, a), "SDM vol. 2 " + name, EnumSet.of(needs)));
    }

    @Override
    public List<Row> rows() {
        if (!rows.isEmpty()) return rows;
        row("MOVDIRI", "NP 0F 38 F9 /r mem", "M,G", Feature.MOVDIRI, (m, op) -> {
            int n = op.insn().w ? 8 : 4;
            m.st(m.linear(op.ea(), n, true), n, m.reg(op.insn().reg, n));
        });
        row("MOVDIR64B", "66 0F 38 F8 /r mem", "G,M", Feature.MOVDIR64B, (m, op) -> {
            long to = destination(m, op);
            long[] v = new long[8];
            m.load(m.linear(op.ea(), 64, false), 64, v, 0);
            m.store(to, 64, v, 0);
        });
        // No PASID is ever valid here: IA32_PASID reads 0.
        row("ENQCMD", "F2 0F 38 F8 /r mem", "G,M", Feature.ENQCMD, (m, op) -> {
            throw m.gp(0);
        });
        row("ENQCMDS", "F3 0F 38 F8 /r mem", "G,M", Feature.ENQCMD, (m, op) -> {
            SystemOps.privileged(m);
            m.checkWrite(destination(m, op), 64);
            m.load(m.linear(op.ea(), 64, false), 64, new long[8], 0);
            // Nothing in memory takes commands: ZF tells that it was not accepted.
            m.setFlags(m.flags() & ~Flags.STATUS | X86State.ZF);
        });
        row("UMONITOR", "F3 0F AE /6 reg", "E", Feature.WAITPKG, (m, op) -> {
            Insn i = op.insn();
            long at = m.g[i.rm] & (i.addrSize == 8 ? -1 : i.addrSize == 4 ? 0xffffffffL : 0xffff);
            m.ld(m.segment(i.segOverride < 0 ? X86State.DS : i.segOverride, at, 1, false), 1);
        });
        row("UMWAIT", "F2 0F AE /6 reg", "E", Feature.WAITPKG, DirectTable::pause);
        row("TPAUSE", "66 0F AE /6 reg", "E", Feature.WAITPKG, DirectTable::pause);
        row("PTWRITE", "F3 0F AE /4", "Ey", Feature.PTWRITE, (m, op) -> {
            int n = op.insn().w ? 8 : 4;
            if (op.insn().prefix66) throw m.ud();
            if (op.ea != null) m.ld(m.linear(op.ea, n, false), n);
        });
        return rows;
    }

    /** Linear address of the 64 bytes in ES that ModRM.reg names. */
    private static long destination(Interpreter m, Op op) {
        Insn i = op.insn();
        long at = m.g[i.reg] & (i.addrSize == 8 ? -1 : i.addrSize == 4 ? 0xffffffffL : 0xffff);
        long la = m.segment(X86State.ES, at, 64, true);
        if ((la & 63) != 0) throw m.gp(0);
        return la;
    }

    /** The operand asks for a deeper or lighter state; CF would tell of the operating system's limit. */
    private static void pause(Interpreter m, Op op) {
        boolean reserved = (m.g[op.insn().rm] & 0xfffffffeL) != 0,
                denied = (m.state.cr.get(4) & TSD) != 0 && m.cpl != 0;
        if (reserved || denied) throw m.gp(0);
        m.setFlags(m.flags() & ~Flags.STATUS);
    }
}
