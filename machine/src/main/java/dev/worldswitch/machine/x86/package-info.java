/** The simulated x86-64 machine: physical CPUs, register files described by data, instructions, paging. */
package dev.worldswitch.machine.x86;
