package dev.worldswitch.server.gdb;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DebugRegister;
import dev.worldswitch.kvm.DebuggedVcpu;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.server.gdb.Breakpoints.Point;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** All vCPUs of a host under one debugger: when one of them stops, all do. Any thread. */
public class Stops implements Debugger {
    /** Milliseconds until what still runs in KVM is on its way to its client, where it may stay for long. */
    private static final long QUIET_MILLIS = 2000;

    /** An instruction is tried this often until it counts as one that goes nowhere. */
    static final int STEP_TRIES = 4;

    private static final int SIGINT = 2, SIGTRAP = 5;

    /** What a vCPU may do. */
    enum Mode {
        RUN,
        STEP,
        HELD
    }

    /**
     * All are held.
     *
     * @param thread number of the vCPU that it was about, 0 for any
     * @param reason as a stop reply has it, empty for a step or an interrupt
     * @param said for the debugger's user
     */
    record Stop(int signal, int thread, String reason, String said) {}

    static final String NO_STEPS = "only a schedule has steps of its host to show";

    private final Parking parking;
    private final boolean waits;
    private final List<Port> ports = new CopyOnWriteArrayList<>();
    final Breakpoints breakpoints = new Breakpoints();
    private int numbers;
    private Mode first;
    private Consumer<Stop> listener = s -> {};
    private Runnable killed = () -> {};

    /** @param waits vCPUs begin held */
    public Stops(Parking parking, boolean waits) {
        this.parking = parking;
        this.waits = waits;
        this.first = waits ? Mode.HELD : Mode.RUN;
    }

    /** What ends the guests' client when the debugger asks for it. */
    public void onKill(Runnable end) {
        killed = end;
    }

    /** One vCPU, a thread for GDB. */
    final class Port implements VcpuPort {
        private final int number;
        private DebuggedVcpu vcpu;
        private volatile Mode mode;
        /** Times that the step under way began, and where: 0 before it does. */
        private int begun;

        private long begunAt;

        private boolean inLoop, parked;
        private @Nullable Point watched;
        private @Nullable List<DebugRegister> registers;

        private Port(int number, DebuggedVcpu vcpu, Mode mode) {
            this.number = number;
            this.vcpu = vcpu;
            this.mode = mode;
        }

        /** An instruction of the step under way. */
        void begins(long pc) {
            begun++;
            begunAt = pc;
        }

        boolean isStepped() {
            return mode == Mode.STEP;
        }

        int number() {
            return number;
        }

        DebuggedVcpu vcpu() {
            return vcpu;
        }

        /** The vCPU's registers; which they are is settled when they are first asked for. */
        synchronized List<DebugRegister> registers() {
            List<DebugRegister> r = registers;
            if (r == null) registers = r = vcpu.registers();
            return r;
        }

        synchronized String where() {
            return inLoop ? parked ? "held" : "in KVM" : "its thread is not in KVM_RUN";
        }

        @Override
        public int generation() {
            return breakpoints.generation();
        }

        @Override
        public boolean breaksAt(long pc) {
            return breakpoints.at(pc);
        }

        @Override
        public boolean stopsBefore(long pc) {
            if (decide(this, pc)) return true;
            passed();
            return false;
        }

        /** What the instruction before touched of what is watched; asked once. */
        @Nullable
        Point takeWatched() {
            Point w = watched;
            watched = null;
            return w;
        }

        boolean stops(long pc) {
            Point w = takeWatched();
            if (w != null) return hit(this, Breakpoints.reason(w));
            switch (mode) {
                case RUN -> {
                    return breaksAt(pc) && hit(this, breakpoints.reason(pc));
                }
                case STEP -> {
                    // Still there: KVM took an exit and goes on with the instruction. Or it branches to itself.
                    boolean over = begun == STEP_TRIES || begun > 0 && pc != begunAt;
                    begins(pc);
                    return over && hit(this, "");
                }
                default -> {
                    return true;
                }
            }
        }

        @Override
        public boolean oneByOne() {
            return holdsEach() && mode == Mode.STEP;
        }

        @Override
        public boolean watches() {
            return breakpoints.watching();
        }

        @Override
        public void touches(long address, int size, boolean write) {
            Point p = breakpoints.watched(address, size, write);
            if (p != null) watched = p;
        }

        @Override
        public synchronized void inRunLoop(boolean now) {
            inLoop = now;
            notifyAll();
        }

        @Override
        public boolean holds() {
            return holdsEach() && holdsNow();
        }

        /** The debugger does not want it to go on. */
        boolean holdsNow() {
            return mode == Mode.HELD;
        }

        @Override
        public boolean passes(Caller caller) {
            if (!holds()) return true;
            boolean passes = parking.park(caller, this::holds, () -> parked(true));
            parked(false);
            return passes;
        }

        void parked(boolean now) {
            synchronized (this) {
                parked = now;
                notifyAll();
            }
            if (now) Stops.this.parked();
        }

        private synchronized boolean isParked() {
            return parked;
        }

        /** Waits until it is off its CPU; not for ever, its client's code may be what it waits for. */
        private synchronized void quiet(long until) {
            try {
                for (long now = System.nanoTime(); inLoop && !parked && now < until; now = System.nanoTime())
                    wait((until - now) / 1_000_000 + 1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private void mode(Mode m) {
            begun = 0;
            mode = m;
            parking.kick(vcpu);
        }

        @Override
        public void released() {
            gone(this);
        }
    }

    /** Whether a vCPU stops at {@code pc}. */
    boolean decide(Port port, long pc) {
        return port.stops(pc);
    }

    /** A vCPU goes on. */
    void passed() {}

    @Override
    public synchronized VcpuPort attach(DebuggedVcpu vcpu) {
        Port p = new Port(++numbers, vcpu, first);
        ports.add(p);
        notifyAll();
        return p;
    }

    /** The vCPUs are made anew, in the same order, held. */
    synchronized void afresh() {
        ports.clear();
        numbers = 0;
        first = Mode.HELD;
    }

    /** vCPUs that come run until a stop. */
    final synchronized void firstRuns() {
        first = Mode.RUN;
    }

    private void gone(Port p) {
        ports.remove(p);
    }

    final List<Port> threads() {
        return ports;
    }

    /** The vCPU with this number; with 0 or less any, one that is held in KVM_RUN before others. */
    final @Nullable Port thread(int number) {
        Port any = null;
        for (Port p : ports) {
            if (p.number == number) return p;
            if (number <= 0 && (any == null || !any.parked && p.parked)) any = p;
        }
        return any;
    }

    private synchronized void parked() {
        notifyAll();
    }

    /** Waits until there is a vCPU; where vCPUs wait, until one does at its first instruction. */
    final synchronized void awaitFirst() throws InterruptedException {
        while (waits ? ports.stream().noneMatch(Port::isParked) : ports.isEmpty()) wait();
    }

    /** Says that all are held. */
    final synchronized void tell(int thread, String reason, String said) {
        listener.accept(new Stop(SIGTRAP, thread, reason, said));
    }

    final synchronized void listener(Consumer<Stop> who) {
        listener = who;
    }

    final boolean hit(Port p, String reason) {
        return hit(p, SIGTRAP, reason);
    }

    private synchronized boolean hit(Port p, int signal, String reason) {
        boolean already = p.mode == Mode.HELD;
        hold();
        if (!already) listener.accept(new Stop(signal, p.number, reason, ""));
        return true;
    }

    /** Holds all vCPUs, new ones too. */
    synchronized void hold() {
        first = Mode.HELD;
        for (Port p : ports) if (p.mode != Mode.HELD) p.mode(Mode.HELD);
    }

    /** Ctrl-C. */
    final synchronized void interrupt() {
        hold();
        listener.accept(new Stop(SIGINT, 0, "", ""));
    }

    /** Waits until all that were held are off their CPUs. */
    void quiet() {
        long until = System.nanoTime() + QUIET_MILLIS * 1_000_000;
        for (Port p : ports) p.quiet(until);
    }

    /** Lets vCPUs go on: {@code modes} in the order of {@link #threads}, new ones run. */
    synchronized void resume(List<Mode> modes) {
        first = Mode.RUN;
        int i = 0;
        for (Port p : ports) {
            Mode m = i < modes.size() ? modes.get(i) : Mode.RUN;
            i++;
            if (m != p.mode) p.mode(m);
        }
    }

    /** The debugger went: no breakpoints, all run. */
    final void detach() {
        listener(s -> {});
        breakpoints.clear();
        detached();
        resume(List.of());
    }

    /** The debugger goes. */
    void detached() {}

    /** Going back is possible. */
    boolean reverses() {
        return false;
    }

    /** A vCPU that must not go on waits in its own thread, and one that is stepped takes no interrupts; else the world stands. */
    boolean holdsEach() {
        return true;
    }

    /** Whose guests they are ends. */
    void kill() {
        killed.run();
    }

    /** Latest steps of the host, for people. */
    String steps() {
        return NO_STEPS;
    }

    /** How far a replay is, for people. */
    String place() {
        return "not a replay";
    }

    /** What can be changed: a recording is what it is. */
    boolean writable() {
        return true;
    }

    /** Goes back by one instruction, or to the breakpoint before this place; tells the listener. */
    void reverse(boolean step) {
        throw new UnsupportedOperationException();
    }
}
