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

    @Command(name = "list", description = "Lists scenarios, properties and patches: what ws explore can be asked.")
    static final class Everything implements Runnable {
        @Override
        public void run() {
            System.out.println("scenarios:");
            scenarios();
            System.out.println("\nproperties, always looked at:");
            for (Property p : Property.all()) System.out.printf("%-18s %s%n", p.id(), p.says());
            System.out.println("\npatches, for --with and --without:");
            for (Patch p : Patch.values()) System.out.printf("%-38s %s%n", p.id(), p.subject());
        }
    }
}
