/** A vCPU saved on one machine and restored on another, as a VMM does it: what is refused, missing or different. */
package dev.worldswitch.explore.migrate;
