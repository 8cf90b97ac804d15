package dev.worldswitch.machine.x86;

import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import org.jspecify.annotations.Nullable;

/**
 * Where translated code has the status flags: in the locals FR and FC, changed by what {@code last} (an {@link Arith}, or a
 * shift by {@code count}) does to the operands kept in FA and FB and the result in FRES, and that by a later rotate.
 */
record FlagState(
        @Nullable Object last,
        int count,
        IntegerOps.@Nullable Shift rotate,
        int rotateCount) {
    static final FlagState KNOWN = new FlagState(null, 0, null, 0);
    private static final ClassDesc J = ConstantDescs.CD_long, I = ConstantDescs.CD_int;

    static FlagState after(Arith f) {
        return new FlagState(f, 0, null, 0);
    }

    static FlagState after(IntegerOps.Shift f, int n) {
        return new FlagState(f, n, null, 0);
    }

    /** A rotate changes CF and OF only, both whatever they were. */
    FlagState rotated(IntegerOps.Shift f, int n) {
        return new FlagState(last, count, f, n);
    }

    /** Writes the code that brings FR and FC up to date. */
    void compute(RegionEmitter e) {
        if (last instanceof Arith f) {
            CodeBuilder c = e.code();
            c.lload(RegionEmitter.FRES)
                    .loadConstant(f.size())
                    .invokestatic(RegionEmitter.FLAGS, "signed", MethodTypeDesc.of(J, J, I))
                    .lstore(RegionEmitter.FR);
            e.constant(f, RegionEmitter.ARITH);
            c.lload(RegionEmitter.FA)
                    .lload(RegionEmitter.FB)
                    .lload(RegionEmitter.FRES)
                    .lload(RegionEmitter.FC)
                    .invokestatic(RegionEmitter.ARITH, "carry", MethodTypeDesc.of(J, RegionEmitter.ARITH, J, J, J, J))
                    .lstore(RegionEmitter.FC);
        } else if (last instanceof IntegerOps.Shift f)
            shift(e, f, () -> e.code().loadConstant(count), RegionEmitter.FA, RegionEmitter.FRES);
        if (rotate != null)
            shift(e, rotate, () -> e.code().loadConstant(rotateCount), RegionEmitter.RA, RegionEmitter.RRES);
    }

    /** Writes the flags of a shift of local {@code a} to local {@code r} by what {@code count} pushes. */
    static void shift(RegionEmitter e, IntegerOps.Shift f, Runnable count, int a, int r) {
        CodeBuilder c = e.code();
        e.constant(f, RegionEmitter.SHIFT);
        count.run();
        c.lload(r)
                .lload(RegionEmitter.FR)
                .invokestatic(RegionEmitter.SHIFT, "result", MethodTypeDesc.of(J, RegionEmitter.SHIFT, I, J, J))
                .lstore(RegionEmitter.FR);
        e.constant(f, RegionEmitter.SHIFT);
        c.lload(a);
        count.run();
        c.lload(r)
                .lload(RegionEmitter.FC)
                .invokestatic(RegionEmitter.SHIFT, "carry", MethodTypeDesc.of(J, RegionEmitter.SHIFT, J, I, J, J))
                .lstore(RegionEmitter.FC);
    }
}
