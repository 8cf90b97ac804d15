package dev.worldswitch.explore;

import java.util.List;

/** What an exploration found within its bounds. */
public record Verdict(
        String scenario, String kernel, String bounds, List<Finding> findings, long states, long runs, long moments) {
    public boolean clean() {
        return findings.isEmpty();
    }

    /** Exit status of the command. */
    public int exitStatus() {
        return clean() ? 0 : 1;
    }

    /** For a person; lines of at most 72 columns. */
    public String text() {
        StringBuilder b = new StringBuilder();
        int n = 1;
        for (Finding f : findings) {
            b.append("finding ").append(n++).append(": ").append(f.property()).append('\n');
            for (String l : Timeline.wrap(f.what(), 70))
                b.append("  ").append(l).append('\n');
            b.append('\n')
                    .append(f.timeline())
                    .append("\n  repeat: ws replay ")
                    .append(f.schedule())
                    .append("\n\n");
        }
        b.append(clean() ? "clean: " : findings.size() + " ways found: ");
        b.append(scenario).append(" on kernel ").append(kernel).append('\n');
        b.append("  bounds: ").append(bounds).append('\n');
        b.append("  explored: ").append(states).append(" states, ").append(runs).append(" runs, ");
        b.append(moments).append(" moments\n");
        return b.toString();
    }
}
