package dev.worldswitch.machine.cell;

import java.util.concurrent.atomic.LongAdder;

/** A statistic: kernel code adds and can't read it, so it is neither hashed nor logged. */
public final class Count extends Cell {
    private final LongAdder sum = new LongAdder();

    Count(Region region, String name) {
        super(region, name);
    }

    public void add(long n) {
        sum.add(n);
    }

    /** For the statistics file descriptor only. */
    public long report() {
        return sum.sum();
    }

    @Override
    public int length() {
        return 0;
    }

    @Override
    public long peek(int index) {
        return sum.sum();
    }

    @Override
    public void poke(int index, long v) {}
}
