package dev.worldswitch.machine.x86;

import java.util.List;
final class SseTable implements OpTableSource { public List<Row> rows() { return List.of(); } }
