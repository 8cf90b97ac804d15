package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.List;

/** Rows of the instructions that leave the guest or work on the CPU itself. */
final class SystemTable implements OpTableSource {
    private static final String SDM = "SDM vol. 2";
    private final List<Row> rows = new ArrayList<>();

    private void ending(String name, String encoding, String operands, SystemOps.Action a) {
        rows.add(new Row(name, encoding, operands, i -> with(new SystemOps.Ending(a), i), SDM + " " + name));
    }

    private void plain(String name, String encoding, String operands, SystemOps.Action a) {
        rows.add(new Row(name, encoding, operands, i -> with(new SystemOps.Plain(a), i), SDM + " " + name));
    }

    private static Op with(Op op, Insn i) {
        op.ea = i.ea;
        op.imm = i.imm;
        op.size = i.opsize;
        op.d = i.reg;
        op.s = i.rm;
        return op;
    }

    @Override
    public List<Row> rows() {
        if (!rows.isEmpty()) return rows;
        leaving();
        PrivilegedOps.add(this::plain, this::ending);
        FarOps.add(this::plain, this::ending, rows);
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
        ending("RDMSR", "0F 32", "", (m, op) -> msr(m, op, false));
        ending("WRMSR", "0F 30", "", (m, op) -> msr(m, op, true));
        exits("XSETBV", "0F 01 /2 reg m1", X86Exit.XSETBV);
        for (int last : new int[] {0xc1, 0xd9})
            ending(last == 0xc1 ? "VMCALL" : "VMMCALL", "0F 01 /" + (last >> 3 & 7) + " reg m1", "", (m, op) -> {
                m.exit.vector = last;
                throw SystemOps.exit(m, op, X86Exit.HYPERCALL);
            });
        for (int w : new int[] {0, 1}) {
            int opcode = w;
            ending(
                    "IN",
                    opcode == 0 ? "E4" : "E5",
                    "Ib",
                    (m, op) -> io(m, op, op.insn().imm & 0xff, true, opcode, false));
            ending(
                    "OUT",
                    opcode == 0 ? "E6" : "E7",
                    "Ib",
                    (m, op) -> io(m, op, op.insn().imm & 0xff, false, opcode, false));
            ending("IN", opcode == 0 ? "EC" : "ED", "", (m, op) -> io(m, op, m.g[2] & 0xffff, true, opcode, false));
            ending("OUT", opcode == 0 ? "EE" : "EF", "", (m, op) -> io(m, op, m.g[2] & 0xffff, false, opcode, false));
            ending("INS", opcode == 0 ? "6C" : "6D", "", (m, op) -> io(m, op, m.g[2] & 0xffff, true, opcode, true));
            ending("OUTS", opcode == 0 ? "6E" : "6F", "", (m, op) -> io(m, op, m.g[2] & 0xffff, false, opcode, true));
        }
    }

    /** Natively the MSRs that guests may have: FS.base, GS.base, IA32_XFD and reads of IA32_XFD_ERR where passed through. */
    private static void msr(Interpreter m, Op op, boolean write) {
        SystemOps.privileged(m);
        int index = (int) m.g[1];
        long v = m.g[0] & 0xffffffffL | m.g[2] << 32;
        boolean base = (index == 0xc0000100 || index == 0xc0000101)
                && (m.state.intercepts.get() & X86State.EXIT_BASE_MSR) == 0;
        boolean xfd = index == 0x1c4 && (m.state.intercepts.get() & X86State.PASS_XFD) != 0;
        boolean xfdErr = index == 0x1c5 && !write && (m.state.intercepts.get() & X86State.PASS_XFD_ERR_READ) != 0;
        if (!base && !xfd && !xfdErr) throw SystemOps.exit(m, op, write ? X86Exit.WRMSR : X86Exit.RDMSR);
        int seg = index == 0xc0000100 ? X86State.FS : X86State.GS;
        if (write) {
            if (base && !m.isCanonical(v)
                    || xfd && (v & ~m.cpu.profile().xsave().xfdMask()) != 0) throw m.gp(0);
            if (base) m.state.segBase.set(seg, v);
            else m.cpu.xfd().set(v);
        } else {
            v = base
                    ? m.state.segBase.get(seg)
                    : xfd ? m.cpu.xfd().get() : m.cpu.xfdErr().get();
            m.setReg(0, 4, v);
            m.setReg(2, 4, v >>> 32);
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
        permission(m, (int) port, size);
        if (string) e.gva = address(m, i, in, size);
        throw SystemOps.exit(m, op, X86Exit.IO);
    }

    /** IOPL, then the I/O bitmap of the TSS (SDM vol. 1, 19.5). */
    private static void permission(Interpreter m, int port, int size) {
        if (Segments.real(m) && (m.sys & X86State.VM) == 0) return;
        if ((m.sys & X86State.VM) == 0 && m.cpl <= (m.sys & X86State.IOPL) >> 12) return;
        long limit = m.state.segLimit.get(X86State.TR) & 0xffffffffL, base = m.state.segBase.get(X86State.TR);
        if (limit < 0x67) throw m.gp(0);
        long at = m.sysLoad(base + 0x66, 2) + port / 8;
        if (at + 1 > limit) throw m.gp(0);
        if ((m.sysLoad(base + at, 2) >>> (port & 7) & (1 << size) - 1) != 0) throw m.gp(0);
    }

    /** Linear address of the first element; {@code exit.gpr} has the address size in bytes. */
    private static long address(Interpreter m, Insn i, boolean in, int size) {
        long mask = i.addrSize == 8 ? -1 : i.addrSize == 4 ? 0xffffffffL : 0xffff;
        int seg = in ? X86State.ES : i.segOverride < 0 ? X86State.DS : i.segOverride;
        long off = m.g[in ? 7 : 6] & mask;
        // In 64-bit mode the address is looked at when the data is there: the hypervisor asks the device first.
        if (m.code == 64) return seg == X86State.FS || seg == X86State.GS ? off + m.state.segBase.get(seg) : off;
        return m.segment(seg, off, size, in);
    }
}
