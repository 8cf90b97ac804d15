package dev.worldswitch.server;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * A request that the client puts into the mailbox just when the server's thread stops looking. r1: 1 when the client counts on the
 * mailbox, 2 when it uses the socket; r2: 1 when the server's thread found a frame; r3: 1 when the frame was whole.
 */
@JCStressTest
@Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "through the mailbox")
@Outcome(id = "2, 0, 0", expect = Expect.ACCEPTABLE, desc = "over the socket")
@Outcome(expect = Expect.FORBIDDEN, desc = "lost, or heard twice, or in part")
@State
public class MailboxRace {
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    private static final int STATE = 64, CLIENT_CPU = 68, FRAME = 80, LOOKING = 1, FILLED = 2;
    private final MemorySegment slot = Arena.ofAuto().allocate(256, 64),
            frame = Arena.ofAuto().allocate(Wire.HEAD, 8);
    private final Mailbox mailbox = new Mailbox(slot.address(), new Looking(64), new Native());

    public MailboxRace() {
        mailbox.start();
        slot.set(ValueLayout.JAVA_INT, CLIENT_CPU, -1);
    }

    /** As the shim's post(). */
    @Actor
    public void client(III_Result r) {
        for (int i = 0; i < Wire.HEAD; i += 8) slot.set(ValueLayout.JAVA_LONG, FRAME + i, 0x5a5a5a5a5a5a5a5aL);
        // The frame before the word that shows it.
        r.r1 = INT.compareAndSet(slot, (long) STATE, LOOKING, FILLED) ? 1 : 2;
    }

    @Actor
    public void server(III_Result r) {
        if (!mailbox.look(frame)) return;
        r.r2 = 1;
        boolean whole = true;
        for (int i = 0; i < Wire.HEAD; i += 8) whole &= frame.get(ValueLayout.JAVA_LONG, i) == 0x5a5a5a5a5a5a5a5aL;
        r.r3 = whole ? 1 : 0;
    }
}
