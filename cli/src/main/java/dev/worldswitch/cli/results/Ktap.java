package dev.worldswitch.cli.results;

import dev.worldswitch.cli.results.TestResult.Outcome;

/** KTAP version 1, as Documentation/dev-tools/ktap.rst has it: lines, printed as results come. */
final class Ktap {
    private Ktap() {}

    static String head(int planned) {
        return "KTAP version 1\n1.." + planned + "\n";
    }

    /** Diagnostic lines first, then the line with the result. */
    static String result(int number, TestResult r) {
        StringBuilder b = new StringBuilder();
        for (String d : r.details())
            b.append(("# " + printable(d)).stripTrailing()).append('\n');
        b.append(r.outcome() == Outcome.FAIL ? "not ok " : "ok ")
                .append(number)
                .append(' ')
                .append(printable(r.name()).replace('#', '_'));
        if (r.outcome() == Outcome.SKIP) b.append(" # SKIP ").append(printable(r.reason()));
        else if (!r.reason().isEmpty()) b.append(" # ").append(printable(r.reason()));
        return b.toString().stripTrailing() + "\n";
    }

    /** The line with which kselftest ends a collection. */
    static String totals(long passed, long failed, long skipped) {
        return "# Totals: pass:" + passed + " fail:" + failed + " xfail:0 xpass:0 skip:" + skipped + " error:0\n";
    }

    /** One line, without what a terminal would obey. */
    private static String printable(String s) {
        return s.replaceAll("\\p{Cntrl}", " ");
    }
}
