package dev.worldswitch.cli;

import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import picocli.CommandLine.Command;

/** Commands that list what there is. */
final class ListCommands {
    private ListCommands() {}

    @Command(name = "machines", description = "Lists the machines that can be simulated.")
    static final class Machines implements Runnable {
        @Override
        public void run() {
            for (String name : MachineProfile.names()) {
                String about = MachineProfile.builtIn(name).find("description");
                System.out.printf("%-18s %s%n", name, about == null ? "" : about);
            }
        }
    }

    @Command(name = "kernels", description = "Lists the kernels that can be simulated.")
    static final class Kernels implements Runnable {
        @Override
        public void run() {
            for (String name : KernelVersion.names()) {
                KernelVersion k = KernelVersion.of(name);
                System.out.printf(
                        "%-6s %d patches, preempt=%s%s%n",
                        name,
                        k.patches().size(),
                        k.preempt().name().toLowerCase(java.util.Locale.ROOT),
                        name.equals(KernelVersion.DEFAULT) ? " (default)" : "");
            }
        }
    }

    @Command(name = "patches", description = "Lists the catalogue of kernel patches.")
    static final class Patches implements Runnable {
        @Override
        public void run() {
            for (Patch p : Patch.values()) {
                System.out.printf(
                        "%-28s %-5s %s %s%n",
                        p.id(), p.arch().name().toLowerCase(java.util.Locale.ROOT), p.date(), p.subject());
                System.out.printf("%-28s       %s%n", "", p.origin());
            }
        }
    }

    /** Each scenario with its line, and what is expected of it. */
    static void scenarios() {
        for (String name : Scenario.names()) {
            Scenario s = Scenario.builtIn(name);
            System.out.printf("%-18s %s%n", name, s.description());
            for (Scenario.Expectation e : s.expectations())
                System.out.printf("%-18s   %s%s%n", "", e.changes().isEmpty() ? "" : e.changes() + ": ", e.verdict());
        }
    }

    @Command(
            name = "list",
            description = "Lists scenarios, events, properties and patches: what ws explore can be asked.")
    static final class Everything implements Runnable {
        @Override
        public void run() {
            System.out.println("scenarios (ws explore without a name says what is expected of each):");
            for (String name : Scenario.names())
                line(20, name, Scenario.builtIn(name).description());
            System.out.println("\nevents, for a scenario's line 'events':");
            Scenario.eventNames().forEach((id, text) -> line(20, id, text));
            System.out.println("\nproperties, always looked at, and their sources:");
            for (Property p : Property.all()) line(20, p.id(), p.says() + " [" + p.source() + "]");
            System.out.println("\npatches, for --with and --without, and where they are from:");
            for (Patch p : Patch.values()) line(40, p.id(), p.subject() + " [" + p.origin() + "]");
        }

        private static void line(int width, String name, String about) {
            System.out.printf("%-" + width + "s %s%n", name, about);
        }
    }
}
