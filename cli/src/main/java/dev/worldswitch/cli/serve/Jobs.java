package dev.worldswitch.cli.serve;

import dev.worldswitch.cli.serve.Job.Status;
import dev.worldswitch.explore.Bounds;
import dev.worldswitch.explore.Effort;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Exploration.Progress;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The queue of explorations, kept in a folder: what ran when the server ended goes on when it starts again. */
final class Jobs implements AutoCloseable {
    private static final int MOST_WAITING = 200;
    /** A part is written when the server ends; one that is killed loses at most what came since. */
    private static final long TOLD_EVERY = 250_000_000;

    private final Path folder;
    private final FileChannel lockFile;
    private final Scenarios scenarios;
    private final ExecutorService runners;
    private final int workers;
    private final TreeMap<Integer, Job> all = new TreeMap<>();
    private volatile Consumer<Job> listener = j -> {};
    private volatile boolean ending;

    /**
     * @param recorded recordings that may be explored, and folders of such, beside the folder's own
     * @param atOnce how many run at once; each gets its share of the CPUs
     * @throws IllegalArgumentException when another server uses the folder
     */
    Jobs(Path folder, List<Path> recorded, int atOnce) throws IOException {
        this.folder = Files.createDirectories(folder.resolve("jobs"));
        lockFile = FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (!locked(lockFile)) {
            lockFile.close();
            throw new IllegalArgumentException("another ws serve uses " + folder + "; --state names another folder");
        }
        List<Path> recordings = new ArrayList<>(recorded);
        recordings.addFirst(Files.createDirectories(folder.resolve("recordings")));
        try {
            scenarios = new Scenarios(folder.resolve("scenarios"), recordings);
        } catch (IllegalArgumentException e) {
            lockFile.close();
            throw e;
        }
        workers = Math.max(1, Runtime.getRuntime().availableProcessors() / atOnce);
        runners = Executors.newFixedThreadPool(
                atOnce, Thread.ofPlatform().name("job-", 0).factory());
        try (Stream<Path> each = Files.list(this.folder)) {
            for (Path p : each.toList()) {
                String name = String.valueOf(p.getFileName());
                if (!name.matches("\\d{1,9}") || !Files.exists(p.resolve("job.properties"))) continue;
                Job j = Job.load(Integer.parseInt(name), p);
                all.put(j.id(), j);
            }
        }
    }

    private static boolean locked(FileChannel file) throws IOException {
        try {
            return file.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    /** Begins, or goes on, with what is queued; {@code told} hears of each change. */
    void start(Consumer<Job> told) {
        listener = told;
        for (Job j : list()) if (j.status() == Status.QUEUED) enqueue(j);
    }

    Scenarios scenarios() {
        return scenarios;
    }

    synchronized List<Job> list() {
        return List.copyOf(all.values());
    }

    synchronized @Nullable Job find(int id) {
        return all.get(id);
    }

    /** @throws IllegalArgumentException when it can't be explored, saying why */
    Job add(Request r) throws IOException {
        Scenario s = r.scenario(scenarios);
        r.kernel(s);
        r.bounds(s);
        Job j;
        synchronized (this) {
            Collection<Job> now = all.values();
            if (now.stream().filter(o -> o.status() == Status.QUEUED).count() >= MOST_WAITING)
                throw new IllegalArgumentException("too many explorations wait: " + MOST_WAITING);
            int id = all.isEmpty() ? 1 : all.lastKey() + 1;
            j = new Job(id, folder.resolve("" + id), r, r.command(scenarios));
            j.save();
            all.put(id, j);
        }
        enqueue(j);
        return j;
    }

    /** Ends a job, or lets one that was ended go on. */
    void stop(Job j) throws IOException {
        synchronized (j) {
            if (j.status() == Status.QUEUED) j.status(Status.STOPPED);
        }
        j.stop();
        listener.accept(j);
    }

    void resume(Job j) throws IOException {
        synchronized (j) {
            if (j.status() != Status.STOPPED) return;
            j.status(Status.QUEUED);
        }
        enqueue(j);
    }

    private void enqueue(Job j) {
        listener.accept(j);
        runners.execute(() -> run(j));
    }

    private void run(Job j) {
        try {
            synchronized (j) {
                if (ending || j.status() != Status.QUEUED) return;
                j.status(Status.RUNNING);
            }
            listener.accept(j);
            explore(j);
        } catch (RuntimeException | Error | IOException e) {
            fail(j, e);
        }
        listener.accept(j);
    }

    private static void fail(Job j, Throwable e) {
        try {
            j.failed(e instanceof IllegalArgumentException ? String.valueOf(e.getMessage()) : e.toString());
        } catch (IOException f) {
            System.err.println("ws: job " + j.id() + ": " + e + "; and its state can't be written: " + f.getMessage());
        }
    }

    private void explore(Job j) throws IOException {
        Scenario s = j.request().scenario(scenarios);
        Bounds bounds = j.request().bounds(s);
        long end = System.nanoTime() + bounds.seconds() * 1_000_000_000;
        Effort effort =
                new Effort(workers, true, 1, 1, false, () -> ending || j.stopAsked() || System.nanoTime() > end);
        long[] last = {0};
        Consumer<Progress> progress = p -> {
            long now = System.nanoTime();
            if (now - last[0] < TOLD_EVERY) return;
            last[0] = now;
            j.progress(p);
            listener.accept(j);
        };
        Exploration.Outcome o = Exploration.of(s, j.request().kernel(s))
                .within(bounds)
                .with(effort)
                .run(j.part(), progress);
        Verdict v = o.verdict();
        j.progress(new Progress(v.figures().states(), v.figures().runs(), 0));
        j.outcome(v, s, o.part(), v.complete() ? Status.DONE : ending ? Status.QUEUED : Status.STOPPED);
    }

    /** Running jobs write what they have and go on when the folder is opened again. */
    @Override
    public void close() throws IOException {
        ending = true;
        runners.shutdown();
        try {
            if (!runners.awaitTermination(20, TimeUnit.SECONDS))
                System.err.println("ws: a job did not end in time; it begins again next time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        lockFile.close();
    }
}
