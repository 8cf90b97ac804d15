package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.IntegerTable.zr;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Memory copy and memory set: Arm ARM C4.1.94 "Memory Copy and Memory Set" (those that set tags are not here). */
final class MopsTable implements A64Row.Table {
    private static final String[] COPIES = {"CPYF", "CPY"};

    @Override
    public List<A64Row> rows() {
        List<A64Row> rows = new ArrayList<>();
        for (MopsOps.Stage s : MopsOps.Stage.values()) {
            String stage = LoadStoreTable.two(s.ordinal());
            for (int move = 0; move < 2; move++) {
                boolean overlaps = move == 1;
                String name = COPIES[move] + s.letter;
                rows.add(new A64Row(
                        name,
                        "00011" + move + "01" + stage + "0sssssoooo01nnnnnddddd",
                        Feature.MOPS,
                        (w, pc) -> make(new MopsOps.Copy(s, overlaps), w, f(w, 15, 12)),
                        "C6.2 " + name));
            }
            rows.add(new A64Row(
                    "SET" + s.letter,
                    "00011001110sssss" + stage + "oo01nnnnnddddd",
                    Feature.MOPS,
                    (w, pc) -> make(new MopsOps.Fill(s), w, f(w, 13, 12)),
                    "C6.2 SET" + s.letter));
        }
        return rows;
    }

    /** Null where registers coincide, or one that is written or an address is 31: UNDEFINED here (CONSTRAINED UNPREDICTABLE). */
    private static @Nullable A64Op make(MopsOps.Op o, int w, int options) {
        int d = f(w, 4, 0), n = f(w, 9, 5), s = f(w, 20, 16);
        if (d == n || d == s || n == s || d == 31 || n == 31 || s == 31 && o instanceof MopsOps.Copy) return null;
        o.d = d;
        o.n = n;
        o.m = zr(s);
        o.a = options;
        return o;
    }
}
