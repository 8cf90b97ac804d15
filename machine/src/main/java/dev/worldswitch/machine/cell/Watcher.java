package dev.worldswitch.machine.cell;

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

    /** As {@link #read(Cell, int, long)} for a reference cell. */
    @Nullable
    Object readRef(Cell cell, @Nullable Object value);

    /** As {@link #write(Cell, int, long, long)} for a reference cell. */
    boolean writeRef(Cell cell, @Nullable Object old, @Nullable Object value);
}
