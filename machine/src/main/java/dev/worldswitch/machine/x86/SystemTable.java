package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/** Rows of the instructions that leave the guest or work on the CPU itself. */
final class SystemTable implements OpTableSource {
    private static final String SDM = "SDM vol. 2";
    private final List<Row> rows = new ArrayList<>();

    private void ending(String name, String encoding, String operands, SystemOps.Action a) {
        rows.add(new Row(name, encoding, operands, i -> new SystemOps.Ending(a), SDM + " " + name));
    }

    private void plain(String name, String encoding, String operands, SystemOps.Action a) {
        rows.add(new Row(name, encoding, operands, i -> new SystemOps.Plain(a), SDM + " " + name));
    }

    @Override
    public List<Row> rows() {
        if (!rows.isEmpty()) return rows;
        leaving();
        return rows;
    }

    private void exits(String name, String encoding, int reason) {
        ending(name, encoding, "", (m, op) -> {
            SystemOps.privileged(m);
            throw SystemOps.exit(m, op, reason);
        });
    }

    private void leaving() {
        ending("HLT", "F4", "", (m, op) -> {
            SystemOps.privileged(m);
            m.exit.length = 1;
            m.exit.reason = X86Exit.HLT;
            m.attention = true;
        });
        ending("CPUID", "0F A2", "", (m, op) -> {
            throw SystemOps.exit(m, op, X86Exit.CPUID);
        });
        exits("RDMSR", "0F 32", X86Exit.RDMSR);
        exits("XSETBV", "0F 01 /2 reg m1", X86Exit.XSETBV);
        for (int last : new int[] {0xc1, 0xd9})
            ending(last == 0xc1 ? "VMCALL" : "VMMCALL", "0F 01 /" + (last >> 3 & 7) + " reg m1", "", (m, op) -> {
                m.exit.vector = last;
                throw SystemOps.exit(m, op, X86Exit.HYPERCALL);
            });
        for (int w : new int[] {0, 1}) {
            int opcode = w;
            ending("IN", opcode == 0 ? "E4" : "E5", "Ib", (m, op) -> io(m, op, op.insn().imm & 0xff, true, opcode, false));
            ending("OUT", opcode == 0 ? "E6" : "E7", "Ib", (m, op) -> io(m, op, op.insn().imm & 0xff, false, opcode, false));
            ending("IN", opcode == 0 ? "EC" : "ED", "", (m, op) -> io(m, op, m.g[2] & 0xffff, true, opcode, false));
            ending("OUT", opcode == 0 ? "EE" : "EF", "", (m, op) -> io(m, op, m.g[2] & 0xffff, false, opcode, false));
            ending("INS", opcode == 0 ? "6C" : "6D", "", (m, op) -> io(m, op, m.g[2] & 0xffff, true, opcode, true));
            ending("OUTS", opcode == 0 ? "6E" : "6F", "", (m, op) -> io(m, op, m.g[2] & 0xffff, false, opcode, true));
        }
    }

    private static void io(Interpreter m, Op op, long port, boolean in, int wide, boolean string) {
        Insn i = op.insn();
        int size = wide == 0 ? 1 : Math.min(i.opsize, 4);
        X86Exit e = m.exit;
        e.port = (int) port;
        e.size = size;
        e.in = in;
        e.string = string;
        e.rep = string && (i.repF3 || i.repF2);
        e.gpr = i.addrSize;
        if (string) e.gva = address(m, i, in, size);
        throw SystemOps.exit(m, op, X86Exit.IO);
    }

    /** Linear address of the first element; {@code exit.gpr} has the address size in bytes. */
    private static long address(Interpreter m, Insn i, boolean in, int size) {
        long mask = i.addrSize == 8 ? -1 : i.addrSize == 4 ? 0xffffffffL : 0xffff;
        int seg = in ? X86State.ES : i.segOverride < 0 ? X86State.DS : i.segOverride;
        return m.segment(seg, m.g[in ? 7 : 6] & mask, size, in);
    }
}
