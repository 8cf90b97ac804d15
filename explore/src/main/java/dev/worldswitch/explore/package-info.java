/** Every timing of a scenario: schedules, properties, verdicts, timelines. */
package dev.worldswitch.explore;
