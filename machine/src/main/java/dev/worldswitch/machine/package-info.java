/** What all simulated machines share: physical CPUs, timing, lines, physical memory, profiles. */
package dev.worldswitch.machine;
