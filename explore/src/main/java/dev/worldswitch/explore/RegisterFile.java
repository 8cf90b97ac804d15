package dev.worldswitch.explore;

import dev.worldswitch.machine.cell.Cell;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Registers that a report shows: those of a CPU, or those that a vCPU has in memory.
 *
 * @param of whose they are
 * @param owner whose values its FP and vector registers hold now; null where there are none
 */
public record RegisterFile(
        String of, List<Register> registers, @Nullable Supplier<String> owner) {
    /** Nobody would miss the values: they are in memory, or nothing yet. */
    public static final String NOBODY = "nobody";

    public static final String KERNEL = "the kernel";

    /** How a report calls {@link #owner} among the registers. */
    static final String OWNER = "owner";

    /** Words of a cell under one name. */
    public record Register(String name, Cell cell, int at, int words) {
        public Register(String name, Cell cell) {
            this(name, cell, 0, 1);
        }
    }

    /** {@code n} registers of {@code words} each, one after the other. */
    public static void add(List<Register> to, String name, Cell cell, int at, int words, int n) {
        for (int i = 0; i < n; i++) to.add(new Register(name + i, cell, at + i * words, words));
    }

    /** What changes in them as time goes on. */
    static final class Watch {
        private static final int LONG = 8;
        private final List<RegisterFile> files;
        private final List<long[]> last = new ArrayList<>();
        private final Map<String, String> beginning = new LinkedHashMap<>();
        private final Map<String, String> owners = new LinkedHashMap<>();

        Watch(List<RegisterFile> files) {
            this.files = files;
            for (RegisterFile f : files) {
                for (Register r : f.registers) {
                    long[] now = now(r);
                    last.add(now);
                    beginning.put(f.name(r.name), text(now));
                }
                if (f.owner != null) owners.put(f.name(OWNER), f.owner.get());
            }
            beginning.putAll(owners);
        }

        /** As they were when watching began. */
        Map<String, String> beginning() {
            return beginning;
        }

        /** Those that are other than at the last call, as hexadecimal digits. */
        Map<String, String> changed() {
            Map<String, String> all = new LinkedHashMap<>();
            int n = 0;
            for (RegisterFile f : files) {
                for (Register r : f.registers) {
                    long[] then = last.get(n);
                    if (same(r, then)) {
                        n++;
                        continue;
                    }
                    long[] now = now(r);
                    last.set(n++, now);
                    all.put(f.name(r.name), text(now));
                }
                if (f.owner == null) continue;
                String owner = f.owner.get();
                if (!owner.equals(owners.put(f.name(OWNER), owner))) all.put(f.name(OWNER), owner);
            }
            return all;
        }

        private static boolean same(Register r, long[] then) {
            for (int i = 0; i < then.length; i++) if (r.cell.peek(r.at + i) != then[i]) return false;
            return true;
        }

        private static long[] now(Register r) {
            long[] now = new long[r.words];
            for (int i = 0; i < now.length; i++) now[i] = r.cell.peek(r.at + i);
            return now;
        }

        /** Highest word first; of a long register equal words are counted. */
        private static String text(long[] words) {
            StringBuilder b = new StringBuilder();
            int top = words.length - 1;
            while (top > 0 && words[top] == 0) top--;
            for (int i = top; i >= 0; ) {
                int from = i;
                while (i >= 0 && words[i] == words[from]) i--;
                int same = from - i;
                if (same >= LONG && words.length > LONG)
                    b.append(b.isEmpty() ? "" : " ")
                            .append(digits(words[from]))
                            .append('*')
                            .append(same)
                            .append(i < 0 ? "" : " ");
                else
                    for (int n = 0; n < same; n++)
                        b.append(b.isEmpty() ? Long.toHexString(words[from]) : digits(words[from]));
            }
            return b.toString();
        }

        private static String digits(long word) {
            return String.format("%016x", word);
        }
    }

    private String name(String register) {
        return of.isEmpty() ? register : of + " " + register;
    }
}
