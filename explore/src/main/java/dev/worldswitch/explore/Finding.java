package dev.worldswitch.explore;

import java.util.List;

/**
 * A property that fails, by one way.
 *
 * @param what the kernel's or the check's own words
 * @param also what else was not so on this way
 * @param timeline at most 72 columns, minimised
 * @param steps all that happened
 * @param beginning values and registers before them
 */
public record Finding(
        Property property,
        String what,
        List<String> also,
        Schedule schedule,
        String timeline,
        List<TimelineStep> steps,
        TimelineStep.Beginning beginning) {}
