package dev.worldswitch.machine.x86;

import java.util.List;

/** A part of the operand table, kept in a file of its own. */
public interface OpTableSource {
    List<Row> rows();
}
