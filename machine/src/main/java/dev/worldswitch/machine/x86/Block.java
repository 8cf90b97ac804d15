package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.translate.BasicBlock;

/** A basic block: operation objects and the bytes they were decoded from. */
final class Block extends BasicBlock<Block> {
    /** Where the second page begins, of a block that crosses into one. */
    final long gpa2;

    final int mode;
    final Op[] ops;
    final byte[] bytes;
    /** RIP of the block ended by the last instruction without a branch. */
    final long end;
    /** 1 when it ends with a branch. */
    final int branches;

    int foundEpoch;
    long foundAccess;

    Block(long rip, long gpa, long gpa2, int mode, Op[] ops, byte[] bytes) {
        super(rip, gpa);
        this.gpa2 = gpa2;
        this.mode = mode;
        this.ops = ops;
        this.bytes = bytes;
        this.end = ops[ops.length - 1].next;
        this.branches = ops[ops.length - 1].isBranch() ? 1 : 0;
    }

    @Override
    public int byteLength() {
        return bytes.length;
    }

    @Override
    public int length() {
        return ops.length;
    }

    @Override
    public long[] successors() {
        Op last = ops[ops.length - 1];
        if (!last.ends()) return new long[] {end};
        Class<?> t = last.template == null ? last.getClass() : last.template;
        if (t == IntegerOps.Jcc.class || t == IntegerOps.Call64.class) return new long[] {last.imm, last.next};
        return t == IntegerOps.Jump64.class ? new long[] {last.imm} : new long[0];
    }
}
