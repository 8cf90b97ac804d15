package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.translate.BasicBlock;

/** A basic block: operation objects. It does not cross a page. */
final class Block extends BasicBlock<Block> {
    final long end;
    final boolean guarded;
    final A64Op[] ops;
    /** Index of the first operation that needs the FP unit, and of the first that needs SVE. */
    final int fpAt, sveAt;

    Block(long pc, long ipa, boolean guarded, A64Op[] ops) {
        super(pc, ipa);
        this.guarded = guarded;
        this.ops = ops;
        this.end = pc + 4L * ops.length;
        int fp = ops.length, sve = ops.length;
        for (int i = ops.length - 1; i >= 0; i--) {
            if (ops[i].unit() != A64Op.CORE) fp = i;
            if (ops[i].unit() == A64Op.SVE) sve = i;
        }
        this.fpAt = fp;
        this.sveAt = sve;
    }

    @Override
    public int byteLength() {
        return 4 * ops.length;
    }

    @Override
    public int length() {
        return ops.length;
    }

    @Override
    public long[] successors() {
        A64Op last = ops[ops.length - 1];
        if (!last.ends()) return new long[] {end};
        return last instanceof BranchOps.Direct b ? b.successors() : new long[0];
    }
}
