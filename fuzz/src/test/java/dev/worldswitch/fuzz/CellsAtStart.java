package dev.worldswitch.fuzz;

import dev.worldswitch.machine.cell.Cell;
import dev.worldswitch.machine.cell.Count;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the cells of a tree hold now, to be put back: an input shall not see what another left in a register. */
public final class CellsAtStart {
    private final Map<Cell, long[]> values = new LinkedHashMap<>();

    public CellsAtStart(Region root) {
        root.forEachCell(c -> {
            if (c instanceof Count || c instanceof Ref<?>) return;
            long[] v = new long[c.length()];
            for (int i = 0; i < v.length; i++) v[i] = c.peek(i);
            values.put(c, v);
        });
    }

    public void restore() {
        values.forEach((c, v) -> {
            for (int i = 0; i < v.length; i++) c.poke(i, v[i]);
        });
    }
}
