package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.List;
import org.junit.jupiter.api.Test;

class AuditTest {
    /** Remembers in a word whether an interrupt took the FPU, and goes on differently then. */
    private static final class Remembers implements Workload {
        private final X86Host host;
        private final Task task;
        private final Word word;

        Remembers(X86Host host) {
            this.host = host;
            this.task = host.newTask("vmm");
            this.word = task.region().word("remembered");
            host.scheduler().start(task);
            host.scheduler().exitToUserMode(task);
        }

        @Override
        public Task task() {
            return task;
        }

        @Override
        public FpState guestImage() {
            return Fpu.thread(task).own();
        }

        @Override
        public List<Step> steps() {
            return List.of(
                    new Step("a system call", () -> {
                        host.scheduler().enterFromUserMode(task);
                        word.set(task.flags().get() & Task.TIF_NEED_FPU_LOAD);
                        host.scheduler().exitToUserMode(task);
                    }),
                    new Step("what follows", () -> {
                        if (word.get() != 0) Fpu.cpu(task).moment("only after an interrupt");
                    }));
        }
    }

    private static String audit(String hidden) {
        Explorer e = new Explorer(
                X86Profile.builtIn("sapphire-rapids"),
                KernelVersion.of("6.12"),
                (host, memory) -> new Remembers(host),
                c -> !c.name().equals(hidden));
        return String.valueOf(e.explore(1, true, n -> {}).audit());
    }

    @Test
    void equal_states_go_on_equally() {
        assertThat(audit("nothing")).isEqualTo("null");
    }

    @Test
    void a_field_outside_the_cells_is_named() {
        assertThat(audit("remembered")).contains("vmm.remembered");
    }
}
