package dev.worldswitch.explore;

import java.util.ArrayList;
import java.util.List;

/**
 * One timing of a scenario: at which points of choice of the run something else than going on was chosen. Printed as
 * {@code ws2:SCENARIO:KERNEL:POINT CHOICE.CHECK,...}, for example {@code ws2:xfd:6.12:131i.4fa2}, a dash where nothing
 * was chosen. The check is a hash of all steps before the point: a schedule for other sources is refused.
 */
public record Schedule(String scenario, String kernel, List<Turn> turns) {
    private static final String EXAMPLE = "; one looks like ws2:xfd:6.12:131i.4fa2";

    /** At the {@code point}-th point of choice this one, after steps with this check. */
    public record Turn(int point, char kind, int which, int check) {
        Choice choice() {
            return new Choice(kind, which);
        }

        @Override
        public String toString() {
            return String.format("%d%s.%04x", point, choice(), check);
        }
    }

    public Schedule {
        turns = List.copyOf(turns);
    }

    /** Events only: without the choices of tasks and CPUs. */
    public int events() {
        return (int) turns.stream().filter(t -> t.choice().isEvent()).count();
    }

    /** @throws IllegalArgumentException saying what a schedule looks like */
    public static Schedule parse(String text) {
        String[] part = text.strip().split(":");
        if (part.length < 4 || !part[0].equals("ws2"))
            throw new IllegalArgumentException("not a schedule: '" + text + "'" + EXAMPLE);
        int n = part.length;
        List<Turn> turns = new ArrayList<>();
        if (!part[n - 1].equals("-")) {
            for (String t : part[n - 1].split(",")) {
                var m = java.util.regex.Pattern.compile("(\\d{1,8})([a-z])(\\d?)\\.([0-9a-f]{4})")
                        .matcher(t);
                if (!m.matches()) throw new IllegalArgumentException("bad turn '" + t + "' in the schedule" + EXAMPLE);
                int which = m.group(3).isEmpty() ? 0 : Integer.parseInt(m.group(3));
                Turn turn = new Turn(
                        Integer.parseInt(m.group(1)), m.group(2).charAt(0), which, Integer.parseInt(m.group(4), 16));
                if (!turn.choice().toString().equals(m.group(2) + m.group(3)))
                    throw new IllegalArgumentException("bad turn '" + t + "' in the schedule" + EXAMPLE);
                turns.add(turn);
            }
        }
        return new Schedule(String.join(":", List.of(part).subList(1, n - 2)), part[n - 2], turns);
    }

    @Override
    public String toString() {
        StringBuilder b = new StringBuilder("ws2:" + scenario + ":" + kernel + ":");
        if (turns.isEmpty()) return b.append('-').toString();
        for (int i = 0; i < turns.size(); i++) b.append(i == 0 ? "" : ",").append(turns.get(i));
        return b.toString();
    }
}
