package dev.worldswitch.server.gdb;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DebuggedVcpu;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.server.gdb.Breakpoints.Point;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The vCPUs of a recording or a schedule that is repeated. One thread runs the whole computer, so a stop is that thread
 * standing still before an instruction: no vCPU leaves its guest, and the steps are those that they are without a
 * debugger. A place is the number of instructions that the guests executed before, and going back is repeating all from
 * the start to a lower number.
 */
public final class ReplayStops extends Stops {
    /** The repetition under way is given up. */
    private static final class Abandoned extends Error {
        private static final long serialVersionUID = 1;

        Abandoned() {
            super("this repetition is given up", null, false, false);
        }
    }

    /** One repetition, on the calling thread: null, or what went wrong. */
    public interface Repetition {
        /** @param steps is told how to ask for the host's latest steps, as text */
        @Nullable
        String run(Debugger guests, Consumer<Supplier<String>> steps);
    }

    private final Repetition repetition;
    private long position, goal = -1, found;
    private int stepsAtEnd;
    /** The debugger lets nothing go on; whether the repetition stands still already. */
    private boolean held = true, resting;

    private boolean searching, restarts, atEnd, endIsSaid, detached, killed;
    private String goalReason = "", wrong = "";
    private Supplier<String> steps = () -> NO_STEPS;

    public ReplayStops(Repetition repetition) {
        super(NEVER, true);
        this.repetition = repetition;
    }

    /** No vCPU waits alone. */
    private static final Parking NEVER = new Parking() {
        @Override
        public boolean park(Caller caller, BooleanSupplier holds, Runnable parked) {
            throw new IllegalStateException("a vCPU of a repetition waits alone");
        }

        @Override
        public void kick(DebuggedVcpu vcpu) {}
    };

    @Override
    boolean holdsEach() {
        return false;
    }

    private synchronized void rest(BooleanSupplier until) {
        resting = true;
        notifyAll();
        try {
            while (!until.getAsBoolean() && !restarts && !killed && !(detached && atEnd)) wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            killed = true;
        }
        resting = false;
        if ((restarts || killed) && !atEnd) throw new Abandoned();
    }

    /**
     * Repeats until the debugger is gone and the end is reached: null, or what went wrong.
     *
     * @throws IllegalArgumentException for a repetition without any instruction
     */
    public @Nullable String run() {
        while (true) {
            try {
                String result = repetition.run(this, s -> steps = s);
                if (position == 0)
                    throw new IllegalArgumentException(
                            "no guest executes an instruction here: guests that are scripts of register accesses have no"
                                    + " code to debug (ws report shows each step)");
                end(result);
                if (!restarts) return result;
            } catch (Abandoned a) {
                if (killed) return null;
            }
            restart();
        }
    }

    private synchronized void restart() {
        restarts = false;
        atEnd = false;
        position = 0;
        stepsAtEnd = 0;
        endIsSaid = false;
        wrong = "";
        afresh();
        if (goal >= 0) firstRuns();
    }

    private void end(@Nullable String result) {
        synchronized (this) {
            atEnd = true;
            wrong = result == null ? "" : ": " + result;
            if (!detached) ended();
        }
        rest(() -> false);
    }

    /** Nothing comes after this. */
    private void ended() {
        if (searching) {
            search();
            restarts = true;
        } else tellEnd();
    }

    /**
     * A step into the end ends as one that goes nowhere, some times: GDB steps off a breakpoint before it goes on, and
     * loses its way when history ends meanwhile.
     */
    private void tellEnd() {
        int stepped = 0;
        for (Port p : threads()) if (p.isStepped()) stepped = p.number();
        boolean goesNowhere = stepped != 0 && stepsAtEnd++ < STEP_TRIES;
        tell(stepped, goesNowhere ? "" : "replaylog:end;", endIsSaid ? "" : "The end" + wrong);
        endIsSaid = true;
    }

    @Override
    boolean decide(Port port, long pc) {
        if (goal < 0 ? stopsHere(port, pc) : arrives(port, pc)) stand(port, pc);
        return false;
    }

    private boolean stopsHere(Port port, long pc) {
        synchronized (this) {
            if (held) return true;
        }
        // One that must not go on alone does: the order of all steps is what it is.
        return !port.holdsNow() && port.stops(pc);
    }

    private boolean arrives(Port port, long pc) {
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

    /** Stands before an instruction of this vCPU. */
    private void stand(Port port, long pc) {
        port.parked(true);
        rest(() -> !held);
        port.parked(false);
        port.begins(pc);
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
    synchronized void hold() {
        held = true;
        super.hold();
    }

    @Override
    synchronized void reverse(boolean step) {
        if (position == 0) {
            tell(0, "replaylog:begin;", "");
            return;
        }
        searching = !step;
        found = -1;
        goal = step ? position - 1 : position;
        goalReason = "";
        restarts = true;
        held = false;
        notifyAll();
    }

    @Override
    synchronized void resume(List<Mode> modes) {
        super.resume(modes);
        if (atEnd && !detached && !killed) {
            tellEnd();
            return;
        }
        held = false;
        notifyAll();
    }

    @Override
    synchronized void detached() {
        detached = true;
    }

    @Override
    synchronized void kill() {
        killed = true;
        notifyAll();
    }

    /** The debugger ended it. */
    public synchronized boolean isKilled() {
        return killed;
    }

    @Override
    synchronized void quiet() {
        try {
            while (!resting) wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    String place() {
        return "after " + position + (position == 1 ? " instruction" : " instructions")
                + (atEnd ? ", at the end" + wrong : "");
    }

    @Override
    String steps() {
        return steps.get();
    }
}
