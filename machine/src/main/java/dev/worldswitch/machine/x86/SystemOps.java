package dev.worldswitch.machine.x86;

/** Operations on the CPU itself, and the ones that leave the guest. */
final class SystemOps {
    private SystemOps() {}

    /** An operation after which RF keeps the value it gave it (IRET). */
    interface KeepsRf {}

    /** A meaning on the whole machine, for what is too rare to be a template. */
    interface Action {
        void run(Interpreter m, Op op);
    }

    /** An operation that does {@code action} and goes on in the block. */
    static final class Plain extends Op {
        private final Action action;

        Plain(Action action) {
            this.action = action;
        }

        @Override
        public void exec(Interpreter m) {
            action.run(m, this);
        }
    }

    /** An operation that does {@code action} and ends the block. */
    static final class Ending extends Op {
        private final Action action;

        Ending(Action action) {
            this.action = action;
        }

        @Override
        public void exec(Interpreter m) {
            action.run(m, this);
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    static final class Iret extends Op implements KeepsRf {
        @Override
        public void exec(Interpreter m) {
            m.exit.length = insn().length;
            Delivery.iret(m, insn().opsize);
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    static final class Undefined extends Op {
        @Override
        public void exec(Interpreter m) {
            throw m.ud();
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    /** Leaves with the bytes of an instruction that this machine lacks. */
    static final class Unimplemented extends Op {
        @Override
        public void exec(Interpreter m) {
            throw unimplemented(m, insn());
        }

        @Override
        public boolean ends() {
            return true;
        }
    }

    static Signal unimplemented(Interpreter m, Insn i) {
        System.arraycopy(i.bytes, 0, m.exit.bytes, 0, 15);
        m.exit.byteCount = i.length;
        m.exit.length = i.length;
        return m.leave(X86Exit.UNIMPLEMENTED);
    }

    /** A case of an implemented instruction that this machine lacks (task gates, virtual-8086 mode). */
    static Signal unimplemented(Interpreter m) {
        m.exit.byteCount = 0;
        return m.leave(X86Exit.UNIMPLEMENTED);
    }

    /** Exit with RIP at the instruction. */
    static Signal exit(Interpreter m, Op op, int reason) {
        m.exit.length = op.insn().length;
        return m.leave(reason);
    }

    static void privileged(Interpreter m) {
        if (m.cpl != 0) throw m.gp(0);
    }
}
