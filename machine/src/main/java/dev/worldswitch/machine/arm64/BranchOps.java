package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.OpTemplate;
import java.lang.invoke.MethodHandles;

/** Operation classes of branches. Each ends its block; PC is already at the next instruction when it runs. */
final class BranchOps {
    private BranchOps() {}

    abstract static class Branch extends A64Op {
        @Override
        public boolean ends() {
            return true;
        }
    }

    /** To the constant {@code imm}, or to the next instruction. */
    abstract static class Direct extends Branch {
        long[] successors() {
            return new long[] {imm, pc + 4};
        }
    }

    static final class B extends Direct {
        @Override
        public void exec(Arm64Interpreter c) {
            c.pc = imm;
        }

        @Override
        long[] successors() {
            return new long[] {imm};
        }
    }

    static final class Bl extends Direct {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[30] = pc + 4;
            c.pc = imm;
        }
    }

    static final class BCond extends Direct {
        private static final A64.Cond MEANING = OpTemplate.meaning(MethodHandles.lookup(), A64.Cond.class);

        @Override
        public void exec(Arm64Interpreter c) {
            if (MEANING.of(c.fn, c.fz, c.fc, c.fv)) c.pc = imm;
        }
    }

    /** What CBZ, CBNZ, TBZ and TBNZ ask of a register's value. */
    interface Test {
        boolean of(long v);
    }

    private static final Test ZERO64 = v -> v == 0,
            NOT64 = v -> v != 0,
            ZERO32 = v -> (int) v == 0,
            NOT32 = v -> (int) v != 0;

    static A64Op zero(boolean is64, boolean zero) {
        Test t = is64 ? zero ? ZERO64 : NOT64 : zero ? ZERO32 : NOT32;
        return IntegerOps.template(Compare.class, t);
    }

    static final class Compare extends Direct {
        private static final Test MEANING = OpTemplate.meaning(MethodHandles.lookup(), Test.class);

        @Override
        public void exec(Arm64Interpreter c) {
            if (MEANING.of(c.x[n])) c.pc = imm;
        }
    }

    /** TBZ, TBNZ: bit {@code a} equals {@code d}. */
    static final class Tb extends Direct {
        @Override
        public void exec(Arm64Interpreter c) {
            if (A64.bit(c.x[n], a) == d) c.pc = imm;
        }
    }

    /** BR, BLR, RET and their authenticating forms: {@code a} bit 0 link, bit 1 return, bit 2 authenticate. */
    static final class Indirect extends Branch {
        boolean keyB;

        @Override
        public void exec(Arm64Interpreter c) {
            long to = c.x[n];
            if ((a & 4) != 0) to = Pauth.authenticate(c, to, c.x[m], keyB ? Pauth.IB : Pauth.IA, true);
            if ((a & 1) != 0) c.x[30] = pc + 4;
            c.branchTo(to);
            if (c.has(Feature.BTI)) c.btype = btype();
        }

        /** PSTATE.BTYPE after it; a return leaves none. */
        int btype() {
            return (a & 2) != 0 ? 0 : (a & 1) != 0 ? 2 : n == 16 || n == 17 ? 1 : 3;
        }
    }

    static final class Eret extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            SystemOps.eret(c, a, this);
        }
    }

    /** AArch64.BTypeCompatible: what may be at the target of an indirect branch in a guarded page. */
    static boolean isLandingPad(int word, int btype, long sctlr, int el) {
        // BRK and HLT raise their own exception.
        if ((word & 0xffe0001f) == 0xd4200000 || (word & 0xffe0001f) == 0xd4400000) return true;
        if ((word & 0xfffff01f) != 0xd503201f) return false;
        return switch (word >>> 5 & 0x7f) {
            case 25, 27 -> btype != 3 || (sctlr >>> (el == 0 ? 35 : 36) & 1) == 0;
            case 34 -> btype != 3;
            case 36 -> btype != 2;
            case 38 -> true;
            default -> false;
        };
    }
}
