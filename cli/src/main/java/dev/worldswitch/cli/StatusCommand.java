package dev.worldswitch.cli;

import dev.worldswitch.server.Figures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the servers of running sessions hold. */
@Command(
        name = "status",
        description = {
            "Says what the server of each running `ws run` holds: clients, VMs, threads, descriptors, memory.",
            "A session whose client has not used /dev/kvm yet starts its server for the answer."
        })
final class StatusCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", description = "the session's socket; all sessions of this user when left out")
    private @Nullable Path socket;

    @Option(names = "--collect", description = "look for garbage first: the heap's figure is then what is in use")
    private boolean collect;

    @Override
    public Integer call() throws IOException {
        List<Path> all = socket == null ? sessions() : List.of(socket);
        if (all.isEmpty()) System.out.println("no session runs");
        int bad = 0;
        for (Path s : all) {
            try {
                var figures = Figures.ask(s, collect);
                System.out.println(s);
                figures.forEach((name, value) -> System.out.printf("  %-18s %12d%n", name, value));
            } catch (IOException e) {
                System.err.println("ws: " + s + ": nobody serves there: " + e.getMessage());
                bad = 1;
            }
        }
        return bad;
    }

    /** Where `ws run` makes its folders; those of other users can't be looked into. */
    private static List<Path> sessions() throws IOException {
        String folder = System.getenv("TMPDIR");
        try (Stream<Path> s = Files.list(Path.of(folder == null ? "/tmp" : folder))) {
            return s.filter(p -> p.getFileName().toString().startsWith("worldswitch-"))
                    .map(p -> p.resolve("socket"))
                    .filter(Files::exists)
                    .sorted()
                    .toList();
        }
    }
}
