package dev.worldswitch.explore.migrate;

import dev.worldswitch.explore.Json;
import java.util.ArrayList;
import java.util.List;

/** What did not come over, in the order of the restore. */
public final class Report {
    /** How something failed to come over. */
    public enum Kind {
        /** The destination answered an errno. */
        REFUSED,
        /** The destination has no such register, bit or feature. */
        MISSING,
        /** Accepted, but it reads back as something else. */
        DIFFERENT,
        /** The VMM's own order of operations does not carry it. */
        LEFT_OUT
    }

    /** One finding. */
    public record Row(Kind kind, String name, String what) {}

    private final String from, to, order;
    private final List<Row> rows = new ArrayList<>();
    private int carried;

    Report(String from, String to, String order) {
        this.from = from;
        this.to = to;
        this.order = order;
    }

    void add(Kind kind, String name, String what) {
        rows.add(new Row(kind, name, what));
    }

    void carried() {
        carried++;
    }

    public List<Row> rows() {
        return List.copyOf(rows);
    }

    /** Pieces of state that came over unchanged. */
    public int unchanged() {
        return carried;
    }

    /** Everything came over. */
    public boolean clean() {
        return rows.isEmpty();
    }

    /** For a person: a line for each finding, then the sum. */
    public String text() {
        StringBuilder b = new StringBuilder();
        for (Row r : rows)
            b.append(String.format(
                    "%-9s  %-28s  %s%n",
                    r.kind.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '), r.name, r.what));
        b.append(clean() ? "clean: " : rows.size() + " not carried over: ");
        b.append(from)
                .append(" -> ")
                .append(to)
                .append(", order ")
                .append(order)
                .append("; ");
        b.append(carried).append(" unchanged\n");
        return b.toString();
    }

    /** The same for programs: one JSON object. */
    public String json() {
        StringBuilder b = new StringBuilder("{\"from\":")
                .append(Json.quoted(from))
                .append(",\"to\":")
                .append(Json.quoted(to));
        b.append(",\"order\":").append(Json.quoted(order)).append(",\"clean\":").append(clean());
        b.append(",\"unchanged\":").append(carried).append(",\"findings\":[");
        for (int i = 0; i < rows.size(); i++) {
            Row r = rows.get(i);
            b.append(i == 0 ? "" : ",")
                    .append("{\"kind\":")
                    .append(Json.quoted(r.kind.name().toLowerCase(java.util.Locale.ROOT)));
            b.append(",\"name\":")
                    .append(Json.quoted(r.name))
                    .append(",\"what\":")
                    .append(Json.quoted(r.what))
                    .append('}');
        }
        return b.append("]}").toString();
    }
}
