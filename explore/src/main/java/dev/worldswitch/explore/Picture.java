package dev.worldswitch.explore;

import dev.worldswitch.explore.TimelineStep.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A timeline as maintainers draw it: a column for each context on each CPU, time going down. A column is a lifeline; an
 * entry begins at its own and may run over those to its right, since only one thing happens at a time.
 */
final class Picture {
    static final int COLUMNS = 72;
    /** In a mail a line that begins with '>' would be a quotation. */
    private static final String INDENT = " ";

    private static final int WIDTH = COLUMNS - INDENT.length();
    private static final int MOST = 48, FARTHEST = 8, WIDEST = 14, ROOM = 44;
    /** How near to an event an entry counts as at most: calls, changes and guests are kept longer than steps. */
    private static final int CALL = 3, CHANGE = 3, GUEST = 6;

    private record Row(Kind kind, String column, String function, String text, String changed, int steps) {
        Row and(TimelineStep s, String nowChanged) {
            return new Row(kind, column, function, text + ", " + s.text(), nowChanged, steps + 1);
        }
    }

    private final List<Row> rows = new ArrayList<>();
    private final String beginning;

    Picture(List<TimelineStep> steps, Map<String, Long> beginning) {
        this.beginning = beginning.entrySet().stream()
                .filter(e -> steps.stream().anyMatch(s -> s.changed().containsKey(e.getKey())))
                .map(e -> e.getKey() + "=" + value(e.getValue()))
                .collect(Collectors.joining("  "));
        Map<String, Long> now = new LinkedHashMap<>(beginning);
        for (TimelineStep s : steps) {
            String changed = new TreeMap<>(s.changed())
                    .entrySet().stream()
                            .map(e -> e.getKey() + " " + value(now.put(e.getKey(), e.getValue())) + "->"
                                    + value(e.getValue()))
                            .collect(Collectors.joining(", "));
            if (goesOn(s)) rows.set(rows.size() - 1, rows.getLast().and(s, changed));
            else rows.add(new Row(s.kind(), s.column(), s.function(), text(s), changed, 1));
        }
    }

    private static String value(Long v) {
        if (v == null) return "?";
        return (v >= 0 && v < 10 ? "" : "0x") + Long.toHexString(v);
    }

    private static String text(TimelineStep s) {
        return s.function().isEmpty() ? s.text() : s.function() + "(): " + s.text();
    }

    /** Steps of one function stand on one line, up to the one that changes something. */
    private boolean goesOn(TimelineStep s) {
        if (rows.isEmpty() || s.kind() != Kind.STEP || s.function().isEmpty()) return false;
        Row r = rows.getLast();
        return r.kind == Kind.STEP
                && r.changed.isEmpty()
                && r.column.equals(s.column())
                && r.function.equals(s.function())
                && r.text.length() + s.text().length() + 2 <= ROOM;
    }

    /** As much around the events and around what is wrong as there is room for. */
    String text() {
        int[] near = nearness();
        List<String> lines = List.of();
        for (int n = FARTHEST; n >= 0; n--) {
            lines = draw(near, n);
            if (lines.size() <= MOST) break;
        }
        return String.join("\n", lines) + "\n";
    }

    private int[] nearness() {
        int[] near = new int[rows.size()];
        for (int i = 0, since = 1000; i < near.length; i++) near[i] = since = marked(i) ? 0 : since + 1;
        for (int i = near.length - 1, until = 1000; i >= 0; i--)
            near[i] = Math.min(near[i], until = marked(i) ? 0 : until + 1);
        for (int i = 0; i < near.length; i++) {
            Row r = rows.get(i);
            if (r.kind == Kind.CALL) near[i] = Math.min(near[i], CALL);
            else if (!r.changed.isEmpty()) near[i] = Math.min(near[i], CHANGE);
            else if (r.kind == Kind.GUEST) near[i] = Math.min(near[i], GUEST);
        }
        return near;
    }

    private boolean marked(int i) {
        Kind k = rows.get(i).kind;
        return k == Kind.EVENT || k == Kind.WRONG;
    }

    private List<String> draw(int[] near, int most) {
        Set<String> columns = new LinkedHashSet<>();
        for (int i = 0; i < near.length; i++) if (near[i] <= most) columns.add(rows.get(i).column);
        int n = columns.size(), pitch = n < 2 ? 0 : Math.clamp((WIDTH - ROOM) / (n - 1), 2, WIDEST);
        Map<String, Integer> at = new HashMap<>();
        List<String> lines = new ArrayList<>();
        for (String c : columns) {
            lines.add(lifelines(at, '|', at.size() * pitch) + c);
            at.put(c, at.size() * pitch);
        }
        if (!beginning.isEmpty())
            for (String l : wrap("[" + beginning + "]", WIDTH - 2)) lines.add(lifelines(Map.of(), '|', 2) + l);
        int skipped = 0;
        for (int i = 0; i < near.length; i++) {
            Row r = rows.get(i);
            if (near[i] > most) {
                skipped += r.steps;
                continue;
            }
            if (skipped > 0)
                lines.add(over(lifelines(at, ':', WIDTH), 2, "(" + skipped + (skipped == 1 ? " step)" : " steps)")));
            skipped = 0;
            lines.addAll(draw(r, at));
        }
        return lines.stream().map(l -> INDENT + l.stripTrailing()).toList();
    }

    private static List<String> draw(Row r, Map<String, Integer> at) {
        char mark = switch (r.kind) {
            case EVENT -> '*';
            case WRONG -> '!';
            case CALL -> '>';
            case STEP, GUEST -> '|';
        };
        int from = at.getOrDefault(r.column, 0);
        List<String> lines = new ArrayList<>();
        for (String l : wrap(r.text, WIDTH - from - 2))
            lines.add(over(lifelines(at, '|', WIDTH), from, (lines.isEmpty() || mark == '!' ? mark : '|') + " " + l));
        if (r.changed.isEmpty()) return lines;
        for (String change : wrap(r.changed, WIDTH - 2)) {
            int to = WIDTH - change.length();
            String last = lines.getLast().replaceFirst("[ |]+$", "");
            if (last.length() + 2 <= to) lines.set(lines.size() - 1, over(lines.getLast(), to - 1, " " + change));
            else lines.add(over(lifelines(at, '|', WIDTH), to - 1, " " + change));
        }
        return lines;
    }

    /** A line with the columns' lifelines, as wide as asked. */
    private static String lifelines(Map<String, Integer> at, char c, int width) {
        StringBuilder b = new StringBuilder(" ".repeat(width));
        for (int p : at.values()) if (p < width) b.setCharAt(p, c);
        return b.toString();
    }

    /** Text over a line; a blank keeps it apart from the lifelines to its right. */
    private static String over(String line, int from, String text) {
        StringBuilder b = new StringBuilder(line);
        b.replace(from, Math.min(line.length(), from + text.length()), text);
        int end = from + text.length();
        if (end < b.length()) b.setCharAt(end, ' ');
        return b.toString();
    }

    static List<String> wrap(String text, int width) {
        List<String> out = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ")) {
            while (word.length() > width) {
                if (!line.isEmpty()) out.add(line.toString());
                line.setLength(0);
                out.add(word.substring(0, width));
                word = word.substring(width);
            }
            if (!line.isEmpty() && line.length() + 1 + word.length() > width) {
                out.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        out.add(line.toString());
        return out;
    }
}
