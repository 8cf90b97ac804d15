package dev.worldswitch.explore;

import java.util.ArrayList;
import java.util.List;

/**
 * One timing of a scenario: at which moments of which VMM step an interrupt comes. Printed as
 * {@code ws1:SCENARIO:KERNEL:STEP.MOMENT,...}, a dash for no event.
 */
public record Schedule(String scenario, String kernel, List<Event> events) {
    /** An interrupt before the {@code moment}-th hardware touch (from 0) of the {@code step}-th VMM step. */
    public record Event(int step, int moment) {}

    public Schedule {
        events = List.copyOf(events);
    }

    List<Integer> in(int step) {
        return events.stream().filter(e -> e.step == step).map(Event::moment).toList();
    }

    /** @throws IllegalArgumentException saying what a schedule looks like */
    public static Schedule parse(String text) {
        String[] part = text.strip().split(":");
        if (part.length != 4 || !part[0].equals("ws1"))
            throw new IllegalArgumentException("not a schedule: '" + text + "'; one looks like ws1:xfd:6.12:3.17");
        List<Event> events = new ArrayList<>();
        if (!part[3].equals("-")) {
            for (String e : part[3].split(",")) {
                if (!e.matches("\\d{1,6}\\.\\d{1,8}"))
                    throw new IllegalArgumentException("bad event '" + e + "' in the schedule; one looks like 3.17");
                String[] n = e.split("\\.");
                events.add(new Event(Integer.parseInt(n[0]), Integer.parseInt(n[1])));
            }
        }
        return new Schedule(part[1], part[2], events);
    }

    @Override
    public String toString() {
        StringBuilder b = new StringBuilder("ws1:" + scenario + ":" + kernel + ":");
        if (events.isEmpty()) return b.append('-').toString();
        for (int i = 0; i < events.size(); i++)
            b.append(i == 0 ? "" : ",").append(events.get(i).step).append('.').append(events.get(i).moment);
        return b.toString();
    }
}
