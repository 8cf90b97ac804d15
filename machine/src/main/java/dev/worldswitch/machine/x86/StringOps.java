package dev.worldswitch.machine.x86;

/**
 * MOVS, CMPS, STOS, LODS, SCAS. Each iteration is complete in the registers before the next begins, so that an
 * interrupt, a trap or a fault between two leaves RIP at the instruction.
 */
final class StringOps {
    private static final int MOVS = 0, CMPS = 1, STOS = 2, LODS = 3, SCAS = 4;

    private StringOps() {}

    static void add(MoreOps.Acts acts) {
        String[] names = {"MOVS", "CMPS", "STOS", "LODS", "SCAS"};
        int[] opcodes = {0xa4, 0xa6, 0xaa, 0xac, 0xae};
        for (int k = 0; k < 5; k++) {
            int kind = k;
            acts.row(names[k], IntegerTable.hex(opcodes[k]), "", (m, op) -> run(m, op, kind, 1));
            acts.row(names[k], IntegerTable.hex(opcodes[k] + 1), "", (m, op) -> run(m, op, kind, op.size));
        }
    }

    private static void run(Interpreter m, Op op, int kind, int size) {
        Insn i = op.insn();
        long step = (m.sys & X86State.DF) != 0 ? -size : size;
        if (!i.repF3 && !i.repF2) {
            once(m, i, kind, size, step);
            return;
        }
        int polls = 0;
        for (long c = m.reg(1, i.addrSize); c != 0; ) {
            once(m, i, kind, size, step);
            c = Flags.unsigned(c - 1, i.addrSize);
            m.setReg(1, i.addrSize, c);
            boolean compares = kind == CMPS || kind == SCAS;
            if (compares && (m.fr == 0) == i.repF2) return;
            // KVM's emulator leaves RIP at the instruction after the last iteration too.
            if (c == 0 && !m.emulating) return;
            // One iteration at a time while somebody watches; else a poll now and then.
            if (m.careful && !group(m, i, kind, size, step) || (++polls & 127) == 0 && m.cpu.anyPending()) {
                m.rip = op.ip;
                m.attention = true;
                return;
            }
        }
        if (i.addrSize == 4 && i.is64()) m.g[1] &= 0xffffffffL;
    }

    /**
     * Fast strings: data breakpoints are reported after a group of iterations (SDM vol. 1, 7.3.9.3), here within 64
     * aligned bytes, so that nothing but the breakpoint can come between.
     */
    private static boolean group(Interpreter m, Insn i, int kind, int size, long step) {
        if (kind != MOVS && kind != STOS || m.emulating || !m.watching || m.mmio.hasWrite() || step < 0) return false;
        if ((m.sys & X86State.TF) != 0) return false;
        boolean more = kind == STOS || (m.reg(6, i.addrSize) & 63) >= size;
        return more && (m.reg(7, i.addrSize) & 63) >= size;
    }

    private static void once(Interpreter m, Insn i, int kind, int size, long step) {
        int as = i.addrSize;
        long si = m.reg(6, as), di = m.reg(7, as);
        int seg = i.segOverride < 0 ? X86State.DS : i.segOverride;
        switch (kind) {
            case MOVS -> {
                long v = m.ld(m.segment(seg, si, size, false), size);
                m.st(m.segment(X86State.ES, di, size, true), size, v);
            }
            case CMPS -> {
                long a = m.ld(m.segment(seg, si, size, false), size);
                long b = m.ld(m.segment(X86State.ES, di, size, false), size);
                m.setResult(a - b, Alu.subCarries(a, b, a - b), size);
            }
            case STOS -> m.st(m.segment(X86State.ES, di, size, true), size, m.g[0]);
            case LODS -> m.setReg(0, size, m.ld(m.segment(seg, si, size, false), size));
            default -> {
                long a = m.reg(0, size), b = m.ld(m.segment(X86State.ES, di, size, false), size);
                m.setResult(a - b, Alu.subCarries(a, b, a - b), size);
            }
        }
        if (kind != STOS && kind != SCAS) m.setReg(6, as, si + step);
        if (kind != LODS) m.setReg(7, as, di + step);
    }
}
