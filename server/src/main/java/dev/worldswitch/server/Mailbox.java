package dev.worldswitch.server;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The part of a client thread's slot that carries one frame in each direction while the other side looks for it. Whoever does
 * not look, or no longer, is reached over the socket, so this needs no waking and no notice of a client's end.
 */
final class Mailbox {
    /** States of both words: nobody looks, the reader does, a frame is there, or (of answers) look at the socket. */
    private static final int NOBODY = 0, LOOKING = 1, FILLED = 2, BY_SOCKET = 3;
    /** Places in a slot, as in the shim. */
    private static final int REQUEST_STATE = 64, CLIENT_CPU = 68, REQUEST = 80;

    private static final int ANSWER_STATE = 128, SERVER_CPU = 132, MAY_LOOK = 136, ANSWER = 144;
    private static final int LOOK_NS = 20_000;
    /** After so many looks in vain one after the other only some calls look, as in the shim. */
    private static final int IN_VAIN_MAX = 16, SKIPPED = 7;

    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    private static final MemorySegment ALL = Native.memory();

    private final long address;
    private final Looking looking;
    private final Native sys;
    private int inVain, skip;
    private boolean awake;

    /** @param address of the slot */
    Mailbox(long address, Looking looking, Native sys) {
        this.address = address;
        this.looking = looking;
        this.sys = sys;
    }

    /** The slot, which may have been another thread's, is in use from now on; the thread has a frame to deal with. */
    void start() {
        INT.setVolatile(ALL, address + REQUEST_STATE, NOBODY);
        INT.setVolatile(ALL, address + ANSWER_STATE, NOBODY);
        ALL.set(ValueLayout.JAVA_INT, address + MAY_LOOK, 0);
        awake();
    }

    /** The thread has a frame to deal with. */
    void awake() {
        if (!awake) looking.awake();
        awake = true;
    }

    /** The thread is about to sleep. */
    void asleep() {
        if (awake) looking.asleep();
        awake = false;
    }

    /** Looks for a request for a short while. @return whether it was copied to {@code frame}; else the client uses the socket */
    boolean look(MemorySegment frame) {
        if (!worthLooking()) return false;
        INT.setRelease(ALL, address + REQUEST_STATE, LOOKING);
        long end = System.nanoTime() + LOOK_NS;
        boolean filled = false;
        do
            for (int i = 0; i < 16 && !filled; i++) {
                filled = (int) INT.getAcquire(ALL, address + REQUEST_STATE) == FILLED;
                if (!filled) Thread.onSpinWait();
            }
        while (!filled && System.nanoTime() - end < 0);
        // The last chance: either the client sees that nobody looks, or its request is there.
        if (!filled && INT.compareAndSet(ALL, address + REQUEST_STATE, LOOKING, NOBODY)) {
            if (inVain < IN_VAIN_MAX) inVain++;
            else skip = SKIPPED;
            return false;
        }
        inVain = 0;
        MemorySegment.copy(ALL, address + REQUEST, frame, 0, Wire.HEAD);
        INT.setVolatile(ALL, address + REQUEST_STATE, NOBODY);
        return true;
    }

    private boolean worthLooking() {
        boolean room = looking.room();
        ALL.set(ValueLayout.JAVA_INT, address + MAY_LOOK, room ? 1 : 0);
        if (!room) return false;
        int cpu = sys.currentCpu();
        ALL.set(ValueLayout.JAVA_INT, address + SERVER_CPU, cpu);
        // The client could not go on here: a sleeping thread is woken elsewhere.
        if (ALL.get(ValueLayout.JAVA_INT, address + CLIENT_CPU) == cpu) return false;
        if (skip > 0) {
            skip--;
            return false;
        }
        return true;
    }

    /** Gives the answer to a client that looks for it. @return whether it does */
    boolean answer(MemorySegment frame) {
        MemorySegment.copy(frame, 0, ALL, address + ANSWER, Wire.HEAD);
        // The frame before the word that shows it.
        return INT.compareAndSet(ALL, address + ANSWER_STATE, LOOKING, FILLED);
    }

    /** A frame is about to be sent over the socket: the client shall look there. */
    void bySocket() {
        INT.compareAndSet(ALL, address + ANSWER_STATE, LOOKING, BY_SOCKET);
    }
}
