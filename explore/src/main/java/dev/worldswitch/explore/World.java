package dev.worldswitch.explore;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Count;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Watcher;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * All simulated state: cells and the client's memory, cut into blocks. Writes mark their block; {@link #sync} compares
 * only marked blocks with what they were and brings the state's 128-bit hash up to date. A snapshot is a table of
 * immutable blocks, so two snapshots share what did not change between them, and restoring copies only what differs.
 */
final class World implements Watcher, Architecture.Ghosts {
    private static final int WORDS = 32, CHUNK = 5, CHUNK_MASK = (1 << CHUNK) - 1;
    /** Cells of more words than this are groups of words to {@link Footprints}. */
    private static final int SINGLE_WORDS = 512;

    /** Content of a block at some time, with its share of the two hash lanes. */
    private record Block(long[] words, @Nullable Object ref, long h1, long h2, long[] values) {}

    /** The whole state at some time. Chunks are shared with other snapshots and never changed. */
    record Snapshot(Block[][] chunks, long h1, long h2) {
        private Block block(int b) {
            return chunks[b >> CHUNK][b & CHUNK_MASK];
        }
    }

    private enum Mode {
        /** Nothing is logged: setting up, and the search's own accesses. */
        QUIET,
        /** An event is made to happen: nothing is logged, but what it touches is known. */
        EVENT,
        /** A context runs: what it reads is logged. */
        LIVE,
        /** A context's stack is rebuilt: reads come from its log, writes are dropped. */
        REPLAY,
        /** Within one opaque step: cells are used as they are. */
        OPAQUE
    }

    private final Predicate<Cell> isState;
    private final List<Cell> cells = new ArrayList<>();
    private final List<Words> raw = new ArrayList<>();
    private final @Nullable VmmMemory memory;
    private final Digests digests = new Digests();
    private boolean[] hidden = {};
    /** Cells whose bits are apart for {@link Footprints}, each as a word. */
    private boolean[] flags = {};

    private int[] first = {};
    private int[] shift = {};
    private int[] cellOf = {};
    /** Of the present state; a chunk that a snapshot shares is copied before it changes. */
    private Block[][] now = {};

    private boolean[] shared = {};
    private int blocks;
    private boolean[] dirty = {};
    private int[] dirtyList = {};
    private int dirtyCount, memoryFirst;
    private long h1, h2;
    private boolean frozen;
    private Mode mode = Mode.QUIET;
    private Log log = new Log();

    /** How a task waits. */
    interface Waiting {
        void await(String what, BooleanSupplier condition);
    }

    /** Nothing explores yet. */
    Waiting waits = (what, condition) -> {
        if (!condition.getAsBoolean()) throw new IllegalStateException("setting up waits for ever for " + what);
    };

    @Nullable
    AuditTrail trail;

    final Footprints footprints = new Footprints();
    final Tapes tapes = new Tapes(this, digests);
    /** Who hears of what must not be so, while the run goes on. */
    Consumer<Violation> reports = v -> {};

    private long opaqueKnown;

    /** @param isState all cells, but for a test of the audit, which takes one for a field outside the cells */
    World(VmmMemory memory, Predicate<Cell> isState) {
        this.isState = isState;
        this.memory = memory;
    }

    /** All cells and memory are made: from here on there is state to compare and to restore. */
    void freeze() {
        int n = cells.size();
        first = new int[n];
        shift = new int[n];
        hidden = new boolean[n];
        for (int c = 0; c < n; c++) {
            Cell cell = cells.get(c);
            first[c] = blocks;
            hidden[c] = !isState.test(cell);
            if (hidden[c] || cell instanceof Count) continue;
            int words = Math.max(1, cell.length()), s = 5;
            while (words > 64 << s) s++;
            shift[c] = s;
            blocks += (words + (1 << s) - 1) >> s;
        }
        memoryFirst = blocks;
        int pages = memory == null ? 0 : memory.used() / (8 * WORDS);
        blocks += pages;
        cellOf = new int[blocks];
        for (int c = 0; c < n; c++) Arrays.fill(cellOf, first[c], c + 1 < n ? first[c + 1] : memoryFirst, c);
        now = new Block[blocks + CHUNK_MASK >> CHUNK][1 << CHUNK];
        shared = new boolean[now.length];
        dirty = new boolean[blocks];
        dirtyList = new int[blocks];
        for (int b = 0; b < blocks; b++) {
            Block made = read(b);
            now[b >> CHUNK][b & CHUNK_MASK] = made;
            h1 += made.h1;
            h2 += made.h2;
        }
        freezeFootprints();
        frozen = true;
    }

    private void freezeFootprints() {
        int n = cells.size(), words = 0;
        int[] firstWord = new int[n + 1], shifts = new int[n + 1];
        for (int c = 0; c < n; c++) {
            int length =
                    isFlags(cells.get(c)) ? Long.SIZE : Math.max(1, cells.get(c).length());
            if (length > SINGLE_WORDS) shifts[c] = 5;
            firstWord[c] = words;
            words += (length - 1 >> shifts[c]) + 1;
        }
        firstWord[n] = words;
        flags = new boolean[n];
        boolean[] counts = new boolean[words + blocks - memoryFirst];
        for (int c = 0; c < n; c++) flags[c] = isFlags(cells.get(c));
        for (int c = 0; c < n; c++) counts[firstWord[c]] = cells.get(c).name().equals(Task.PREEMPT_COUNT);
        int[] number = new int[n + 1];
        for (int c = 0; c < n; c++)
            number[c + 1] = number[c] + Math.max(1, cells.get(c).length());
        tapes.freeze(number);
        footprints.freeze(firstWord, shifts, counts, words + blocks - memoryFirst);
    }

    private static boolean isFlags(Cell cell) {
        return cell instanceof Word && cell.name().equals(Task.FLAGS);
    }

    int blocks() {
        return blocks;
    }

    private void put(int b, Block v) {
        int c = b >> CHUNK;
        if (shared[c]) {
            now[c] = now[c].clone();
            shared[c] = false;
        }
        now[c][b & CHUNK_MASK] = v;
    }

    // ---- blocks

    private int from(int b) {
        int c = cellOf[b];
        return b - first[c] << shift[c];
    }

    private Block read(int b) {
        if (b >= memoryFirst) {
            long[] w = new long[WORDS];
            memory().words(b - memoryFirst, w);
            return block(b, w);
        }
        Cell cell = cells.get(cellOf[b]);
        if (cell instanceof Ref<?> r) {
            Object v = r.peekRef();
            long seed = Digests.mix(b + 1, 0);
            long d = digests.of(v);
            return new Block(Log.NO_LONGS, v, Digests.mix(seed ^ d, 1), Digests.mix(seed + d, 2), Log.NO_LONGS);
        }
        int from = from(b), n = Math.min(1 << shift[cellOf[b]], cell.length() - from);
        if (cell instanceof Words w) return block(b, w.peek(from, n));
        return block(b, new long[] {cell.peek(0)});
    }

    private static Block block(int b, long[] w) {
        long a = Digests.mix(b + 1, 3), c = Digests.mix(b + 1, 4);
        for (long v : w) {
            a = Digests.mix(a ^ v, 5);
            c = Digests.mix(c + v, 6);
        }
        return new Block(w, null, a, c, values(w));
    }

    private static final long NUMBERS = (1L << OWNER - NUMBER) - 1;

    /** Owner and number of each newest value that is in these words. */
    private static long[] values(long[] w) {
        long[] all = Log.NO_LONGS;
        for (long v : w) {
            if (v >>> OWNER == 0 || (v >>> NUMBER & NUMBERS) != NEW || contains(all, v >>> NUMBER)) continue;
            all = Arrays.copyOf(all, all.length + 1);
            all[all.length - 1] = v >>> NUMBER;
        }
        return all;
    }

    private static boolean contains(long[] all, long v) {
        for (long a : all) if (a == v) return true;
        return false;
    }

    private boolean unchanged(int b) {
        Block old = now[b >> CHUNK][b & CHUNK_MASK];
        if (b >= memoryFirst) return memory().same(b - memoryFirst, old.words);
        Cell cell = cells.get(cellOf[b]);
        if (cell instanceof Ref<?> r) return r.peekRef() == old.ref;
        return cell instanceof Words w ? w.peekSame(from(b), old.words) : cell.peek(0) == old.words[0];
    }

    VmmMemory memory() {
        if (memory == null) throw new IllegalStateException("this world has no client memory");
        return memory;
    }

    private void mark(int b) {
        if (dirty[b]) return;
        dirty[b] = true;
        dirtyList[dirtyCount++] = b;
    }

    void mark(Cell cell, int at, int n) {
        if (!frozen) return;
        int c = cell.id();
        if (hidden[c] || n == 0) return;
        int s = shift[c];
        for (int b = first[c] + (at >> s), last = first[c] + (at + n - 1 >> s); b <= last; b++) mark(b);
    }

    /** The client's memory from {@code at}, an offset, was or may have been written. */
    void markMemory(long at, int n) {
        if (!frozen || n == 0) return;
        for (int b = (int) (at / (8 * WORDS)), last = (int) ((at + n - 1) / (8 * WORDS)); b <= last; b++)
            mark(memoryFirst + b);
    }

    // ---- hash, snapshot, restore

    /** Brings the hash up to date with every write so far. */
    void sync() {
        for (int i = 0; i < dirtyCount; i++) {
            int b = dirtyList[i];
            dirty[b] = false;
            if (unchanged(b)) continue;
            Block made = read(b), old = now[b >> CHUNK][b & CHUNK_MASK];
            h1 += made.h1 - old.h1;
            h2 += made.h2 - old.h2;
            put(b, made);
        }
        dirtyCount = 0;
    }

    long h1() {
        return h1;
    }

    long h2() {
        return h2;
    }

    /** After {@link #sync}. */
    Snapshot snapshot() {
        Arrays.fill(shared, true);
        return new Snapshot(now.clone(), h1, h2);
    }

    void restore(Snapshot s) {
        mode = Mode.QUIET;
        for (int i = 0; i < dirtyCount; i++) {
            int b = dirtyList[i];
            dirty[b] = false;
            poke(b, s.block(b));
        }
        dirtyCount = 0;
        for (int c = 0; c < now.length; c++) {
            Block[] from = now[c], to = s.chunks[c];
            if (from == to) continue;
            for (int i = 0; i < to.length; i++) if (from[i] != to[i]) poke((c << CHUNK) + i, to[i]);
            now[c] = to;
        }
        Arrays.fill(shared, true);
        h1 = s.h1;
        h2 = s.h2;
        if (memory != null) memory.restored();
    }

    private void poke(int b, Block v) {
        if (b >= memoryFirst) {
            memory().setWords(b - memoryFirst, v.words);
            return;
        }
        Cell cell = cells.get(cellOf[b]);
        if (cell instanceof Ref<?> r) {
            r.pokeRef(v.ref);
            return;
        }
        if (cell instanceof Words w) w.poke(from(b), v.words);
        else cell.poke(0, v.words[0]);
    }

    /** Names of cells in which two states differ, a few of them. */
    static String difference(World w, Snapshot a, Snapshot b) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < w.blocks && names.size() < 4; i++) {
            Block x = a.block(i), y = b.block(i);
            if (x == y || x.h1 == y.h1 && x.h2 == y.h2) continue;
            String name = i >= w.memoryFirst
                    ? "client memory at 0x" + Long.toHexString(VmmMemory.BASE + 8L * WORDS * (i - w.memoryFirst))
                    : w.cells.get(w.cellOf[i]).path();
            if (!names.contains(name)) names.add(name);
        }
        return names.isEmpty() ? "no cell" : String.join(", ", names);
    }

    // ---- modes

    /** A context goes on; it logs what it reads into {@code its}. */
    void live(Log its) {
        mode = Mode.LIVE;
        log = its;
    }

    /** A context's stack is rebuilt from {@code its}. */
    void replay(Log its) {
        mode = Mode.REPLAY;
        log = its;
    }

    void quiet() {
        mode = Mode.QUIET;
    }

    boolean replaying() {
        return mode == Mode.REPLAY;
    }

    /** A context's code runs or is run again, and what it learns is logged: not a stranger's look, not within a guest step. */
    boolean logs() {
        return mode == Mode.LIVE || mode == Mode.REPLAY;
    }

    /** Does something without logging what it reads. */
    void quietly(Runnable r) {
        in(Mode.QUIET, r);
    }

    /** What the search asks. */
    boolean isSo(BooleanSupplier question) {
        return in(Mode.QUIET, question);
    }

    /** Makes an event happen: nothing is logged, but what it touches is known. */
    void happens(Runnable r) {
        in(Mode.EVENT, r);
    }

    /** A waiting task's question: not logged, but what it touches is known. */
    boolean asked(BooleanSupplier question) {
        return in(Mode.EVENT, question);
    }

    private void in(Mode as, Runnable r) {
        Mode m = mode;
        mode = as;
        r.run();
        mode = m;
    }

    private boolean in(Mode as, BooleanSupplier question) {
        Mode m = mode;
        mode = as;
        boolean so = question.getAsBoolean();
        mode = m;
        return so;
    }

    String nameOf(int cell) {
        return cells.get(cell).path();
    }

    // ---- the watcher

    @Override
    public int created(Cell cell) {
        if (frozen)
            throw new IllegalArgumentException(
                    "cell " + cell.path() + " is made while time is explored: not yet possible");
        cells.add(cell);
        return cells.size() - 1;
    }

    @Override
    public long read(Cell cell, int index, long value) {
        if (tapes.recording() && mode != Mode.REPLAY) tapes.read(cell, index, value);
        if (mode == Mode.OPAQUE || mode == Mode.QUIET) return value;
        if (hidden[cell.id()]) {
            if (mode == Mode.LIVE && trail != null) trail.read(cell.id(), index, value);
            return value;
        }
        if (mode == Mode.REPLAY) return log.nextLong();
        if (flags[cell.id()]) footprints.reads(cell.id(), 0, Long.SIZE);
        else footprints.read(cell.id(), index);
        if (mode == Mode.EVENT) return value;
        log.add(value);
        if (trail != null) trail.read(cell.id(), index, value);
        return value;
    }

    @Override
    public boolean write(Cell cell, int index, long old, long value) {
        if (mode == Mode.REPLAY) return frozen && hidden[cell.id()];
        if (tapes.recording()) tapes.write(cell, index, value);
        if (old != value) mark(cell, index, 1);
        touched(cell, index, 1);
        if (mode == Mode.LIVE && trail != null) trail.write(cell.id(), index, value);
        return true;
    }

    private void touched(Cell cell, int at, int n) {
        if ((mode == Mode.LIVE || mode == Mode.EVENT) && frozen && n > 0)
            footprints.writes(cell.id(), at, flags[cell.id()] ? Long.SIZE : n);
    }

    @Override
    public long readBits(Word cell, long value, long mask) {
        if (mode == Mode.QUIET || mode == Mode.OPAQUE || !flags[cell.id()] || hidden[cell.id()])
            return read(cell, 0, value) & mask;
        if (mode == Mode.REPLAY) return log.nextLong();
        if (tapes.recording()) tapes.read(cell, 0, value);
        for (long m = mask; m != 0; m &= m - 1) footprints.read(cell.id(), Long.numberOfTrailingZeros(m));
        if (mode == Mode.EVENT) return value & mask;
        log.add(value & mask);
        if (trail != null) trail.read(cell.id(), 0, value & mask);
        return value & mask;
    }

    @Override
    public boolean writeBits(Word cell, long old, long value, long mask) {
        if (mode == Mode.REPLAY) return frozen && hidden[cell.id()];
        // The value that is written is told by the bits that stay as well.
        if (tapes.recording()) tapes.read(cell, 0, old);
        if (!frozen || !flags[cell.id()]) return write(cell, 0, old, value);
        if (tapes.recording()) tapes.write(cell, 0, value);
        if (old != value) mark(cell, 0, 1);
        if (mode == Mode.LIVE || mode == Mode.EVENT)
            for (long m = mask; m != 0; m &= m - 1) footprints.writes(cell.id(), Long.numberOfTrailingZeros(m), 1);
        if (mode == Mode.LIVE && trail != null) trail.write(cell.id(), 0, value & mask);
        return true;
    }

    @Override
    public @Nullable Object readRef(Cell cell, @Nullable Object value) {
        if (tapes.recording() && mode != Mode.REPLAY) tapes.readRef(cell, value);
        if (mode == Mode.OPAQUE || mode == Mode.QUIET) return value;
        boolean isState = !hidden[cell.id()];
        if (mode == Mode.REPLAY) return isState ? log.nextObject() : value;
        footprints.read(cell.id(), 0);
        if (mode == Mode.EVENT) return value;
        long d = digests.of(value);
        if (isState) log.add(value, d);
        if (trail != null) trail.read(cell.id(), 0, d);
        return value;
    }

    @Override
    public boolean writeRef(Cell cell, @Nullable Object old, @Nullable Object value) {
        if (mode == Mode.REPLAY) return frozen && hidden[cell.id()];
        if (tapes.recording()) tapes.writeRef(cell, value);
        if (old != value) mark(cell, 0, 1);
        touched(cell, 0, 1);
        if (mode == Mode.LIVE && trail != null) trail.write(cell.id(), 0, digests.of(value));
        return true;
    }

    @Override
    public boolean copy(Words from, int fromAt, Words to, int at, int n) {
        if (mode == Mode.REPLAY) return false;
        if (tapes.recording()) tapes.copy(from, fromAt, to, at, n);
        mark(to, at, n);
        touched(to, at, n);
        if ((mode == Mode.LIVE || mode == Mode.EVENT) && n > 0) footprints.reads(from.id(), fromAt, n);
        if (mode == Mode.LIVE && trail != null) {
            trail.read(from.id(), fromAt, n);
            trail.write(to.id(), at, n);
        }
        return true;
    }

    @Override
    public boolean fill(Words cell, int at, int n, long value) {
        if (mode == Mode.REPLAY) return false;
        if (tapes.recording()) tapes.fill(cell, at, n, value);
        mark(cell, at, n);
        touched(cell, at, n);
        if (mode == Mode.LIVE && trail != null) trail.write(cell.id(), at, value);
        return true;
    }

    @Override
    public void raw(Words cell) {
        if (raw.contains(cell)) return;
        raw.add(cell);
        opaqueKnown = 0;
    }

    @Override
    public void await(String what, BooleanSupplier condition) {
        waits.await(what, condition);
    }

    @Override
    public void opaque(OpaqueStep step) {
        if (mode == Mode.REPLAY) {
            Object o = log.nextObject();
            if (!(o instanceof Result r)) throw new IllegalStateException("the log has no result of a guest step here");
            step.result(r);
            return;
        }
        tapes.unseen();
        Mode was = mode;
        mode = Mode.OPAQUE;
        step.run();
        mode = was;
        for (Words w : raw) mark(w, 0, w.length());
        if (memory != null) memory.markWritable();
        if (was != Mode.LIVE) return;
        opaqueTouches();
        Result r = step.result();
        log.add(r, r.digest());
        if (trail != null) trail.opaque(r.digest());
    }

    /** It may have touched all that it could. */
    private void opaqueTouches() {
        if (!footprints.knows(opaqueKnown)) {
            for (Words w : raw) footprints.writes(w.id(), 0, w.length());
            opaqueKnown |= footprints.open();
        }
        if (memory != null) memory.writablePages((at, n) -> memoryTouched(at, n, true));
        footprints.allDirty();
    }

    @Override
    public void retire(int owner, int from, int to) {
        if (mode == Mode.REPLAY || !frozen) return;
        if (tapes.recording()) tapes.retire(owner, from, to);
        retire(owner, from, to, tapes);
        tapes.settled();
    }

    /** @param changes to whom each changed word is told */
    void retire(int owner, int from, int to, Tapes changes) {
        sync();
        long newest = (long) owner << OWNER - NUMBER | NEW;
        for (int b = 0; b < blocks; b++) {
            Block block = now[b >> CHUNK][b & CHUNK_MASK];
            if (contains(block.values, newest)) retire(b, block.words, newest, from, to, changes);
        }
    }

    private void retire(int b, long[] words, long newest, int from, int to, Tapes changes) {
        boolean isMemory = b >= memoryFirst;
        int at = isMemory ? 8 * WORDS * (b - memoryFirst) : from(b);
        for (int i = 0; i < words.length; i++) {
            int place = (int) words[i] & 0xffff;
            if (words[i] >>> NUMBER != newest || place < from || place >= to) continue;
            long old = words[i] ^ (long) (NEW ^ OLD) << NUMBER;
            if (isMemory) changes.setMemory(at + 8 * i, 8, old);
            else changes.set(cells.get(cellOf[b]), at + i, old);
        }
    }

    @Override
    public boolean ask(Words of, BooleanSupplier question) {
        if (mode == Mode.REPLAY) return log.nextLong() != 0;
        if (mode == Mode.LIVE || mode == Mode.EVENT) footprints.reads(of.id(), 0, of.length());
        boolean so = in(Mode.QUIET, question);
        if (mode == Mode.LIVE) {
            log.add(so ? 1 : 0);
            if (trail != null) trail.read(of.id(), 0, so ? 1 : 0);
        }
        return so;
    }

    @Override
    public @Nullable String wrong(Words at, Supplier<@Nullable String> question) {
        if (mode == Mode.REPLAY) return null; // what it found would have ended the run
        if (mode == Mode.LIVE || mode == Mode.EVENT) footprints.reads(at.id(), 0, at.length());
        Mode m = mode;
        mode = Mode.QUIET;
        String found = question.get();
        mode = m;
        return found;
    }

    private void memoryTouched(long at, int n, boolean write) {
        if (!frozen || n == 0 || mode != Mode.LIVE && mode != Mode.EVENT) return;
        int from = (int) (at / (8 * WORDS)), blocks = (int) ((at + n - 1) / (8 * WORDS)) - from + 1;
        if (write) footprints.writes(cells.size(), from, blocks);
        else footprints.reads(cells.size(), from, blocks);
    }

    // ---- the client's memory, as the kernel and the VMM use it

    /** What {@code read} finds, a number, logged; from the log while a stack is rebuilt. */
    long value(long at, int n, java.util.function.LongSupplier read) {
        if (mode == Mode.REPLAY) return log.nextLong();
        memoryTouched(at, n, false);
        long v = read.getAsLong();
        if (tapes.recording()) tapes.readMemory(at, n, v);
        if (mode == Mode.LIVE) {
            log.add(v);
            if (trail != null) trail.read(AuditTrail.MEMORY, 0, v);
        }
        return v;
    }

    /** A look at memory that no context's log knows. */
    void peeked(long at, int n, long v) {
        if (tapes.recording() && mode != Mode.REPLAY) tapes.readMemory(at, n, v);
    }

    /** Fills {@code into} as {@code read} does, logged; from the log while a stack is rebuilt. */
    void bytes(long at, byte[] into, int offset, int length, Runnable read) {
        if (mode == Mode.REPLAY) {
            byte[] b = (byte[]) java.util.Objects.requireNonNull(log.nextObject());
            System.arraycopy(b, 0, into, offset, length);
            return;
        }
        read.run();
        memoryTouched(at, length, false);
        if (tapes.recording()) tapes.readBytes(at, Arrays.copyOfRange(into, offset, offset + length));
        if (mode != Mode.LIVE) return;
        byte[] b = Arrays.copyOfRange(into, offset, offset + length);
        long d = Digests.of(b);
        log.add(b, d);
        if (trail != null) trail.read(AuditTrail.MEMORY, length, d);
    }

    /** A write of the client's memory; false while a stack is rebuilt. */
    boolean mayWriteMemory(long at, int n) {
        if (mode == Mode.REPLAY) return false;
        markMemory(at, n);
        memoryTouched(at, n, true);
        return true;
    }
}
