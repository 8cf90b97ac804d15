package dev.worldswitch.explore;

import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Words;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What the explored code did between two points, for each way that its reads made it go: a stretch of code is a function of
 * its stack and of what it reads, so where all reads give what they gave before, its writes are done without running it.
 */
final class Tapes {
    private static final int READ = 0,
            READ_REF = 1,
            READ_MEMORY = 2,
            READ_BYTES = 3,
            WRITE = 4,
            WRITE_REF = 5,
            WRITE_MEMORY = 6,
            WRITE_BYTES = 7,
            COPY = 8,
            FILL = 9,
            RETIRE = 10,
            REPORT = 11,
            WRITE_MANY = 12,
            END = 13;
    /** Words whose writes are one op share this part of their index. */
    private static final int NEAR = 6;

    /** All that is known of one stretch: a tree that parts where a read gave different values. */
    static final class Tape {
        private @Nullable Op first;
    }

    /** How a stretch ended: what came of it, the same wherever the stretch is, and what it did to {@link Footprints}. */
    record End(Object outcome, Footprints.Notes notes) {}

    /** Writes of words near each other: their indexes and values. */
    private record Many(int[] at, long[] values) {
        boolean same(Many o) {
            return Arrays.equals(at, o.at) && Arrays.equals(values, o.values);
        }
    }

    private static final class Op {
        final int kind, at, n;
        final @Nullable Cell cell;
        final long value;
        final @Nullable Object object;

        @Nullable
        Op next;

        /** The same read, another value. */
        @Nullable
        Op other;

        Op(int kind, @Nullable Cell cell, int at, int n, long value, @Nullable Object object) {
            this.kind = kind;
            this.cell = cell;
            this.at = at;
            this.n = n;
            this.value = value;
            this.object = object;
        }

        boolean isRead() {
            return kind <= READ_BYTES;
        }

        boolean sameAccess(int otherKind, @Nullable Cell c, int a, int m) {
            return kind == otherKind && cell == c && at == a && n == m;
        }

        boolean sameValue(long v, @Nullable Object o) {
            if (value != v) return false;
            if (object instanceof End a && o instanceof End b) return a.outcome.equals(b.outcome);
            return kind == READ_REF
                    || kind == WRITE_REF
                    || kind == REPORT
                    || object == o
                    || object instanceof byte[] a && o instanceof byte[] b && Arrays.equals(a, b)
                    || object instanceof Many a && o instanceof Many b && a.same(b);
        }
    }

    private final World world;
    private final Digests digests;
    /** Numbers of the first word of each cell, and in which stretch each word was last seen. */
    private int[] first = {};

    private int[] seen = {};
    private int stretch;

    /**
     * Words written since the last access that depends on their order with others, each once: what counts is the last value,
     * and only if it is another one than before.
     */
    private Cell[] written = new Cell[64];

    private int[] writtenAt = new int[64];
    private long[] writtenValue = new long[64];
    private @Nullable Object[] writtenRef = new @Nullable Object[64];
    private int writes, flushes = 1;
    /** Of each word: where it is among those written, and since which flush; its value before them, and in which stretch. */
    private int[] slot = {}, slotSince = {}, beforeSeen = {};

    private long[] valueBefore = {};

    private boolean recording, sawAll = true;
    private @Nullable Tape tape;
    private @Nullable Op last;

    /** What a stretch that is played has changed so far. */
    private Object[] changed = new Object[256];

    private int[] changedAt = new int[256];
    private long[] before = new long[256];
    private @Nullable Object[] refBefore = new @Nullable Object[256];
    private int changes;

    Tapes(World world, Digests digests) {
        this.world = world;
        this.digests = digests;
    }

    /** @param numbers of the first word of each cell, and the number of words */
    void freeze(int[] numbers) {
        first = numbers;
        int words = numbers[numbers.length - 1];
        seen = new int[words];
        slot = new int[words];
        slotSince = new int[words];
        beforeSeen = new int[words];
        valueBefore = new long[words];
    }

    // ---- recording

    boolean recording() {
        return recording;
    }

    /** The stretch that runs now is written down in {@code on}. */
    void record(Tape on) {
        tape = on;
        last = null;
        stretch++;
        writes = 0;
        flushes++;
        recording = true;
        world.footprints.note();
    }

    void stop() {
        recording = false;
        world.footprints.noteNoMore();
    }

    /** It came to its end; nothing is written where it did what nobody sees. */
    void ends(Object outcome) {
        if (!recording) return;
        flush();
        add(END, null, 0, 0, 0, new End(outcome, world.footprints.noted()));
        stop();
    }

    void read(Cell cell, int index, long value) {
        if (!isKnown(cell, index, value)) add(READ, cell, index, 1, value, null);
    }

    void readRef(Cell cell, @Nullable Object value) {
        long digest = digests.of(value);
        if (!isKnown(cell, 0, digest)) add(READ_REF, cell, 0, 1, digest, value);
    }

    private boolean isKnown(Cell cell, int index, long value) {
        int w = first[cell.id()] + index;
        if (seen[w] == stretch) return true;
        seen[w] = stretch;
        beforeSeen[w] = stretch;
        valueBefore[w] = value;
        return false;
    }

    void write(Cell cell, int index, long value) {
        writes(cell, index, value, null);
    }

    void writeRef(Cell cell, @Nullable Object value) {
        writes(cell, 0, digests.of(value), value);
    }

    private void writes(Cell cell, int index, long value, @Nullable Object ref) {
        int w = first[cell.id()] + index;
        seen[w] = stretch;
        int at = slot[w];
        if (slotSince[w] != flushes) {
            if (writes == written.length) {
                written = Arrays.copyOf(written, 2 * writes);
                writtenAt = Arrays.copyOf(writtenAt, 2 * writes);
                writtenValue = Arrays.copyOf(writtenValue, 2 * writes);
                writtenRef = Arrays.copyOf(writtenRef, 2 * writes);
            }
            at = writes++;
            slot[w] = at;
            slotSince[w] = flushes;
            written[at] = cell;
            writtenAt[at] = index;
        }
        writtenValue[at] = value;
        writtenRef[at] = ref;
    }

    private void flush() {
        int n = 0;
        for (int i = 0; i < writes; i++) {
            Cell cell = written[i];
            int at = writtenAt[i], w = first[cell.id()] + at;
            long v = writtenValue[i];
            if (beforeSeen[w] == stretch && valueBefore[w] == v) continue;
            beforeSeen[w] = stretch;
            valueBefore[w] = v;
            if (!(cell instanceof Words)) {
                add(cell instanceof Ref<?> ? WRITE_REF : WRITE, cell, at, 1, v, writtenRef[i]);
                continue;
            }
            if (n > 0 && (written[0] != cell || writtenAt[0] >> NEAR != at >> NEAR)) {
                addMany(n);
                n = 0;
            }
            written[n] = cell;
            writtenAt[n] = at;
            writtenValue[n++] = v;
        }
        if (n > 0) addMany(n);
        writes = 0;
        flushes++;
    }

    /** The first {@code n} of those written, which are near each other. */
    private void addMany(int n) {
        if (n == 1) {
            add(WRITE, written[0], writtenAt[0], 1, writtenValue[0], null);
            return;
        }
        int least = writtenAt[0], most = least;
        for (int i = 1; i < n; i++) {
            least = Math.min(least, writtenAt[i]);
            most = Math.max(most, writtenAt[i]);
        }
        Many all = new Many(Arrays.copyOf(writtenAt, n), Arrays.copyOf(writtenValue, n));
        add(WRITE_MANY, written[0], least, most - least + 1, n, all);
    }

    void copy(Words from, int fromAt, Words to, int at, int n) {
        flush();
        // What was read of the target means nothing any more, nor what is read of it now.
        forget(to, at, n);
        add(COPY, to, at, n, fromAt, from);
    }

    private void forget(Cell cell, int at, int n) {
        int w = first[cell.id()] + at;
        Arrays.fill(seen, w, w + n, 0);
        Arrays.fill(beforeSeen, w, w + n, 0);
    }

    void fill(Words cell, int at, int n, long value) {
        flush();
        forget(cell, at, n);
        add(FILL, cell, at, n, value, null);
    }

    void readMemory(long at, int n, long value) {
        add(READ_MEMORY, null, (int) at, n, value, null);
    }

    void readBytes(long at, byte[] bytes) {
        add(READ_BYTES, null, (int) at, bytes.length, 0, bytes);
    }

    void writeMemory(long at, int n, long value) {
        add(WRITE_MEMORY, null, (int) at, n, value, null);
    }

    void writeBytes(long at, byte[] bytes) {
        add(WRITE_BYTES, null, (int) at, bytes.length, 0, bytes);
    }

    void retire(int owner, int from, int to) {
        flush();
        // Any word may be another one now.
        stretch++;
        add(RETIRE, null, from, to, owner, null);
    }

    void report(Violation v) {
        add(REPORT, null, 0, 0, Digests.of(v.property().id() + v.what()), v);
    }

    /** Something is done that nobody sees, by a guest's instruction: from here on all code has to run. */
    void unseen() {
        sawAll = false;
        stop();
    }

    /** All that ran could be seen. */
    boolean sawAll() {
        return sawAll;
    }

    private void add(int kind, @Nullable Cell cell, int at, int n, long value, @Nullable Object object) {
        Op before = last;
        Op o = before == null ? tape().first : before.next, end = null;
        for (; o != null; o = o.other) {
            if (!o.sameAccess(kind, cell, at, n)) break;
            if (o.sameValue(value, object)) {
                last = o;
                return;
            }
            if (!o.isRead()) break;
            end = o;
        }
        if (o != null)
            throw new IllegalStateException("equal stacks went on differently after equal reads, at "
                    + (cell == null ? "memory" : cell.path()) + ": state outside the cells");
        Op made = new Op(kind, cell, at, n, value, object);
        if (end != null) end.other = made;
        else if (before == null) tape().first = made;
        else before.next = made;
        last = made;
    }

    private Tape tape() {
        if (tape == null) throw new IllegalStateException("nothing is recorded");
        return tape;
    }

    // ---- playing

    /** Does what the stretch does from the present state; null, and nothing is changed, when that is not known. */
    @Nullable
    End play(Tape of) {
        changes = 0;
        Op o = of.first;
        while (o != null) {
            switch (o.kind) {
                case READ -> {
                    long v = cell(o).peek(o.at);
                    while (o != null && o.value != v) o = o.other;
                }
                case READ_REF -> o = sameRef(o);
                case READ_MEMORY -> {
                    long v = world.memory().raw(o.at, o.n);
                    while (o != null && o.value != v) o = o.other;
                }
                case READ_BYTES -> {
                    byte[] b = world.memory().rawBytes(o.at, o.n);
                    while (o != null && !(o.object instanceof byte[] was && Arrays.equals(was, b))) o = o.other;
                }
                case WRITE -> set(cell(o), o.at, o.value);
                case WRITE_MANY -> setMany(o);
                case WRITE_REF -> setRef((Ref<?>) cell(o), o.object);
                case WRITE_MEMORY -> setMemory(o.at, o.n, o.value);
                case WRITE_BYTES -> setBytes(o.at, (byte[]) java.util.Objects.requireNonNull(o.object));
                case COPY -> {
                    Words from = (Words) java.util.Objects.requireNonNull(o.object), to = (Words) cell(o);
                    int same = to.mismatch(o.at, from, (int) o.value, o.n);
                    if (same >= 0) {
                        changes(to, o.at + same, o.n - same);
                        // As memmove would: the source may be the target.
                        to.pokeCopy(from, (int) o.value + same, o.at + same, o.n - same);
                    }
                }
                case FILL -> setAll(o);
                case RETIRE -> world.retire((int) o.value, o.at, o.n, this);
                case REPORT -> world.reports.accept((Violation) java.util.Objects.requireNonNull(o.object));
                case END -> {
                    return (End) java.util.Objects.requireNonNull(o.object);
                }
                default -> o = null;
            }
            if (o != null) o = o.next;
        }
        undo();
        return null;
    }

    private static Cell cell(Op o) {
        Cell c = o.cell;
        if (c == null) throw new IllegalStateException("no cell");
        return c;
    }

    private @Nullable Op sameRef(Op first) {
        Object v = ((Ref<?>) cell(first)).peekRef();
        for (Op o = first; o != null; o = o.other) if (o.object == v) return o;
        long d = digests.of(v);
        for (Op o = first; o != null; o = o.other) if (o.value == d) return o;
        return null;
    }

    private void setAll(Op o) {
        Words cell = (Words) cell(o);
        int i = 0;
        while (i < o.n && cell.peek(o.at + i) == o.value) i++;
        if (i == o.n) return;
        changes(cell, o.at + i, o.n - i);
        for (; i < o.n; i++) cell.poke(o.at + i, o.value);
    }

    private void setMany(Op o) {
        Words cell = (Words) cell(o);
        Many all = (Many) java.util.Objects.requireNonNull(o.object);
        int i = 0, n = all.at.length;
        while (i < n && cell.peek(all.at[i]) == all.values[i]) i++;
        if (i == n) return;
        changes(cell, o.at, o.n);
        for (; i < n; i++) cell.poke(all.at[i], all.values[i]);
    }

    /** These words change, and can be changed back. */
    private void changes(Words cell, int at, int n) {
        changes(cell, at, 0, cell.peek(at, n));
        world.mark(cell, at, n);
    }

    /** A word changes, and can be changed back. */
    void set(Cell cell, int at, long v) {
        long old = cell.peek(at);
        if (old == v) return;
        changes(cell, at, old, null);
        cell.poke(at, v);
        world.mark(cell, at, 1);
    }

    private void setRef(Ref<?> cell, @Nullable Object v) {
        Object old = cell.peekRef();
        if (old == v) return;
        changes(cell, 0, 0, old);
        cell.pokeRef(v);
        world.mark(cell, 0, 1);
    }

    void setMemory(int at, int n, long v) {
        byte[] b = new byte[n];
        for (int i = 0; i < n; i++) b[i] = (byte) (v >>> 8 * i);
        setBytes(at, b);
    }

    private void setBytes(int at, byte[] b) {
        byte[] old = world.memory().rawBytes(at, b.length);
        if (Arrays.equals(old, b)) return;
        changes(old, at, 0, null);
        world.memory().rawSet(at, b);
        world.markMemory(at, b.length);
    }

    private void changes(Object what, int at, long old, @Nullable Object oldRef) {
        if (changes == changed.length) {
            changed = Arrays.copyOf(changed, 2 * changes);
            changedAt = Arrays.copyOf(changedAt, 2 * changes);
            before = Arrays.copyOf(before, 2 * changes);
            refBefore = Arrays.copyOf(refBefore, 2 * changes);
        }
        changed[changes] = what;
        changedAt[changes] = at;
        before[changes] = old;
        refBefore[changes++] = oldRef;
    }

    /** What has changed stays so. */
    void settled() {
        changes = 0;
    }

    private void undo() {
        while (changes > 0) {
            Object what = changed[--changes];
            int at = changedAt[changes];
            if (what instanceof byte[] old) {
                world.memory().rawSet(at, old);
                world.markMemory(at, old.length);
            } else if (what instanceof Words w && refBefore[changes] instanceof long[] old) {
                w.poke(at, old);
                world.mark(w, at, old.length);
            } else if (what instanceof Ref<?> r) {
                r.pokeRef(refBefore[changes]);
                world.mark(r, 0, 1);
            } else if (what instanceof Cell c) {
                c.poke(at, before[changes]);
                world.mark(c, at, 1);
            }
        }
    }
}
