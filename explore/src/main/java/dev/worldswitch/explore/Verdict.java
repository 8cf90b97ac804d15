package dev.worldswitch.explore;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What an exploration found within its bounds. */
public record Verdict(
        String scenario, String kernel, String bounds, List<Finding> findings, boolean complete, Figures figures) {
    /**
     * How much was looked at.
     *
     * @param notes what a reader has to know besides, a line each
     * @param coverage which pairs of a step and an event were exercised
     */
    public record Figures(long states, long runs, long steps, long merged, List<String> notes, CoverageMap coverage) {
        static Figures sum(List<Figures> all) {
            Set<String> notes = new LinkedHashSet<>();
            for (Figures f : all) notes.addAll(f.notes);
            return new Figures(
                    all.stream().mapToLong(Figures::states).sum(),
                    all.stream().mapToLong(Figures::runs).sum(),
                    all.stream().mapToLong(Figures::steps).sum(),
                    all.stream().mapToLong(Figures::merged).sum(),
                    List.copyOf(notes),
                    CoverageMap.sum(all.stream().map(Figures::coverage).toList()));
        }

        /** Coverage and notes for a person. */
        List<String> lines() {
            List<String> all = new ArrayList<>(coverage.lines());
            all.addAll(notes);
            return all;
        }
    }

    /** All of several explorations, one after the other. */
    public static Verdict sum(String scenario, List<Verdict> all) {
        List<Finding> findings = new ArrayList<>();
        boolean complete = true;
        for (Verdict v : all) {
            findings.addAll(v.findings);
            complete &= v.complete;
        }
        Verdict first = all.getFirst();
        String bounds = all.size() == 1 ? first.bounds : first.bounds + "; and " + (all.size() - 1) + " windows more";
        Figures figures = Figures.sum(all.stream().map(Verdict::figures).toList());
        return new Verdict(scenario, first.kernel, bounds, findings, complete, figures);
    }

    public static final int CLEAN = 0, FINDING = 1, NOT_EXHAUSTED = 3;

    public boolean clean() {
        return findings.isEmpty();
    }

    /** Exit status of the command. */
    public int exitStatus() {
        return !clean() ? FINDING : complete ? CLEAN : NOT_EXHAUSTED;
    }

    /** For a person; lines of at most 72 columns. */
    public String text() {
        StringBuilder b = new StringBuilder();
        int n = 1;
        for (Finding f : findings) {
            String not = "finding " + n++ + ": not so: " + f.property().says();
            b.append(String.join("\n  ", Picture.wrap(not, 70))).append('\n');
            for (String l : Picture.wrap(f.what(), 70)) b.append("  ").append(l).append('\n');
            for (String a : f.also())
                for (String l : Picture.wrap("also: " + a, 70))
                    b.append("  ").append(l).append('\n');
            b.append('\n')
                    .append(f.timeline())
                    .append("\n  repeat: ws replay ")
                    .append(f.schedule())
                    .append("\n\n");
        }
        if (findings.size() > 1) b.append(findings.size()).append(" ways found: ");
        else b.append(clean() ? complete ? "clean: " : "nothing found so far: " : "1 way found: ");
        b.append(scenario).append(" on kernel ").append(kernel).append('\n');
        for (String l : Picture.wrap("bounds: " + bounds + (complete ? "" : "; NOT exhausted"), 70))
            b.append("  ").append(l).append('\n');
        b.append("  explored: ").append(figures.states()).append(" states, ");
        b.append(figures.runs()).append(" runs, ").append(figures.steps()).append(" steps, ");
        b.append(figures.merged()).append(" runs merged\n");
        for (String c : figures.lines())
            for (String l : Picture.wrap(c, 68)) b.append("  ").append(l).append('\n');
        return b.toString();
    }

    /** The same for programs: one JSON object. */
    public String json() {
        StringBuilder b = new StringBuilder("{\"scenario\":").append(Json.quoted(scenario));
        b.append(",\"kernel\":")
                .append(Json.quoted(kernel))
                .append(",\"bounds\":")
                .append(Json.quoted(bounds));
        b.append(",\"clean\":").append(clean()).append(",\"complete\":").append(complete);
        b.append(",\"states\":").append(figures.states()).append(",\"runs\":").append(figures.runs());
        b.append(",\"steps\":").append(figures.steps()).append(",\"merged\":").append(figures.merged());
        b.append(",\"notes\":").append(Json.list(figures.notes()));
        b.append(",\"coverage\":").append(figures.coverage().json());
        b.append(",\"findings\":[");
        for (int i = 0; i < findings.size(); i++) {
            Finding f = findings.get(i);
            b.append(i == 0 ? "" : ",")
                    .append("{\"property\":")
                    .append(Json.quoted(f.property().id()));
            b.append(",\"what\":")
                    .append(Json.quoted(f.what()))
                    .append(",\"events\":")
                    .append(f.schedule().events());
            b.append(",\"also\":[");
            for (int j = 0; j < f.also().size(); j++)
                b.append(j == 0 ? "" : ",").append(Json.quoted(f.also().get(j)));
            b.append("],\"schedule\":").append(Json.quoted(f.schedule().toString()));
            b.append(",\"timeline\":").append(Json.quoted(f.timeline()));
            b.append(",\"steps\":").append(TimelineStep.json(f.steps())).append('}');
        }
        return b.append("]}").toString();
    }
}
