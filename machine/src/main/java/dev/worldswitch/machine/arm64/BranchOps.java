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

    /** To the constant {@code imm}. */
    static final class B extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            c.pc = imm;
        }
    }

    static final class Bl extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            c.x[30] = pc + 4;
            c.pc = imm;
        }
    }

    interface Cond {
        boolean of(long n, long z, int c, long v);
    }

    static final class BCond extends Branch {
        private static final Cond MEANING = OpTemplate.meaning(MethodHandles.lookup(), Cond.class);

        @Override
        public void exec(Arm64Interpreter c) {
            if (MEANING.of(c.fn, c.fz, c.fc, c.fv)) c.pc = imm;
        }
    }

    static final class Cbz64 extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            if (c.x[n] == 0) c.pc = imm;
        }
    }

    static final class Cbz32 extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            if ((int) c.x[n] == 0) c.pc = imm;
        }
    }

    static final class Cbnz64 extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            if (c.x[n] != 0) c.pc = imm;
        }
    }

    static final class Cbnz32 extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            if ((int) c.x[n] != 0) c.pc = imm;
        }
    }

    /** TBZ, TBNZ: bit {@code a} equals {@code d}. */
    static final class Tb extends Branch {
        @Override
        public void exec(Arm64Interpreter c) {
            if ((c.x[n] >>> a & 1) == d) c.pc = imm;
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
            if ((a & 2) == 0 && c.has(Feature.BTI)) c.btype = (a & 1) != 0 ? 2 : n == 16 || n == 17 ? 1 : 3;
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
