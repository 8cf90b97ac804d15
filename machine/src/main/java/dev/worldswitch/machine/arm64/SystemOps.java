package dev.worldswitch.machine.arm64;

import java.lang.invoke.VarHandle;

/** Operation classes of system instructions and exception generation. */
final class SystemOps {
    private static final int SCTLR = SysReg.SCTLR_EL1.ordinal(), HCR = SysReg.HCR_EL2.ordinal();
    private static final int SPSR = SysReg.SPSR_EL1.ordinal(), ELR = SysReg.ELR_EL1.ordinal();
    private static final int DISR = SysReg.DISR_EL1.ordinal(), VDISR = SysReg.VDISR_EL2.ordinal();
    private static final int VSESR = SysReg.VSESR_EL2.ordinal();
    private static final long TWI = 1L << 13, TWE = 1L << 14, TSC = 1L << 19, HCD = 1L << 29;
    private static final long HCR_VSE = 1L << 8, HCR_AMO = 1L << 5;

    private SystemOps() {}

    static final class Nop extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {}
    }

    static final class Undefined extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            throw c.undefined();
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    static final class Unimplemented extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            if (Uncovered.isSme(word)) throw c.smeTrap(word);
            throw c.unimplemented(word);
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    abstract static class Ends extends A64Op {
        @Override
        public final boolean ends() {
            return true;
        }
    }

    /** SVC, HVC, SMC, BRK: {@code a} says which; the others of the group are UNDEFINED here. */
    static final class Generate extends Ends {
        static final int SVC = 0, HVC = 1, SMC = 2, BRK = 3;

        @Override
        public void exec(Arm64Interpreter c) {
            int i = (int) imm;
            switch (a) {
                case SVC -> throw c.next(c.exception(Exceptions.SVC, i));
                case HVC -> {
                    if (c.el == 0 || (c.sys[HCR] & HCD) != 0) throw c.undefined();
                    throw c.next(c.trap2(Exceptions.HVC, i));
                }
                case SMC -> {
                    // There is no EL3: only the trap makes it anything but UNDEFINED.
                    if (c.el == 0 || (c.sys[HCR] & TSC) == 0) throw c.undefined();
                    throw c.trap2(Exceptions.SMC, i);
                }
                default -> throw c.tde() ? c.trap2(Exceptions.BRK, i) : c.exception(Exceptions.BRK, i);
            }
        }
    }

    static void eret(Arm64Interpreter c, int key, A64Op op) {
        if (c.el == 0) throw c.undefined();
        long to = c.sys[ELR];
        if (key != 0) to = Pauth.authenticate(c, to, c.x[Arm64Cpu.SP], key == 1 ? Pauth.IA : Pauth.IB, true);
        long spsr = c.sys[SPSR];
        long kept = Pstate.NZCV
                | Pstate.DIT
                | Pstate.UAO
                | Pstate.PAN
                | Pstate.IL
                | Pstate.SSBS
                | Pstate.BTYPE
                | Pstate.DAIF;
        if (c.has(Feature.MTE)) kept |= Pstate.TCO;
        long ps = spsr & kept | c.debug.returnSs(spsr);
        c.monitor.clear();
        int mode = (int) spsr & 0x1f;
        if ((mode & 0x10) != 0 && c.cpu.profile().field(SysReg.ID_AA64PFR0_EL1, 0) == 2) throw c.unimplemented(op.word);
        if (mode == Pstate.EL0T || mode == Pstate.EL1T || mode == Pstate.EL1H) {
            c.setPstate(ps | mode);
            c.branchTo(to);
        } else {
            // Illegal return: the mode stays, PSTATE.IL makes the next instruction fault.
            c.setPstate(ps & ~(Pstate.UAO | Pstate.PAN) | c.pstate() & (Pstate.UAO | Pstate.PAN | 0x1f) | Pstate.IL);
            c.pc = to;
        }
    }

    /** WFE, WFI and with a timeout: {@code a} is TI of the syndrome. They never really wait here: EL2 does, if it traps. */
    static final class Wait extends Ends {
        @Override
        public void exec(Arm64Interpreter c) {
            boolean event = (a & 1) != 0;
            int iss = 1 << 24 | 0xe << 20 | a;
            if (a > 1) iss |= (word & 31) << 5 | 1 << 2;
            if (c.el == 0 && (c.sys[SCTLR] >>> (event ? 18 : 16) & 1) == 0) throw c.exception(Exceptions.WFX, iss);
            if (!event && c.virtualPending() != 0) return;
            if ((c.sys[HCR] & (event ? TWE : TWI)) != 0) throw c.trap2(Exceptions.WFX, iss);
            Thread.onSpinWait();
        }
    }

    /** ESB: a pending, masked virtual SError is deferred to VDISR_EL2. */
    static final class Esb extends Ends {
        @Override
        public void exec(Arm64Interpreter c) {
            long hcr = c.sys[HCR];
            if ((hcr & HCR_VSE) == 0 || (hcr & HCR_AMO) == 0 || (c.ps & Pstate.A) == 0) return;
            c.sys[VDISR] = 1L << 31 | c.sys[VSESR] & 0x1ffffff;
            c.sys[DISR] = c.sys[VDISR];
            c.sys[HCR] = hcr & ~HCR_VSE;
        }
    }

    /** DSB, DMB: {@code imm} CRm. */
    static final class Barrier extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            switch ((int) imm & 3) {
                // Loads only: nothing after it passes an earlier load.
                case 1 -> VarHandle.acquireFence();
                case 2 -> VarHandle.storeStoreFence();
                default -> VarHandle.fullFence();
            }
        }
    }

    static final class Isb extends Ends {
        @Override
        public void exec(Arm64Interpreter c) {
            c.attention = true;
        }
    }

    static final class Clrex extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.monitor.clear();
        }
    }

    /** PSTATE fields by MSR (immediate): {@code a} is op1:op2, {@code imm} CRm. */
    static final class MsrImm extends Ends {
        @Override
        public void exec(Arm64Interpreter c) {
            switch (a) {
                case 0 -> c.fc ^= 1;
                case 1 -> xaflag(c);
                case 2 -> axflag(c);
                case 3 -> bit(c, Pstate.UAO);
                case 4 -> bit(c, Pstate.PAN);
                case 5 -> {
                    if (c.el == 0) throw c.undefined();
                    c.setPstate(c.pstate() & ~1L | imm & 1);
                }
                case 3 << 3 | 1 -> set(c, Pstate.SSBS, imm & 1);
                case 3 << 3 | 2 -> set(c, Pstate.DIT, imm & 1);
                case 3 << 3 | 4 -> set(c, Pstate.TCO, imm & 1);
                default -> {
                    if (c.el == 0 && (c.sys[SCTLR] >>> 9 & 1) == 0)
                        throw c.exception(Exceptions.SYS, SysAccess.iss(word, false));
                    set(c, imm << 6, a == 30 ? 1 : 0);
                }
            }
        }

        private void bit(Arm64Interpreter c, long field) {
            if (c.el == 0) throw c.undefined();
            set(c, field, imm & 1);
        }

        private static void set(Arm64Interpreter c, long field, long on) {
            c.ps = on != 0 ? c.ps | field : c.ps & ~field;
            c.regimeChanged();
        }

        private static void xaflag(Arm64Interpreter c) {
            boolean z = c.fz == 0, cc = c.fc != 0;
            c.setNzcv((!cc && !z ? 8 : 0) | (z && cc ? 4 : 0) | (cc || z ? 2 : 0) | (!cc && z ? 1 : 0));
        }

        private static void axflag(Arm64Interpreter c) {
            boolean z = c.fz == 0, cc = c.fc != 0, v = c.fv < 0;
            c.setNzcv((z || v ? 4 : 0) | (cc && !v ? 2 : 0));
        }
    }

    static final class Mrs extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = c.regs.read(word);
        }
    }

    /** MRS of a counter: an interrupt that is due by what it reads is taken before the next instruction. */
    static final class MrsCounter extends Ends {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = c.regs.read(word);
        }
    }

    static final class Msr extends Ends {
        @Override
        public void exec(Arm64Interpreter c) {
            c.regs.write(word, c.x[d]);
        }
    }

    /** MRS of TPIDR_EL0, TPIDR_EL1, TPIDRRO_EL0: nothing traps it; at EL1 all, at EL0 those with op1 3. */
    static final class MrsPlain extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = c.el != 0 || (word >>> 16 & 7) == 3 ? c.sys[a] : c.regs.read(word);
        }
    }

    /** MRS of SP_EL0, where Linux keeps the current task. */
    static final class MrsSp extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = (c.ps & 0xf) == Pstate.EL1H ? c.sys[a] : c.regs.read(word);
        }
    }

    /** SYS and SYSL: cache and TLB maintenance, address translation. */
    static final class Sys extends Ends {
        @Override
        public void exec(Arm64Interpreter c) {
            SysInstructions.exec(c, word, c.x[d]);
        }
    }

    /** PACIA and the like on registers: d the pointer, n the modifier; {@code a} key, {@code imm} 0 add, 1 authenticate, 2 strip. */
    static final class PointerOp extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            long v = c.x[d];
            c.x[d] = switch ((int) imm) {
                case 0 -> Pauth.add(c, v, c.x[n], a);
                case 1 -> Pauth.authenticate(c, v, c.x[n], a, false);
                default -> Pauth.strip(c, v, a <= Pauth.IB);
            };
        }
    }

    static final class Pacga extends A64Op {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[d] = Pauth.generic(c, c.x[n], c.x[m]);
        }
    }
}
