package dev.worldswitch.cli;

import dev.worldswitch.explore.Recording;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DebuggedVcpu;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.server.HostThread;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Has the calls of a recorded client's threads done one after the other, so that they can be repeated in that order. A KVM_RUN for
 * whose end others can't wait is done in parts: it ends inside KVM as by a signal, where its vCPU waits or after so many
 * instructions of its guest, and begins again when it is its turn, and the client hears of the last part only.
 */
final class RecordedTurns implements Debugger {
    /** Instructions of a guest while others wait. */
    private static final long SLICE = 1 << 12;
    /** How often those who wait look after signals, and how long a vCPU waits that nothing happened to. */
    private static final long LOOK_MILLIS = 5, STILL_MILLIS = 100;
    /** How long a guest whose instructions nobody counted may keep others waiting; only the first one is such. */
    private static final long PATIENCE_MILLIS = 3000;

    /** A KVM_RUN that is not over. */
    private static final class Part {
        final HostThread thread;
        /** It gave way because its vCPU waits; since when, and what had happened until then. */
        boolean waits;

        long since, happened;

        Part(HostThread thread) {
            this.thread = thread;
        }
    }

    private final ArrayDeque<HostThread> queue = new ArrayDeque<>();
    private final Map<HostThread, KvmFile> wants = new IdentityHashMap<>();
    private final Map<KvmFile, Part> parts = new IdentityHashMap<>();
    private final Set<HostThread> again = Collections.newSetFromMap(new IdentityHashMap<>());
    private @Nullable HostThread first;
    private volatile @Nullable HostThread holder;
    private volatile boolean holderWaits;
    private volatile boolean counted;
    private boolean counts;
    private int vcpus;
    private volatile int generation, waiting;
    private long happened;
    private String disorder = "";
    /** Of the turn under way. */
    private long executed, stopAt;

    private boolean stopped;

    /** Why turns could not be taken; empty when they could. */
    synchronized String disorder() {
        return disorder;
    }

    boolean has(HostThread thread) {
        return holder == thread;
    }

    /** Waits for the thread's turn; without one, it goes on all the same, when it is not to be had. */
    synchronized void take(HostThread thread, KvmFile file) {
        queue.add(thread);
        wants.put(thread, file);
        waiting++;
        long since = System.nanoTime();
        boolean interrupted = false;
        while (disorder.isEmpty() && (holder != null || next() != thread)) {
            HostThread h = holder;
            if (h != null && next() == thread) {
                counts = true;
                if (holderWaits) h.giveWay(true);
                else if (!counted && millis(since) > PATIENCE_MILLIS) {
                    disorder =
                            "two threads of the client were in calls at once, and the first one's guest did not leave";
                    break;
                }
            }
            try {
                wait(LOOK_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        queue.remove(thread);
        wants.remove(thread);
        waiting--;
        if (!disorder.isEmpty()) return;
        // Of several threads one may interrupt another's guest, at an instruction that must be known.
        if (first == null) first = thread;
        if (first != thread) counts = true;
        holder = thread;
        holderWaits = false;
        executed = 0;
        stopAt = SLICE;
        stopped = false;
        if (counted != counts) {
            counted = counts;
            generation++;
        }
    }

    private static long millis(long since) {
        return (System.nanoTime() - since) / 1_000_000;
    }

    /** First come, first served; but no other call of a vCPU comes before its KVM_RUN is over, and who waits need not be asked again. */
    private @Nullable HostThread next() {
        for (HostThread t : queue) {
            Part p = parts.get(wants.get(t));
            if (p == null) return t;
            if (p.thread != t) continue;
            if (!p.waits || p.happened != happened || t.isSignalled() || millis(p.since) > STILL_MILLIS) return t;
        }
        return null;
    }

    /** How the KVM_RUN that ended as by a signal ended: {@link Recording#WHOLE} where it was one. */
    synchronized long part(HostThread thread) {
        if (!stopped && !holderWaits || thread.isSignalled()) return Recording.WHOLE;
        return stopped ? executed : Recording.WAITING;
    }

    /** How far the KVM_RUN came that a signal of the client's ended; {@link Recording#WHOLE} where nobody counted. */
    synchronized long interrupted() {
        if (!counted) return Recording.WHOLE;
        return holderWaits ? Recording.WAITING : executed > 0 ? executed : Recording.WHOLE;
    }

    /** Did this file's KVM_RUN wait before, and its guest do nothing since? */
    synchronized boolean waitsStill(KvmFile file) {
        Part p = parts.get(file);
        return p != null && p.waits && executed == 0 && counted;
    }

    /** @param changed something came of the call */
    synchronized void giveBack(HostThread thread, KvmFile file, long part, boolean changed) {
        thread.giveWay(false);
        if (changed) happened++;
        if (part == Recording.WHOLE) parts.remove(file);
        else {
            Part p = parts.computeIfAbsent(file, f -> new Part(thread));
            p.waits = part == Recording.WAITING;
            p.since = System.nanoTime();
            p.happened = happened;
            again.add(thread);
        }
        holder = null;
        notifyAll();
    }

    /** Asked by a thread right after its call. */
    synchronized boolean again(HostThread thread) {
        return again.remove(thread);
    }

    synchronized void waits(HostThread thread) {
        if (holder != thread) return;
        holderWaits = true;
        if (next() != null) thread.giveWay(true);
    }

    synchronized void gone(HostThread thread) {
        parts.values().removeIf(p -> p.thread == thread);
        if (holder == thread) holder = null;
        notifyAll();
    }

    @Override
    public synchronized VcpuPort attach(DebuggedVcpu vcpu) {
        // From the second one on guests may wait for each other.
        if (++vcpus > 1) counts = true;
        return new Port();
    }

    private synchronized boolean endsTurn() {
        stopAt = executed + SLICE;
        if (next() == null) return false;
        stopped = true;
        return true;
    }

    private final class Port implements VcpuPort {
        @Override
        public boolean stopsBefore(long pc) {
            HostThread h = holder;
            if (!counted || h == null || h != HostThread.current()) return false;
            if (executed >= stopAt && waiting != 0 && endsTurn()) {
                h.giveWay(true);
                return true;
            }
            holderWaits = false;
            executed++;
            return false;
        }

        @Override
        public boolean asksEach() {
            return counted;
        }

        @Override
        public boolean idle() {
            return !counted;
        }

        @Override
        public int generation() {
            return generation;
        }

        @Override
        public boolean breaksAt(long pc) {
            return false;
        }

        @Override
        public boolean oneByOne() {
            return false;
        }

        @Override
        public boolean watches() {
            return false;
        }

        @Override
        public void touches(long address, int size, boolean write) {}

        @Override
        public void inRunLoop(boolean now) {}

        @Override
        public boolean holds() {
            return false;
        }

        @Override
        public boolean passes(Caller caller) {
            return true;
        }

        @Override
        public void released() {}
    }
}
