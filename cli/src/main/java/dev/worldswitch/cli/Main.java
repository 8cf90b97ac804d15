package dev.worldswitch.cli;

import java.io.IOException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The {@code ws} command. */
@Command(
        name = "ws",
        version = "Worldswitch 0.1.0",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description =
                "KVM in user space: runs unmodified KVM programs where there is no KVM, and explores every timing.",
        subcommands = {
            ExploreCommand.class,
            MigrateCommand.class,
            ReplayCommand.class,
            ReportCommand.class,
            ShrinkCommand.class,
            MergeCommand.class,
            RunCommand.class,
            ServeCommand.class,
            StatusCommand.class,
            ListCommands.Everything.class,
            ListCommands.Machines.class,
            ListCommands.Kernels.class,
            ListCommands.Patches.class,
            DoctorCommand.class
        },
        footer = {
            "",
            "Also: `ws demo` shows both on a sample client, `ws test` runs all tests,",
            "`ws help COMMAND` tells more."
        })
public final class Main implements Runnable {
    @CommandLine.Spec
    private CommandLine.Model.@org.jspecify.annotations.Nullable CommandSpec spec;

    @Override
    public void run() {
        if (spec != null) spec.commandLine().usage(System.out);
    }

    /** Exit status 2 for usage errors, one line that says what and what to do. */
    public static void main(String[] args) {
        System.exit(execute(args));
    }

    private static int execute(String[] args) {
        if (args.length == 0 || !args[0].equals("run")) return commandLine().execute(args);
        try {
            RunOptions simple = RunOptions.simple(args);
            return simple == null ? commandLine().execute(args) : RunServer.serve(simple);
        } catch (IllegalArgumentException e) {
            System.err.println("ws: " + e.getMessage());
            return 2;
        } catch (IOException e) {
            System.err.println("ws: " + e);
            return 1;
        }
    }

    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Main());
        line.addSubcommand(CommandLine.HelpCommand.class);
        for (CommandLine c : line.getSubcommands().values()) {
            boolean own = c.getCommandSpec().findOption("--help") != null;
            if (!own && !c.getCommandName().equals("help")) c.getCommandSpec().mixinStandardHelpOptions(true);
        }
        line.setExecutionExceptionHandler((e, commandLine, parsed) -> {
            if (!(e instanceof IllegalArgumentException)) throw e;
            commandLine.getErr().println("ws: " + e.getMessage());
            return 2;
        });
        line.setParameterExceptionHandler((e, given) -> {
            CommandLine command = e.getCommandLine();
            String help = command.getCommandSpec().qualifiedName() + " --help";
            command.getErr().println("ws: " + e.getMessage() + "; see " + help);
            return 2;
        });
        return line;
    }
}
