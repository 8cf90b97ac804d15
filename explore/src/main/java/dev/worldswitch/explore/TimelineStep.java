package dev.worldswitch.explore;

import java.util.HashMap;
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
 * @param registers what it changed of the registers, as hexadecimal digits
 */
public record TimelineStep(
        Kind kind,
        String context,
        int cpu,
        String function,
        String text,
        Map<String, Long> changed,
        Map<String, String> registers) {
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

    /** Values and registers before the first entry. */
    public record Beginning(Map<String, Long> values, Map<String, String> registers) {
        public static final Beginning NONE = new Beginning(Map.of(), Map.of());
    }

    public TimelineStep {
        changed = Map.copyOf(changed);
        registers = Map.copyOf(registers);
    }

    TimelineStep(Kind kind, String context, int cpu, String function, String text) {
        this(kind, context, cpu, function, text, Map.of(), Map.of());
    }

    TimelineStep on(int otherCpu) {
        return new TimelineStep(kind, context, otherCpu, function, text, changed, registers);
    }

    TimelineStep and(Map<String, Long> nowChanged, Map<String, String> nowRegisters) {
        Map<String, Long> all = new HashMap<>(changed);
        all.putAll(nowChanged);
        Map<String, String> allRegisters = new HashMap<>(registers);
        allRegisters.putAll(nowRegisters);
        return new TimelineStep(kind, context, cpu, function, text, all, allRegisters);
    }

    String column() {
        return cpu < 0 ? context : context + " on cpu" + cpu;
    }

    private String json(boolean withRegisters) {
        StringBuilder b = new StringBuilder("{\"kind\":")
                .append(Json.quoted(kind.name().toLowerCase(Locale.ROOT)))
                .append(",\"context\":")
                .append(Json.quoted(context));
        if (cpu >= 0) b.append(",\"cpu\":").append(cpu);
        if (!function.isEmpty()) b.append(",\"function\":").append(Json.quoted(function));
        b.append(",\"text\":").append(Json.quoted(text));
        if (!changed.isEmpty()) b.append(",\"changed\":").append(Json.object(changed, String::valueOf));
        if (withRegisters && !registers.isEmpty())
            b.append(",\"registers\":").append(Json.object(registers, Json::quoted));
        return b.append('}').toString();
    }

    static String json(List<TimelineStep> steps) {
        return steps.stream().map(s -> s.json(false)).collect(Collectors.joining(",", "[", "]"));
    }

    static String jsonWithRegisters(List<TimelineStep> steps) {
        return steps.stream().map(s -> s.json(true)).collect(Collectors.joining(",", "[", "]"));
    }
}
