package dev.worldswitch.machine.arm64;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Compares our interpreter with the reference, row by row of the operand table. */
final class A64Comparison {
    /** Rows that only a newer reference has. */
    static final String MOPS = "CPYF?[PME]|SET[PME]";

    private A64Comparison() {}

    /** One line per row that differs: its name and the first case. */
    static List<String> differences(QemuUser qemu, UserCpu ours, long seed, int casesPerRow, String only, int most)
            throws IOException {
        List<String> bad = new ArrayList<>();
        int batch = qemu.batch();
        for (A64Row row : A64Table.rows()) {
            if (A64Cases.isLeftOut(row)
                    || row.feature().isSve() != ours.sve()
                    || !row.name().matches(only)
                    || A64Cases.isWrongInReference(row, qemu.z / 2)
                    || !row.feature().in(ours.cpu.profile())) continue;
            A64Cases gen = new A64Cases(seed ^ row.name().hashCode(), qemu.z / 2);
            int wrong = 0;
            String first = "";
            for (int done = 0; done < casesPerRow; done += batch) {
                int n = Math.min(batch, casesPerRow - done);
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

    /** Random words of the vector instructions that one of both takes as UNDEFINED and the other does not. */
    static List<String> undefined(QemuUser qemu, UserCpu ours, long seed, int cases, int most) throws IOException {
        A64Cases gen = new A64Cases(seed, qemu.z / 2);
        boolean[] features = A64Table.features(ours.cpu.profile());
        List<String> bad = new ArrayList<>();
        int batch = qemu.batch();
        for (int done = 0; done < cases && bad.size() < most; done += batch) {
            int[][] words = new int[batch][];
            for (int i = 0; i < batch; i++) {
                words[i] = new int[] {gen.vectorWord(ours.sve())};
                qemu.send(words[i], gen.state());
            }
            qemu.flush();
            for (int[] w : words) {
                boolean reference = qemu.receive().signal() == 4;
                A64Op op = A64Table.decode(w[0], 0, features);
                // What is undefined at this vector length only is found when it runs.
                boolean here = op instanceof SystemOps.Undefined
                        || op instanceof SystemOps.Unimplemented
                        || reference && ours.execute(w, gen.state()).signal() == 4;
                if (reference != here)
                    bad.add(Integer.toHexString(w[0]) + " is "
                            + (here ? "UNDEFINED here only: " : "UNDEFINED there only: ")
                            + (A64Table.find(w[0]) == null
                                    ? "no row"
                                    : A64Table.find(w[0]).name()));
            }
        }
        return bad;
    }

    private static String difference(
            A64Row row, int[] words, QemuUser.State s, QemuUser.Result want, QemuUser.Result got) {
        StringBuilder b = new StringBuilder();
        int z = s.v().length / 32, pw = s.p().length / 17;
        if (want.signal() != got.signal())
            b.append(" signal ").append(want.signal()).append(" here ").append(got.signal());
        compare(b, "pc", want.pc(), got.pc());
        for (int i = 0; i < 31; i++)
            compare(b, "x" + i, want.state().x()[i], got.state().x()[i]);
        compare(b, "sp", want.state().sp(), got.state().sp());
        compare(b, "nzcv", want.state().nzcv(), got.state().nzcv());
        boolean firstFault = row.name().matches("LD(FF|NF).*");
        int loaded = words[words.length - 1] & 31;
        // An access of SVE that faults may be done in part, in memory or in its register: the reference does so, this
        // machine
        // does not.
        boolean part = row.feature().isSve() && want.signal() == 11 && got.signal() == 11;
        boolean partZ = part && row.name().startsWith("LDR (vector)");
        boolean partP = part && row.name().startsWith("LDR (predicate)");
        for (int i = 0; i < want.state().v().length; i++) {
            if (partZ && i / z == loaded) continue;
            long known = firstFault && i / z == loaded ? bytes(want.state().p(), 16 * pw, 8 * (i % z)) : -1;
            compare(
                    b,
                    "z" + i / z + "." + i % z,
                    want.state().v()[i] & known,
                    got.state().v()[i] & known);
        }
        for (int i = 0; i < 17 * pw; i++) {
            if (partP && i / pw == (loaded & 15)) continue;
            // Which element a first-fault load leaves out without a fault is the implementation's choice.
            long p = want.state().p()[i],
                    here =
                            firstFault && i >= 16 * pw
                                    ? got.state().p()[i] & p
                                    : got.state().p()[i];
            compare(b, "p" + i / pw + "." + i % pw, p, here);
        }
        compare(b, "fpsr", want.state().fpsr(), got.state().fpsr());
        if (want.memory() != got.memory() && !part) b.append(" memory");
        if (b.isEmpty()) return "";
        int w = words[words.length - 1];
        StringBuilder in = new StringBuilder();
        for (int shift : new int[] {0, 5, 10, 16}) {
            int r = w >>> shift & 31;
            if (r < 31) in.append(" x").append(r).append('=').append(Long.toHexString(s.x()[r]));
            in.append(" v")
                    .append(r)
                    .append('=')
                    .append(Long.toHexString(s.v()[z * r + 1]))
                    .append(':')
                    .append(Long.toHexString(s.v()[z * r]));
        }
        return row.name() + " " + Integer.toHexString(w) + ":" + b + " (reference, here) given nzcv " + s.nzcv()
                + " fpcr " + Long.toHexString(s.fpcr()) + " fpsr " + Long.toHexString(s.fpsr()) + in;
    }

    /** The bytes of a word whose predicate bits, from bit {@code at} of the words from {@code from}, are set. */
    private static long bytes(long[] p, int from, int at) {
        long bits = p[from + at / 64] >>> at % 64, r = 0;
        for (int k = 0; k < 8; k++) if ((bits >>> k & 1) != 0) r |= 0xffL << 8 * k;
        return r;
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

    /** Arguments: seed, cases per row, regular expression of row names or "mops", quadwords of a vector for SVE rows, "translated". */
    public static void main(String[] a) throws Exception {
        int vq = a.length > 3 ? Integer.parseInt(a[3]) : 0;
        String only = a.length > 2 ? a[2] : ".*";
        if (only.equals("mops")) {
            try (QemuUser q = new QemuUser(QemuUser.newer(), "max,sve=off,sme=off", 1)) {
                UserCpu ours = new UserCpu("max,mops=on", false, a.length > 4);
                for (String s : differences(q, ours, Long.parseLong(a[0]), Integer.parseInt(a[1]), MOPS, 60))
                    System.out.println(s);
            }
            return;
        }
        try (QemuUser q = vq > 0 ? QemuUser.sve(vq) : new QemuUser("max,sve=off,sme=off", 1)) {
            UserCpu ours = new UserCpu(vq > 0 ? "max,sve-max-vq=" + vq : "max", vq > 0, a.length > 4);
            if (a.length > 2 && a[2].equals("undefined"))
                for (String s : undefined(q, ours, Long.parseLong(a[0]), Integer.parseInt(a[1]), 60))
                    System.out.println(s);
            for (String s : differences(q, ours, Long.parseLong(a[0]), Integer.parseInt(a[1]), only, 60))
                System.out.println(s);
        }
    }
}
