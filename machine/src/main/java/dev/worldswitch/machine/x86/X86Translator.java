package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.translate.RegionWriter;
import dev.worldswitch.machine.translate.TlbMemory;
import dev.worldswitch.machine.translate.Translator;
import java.lang.invoke.MethodHandles;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Translates 64-bit code. */
final class X86Translator extends Translator<Block> {
    private final Interpreter m;
    private final BlockCache blocks;
    private boolean counting;

    X86Translator(Interpreter m, BlockCache blocks) {
        super(MethodHandles.lookup());
        this.m = m;
        this.blocks = blocks;
    }

    /** From now on translations count what retires: those that don't are forgotten. */
    void count() {
        if (counting) return;
        counting = true;
        forget();
    }

    @Override
    protected @Nullable Block decoded(Block head, long at) {
        Block b = blocks.peek(at, head.gpa & TlbMemory.PAGE | at & 0xfff, head.mode);
        return b == null || b.gpa2 != 0 ? null : b;
    }

    @Override
    protected boolean canTranslate(Block head) {
        return head.mode == 64 && head.gpa2 == 0;
    }

    @Override
    protected boolean worthwhile(List<Block> region) {
        return RegionEmitter.worthwhile(region);
    }

    @Override
    protected RegionWriter<Block> writer(List<Block> region) {
        return new RegionEmitter(m, region, counting);
    }
}
