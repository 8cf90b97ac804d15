package dev.worldswitch.machine.arm64;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Compares our interpreter with the reference, row by row of the operand table. */
final class A64Comparison {
    private static final int BATCH = 64;

    private A64Comparison() {}

    /** One line per row that differs: its name and the first case. */
    static List<String> differences(QemuUser qemu, UserCpu ours, long seed, int casesPerRow, String only, int most)
            throws IOException {
        List<String> bad = new ArrayList<>();
        for (A64Row row : A64Table.rows()) {
            if (A64Cases.isLeftOut(row)
                    || (row.feature() == Feature.SVE) != ours.sve()
                    || !row.name().matches(only)
                    || !row.feature().in(ours.cpu.profile())) continue;
            A64Cases gen = new A64Cases(seed ^ row.name().hashCode());
            int wrong = 0;
            String first = "";
            for (int done = 0; done < casesPerRow; done += BATCH) {
                int n = Math.min(BATCH, casesPerRow - done);
                List<int[]> words = new ArrayList<>();
                List<QemuUser.State> states = new ArrayList<>();
                for (int i = 0; i < n; i++) {
                    int[] w = gen.words(row);
                    words.add(w);
                    states.add(gen.state(row, w));
                    qemu.send(w, states.get(i));
                }
                qemu.flush();
                for (int i = 0; i < n; i++) {
                    QemuUser.Result want = qemu.receive();
                    QemuUser.Result got = ours.execute(words.get(i), states.get(i));
                    String d = difference(row, words.get(i), states.get(i), want, got);
                    if (d.isEmpty()) continue;
                    if (wrong++ == 0) first = d;
                }
            }
            if (wrong != 0) bad.add(wrong + "/" + casesPerRow + " " + first);
            if (bad.size() >= most) break;
        }
        return bad;
    }

    private static String difference(
            A64Row row, int[] words, QemuUser.State s, QemuUser.Result want, QemuUser.Result got) {
        StringBuilder b = new StringBuilder();
        if (want.signal() != got.signal())
            b.append(" signal ").append(want.signal()).append(" here ").append(got.signal());
        compare(b, "pc", want.pc(), got.pc());
        for (int i = 0; i < 31; i++)
            compare(b, "x" + i, want.state().x()[i], got.state().x()[i]);
        compare(b, "sp", want.state().sp(), got.state().sp());
        compare(b, "nzcv", want.state().nzcv(), got.state().nzcv());
        for (int i = 0; i < want.state().v().length; i++)
            compare(
                    b,
                    "z" + i / QemuUser.Z + "." + i % QemuUser.Z,
                    want.state().v()[i],
                    got.state().v()[i]);
        for (int i = 0; i < 17; i++)
            compare(b, "p" + i, want.state().p()[i], got.state().p()[i]);
        compare(b, "fpsr", want.state().fpsr(), got.state().fpsr());
        if (want.memory() != got.memory()) b.append(" memory");
        if (b.isEmpty()) return "";
        int w = words[words.length - 1];
        StringBuilder in = new StringBuilder();
        for (int shift : new int[] {0, 5, 10, 16}) {
            int r = w >>> shift & 31;
            if (r < 31) in.append(" x").append(r).append('=').append(Long.toHexString(s.x()[r]));
            in.append(" v")
                    .append(r)
                    .append('=')
                    .append(Long.toHexString(s.v()[QemuUser.Z * r + 1]))
                    .append(':')
                    .append(Long.toHexString(s.v()[QemuUser.Z * r]));
        }
        return row.name() + " " + Integer.toHexString(w) + ":" + b + " (reference, here) given nzcv " + s.nzcv()
                + " fpcr " + Long.toHexString(s.fpcr()) + " fpsr " + Long.toHexString(s.fpsr()) + in;
    }

    private static void compare(StringBuilder b, String name, long want, long got) {
        if (want != got)
            b.append(' ')
                    .append(name)
                    .append(' ')
                    .append(Long.toHexString(want))
                    .append('|')
                    .append(Long.toHexString(got));
    }

    /** Arguments: seed, cases per row, regular expression of row names. */
    public static void main(String[] a) throws Exception {
        boolean sve = a.length > 3;
        try (QemuUser q = new QemuUser(sve ? "max,sve-max-vq=2,sme=off" : "max,sve=off,sme=off")) {
            UserCpu ours = new UserCpu(sve ? "max,sve-max-vq=2" : "max", sve);
            for (String s :
                    differences(q, ours, Long.parseLong(a[0]), Integer.parseInt(a[1]), a.length > 2 ? a[2] : ".*", 60))
                System.out.println(s);
        }
    }
}
