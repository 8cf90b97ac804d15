package dev.worldswitch.machine.cell;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/** A register file or a memory image: a fixed number of 64-bit words. */
public final class Words extends Cell {
    private static final VarHandle VALUES = MethodHandles.arrayElementVarHandle(long[].class);
    private final long[] values;

    Words(Region region, String name, int length) {
        super(region, name);
        this.values = new long[length];
    }

    public long get(int i) {
        return watcher == null ? values[i] : watcher.read(this, i, values[i]);
    }

    public void set(int i, long v) {
        if (watcher == null || watcher.write(this, i, values[i], v)) values[i] = v;
    }

    /** Sets the bits of {@code mask} atomically, as set_bit; the old word. */
    public long or(int i, long mask) {
        if (watcher == null) return (long) VALUES.getAndBitwiseOr(values, i, mask);
        long old = get(i);
        set(i, old | mask);
        return old;
    }

    /** Keeps only the bits of {@code mask} atomically, as xchg on a bitmap word; the old word. */
    public long and(int i, long mask) {
        if (watcher == null) return (long) VALUES.getAndBitwiseAnd(values, i, mask);
        long old = get(i);
        set(i, old & mask);
        return old;
    }

    /** Copies {@code n} words from {@code from}, same positions on both sides. */
    public void copy(Words from, int at, int n) {
        copy(from, at, at, n);
    }

    public void copy(Words from, int fromAt, int at, int n) {
        if (watcher == null || watcher.copy(from, fromAt, this, at, n))
            System.arraycopy(from.values, fromAt, values, at, n);
    }

    public void fill(int at, int n, long v) {
        if (watcher == null || watcher.fill(this, at, n, v)) Arrays.fill(values, at, at + n, v);
    }

    /** Whether {@code question} holds; it may look at these words and at nothing else that changes. */
    public boolean ask(BooleanSupplier question) {
        return watcher == null ? question.getAsBoolean() : watcher.ask(this, question);
    }

    /** As {@link #copy}, without telling the watcher: for the watcher itself. */
    public void pokeCopy(Words from, int fromAt, int at, int n) {
        System.arraycopy(from.values, fromAt, values, at, n);
    }

    /** Where the {@code n} words from {@code at} first differ from those of {@code from}, counted from there; -1 nowhere. */
    public int mismatch(int at, Words from, int fromAt, int n) {
        return Arrays.mismatch(values, at, at + n, from.values, fromAt, fromAt + n);
    }

    /** Whether the words from {@code at} are these. */
    public boolean peekSame(int at, long[] words) {
        return Arrays.equals(values, at, at + words.length, words, 0, words.length);
    }

    /** The {@code n} words from {@code at}, for the watcher itself. */
    public long[] peek(int at, int n) {
        return Arrays.copyOfRange(values, at, at + n);
    }

    /** The words from {@code at} become these, for the watcher itself. */
    public void poke(int at, long[] words) {
        System.arraycopy(words, 0, values, at, words.length);
    }

    /**
     * The words themselves, for the instruction loop, which works on flat arrays. Under a watcher they may be used only
     * within {@link Watcher#opaque}.
     */
    public long[] raw() {
        if (watcher != null) watcher.raw(this);
        return values;
    }

    @Override
    public int length() {
        return values.length;
    }

    @Override
    public long peek(int index) {
        return values[index];
    }

    @Override
    public void poke(int index, long v) {
        values[index] = v;
    }
}
