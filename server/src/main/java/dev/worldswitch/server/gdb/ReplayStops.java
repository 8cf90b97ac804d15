package dev.worldswitch.server.gdb;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DebuggedVcpu;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.server.gdb.Breakpoints.Point;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The vCPUs of a recording that is repeated. A place in it is the number of instructions that its guests executed before,
 * and going back is repeating it from its start to a lower number.
 */
public final class ReplayStops extends Stops {
    /** The repetition under way is given up. */
    private static final class Abandoned extends Error {
        private static final long serialVersionUID = 1;

        Abandoned() {
            super("this repetition is given up", null, false, false);
        }
    }

    /** One repetition, on the calling thread: null, or what was answered otherwise. */
    public interface Repetition {
        @Nullable
        String run(Function<KvmHost, Debugger> debugger);
    }

    private final Repetition repetition;
    private final Waiting waiting;
    private long position, goal = -1, found;
    private boolean searching, restarts, atEnd, detached;
    private String goalReason = "";

    private ReplayStops(Repetition repetition, Waiting waiting) {
        super(waiting, true);
        this.repetition = repetition;
        this.waiting = waiting;
        waiting.of = this;
    }

    public static ReplayStops of(Repetition repetition) {
        return new ReplayStops(repetition, new Waiting());
    }

    /** The one thread that runs all vCPUs waits where it is, its task off its CPU. */
    private static final class Waiting implements Parking {
        private @Nullable ReplayStops of;
        private @Nullable KvmHost host;
        private boolean resting;

        private ReplayStops stops() {
            if (of == null) throw new IllegalStateException("nothing is repeated");
            return of;
        }

        @Override
        public boolean park(Caller caller, BooleanSupplier held, Runnable parked) {
            KvmHost h = host;
            if (h == null) throw new IllegalStateException("no host");
            h.sleep(caller.task());
            parked.run();
            stops().rest(() -> !held.getAsBoolean());
            h.start(caller.task());
            return true;
        }

        @Override
        public void kick(DebuggedVcpu vcpu) {
            stops().changed();
        }
    }

    private synchronized void changed() {
        notifyAll();
    }

    private synchronized void rest(BooleanSupplier until) {
        waiting.resting = true;
        notifyAll();
        try {
            while (!until.getAsBoolean() && !restarts && !(detached && atEnd)) wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            detached = true;
        }
        waiting.resting = false;
        if (restarts && !atEnd) throw new Abandoned();
    }

    /** Repeats until the debugger is gone and the end is reached: null, or what was answered otherwise. */
    public @Nullable String run() {
        while (true) {
            String wrong;
            try {
                wrong = repetition.run(h -> {
                    waiting.host = h;
                    return this;
                });
                end();
                if (!restarts) return wrong;
            } catch (Abandoned a) {
                // Goes on below, from the start.
            }
            restart();
        }
    }

    private synchronized void restart() {
        restarts = false;
        atEnd = false;
        position = 0;
        afresh();
        if (goal >= 0) firstRuns();
    }

    private void end() {
        synchronized (this) {
            atEnd = true;
            if (!detached) ended();
        }
        rest(() -> false);
    }

    /** Nothing comes after this. */
    private void ended() {
        if (searching) {
            search();
            restarts = true;
        } else tell("replaylog:end;");
    }

    @Override
    boolean decide(Port port, long pc) {
        if (goal < 0) return super.decide(port, pc);
        // Going back, GDB expects to be before the instruction that made the access.
        Point watched = port.takeWatched();
        if (searching && watched != null) {
            found = position - 1;
            goalReason = Breakpoints.reason(watched);
        }
        if (position != goal) {
            if (searching && breakpoints.at(pc)) {
                found = position;
                goalReason = breakpoints.reason(pc);
            }
            return false;
        }
        if (searching) {
            search();
            throw new Abandoned();
        }
        goal = -1;
        return hit(port, goalReason);
    }

    /** All breakpoints before the place where the search began were met: the last one is the goal. */
    private void search() {
        searching = false;
        goal = Math.max(found, 0);
        if (found < 0) goalReason = "replaylog:begin;";
    }

    @Override
    void passed() {
        position++;
    }

    @Override
    boolean reverses() {
        return true;
    }

    @Override
    boolean writable() {
        return false;
    }

    @Override
    synchronized void reverse(boolean step) {
        if (position == 0) {
            tell("replaylog:begin;");
            return;
        }
        searching = !step;
        found = -1;
        goal = step ? position - 1 : position;
        goalReason = "";
        restarts = true;
        notifyAll();
    }

    @Override
    synchronized void resume(List<Mode> modes) {
        if (atEnd && !detached) tell("replaylog:end;");
        else super.resume(modes);
    }

    @Override
    synchronized void detached() {
        detached = true;
        notifyAll();
    }

    @Override
    void quiet() {
        synchronized (this) {
            try {
                while (!waiting.resting) wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    String place() {
        return "after " + position + (position == 1 ? " instruction" : " instructions") + (atEnd ? ", at the end" : "");
    }
}
