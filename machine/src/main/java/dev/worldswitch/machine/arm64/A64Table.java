package dev.worldswitch.machine.arm64;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The operand table: every A64 instruction this machine knows, and the search for a word.
 *
 * <p>To add rows: write a class implementing {@link A64Row.Table} and put it into {@link #SOURCES}. A row's maker gets the
 * word and answers an {@link A64Op}; general registers are {@code c.x}, vectors {@code c.z} ({@code c.zs} words each),
 * memory is {@code c.ld64(va)} and the like, exceptions are thrown ({@code throw c.undefined()}) before anything changed.
 */
public final class A64Table {
    private static final List<A64Row.Table> SOURCES = List.of(
            new IntegerTable(),
            new BranchTable(),
            new LoadStoreTable(),
            new AtomicTable(),
            new MopsTable(),
            new SystemTable(),
            new SimdTable(),
            new FpTable(),
            new CryptoTable(),
            new SveCountTable(),
            new SveSaturateTable(),
            new SvePredicateTable(),
            new SveBreakTable(),
            new SveIntegerTable(),
            new SveCompareTable(),
            new SvePermuteTable(),
            new SveMultiplyTable(),
            new SveMemoryTable(),
            new SveGatherTable(),
            new SveFpTable(),
            new SveFpMultiplyTable(),
            new Sve2IntegerTable(),
            new Sve2WideTable(),
            new Sve2FpTable(),
            new SveCryptoTable());

    private record Entry(int mask, int value, int weight, A64Row row) {}

    /** By bits 31 to 21. */
    private static final Entry[][] INDEX = new Entry[2048][];

    private static final List<A64Row> ROWS;

    static {
        List<A64Row> all = new ArrayList<>();
        List<List<Entry>> lists = new ArrayList<>();
        for (int i = 0; i < 2048; i++) lists.add(new ArrayList<>());
        for (A64Row.Table s : SOURCES) {
            for (A64Row r : s.rows()) {
                all.add(r);
                int mask = r.mask(), value = r.value();
                Entry e = new Entry(mask, value, Integer.bitCount(mask), r);
                for (int i = 0; i < 2048; i++)
                    if (((i << 21 ^ value) & mask & 0xffe00000) == 0)
                        lists.get(i).add(e);
            }
        }
        for (int i = 0; i < 2048; i++) {
            lists.get(i).sort((a, b) -> Integer.compare(b.weight, a.weight));
            INDEX[i] = lists.get(i).toArray(new Entry[0]);
        }
        ROWS = List.copyOf(all);
        check(ROWS);
    }

    private A64Table() {}

    private static void check(List<A64Row> rows) {
        // Two rows of one weight that overlap would make the table's order mean something.
        for (Entry[] list : INDEX) {
            for (int i = 0; i < list.length; i++) {
                for (int j = i + 1; j < list.length && list[j].weight == list[i].weight; j++) {
                    Entry a = list[i], b = list[j];
                    if (((a.value ^ b.value) & a.mask & b.mask) == 0)
                        throw new IllegalStateException(
                                "rows " + a.row.name() + " and " + b.row.name() + " take the same words");
                }
            }
        }
        if (rows.isEmpty()) throw new IllegalStateException("no rows");
    }

    /** All rows, in the order of the sources. */
    public static List<A64Row> rows() {
        return ROWS;
    }

    /** The row of a word; null when no row has it. */
    public static @Nullable A64Row find(int word) {
        for (Entry e : INDEX[word >>> 21]) if (((word ^ e.value) & e.mask) == 0) return e.row;
        return null;
    }

    /**
     * The operation of a word for a CPU with these features. A word that no row has is UNDEFINED in the classes of
     * encodings this table covers; {@link Uncovered} names the others.
     */
    static A64Op decode(int word, long pc, boolean[] features) {
        A64Row r = find(word);
        A64Op op = null;
        if (r == null) op = Uncovered.isUncovered(word, features) ? new SystemOps.Unimplemented() : null;
        else if (features[r.feature().ordinal()]) op = r.maker().make(word, pc);
        if (op == null) op = new SystemOps.Undefined();
        op.pc = pc;
        op.word = word;
        return op;
    }

    static boolean[] features(Arm64Profile p) {
        boolean[] has = new boolean[Feature.values().length];
        for (Feature f : Feature.values()) has[f.ordinal()] = f.in(p);
        return has;
    }
}
