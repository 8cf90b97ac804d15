package dev.worldswitch.machine.arm64;

/** SYS and SYSL: cache maintenance (DC, IC), TLB maintenance (TLBI), address translation (AT), prediction restriction. */
final class SysInstructions {
    private static final int SCTLR = SysReg.SCTLR_EL1.ordinal(), HCR = SysReg.HCR_EL2.ordinal();
    private static final int PAR = SysReg.PAR_EL1.ordinal(), DCZID = SysReg.DCZID_EL0.ordinal();
    private static final long TIDCP = 1L << 20, TSW = 1L << 22, TPC = 1L << 23, TPU = 1L << 24, TTLB = 1L << 25;
    private static final long TDZ = 1L << 28, AT = 1L << 44, TICAB = 1L << 50, TOCU = 1L << 52, FB = 1L << 9;
    private static final long TTLBIS = 1L << 54, TTLBOS = 1L << 55;
    private static final long UCI = 1L << 26, DZE = 1L << 14;

    private SysInstructions() {}

    static void exec(Arm64Interpreter c, int word, long v) {
        int op1 = word >>> 16 & 7, crn = word >>> 12 & 15, crm = word >>> 8 & 15, op2 = word >>> 5 & 7;
        boolean sysl = (word & 1 << 21) != 0;
        if (crn == 11 || crn == 15) {
            if ((c.sys[HCR] & TIDCP) != 0) throw c.trap2(Exceptions.SYS, SysAccess.iss(word, sysl));
            throw c.undefined();
        }
        if (sysl || op1 >= 4 || c.el == 0 && op1 != 3) throw c.undefined();
        switch (crn) {
            case 7 -> cache(c, word, op1, crm, op2, v);
            case 8 -> tlb(c, word, op1, crm);
            case 9 -> {
                // TLBI with the nXS qualifier.
                if (c.cpu.profile().field(SysReg.ID_AA64ISAR1_EL1, 56) == 0) throw c.undefined();
                tlb(c, word, op1, crm);
            }
            default -> throw c.undefined();
        }
    }

    private static void trap(Arm64Interpreter c, int word, long bits) {
        if ((c.sys[HCR] & bits) != 0) throw c.trap2(Exceptions.SYS, SysAccess.iss(word, false));
    }

    private static void needs(Arm64Interpreter c, int word, long bit) {
        if (c.el == 0 && (c.sys[SCTLR] & bit) == 0) throw c.exception(Exceptions.SYS, SysAccess.iss(word, false));
    }

    private static void cache(Arm64Interpreter c, int word, int op1, int crm, int op2, long v) {
        switch (op1 << 8 | crm << 4 | op2) {
            // IC IALLUIS, IC IALLU.
            case 0x010 -> {
                trap(c, word, TPU | TICAB);
                c.instructionsChanged();
            }
            case 0x050 -> {
                trap(c, word, TPU | TOCU);
                c.instructionsChanged();
            }
            // IC IVAU.
            case 0x351 -> {
                needs(c, word, UCI);
                trap(c, word, TPU | TOCU);
                c.cacheMaintenance(v);
                c.instructionsChanged();
            }
            // DC IVAC.
            case 0x061 -> {
                trap(c, word, TPC);
                c.cacheMaintenance(v);
            }
            // DC ISW, CSW, CISW.
            case 0x062, 0x0a2, 0x0e2 -> trap(c, word, TSW);
            // DC CVAC, CVAU, CVAP, CVADP, CIVAC.
            case 0x3a1, 0x3e1 -> byAddress(c, word, TPC, v);
            case 0x3b1 -> byAddress(c, word, TPU | TOCU, v);
            case 0x3c1 -> {
                if (!c.has(Feature.DPB)) throw c.undefined();
                byAddress(c, word, TPC, v);
            }
            case 0x3d1 -> {
                if (!c.has(Feature.DPB2)) throw c.undefined();
                byAddress(c, word, TPC, v);
            }
            case 0x341 -> zero(c, word, v);
            // CFP RCTX, DVP RCTX, CPP RCTX: nothing is predicted here.
            case 0x334, 0x335, 0x337 -> {
                if (!c.has(Feature.SPECRES)) throw c.undefined();
                needs(c, word, 1 << 10);
            }
            // AT S1E1R, S1E1W, S1E0R, S1E0W, S1E1RP, S1E1WP.
            case 0x080, 0x081, 0x082, 0x083 -> address(c, word, op2, false, v);
            case 0x090, 0x091 -> {
                if (!c.has(Feature.PAN2)) throw c.undefined();
                address(c, word, op2, true, v);
            }
            default -> throw c.undefined();
        }
    }

    private static void byAddress(Arm64Interpreter c, int word, long traps, long v) {
        needs(c, word, UCI);
        trap(c, word, traps);
        c.cacheMaintenance(v);
    }

    /** DC ZVA: a store of one block of zeros. */
    private static void zero(Arm64Interpreter c, int word, long v) {
        needs(c, word, DZE);
        trap(c, word, TDZ);
        int bytes = 4 << (c.sys[DCZID] & 15);
        long at = v & -(long) bytes;
        for (int k = 0; k < bytes; k += 8) c.st64(at + k, 0);
    }

    /** AT: the result or the fault goes to PAR_EL1. */
    private static void address(Arm64Interpreter c, int word, int op2, boolean pan, long v) {
        trap(c, word, AT);
        boolean user = op2 >= 2;
        int kind = (op2 & 1) != 0 ? Mmu.WRITE : Mmu.READ;
        int fsc = c.stage1.walk(v, kind, user, pan && (c.ps & Pstate.PAN) != 0);
        if (fsc == Stage1.OK) {
            long ns = 1 << 9;
            c.sys[PAR] = (long) c.stage1.attributes << 56
                    | 1 << 11
                    | ns
                    | (long) c.stage1.shareability << 7
                    | c.stage1.ipa & 0xffffffffff000L;
        } else if (c.stage1.stage2) {
            // A fault on the table walk at stage 2 is reported to EL2, not in PAR_EL1.
            if (fsc == Stage1.INACCESSIBLE) throw c.inaccessible(c.stage1.ipa);
            throw c.abort2(v, Mmu.READ, c.stage1.ipa, true, fsc);
        } else c.sys[PAR] = 1 << 11 | (long) fsc << 1 | 1;
    }

    private static void tlb(Arm64Interpreter c, int word, int op1, int crm) {
        if (op1 != 0) throw c.undefined();
        // CRm 1 and 5: outer shareable; 2 and 3: inner shareable; 6 and 7: this CPU only. 2, 5 and 6 are by range.
        boolean range = crm == 2 || crm == 5 || crm == 6, outer = crm == 1 || crm == 5, inner = crm == 2 || crm == 3;
        if (crm < 1 || crm > 7 || crm == 4) throw c.undefined();
        int has = c.cpu.profile().field(SysReg.ID_AA64ISAR0_EL1, 56);
        if (range && has < 2 || outer && has < 1) throw c.undefined();
        trap(c, word, TTLB | (outer ? TTLBOS : inner ? TTLBIS : 0));
        c.translationsChanged(outer || inner || (c.sys[HCR] & FB) != 0);
    }
}
