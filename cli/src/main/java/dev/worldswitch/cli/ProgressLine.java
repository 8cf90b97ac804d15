package dev.worldswitch.cli;

import dev.worldswitch.explore.Exploration.Progress;
import java.io.Console;
import java.util.function.Consumer;

/** One line on stderr, a few times a second, while an exploration runs. */
final class ProgressLine implements Consumer<Progress> {
    private static final long EVERY = 250_000_000;
    private final boolean shown;
    private final long seconds, start = System.nanoTime();
    private long last = start;

    /** @param seconds when it ends at the latest, 0 for no limit */
    ProgressLine(boolean always, long seconds) {
        this.shown = always || onTerminal();
        this.seconds = seconds;
    }

    static boolean onTerminal() {
        Console c = System.console();
        return c != null && c.isTerminal();
    }

    @Override
    public void accept(Progress p) {
        long now = System.nanoTime();
        if (!shown || now - last < EVERY) return;
        last = now;
        double since = (now - start) / 1e9;
        String line = String.format(
                "%d states, %d runs, %.0f states/s, %d beginnings wait",
                p.states(), p.runs(), p.states() / since, p.waiting());
        if (seconds > 0) line += String.format(", %.0f s left", Math.max(0, seconds - since));
        System.err.print("\r\033[K" + line);
    }
}
