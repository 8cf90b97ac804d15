package dev.worldswitch.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The server's end of a mailbox; the client's end is played here, by the offsets of the shim's struct slot. */
class MailboxTest {
    private static final int REQUEST_STATE = 64, CLIENT_CPU = 68, REQUEST = 80;
    private static final int ANSWER_STATE = 128, MAY_LOOK = 136, ANSWER = 144;
    private static final int NOBODY = 0, LOOKS = 1, FILLED = 2, BY_SOCKET = 3;
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

    private final Native sys = new Native();
    private final MemorySegment slot = sys.allocate(ClientProcess.SLOT), frame = sys.allocate(Wire.HEAD);
    private final Looking looking = new Looking(4);
    private final Mailbox mailbox = new Mailbox(slot.address(), looking, sys);

    @BeforeEach
    void start() {
        mailbox.start();
    }

    private int state(int word) {
        return (int) INT.getVolatile(slot, (long) word);
    }

    private void state(int word, int value) {
        INT.setVolatile(slot, (long) word, value);
    }

    private void clientIsElsewhere() {
        slot.set(ValueLayout.JAVA_INT, CLIENT_CPU, -1);
    }

    @Test
    void anAnswerIsLeftOnlyForAClientThatLooks() {
        frame.set(ValueLayout.JAVA_LONG, 8, 7);
        assertThat(mailbox.answer(frame)).isFalse();
        state(ANSWER_STATE, LOOKS);
        assertThat(mailbox.answer(frame)).isTrue();
        assertThat(state(ANSWER_STATE)).isEqualTo(FILLED);
        assertThat(slot.get(ValueLayout.JAVA_LONG, ANSWER + 8)).isEqualTo(7);
    }

    @Test
    void aClientThatLooksIsSentToTheSocketForWhatDoesNotFit() {
        mailbox.bySocket();
        assertThat(state(ANSWER_STATE)).isEqualTo(NOBODY);
        state(ANSWER_STATE, LOOKS);
        mailbox.bySocket();
        assertThat(state(ANSWER_STATE)).isEqualTo(BY_SOCKET);
    }

    @Test
    void afterALookInVainTheClientSeesThatItMustUseTheSocket() {
        clientIsElsewhere();
        for (int i = 0; i < 100; i++) {
            assertThat(mailbox.look(frame)).isFalse();
            assertThat(state(REQUEST_STATE)).isEqualTo(NOBODY);
        }
        assertThat(slot.get(ValueLayout.JAVA_INT, MAY_LOOK)).isEqualTo(1);
    }

    @Test
    void nobodyLooksWhereMoreThreadsAreAwakeThanCpusServePairs() {
        clientIsElsewhere();
        Mailbox[] others = new Mailbox[3];
        for (int i = 0; i < others.length; i++) {
            others[i] = new Mailbox(sys.allocate(ClientProcess.SLOT).address(), looking, sys);
            others[i].awake();
            others[i].awake();
        }
        state(REQUEST_STATE, FILLED);
        assertThat(mailbox.look(frame)).isFalse();
        assertThat(slot.get(ValueLayout.JAVA_INT, MAY_LOOK)).isZero();
        for (Mailbox o : others) o.asleep();
        mailbox.look(frame);
        assertThat(slot.get(ValueLayout.JAVA_INT, MAY_LOOK)).isEqualTo(1);
    }

    /** Whenever the client finds somebody looking and leaves a request, it is taken; else none is. */
    @Test
    void eachRequestIsTakenExactlyOnceHoweverItMeetsTheLooks() throws InterruptedException {
        clientIsElsewhere();
        AtomicInteger left = new AtomicInteger();
        Thread client = new Thread(() -> {
            for (int i = 0; i < 200_000 && left.get() < 500; i++) {
                slot.set(ValueLayout.JAVA_LONG, REQUEST + 8, left.get() + 1);
                if (INT.compareAndSet(slot, (long) REQUEST_STATE, LOOKS, FILLED)) {
                    left.incrementAndGet();
                    while (state(REQUEST_STATE) == FILLED) Thread.onSpinWait();
                } else Thread.onSpinWait();
            }
        });
        client.start();
        int taken = 0;
        while (client.isAlive()) {
            if (!mailbox.look(frame)) continue;
            taken++;
            assertThat(frame.get(ValueLayout.JAVA_LONG, 8)).isEqualTo(taken);
        }
        client.join();
        if (mailbox.look(frame)) taken++;
        assertThat(taken).isEqualTo(left.get());
    }
}
