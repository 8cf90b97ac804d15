package dev.worldswitch.cli;

import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;

/** When an exploration ends early: after a time, or at SIGINT, which shows what was found so far. */
final class Stopping implements BooleanSupplier {
    private final long end;
    private final CountDownLatch printed = new CountDownLatch(1);
    private volatile boolean asked;
    private volatile int status;

    /** @param seconds 0 for no limit */
    Stopping(long seconds) {
        end = seconds == 0 ? Long.MAX_VALUE : System.nanoTime() + seconds * 1_000_000_000;
        Runtime.getRuntime().addShutdownHook(new Thread(this::interrupted));
    }

    /** A signal, or the regular end. */
    private void interrupted() {
        boolean early = printed.getCount() != 0;
        asked = true;
        try {
            printed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // Not the status of a process that a signal ended: what was found counts.
        if (early) Runtime.getRuntime().halt(status);
    }

    @Override
    public boolean getAsBoolean() {
        return asked || end != Long.MAX_VALUE && System.nanoTime() > end;
    }

    /** The verdict is printed; later calls mean nothing. */
    int ended(int exitStatus) {
        if (printed.getCount() != 0) status = exitStatus;
        printed.countDown();
        return exitStatus;
    }
}
