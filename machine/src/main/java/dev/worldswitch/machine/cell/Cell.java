package dev.worldswitch.machine.cell;

import org.jspecify.annotations.Nullable;

/** One named piece of mutable state. Its path (region path and own name) is its identity. */
public abstract sealed class Cell permits Word, Words, Count, Ref {
    private final Region region;
    private final String name;
    final @Nullable Watcher watcher;
    private final int id;

    Cell(Region region, String name) {
        this.region = region;
        this.name = name;
        this.watcher = region.watcher();
        this.id = watcher == null ? -1 : watcher.created(this);
    }

    public final Region region() {
        return region;
    }

    public final String name() {
        return name;
    }

    /** The number that the watcher gave this cell; -1 where nobody watches. */
    public final int id() {
        return id;
    }

    public final String path() {
        return region.path() + "." + name;
    }

    /** Number of 64-bit words; 0 for a {@link Ref}. */
    public abstract int length();

    /** The value without telling the watcher: for the watcher itself and for tools. */
    public abstract long peek(int index);

    /** Stores without telling the watcher: for restoring. */
    public abstract void poke(int index, long value);

    @Override
    public final String toString() {
        return path();
    }
}
