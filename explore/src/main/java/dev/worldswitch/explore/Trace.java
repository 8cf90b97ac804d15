package dev.worldswitch.explore;

import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Watcher;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Watches the cells: while recording, every access in order, for the audit to compare. */
final class Trace implements Watcher {
    /** One access or step; {@code where} names the cell or the step. */
    record Entry(String kind, Object where, int index, Object value) {
        boolean same(Entry o) {
            return kind.equals(o.kind) && where == o.where && index == o.index && value.equals(o.value);
        }

        @Override
        public String toString() {
            return kind + " " + where + (index == 0 ? "" : "[" + index + "]") + " = " + value;
        }
    }

    private @Nullable List<Entry> entries;

    void record() {
        entries = new ArrayList<>();
    }

    List<Entry> stop() {
        List<Entry> e = entries;
        entries = null;
        if (e == null) throw new IllegalStateException("nothing was being recorded");
        return e;
    }

    void step(String name) {
        add("step", name.intern(), 0, "");
    }

    private void add(String kind, Object where, int index, @Nullable Object value) {
        if (entries != null) entries.add(new Entry(kind, where, index, value == null ? "null" : value));
    }

    @Override
    public long read(Cell cell, int index, long value) {
        if (entries != null) add("read", cell, index, value);
        return value;
    }

    @Override
    public boolean write(Cell cell, int index, long old, long value) {
        if (entries != null) add("write", cell, index, value);
        return true;
    }

    @Override
    public @Nullable Object readRef(Cell cell, @Nullable Object value) {
        if (entries != null) add("read", cell, 0, Snapshot.identity(value));
        return value;
    }

    @Override
    public boolean writeRef(Cell cell, @Nullable Object old, @Nullable Object value) {
        if (entries != null) add("write", cell, 0, Snapshot.identity(value));
        return true;
    }
}
