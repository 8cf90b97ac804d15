package dev.worldswitch.cli;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@code ws run} is asked for. */
record RunOptions(
        @Nullable String machine,
        String kernel,
        List<Patch> without,
        List<Patch> with,
        int cpus,
        @Nullable String trace,
        @Nullable String ftrace,
        @Nullable String perfetto,
        @Nullable Long torture,
        @Nullable String record,
        boolean trap,
        @Nullable Integer gdb,
        boolean gdbWait,
        List<String> client) {
    static final int CPUS = 4, CPUS_MAX = 512;

    RunOptions {
        if (cpus < 1 || cpus > CPUS_MAX)
            throw new IllegalArgumentException("--cpus takes 1 to " + CPUS_MAX + ", not " + cpus);
    }

    /**
     * The common forms, read without the command-line library, whose start takes longer than all else: null for
     * everything that needs more than taking values of options before {@code --}.
     */
    static @Nullable RunOptions simple(String[] args) {
        String machine = null, kernel = KernelVersion.DEFAULT, trace = null;
        int cpus = CPUS;
        boolean trap = false;
        for (int i = 1; i < args.length; i++) {
            String a = args[i];
            if (a.equals("--")) {
                List<String> client = new ArrayList<>(List.of(args).subList(i + 1, args.length));
                if (client.isEmpty()) return null;
                return new RunOptions(
                        machine, kernel, List.of(), List.of(), cpus, trace, null, null, null, null, trap, null, false,
                        client);
            }
            boolean last = i + 1 == args.length;
            if (a.equals("--trace") && !last && args[i + 1].equals("--")) trace = "-";
            else if (a.startsWith("--trace=")) trace = a.substring(8);
            else if (a.equals("--trap")) trap = true;
            else if (last) return null;
            else if (a.equals("--machine")) machine = args[++i];
            else if (a.equals("--kernel")) kernel = args[++i];
            else if (a.equals("--cpus") && args[i + 1].matches("[0-9]{1,3}")) cpus = Integer.parseInt(args[++i]);
            else return null;
        }
        return null;
    }
}
