/** Cells: the only places where mutable state of machine, kernel and kvm may live. */
package dev.worldswitch.machine.cell;
