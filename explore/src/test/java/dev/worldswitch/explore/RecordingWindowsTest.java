package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.IoctlTable;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where a recorded session is cut: at calls that make what an explored world can't have more of. */
class RecordingWindowsTest {
    private static final int REGION = IoctlTable.iow(0x46, 32), RUN = Recording.KVM_RUN;
    private static final long AT = 0x1000;

    private final List<Recording.Call> calls = new ArrayList<>();

    private void call(int command, int made, byte... flags) {
        List<Recording.Bytes> before =
                flags.length == 0 ? List.of() : List.of(new Recording.Bytes(Recording.MEMORY, AT + 4, flags));
        calls.add(new Recording.Call(0, 0, command, command == RUN ? 0 : AT, 0, made, 0, before, List.of()));
    }

    private List<Recording.Window> windows() {
        return new Recording("max", "6.12", 1, "client", calls, List.of(), "").windows();
    }

    @Test
    void a_call_that_makes_a_file_ends_a_window() {
        call(IoctlTable.io(0x01), 1);
        call(IoctlTable.io(0x41), 2);
        call(RUN, Recording.NO_FILE);
        call(IoctlTable.io(0x41), 3);
        call(RUN, Recording.NO_FILE);
        assertThat(windows()).containsExactly(new Recording.Window(2, 3), new Recording.Window(4, 5));
    }

    @Test
    void a_slot_that_gets_a_dirty_log_ends_a_window_and_one_without_does_not() {
        call(IoctlTable.io(0x41), 1);
        call(REGION, Recording.NO_FILE, (byte) 0);
        call(RUN, Recording.NO_FILE);
        call(REGION, Recording.NO_FILE, (byte) 1);
        call(RUN, Recording.NO_FILE);
        // The client wrote nothing since: the flags are still there.
        call(REGION, Recording.NO_FILE);
        call(RUN, Recording.NO_FILE);
        assertThat(windows())
                .containsExactly(new Recording.Window(1, 3), new Recording.Window(4, 5), new Recording.Window(6, 7));
    }
}
