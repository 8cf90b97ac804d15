package dev.worldswitch.server;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.KvmFile;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * The last descriptor of a file is closed while another thread begins a call on it. r1: 1 when the call found the file open, 0 EBADF;
 * r2: 1 when the file was released under the call; r3: how often it was released in the end.
 */
@JCStressTest
@Outcome(id = "1, 0, 1", expect = Expect.ACCEPTABLE, desc = "the call came first, the file went after it")
@Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "the close came first, EBADF")
@Outcome(expect = Expect.FORBIDDEN, desc = "used after its end, or released twice or never")
@State
public class CloseRace {
    private final Counted file = new Counted();
    private final OpenFile open = new OpenFile(1, file);

    private static final class Counted implements KvmFile {
        private volatile int released;

        @Override
        public Kind kind() {
            return Kind.VM;
        }

        @Override
        public String fileName() {
            return "kvm-vm";
        }

        @Override
        public long ioctl(Caller caller, int command, long argument, Made made) {
            return released;
        }

        @Override
        public synchronized void release() {
            released++;
        }
    }

    @Actor
    public void call(III_Result r) {
        if (!open.enter()) return;
        r.r1 = 1;
        r.r2 = file.released;
        open.leave();
    }

    @Actor
    public void close() {
        open.leave();
    }

    @Arbiter
    public void after(III_Result r) {
        r.r3 = file.released;
    }
}
