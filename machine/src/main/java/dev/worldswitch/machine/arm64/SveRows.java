package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;

import dev.worldswitch.machine.arm64.SveOps.Action;
import java.util.ArrayList;
import java.util.List;

/**
 * The tables of SVE and SVE2, one per class of the Arm ARM's C4.1 "SVE encodings": what their rows have in common. A row
 * belongs to the feature that adds it; an encoding that {@link Legal} refuses is unallocated.
 */
abstract class SveRows implements A64Row.Table {
    /** Whether an encoding of a row is allocated. */
    interface Legal {
        boolean of(int w);
    }

    /** The operation object of a word, one of {@link SveLanes}. */
    interface Shape {
        A64Op of(int w);
    }

    private final List<A64Row> rows = new ArrayList<>();

    @Override
    public final List<A64Row> rows() {
        build();
        return rows;
    }

    abstract void build();

    final void row(String name, String bits, Feature feature, Legal legal, Action action) {
        rows.add(new A64Row(
                name + " (SVE)",
                bits,
                feature,
                (w, pc) -> legal.of(w) ? IntegerOps.template(SveOps.Sve.class, action) : null,
                "C8.2 " + name));
    }

    final void row(String name, String bits, Feature feature, Legal legal, Shape shape) {
        rows.add(new A64Row(
                name + " (SVE)", bits, feature, (w, pc) -> legal.of(w) ? shape.of(w) : null, "C8.2 " + name));
    }

    final void row(String name, String bits, Feature feature, Shape shape) {
        row(name, bits, feature, w -> true, shape);
    }

    final void row(String name, String bits, Shape shape) {
        row(name, bits, Feature.SVE, shape);
    }

    final void sized(String name, String bits, Feature feature, int from, int to, Shape shape) {
        row(name, bits, feature, w -> exists(w, from, to), shape);
    }

    final void sized(String name, String bits, int from, int to, Shape shape) {
        sized(name, bits, Feature.SVE, from, to, shape);
    }

    private static boolean exists(int w, int from, int to) {
        return f(w, 23, 22) >= from && f(w, 23, 22) <= to;
    }

    final void row(String name, String bits, Feature feature, Action action) {
        row(name, bits, feature, w -> true, action);
    }

    final void row(String name, String bits, Action action) {
        row(name, bits, Feature.SVE, action);
    }

    /** A row with sizes that do not exist for some. */
    final void sized(String name, String bits, Feature feature, int from, int to, Action action) {
        row(name, bits, feature, w -> exists(w, from, to), action);
    }

    final void sized(String name, String bits, int from, int to, Action action) {
        sized(name, bits, Feature.SVE, from, to, action);
    }

    /** A row with an immediate that may be shifted left by 8, which a byte can't. */
    final void shiftable(String name, String bits, Shape shape) {
        row(name, bits, Feature.SVE, SveRows::shifts, shape);
    }

    final void shiftable(String name, String bits, Action action) {
        row(name, bits, Feature.SVE, SveRows::shifts, action);
    }

    private static boolean shifts(int w) {
        return f(w, 23, 22) != 0 || f(w, 13, 13) == 0;
    }

    /** Element size in bytes. */
    static int size(int w) {
        return 1 << f(w, 23, 22);
    }

    static int d(int w) {
        return w & 31;
    }

    static int n(int w) {
        return f(w, 9, 5);
    }

    static int m(int w) {
        return f(w, 20, 16);
    }

    static int g(int w) {
        return f(w, 12, 10);
    }
}
