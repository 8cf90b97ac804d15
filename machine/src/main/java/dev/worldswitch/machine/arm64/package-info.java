/** The simulated arm64 machine: physical CPUs with EL0 to EL2, system and vector registers described by data. */
package dev.worldswitch.machine.arm64;
