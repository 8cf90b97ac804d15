package dev.worldswitch.machine.x86;

import java.util.List;
final class X87Table implements OpTableSource { public List<Row> rows() { return List.of(); } }
