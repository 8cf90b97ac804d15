/** GDB's remote serial protocol for guest vCPUs. */
package dev.worldswitch.server.gdb;
