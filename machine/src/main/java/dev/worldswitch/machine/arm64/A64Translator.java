package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.translate.RegionWriter;
import dev.worldswitch.machine.translate.TlbMemory;
import dev.worldswitch.machine.translate.Translator;
import java.lang.invoke.MethodHandles;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Translates A64 code. */
final class A64Translator extends Translator<Block> {
    private final Arm64Interpreter c;
    private final Blocks blocks;
    private boolean counting;

    A64Translator(Arm64Interpreter c, Blocks blocks) {
        super(MethodHandles.lookup());
        this.c = c;
        this.blocks = blocks;
    }

    /** From now on translations count retired instructions: those that don't are forgotten. */
    void count() {
        if (counting) return;
        counting = true;
        forget();
    }

    @Override
    protected @Nullable Block decoded(Block head, long at) {
        return blocks.peek(at, head.gpa & TlbMemory.PAGE | at & 0xfff, head.guarded);
    }

    @Override
    protected boolean canTranslate(Block head) {
        return true;
    }

    @Override
    protected boolean worthwhile(List<Block> region) {
        return RegionEmitter.worthwhile(region);
    }

    @Override
    protected RegionWriter<Block> writer(List<Block> region) {
        return new RegionEmitter(c, region, counting);
    }
}
