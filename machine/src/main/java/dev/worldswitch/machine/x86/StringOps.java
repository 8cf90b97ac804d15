package dev.worldswitch.machine.x86;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

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
            long many = many(m, i, kind, size, c);
            if (many > 0) polls |= 127;
            else once(m, i, kind, size, step);
            c = Flags.unsigned(c - Math.max(many, 1), i.addrSize);
            m.setReg(1, i.addrSize, c);
            boolean compares = kind == CMPS || kind == SCAS;
            if (compares && (m.fr == 0) == i.repF2) return;
            // KVM's emulator leaves RIP at the instruction after the last iteration too.
            if (c == 0 && !m.emulating) return;
            // One iteration at a time while somebody watches; else a poll now and then.
            if (m.careful && !group(m, i, kind, size, step) || (++polls & 127) == 0 && m.cpu.anyPending()) {
                m.rip = op.ip;
                m.attention = true;
                if (!m.emulating) m.retired--;
                return;
            }
        }
        if (i.addrSize == 4 && i.is64()) m.g[1] &= 0xffffffffL;
    }

    /**
     * Does several iterations of MOVS or STOS at once, in pages that the TLB has, where nobody sees the difference; how
     * many, or 0. A copy onto bytes that it will read repeats them: that is done one by one.
     */
    private static long many(Interpreter m, Insn i, int kind, int size, long left) {
        if (kind != MOVS && kind != STOS || m.careful || m.watching || (m.sys & X86State.DF) != 0) return 0;
        if (i.addrSize != 8 || i.segOverride >= X86State.FS) return 0;
        long to = m.g[X86State.RDI], from = m.g[X86State.RSI];
        long n = Math.min(left, 4096 - (to & 0xfff) >> shift(size));
        if (kind == MOVS) n = Math.min(n, 4096 - (from & 0xfff) >> shift(size));
        if (n < 4 || !m.wTlb.has(to, m.access)) return 0;
        long host = m.wTlb.host(to), bytes = n << shift(size);
        if (kind == MOVS) {
            if (!m.rTlb.has(from, m.access)) return 0;
            long source = m.rTlb.host(from);
            if (host > source && host < source + bytes) return 0;
            MemorySegment.copy(GuestMemory.HOST, source, GuestMemory.HOST, host, bytes);
            m.g[X86State.RSI] += bytes;
        } else fill(host, bytes, size, m.g[X86State.RAX]);
        m.g[X86State.RDI] += bytes;
        return n;
    }

    private static int shift(int size) {
        return Integer.numberOfTrailingZeros(size);
    }

    private static void fill(long host, long bytes, int size, long v) {
        long value = Flags.unsigned(v, size);
        for (int k = size; k < 8; k *= 2) value |= value << 8 * k;
        MemorySegment to = GuestMemory.HOST.asSlice(host, bytes);
        if (value == (value & 0xff) * 0x0101010101010101L) {
            to.fill((byte) value);
            return;
        }
        for (long k = 0; k + 8 <= bytes; k += 8) to.set(ValueLayout.JAVA_LONG_UNALIGNED, k, value);
        for (long k = bytes & -8; k < bytes; k++) to.set(ValueLayout.JAVA_BYTE, k, (byte) (value >>> 8 * (k & 7)));
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
