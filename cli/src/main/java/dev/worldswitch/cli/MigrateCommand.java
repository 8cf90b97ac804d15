package dev.worldswitch.cli;

import dev.worldswitch.explore.migrate.Migration;
import dev.worldswitch.explore.migrate.Report;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Does a vCPU's state go from one machine to another? */
@Command(
        name = "migrate",
        description = "Saves a vCPU on one machine, restores it on another, and says what does not come over.",
        footer = {"", "Exit status: 0 everything came over, 1 something did not, 2 usage."})
final class MigrateCommand implements Callable<Integer> {
    @Option(names = "--from", paramLabel = "MACHINE", required = true, description = "where the vCPU is saved")
    private String from = "";

    @Option(names = "--to", paramLabel = "MACHINE", description = "where it is restored (default: the same machine)")
    private @Nullable String to;

    @Option(names = "--kernel", paramLabel = "NAME", description = "kernel of the source (default: ${DEFAULT-VALUE})")
    private String kernel = KernelVersion.DEFAULT;

    @Option(
            names = "--to-kernel",
            paramLabel = "NAME",
            description = "kernel of the destination (default: the source's)")
    private @Nullable String toKernel;

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            description = "a VMM's own order of operations (default: ${DEFAULT-VALUE}); 'list' lists them")
    private String order = Migration.DOCUMENTED;

    @Option(names = "--json", description = "the report as one JSON object")
    private boolean json;

    @Override
    public Integer call() {
        MachineProfile source = MachineProfile.builtIn(from);
        if (order.equals("list")) {
            Migration.orders(source.arch()).forEach(System.out::println);
            return 0;
        }
        MachineProfile destination = to == null ? source : MachineProfile.builtIn(to);
        KernelVersion k = KernelVersion.of(kernel);
        Report r = Migration.run(source, k, destination, toKernel == null ? k : KernelVersion.of(toKernel), order);
        System.out.print(json ? r.json() + "\n" : r.text());
        return r.clean() ? 0 : 1;
    }
}
