package dev.worldswitch.explore;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;

/** What may happen at a moment besides the next step. */
enum Event {
    INTERRUPT('i', "interrupt", "INTERRUPT, its softirq uses the FPU", Line.INTERRUPT),
    PREEMPT('p', "preempt", "RESCHEDULE, preemption where the kernel allows it", Line.RESCHEDULE),
    KICK('k', "kick", "KICK, an IPI that only makes a guest exit", Line.KICK),
    NMI('n', "nmi", "NMI", Line.NMI);

    final char letter;
    final String id, text;
    private final Line line;

    Event(char letter, String id, String text, Line line) {
        this.letter = letter;
        this.id = id;
        this.text = text;
        this.line = line;
    }

    static Event of(String id) {
        for (Event e : values()) if (e.id.equals(id)) return e;
        throw new IllegalArgumentException("no event '" + id + "'; known: interrupt, preempt, kick, nmi");
    }

    /** The CPU would take it here: unmasked, or it runs a guest, which a line makes exit. */
    boolean possible(PhysicalCpu cpu) {
        return !line.maskable() || cpu.irqsOn() || cpu.inGuest();
    }

    void happen(PhysicalCpu cpu) {
        cpu.raise(line);
    }
}
