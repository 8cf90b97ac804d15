package dev.worldswitch.explore;

/**
 * A property that fails, by one way.
 *
 * @param property its name
 * @param what the kernel's or the check's own words
 * @param timeline at most 72 columns
 */
public record Finding(String property, String what, Schedule schedule, String timeline) {}
