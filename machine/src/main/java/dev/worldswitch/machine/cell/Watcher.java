package dev.worldswitch.machine.cell;

import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Sees every access to a watched cell. The explorer installs one to hash, log and restore; {@code run} installs none
 * and the null check is all it pays.
 */
public interface Watcher {
    /** A word was read; the answer is the value the reader gets (a restoring watcher answers from its log). */
    long read(Cell cell, int index, long value);

    /** A word is about to change; false drops the write. */
    boolean write(Cell cell, int index, long old, long value);

    /** Of a word only the bits of {@code mask} are looked at; those bits of what the reader gets. */
    long readBits(Word cell, long value, long mask);

    /** Only the bits of {@code mask} may change, and what they were is not asked; false drops the write. */
    boolean writeBits(Word cell, long old, long value, long mask);

    /** As {@link #read(Cell, int, long)} for a reference cell. */
    @Nullable
    Object readRef(Cell cell, @Nullable Object value);

    /** As {@link #write(Cell, int, long, long)} for a reference cell. */
    boolean writeRef(Cell cell, @Nullable Object old, @Nullable Object value);

    /** A cell was made; the answer is its number. Its constructor has not ended: only its path may be asked for. */
    int created(Cell cell);

    /** A range is about to be copied, as one access without a value that the code sees; false drops the copy. */
    boolean copy(Words from, int fromAt, Words to, int at, int n);

    /** A range is about to be filled with one value; false drops it. */
    boolean fill(Words cell, int at, int n, long value);

    /** Somebody has the cell's own array from now on, and uses it within {@link #opaque} only. */
    void raw(Words cell);

    /** A question about many words of {@code of}, of which the code learns only the answer. */
    boolean ask(Words of, BooleanSupplier question);

    /** The task that runs waits until {@code condition} holds; asked again whenever it may have become true. */
    void await(String what, BooleanSupplier condition);

    /**
     * Does one step whose single accesses nobody sees, as a guest instruction: what the code around it learns of it is
     * {@link OpaqueStep#result}. A restoring watcher hands the logged result back instead of doing it.
     */
    void opaque(OpaqueStep step);

    /** One opaque step. */
    interface OpaqueStep {
        void run();

        /** What the step left in plain fields for the code that follows; never changed afterwards. */
        Result result();

        /** Puts an earlier result into the same fields. */
        void result(Result earlier);
    }

    /** What an opaque step left outside the cells. */
    interface Result {
        /** A hash of its whole content, the same in every run. */
        long digest();
    }
}
