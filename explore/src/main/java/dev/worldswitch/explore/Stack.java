package dev.worldswitch.explore;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A context at some point: what identifies its stack, one way to build it, and what is known of how it goes on from there. */
final class Stack {
    /**
     * Two hash lanes over the step, the log since its last rest and the points since; the interrupts that it is in; the CPU
     * that it is on, which code at a point of rest still has.
     */
    record Key(long h1, long h2, long handlers, int cpu) {}

    final Key key;
    final Context.Saved saved;
    /** For a deadlock's text: what it waits for when it does. */
    final String waitsFor;
    /** Taken up again, and with each choice. */
    final Tapes.Tape takenUp = new Tapes.Tape();

    private @Nullable Map<Choice, Tapes.Tape> chosen;
    private final Tapes.Tape went = new Tapes.Tape();

    Stack(Key key, Context.Saved saved, String waitsFor) {
        this.key = key;
        this.saved = saved;
        this.waitsFor = waitsFor;
    }

    Tapes.Tape tape(@Nullable Choice c) {
        if (c == null) return takenUp;
        if (c == Choice.GO) return went;
        if (chosen == null) chosen = new HashMap<>();
        return chosen.computeIfAbsent(c, x -> new Tapes.Tape());
    }
}
