package dev.worldswitch.explore;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.hosts.Hosts;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.nio.charset.StandardCharsets;

/** Any text as a scenario, machine profile, schedule or part of an exploration: it is understood or refused by name. */
class TextFuzzTest {
    private static void refusedOrDone(Runnable what) {
        try {
            what.run();
        } catch (IllegalArgumentException e) {
            if (e.getMessage() == null || e.getMessage().isBlank()) throw new AssertionError("it does not say why", e);
        }
    }

    private static String text(byte[] data) {
        return new String(data, StandardCharsets.UTF_8);
    }

    @FuzzTest
    void any_scenario_is_understood_or_refused(byte[] data) {
        refusedOrDone(() -> {
            Scenario s = Scenario.parse("any", text(data));
            s.expectations().forEach(s::kernelFor);
            Explorer.of(s, KernelVersion.of(KernelVersion.DEFAULT));
        });
    }

    @FuzzTest
    void any_machine_boots_or_is_refused(byte[] data) {
        refusedOrDone(() -> Hosts.boot(
                Region.root("host"),
                KernelVersion.of(KernelVersion.DEFAULT),
                MachineProfile.parse("any", text(data)),
                1,
                Timing.plain(() -> 0),
                CpuPools.FIRST_CPU));
    }

    @FuzzTest
    void any_machine_name_boots_or_is_refused(byte[] data) {
        refusedOrDone(() -> Hosts.boot(
                Region.root("host"),
                KernelVersion.of(KernelVersion.DEFAULT),
                MachineProfile.builtIn(text(data)),
                1,
                Timing.plain(() -> 0),
                CpuPools.FIRST_CPU));
    }

    @FuzzTest
    void any_schedule_is_understood_or_refused(byte[] data) {
        refusedOrDone(() -> {
            Schedule s = Schedule.parse(text(data));
            if (!Schedule.parse(s.toString()).equals(s)) throw new AssertionError(s + " is read as another one");
        });
    }

    @FuzzTest
    void any_part_is_understood_or_refused(byte[] data) {
        refusedOrDone(() -> Part.parse("any", text(data)));
    }

    /** With the line at its end that says that it is whole. */
    @FuzzTest
    void any_content_of_a_whole_part_is_understood_or_refused(byte[] data) {
        refusedOrDone(() -> Part.parse("any", Part.whole("worldswitch part 3\n" + text(data) + "\n")));
    }
}
