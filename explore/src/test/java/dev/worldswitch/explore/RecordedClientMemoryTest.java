package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.hosts.Hosts;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecordedClientMemoryTest {
    private static final long PAGE = 0x7000;

    /** Differential calls with seeds 1 to 30: the client had zeroed again what a copy that faulted left there. */
    @Test
    void a_copy_that_faults_leaves_nothing_seeds_1_to_30() {
        Recording r = new Recording("x86-64-v1", "6.12", 1, "client", List.of(), List.of(PAGE), "");
        Region root = Region.root("host");
        KvmHost host = Hosts.boot(
                root,
                KernelVersion.of("6.12"),
                MachineProfile.builtIn("x86-64-v1"),
                1,
                Timing.plain(() -> 0),
                CpuPools.FIRST_CPU);
        VmmMemory memory = new VmmMemory(RecordedClient.memoryFor(r));
        Region ghosts = root.child("ghosts");
        RecordedClient client = new RecordedClient(
                r,
                0,
                new ArrayList<>(),
                memory,
                host.newTask("task"),
                c -> {},
                ghosts.word("signalled"),
                ghosts.word("permission"),
                ghosts.word("refused eventfd"),
                ghosts.word("part"));
        byte[] written = {1, 2, 3, 4, 5, 6, 7, 8}, read = new byte[4];
        assertThat(client.write(PAGE + 0xffc, written, 0, 8)).isFalse();
        assertThat(client.read(PAGE + 0xffc, read, 0, 4)).isTrue();
        assertThat(read).containsOnly(0);
        assertThat(client.write(PAGE + 0xffc, written, 0, 4)).isTrue();
    }
}
