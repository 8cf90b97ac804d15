package dev.worldswitch.cli;

import dev.worldswitch.cli.serve.Site;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Explorations in a browser. */
@Command(
        name = "serve",
        description = "Shows catalogue, machines and patches in a browser, explores, and passes on links to schedules.",
        footer = {
            "",
            "There are no passwords: whoever reaches the port can start explorations. It listens on the loopback",
            "address only, unless --listen names another. Ctrl-C ends it; what ran goes on next time."
        })
final class ServeCommand implements Callable<Integer> {
    @Option(names = "--port", paramLabel = "N", defaultValue = "8642", description = "default: 8642; 0: any free one")
    private int port;

    @Option(names = "--listen", paramLabel = "ADDRESS", description = "default: the loopback address")
    private @Nullable String listen;

    @Option(
            names = "--name",
            paramLabel = "HOST",
            split = ",",
            description = "a name by which browsers may call it, besides localhost and addresses")
    private List<String> names = List.of();

    @Option(names = "--state", paramLabel = "FOLDER", description = "where explorations are kept")
    private @Nullable Path state;

    @Option(names = "--jobs", paramLabel = "N", defaultValue = "1", description = "explorations at once (default: 1)")
    private int jobs;

    @Parameters(
            paramLabel = "RECORDING",
            arity = "0..*",
            description =
                    "recordings (ws record) that may be explored, and folders of such; those in the state folder's "
                            + "recordings/ always may")
    private List<Path> recordings = List.of();

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (port < 0 || port > 65535) throw new IllegalArgumentException("--port takes 0 to 65535, not " + port);
        if (jobs < 1) throw new IllegalArgumentException("--jobs takes at least 1, not " + jobs);
        InetAddress address = listen == null ? InetAddress.getByName("127.0.0.1") : InetAddress.getByName(listen);
        if (!address.isLoopbackAddress())
            System.err.println("ws: WARNING: listening on " + address.getHostAddress()
                    + ": whoever reaches this port can start explorations; there are no passwords and no encryption");
        Path folder = state != null ? state : usualState();
        Site site;
        try {
            site = new Site(new InetSocketAddress(address, port), Set.copyOf(names), folder, recordings, jobs);
        } catch (BindException e) {
            throw new IllegalArgumentException("can't listen on port " + port + ": " + e.getMessage(), e);
        }
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                site.close();
            } catch (IOException e) {
                System.err.println("ws: " + e);
            }
            ended.countDown();
        }));
        String host = address.getHostAddress();
        System.out.println("ws: http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + site.port()
                + "/ (state in " + folder + ")");
        System.out.flush();
        ended.await();
        return 0;
    }

    private static Path usualState() {
        String xdg = System.getenv("XDG_STATE_HOME");
        Path base = xdg != null && !xdg.isEmpty()
                ? Path.of(xdg)
                : Path.of(System.getProperty("user.home"), ".local", "state");
        return base.resolve("worldswitch");
    }
}
