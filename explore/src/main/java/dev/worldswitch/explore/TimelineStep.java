package dev.worldswitch.explore;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One entry of a timeline.
 *
 * @param context who does it: a task, a guest, or an interrupt on top of whom it interrupted
 * @param cpu -1 where it is on none
 * @param function the kernel's function, for a step of the kernel
 * @param changed what it changed of the state that matters: new values
 */
public record TimelineStep(
        Kind kind, String context, int cpu, String function, String text, Map<String, Long> changed) {
    /** What an entry is. */
    public enum Kind {
        /** A step of a task's program begins. */
        CALL,
        /** The host touches hardware. */
        STEP,
        GUEST,
        /** Chosen by the schedule. */
        EVENT,
        WRONG
    }

    public TimelineStep {
        changed = Map.copyOf(changed);
    }

    String column() {
        return cpu < 0 ? context : context + " on cpu" + cpu;
    }

    private String json() {
        StringBuilder b = new StringBuilder("{\"kind\":")
                .append(Json.quoted(kind.name().toLowerCase(Locale.ROOT)))
                .append(",\"context\":")
                .append(Json.quoted(context));
        if (cpu >= 0) b.append(",\"cpu\":").append(cpu);
        if (!function.isEmpty()) b.append(",\"function\":").append(Json.quoted(function));
        b.append(",\"text\":").append(Json.quoted(text));
        if (!changed.isEmpty())
            b.append(",\"changed\":{")
                    .append(changed.entrySet().stream()
                            .sorted(Map.Entry.comparingByKey())
                            .map(e -> Json.quoted(e.getKey()) + ":" + e.getValue())
                            .collect(Collectors.joining(",")))
                    .append('}');
        return b.append('}').toString();
    }

    static String json(List<TimelineStep> steps) {
        return steps.stream().map(TimelineStep::json).collect(Collectors.joining(",", "[", "]"));
    }
}
