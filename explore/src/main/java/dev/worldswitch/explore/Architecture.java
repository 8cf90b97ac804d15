package dev.worldswitch.explore;

import dev.worldswitch.explore.arm64.Arm64Architecture;
import dev.worldswitch.explore.x86.X86Architecture;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What an architecture adds to the explorer: its hosts, what its VMMs and guests can do, its properties. */
public interface Architecture {
    /** As machine profiles name it in their line {@code arch}. */
    String name();

    /** Boots the scenario's machine and sets everything up to where exploring starts, every task off its CPU. */
    Subject boot(Scenario scenario, MachineProfile machine, KernelVersion kernel, Surroundings around);

    /** What a timeline of a recorded client's task shows; {@code vcpu} is the one that it runs first. */
    List<Subject.Gauge> gauges(KvmHost host, Task task, KvmFile vcpu);

    /** The registers that a report of it shows. */
    List<RegisterFile> registers(KvmHost host, KvmFile vcpu);

    /**
     * An answer to a recorded client may be another one, by a rule of the architecture.
     *
     * @param then all bytes that the call wrote when it was recorded, {@code now} those that it writes here
     */
    default boolean mayDiffer(KvmFile file, int command, byte[] then, byte[] now) {
        return false;
    }

    /** The rules of {@link #mayDiffer} with their sources, for verdicts. */
    default List<String> mayDiffer() {
        return List.of();
    }

    /** Properties beyond those of {@link Property#COMMON}. */
    List<Property> properties();

    /**
     * What the explorer gives to a host that boots.
     *
     * @param root the root of its cells
     * @param memory of its VMMs
     * @param waits lets a task wait inside a call, as {@link dev.worldswitch.kvm.Caller#block} does
     * @param ghosts for who checks what contexts see
     * @param debugger of its guests, null for none
     */
    record Surroundings(
            Region root,
            Timing timing,
            CpuPools cpus,
            VmmMemory memory,
            Waits waits,
            Ghosts ghosts,
            @Nullable Debugger debugger) {}

    /** Values to follow, and a look at where they are. */
    interface Ghosts {
        /** Values of this kind: their owner in bits 63:56, {@link #NEW} or {@link #OLD} above {@code NUMBER}, below the place. */
        int OWNER = 56, NUMBER = 32, NEW = 1, OLD = 2;

        /**
         * This owner is about to write new values to the places {@code from} to {@code to}, exclusive, of each register (bits
         * 15:0 of a value): those that are still somewhere in the state become OLD. All that is ever asked of a value
         * is whether it is the newest of its place, so how old it is makes no difference between states.
         */
        void retire(int owner, int from, int to);

        /** What {@code question} finds wrong in {@code at}; the explored code learns nothing of it. */
        @Nullable
        String wrong(Words at, Supplier<@Nullable String> question);
    }

    /** Waiting as the explored tasks see it. */
    interface Waits {
        void until(BooleanSupplier condition);
    }

    List<Architecture> ALL = List.of(new X86Architecture(), new Arm64Architecture());

    /** @throws IllegalArgumentException for an architecture that has no hosts to explore */
    static Architecture of(MachineProfile machine) {
        return ALL.stream()
                .filter(a -> a.name().equals(machine.arch()))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("machine " + machine.name() + ": hosts of architecture "
                        + machine.arch() + " can't be explored"));
    }
}
