package dev.worldswitch.machine.x86;

import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import org.jspecify.annotations.Nullable;

/**
 * Where translated code has the status flags: in the locals FR and FC, changed by what {@code last} (an {@link Arith}, or a
 * shift by {@code count}) does to the operands kept in FA and FB and the result in FRES, and that in CF and OF by {@code
 * later} (a rotate by {@code laterCount}, or a product), whose operands are in RA and RRES.
 */
record FlagState(@Nullable Object last, int count, @Nullable Object later, int laterCount) {
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

    /** A product likewise. */
    FlagState multiplied(IntegerOps.Product f) {
        return new FlagState(last, count, f, 0);
    }

    /** Writes the code that brings FR and FC up to date. */
    void compute(RegionEmitter e) {
        if (last instanceof Arith f) arith(e, f);
        else if (last instanceof IntegerOps.Shift f)
            shift(e, f, () -> e.code().loadConstant(count), RegionEmitter.FA, RegionEmitter.FRES);
        if (later instanceof IntegerOps.Shift f)
            shift(e, f, () -> e.code().loadConstant(laterCount), RegionEmitter.RA, RegionEmitter.RRES);
        else if (later instanceof IntegerOps.Product f) product(e, f);
    }

    private static void arith(RegionEmitter e, Arith f) {
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
    }

    private static void product(RegionEmitter e, IntegerOps.Product f) {
        e.constant(f, RegionEmitter.PRODUCT);
        e.code()
                .lload(RegionEmitter.RA)
                .lload(RegionEmitter.RRES)
                .lload(RegionEmitter.FC)
                .invokestatic(RegionEmitter.PRODUCT, "carry", MethodTypeDesc.of(J, RegionEmitter.PRODUCT, J, J, J))
                .lstore(RegionEmitter.FC);
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
