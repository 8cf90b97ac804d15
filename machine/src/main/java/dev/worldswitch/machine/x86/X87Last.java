package dev.worldswitch.machine.x86;

/**
 * The environment's last instruction: FIP, FCS, FDP, FDS and FOP of the last one that is no control instruction (SDM vol. 1, 8.1.8
 * and 8.1.9). Intel's CPUs record the opcode, and newer ones the operand's address, only where an unmasked exception follows;
 * newer ones have no selectors.
 */
final class X87Last {
    /** CPUID 7.0 ebx: the operand's address is recorded with exceptions only; selectors are zero. */
    private static final int FDP_EXCPTN_ONLY = 1 << 6, FCS_FDS_DEPRECATED = 1 << 13;

    private X87Last() {}

    static void record(Interpreter m, Op op) {
        long[] fp = m.fp;
        X86Profile p = m.cpu.profile();
        int bits = p.leaf7Ebx();
        boolean excepted = (X87.fsw(fp) & X87.ES) != 0, selectors = m.code != 64 && (bits & FCS_FDS_DEPRECATED) == 0;
        fp[1] = selectors ? op.ip & 0xffffffffL | m.state.segSelector.get(X86State.CS) << 32 : op.ip;
        Insn i = op.insn();
        if (excepted || p.isAmd()) {
            long opcode = (i.opcode & 7) << 8 | i.mod << 6 | i.digit << 3 | i.rm & 7;
            fp[0] = fp[0] & 0xffffffffffffL | opcode << 48;
        }
        if (op.ea == null || !excepted && (bits & FDP_EXCPTN_ONLY) != 0) return;
        long at = op.ea.offset(m.g);
        fp[2] = selectors ? at & 0xffffffffL | m.state.segSelector.get(op.ea.seg) << 32 : at;
    }
}
