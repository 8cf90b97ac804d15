package dev.worldswitch.explore;

import dev.worldswitch.explore.Explorer.Found;
import dev.worldswitch.explore.Explorer.Key;
import dev.worldswitch.explore.Explorer.Progress;
import dev.worldswitch.explore.Explorer.Result;
import dev.worldswitch.explore.Schedule.Turn;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Several workers on one exploration, each with a simulated host of its own in a thread of its own. A first one goes so
 * far that there is enough to divide; the workers then share the beginnings that wait and which states were seen.
 */
final class Crew {
    private static final int PARTS_EACH = 32;
    private final Supplier<Explorer> host;
    private final int jobs;
    private final BooleanSupplier stop;
    private final Consumer<Progress> progress;

    /** @param host makes an explorer of the scenario, each time a new one */
    Crew(Supplier<Explorer> host, int jobs, BooleanSupplier stop, Consumer<Progress> progress) {
        this.host = host;
        this.jobs = jobs;
        this.stop = stop;
        this.progress = progress;
    }

    /** What begins with any of {@code prefixes}. */
    Result explore(Bounds bounds, List<List<Turn>> prefixes) {
        if (jobs == 1) return host.get().until(stop).explore(bounds, prefixes, progress);
        Explorer first = host.get().until(stop).untilWaiting(PARTS_EACH * jobs);
        for (; ; ) {
            Result begun = first.explore(bounds, prefixes, progress);
            boolean enough = first.isEnoughFound() || stop.getAsBoolean();
            if (begun.complete() || enough || bounds.states() > 0 && begun.states() >= bounds.states()) return begun;
            List<Explorer> workers = new ArrayList<>();
            for (int i = 0; i < jobs; i++) workers.add(host.get().worker(first));
            List<Result> results = together(workers, bounds, begun);
            if (results.stream().noneMatch(Result::stale)) return sum(begun, results);
            for (Explorer w : workers) first.learn(w);
        }
    }

    private List<Result> together(List<Explorer> workers, Bounds bounds, Result begun) {
        AtomicInteger next = new AtomicInteger();
        AtomicLong states = new AtomicLong(begun.states());
        BooleanSupplier enough = () -> stop.getAsBoolean() || bounds.states() > 0 && states.get() >= bounds.states();
        List<Callable<Result>> tasks = new ArrayList<>();
        for (Explorer w : workers)
            tasks.add(() -> {
                List<Result> mine = new ArrayList<>();
                for (int i = next.getAndIncrement(); i < begun.todo().size(); i = next.getAndIncrement()) {
                    List<List<Turn>> one = List.of(begun.todo().get(i));
                    if (enough.getAsBoolean() || w.isEnoughFound()) {
                        mine.add(left(one));
                        continue;
                    }
                    Result r = w.until(enough).explore(bounds.withStates(0), one, p -> {});
                    states.addAndGet(
                            r.states() - (mine.isEmpty() ? 0 : mine.getLast().states()));
                    mine.add(r);
                    long left = begun.todo().size() - i;
                    synchronized (this) {
                        progress.accept(new Progress(states.get(), begun.runs() + i, left, 0, 1));
                    }
                }
                return last(mine);
            });
        return atOnce(workers.size(), tasks);
    }

    /** What all of them give, in their order; thrown is what the first of them throws. */
    static <T> List<T> atOnce(int most, List<Callable<T>> tasks) {
        List<T> all = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(most)) {
            for (Future<T> f : threads.invokeAll(tasks)) all.add(f.get());
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException r) throw r;
            throw new IllegalStateException(e.getCause());
        }
        return all;
    }

    private static Result left(List<List<Turn>> todo) {
        return new Result(List.of(), 0, 0, 0, 0, todo, false, null, new Coverage(), Set.of(), Set.of());
    }

    /** A worker's figures are sums already; what it left is of each of its parts. */
    private static Result last(List<Result> mine) {
        List<List<Turn>> todo = new ArrayList<>();
        boolean stale = false;
        Result last = left(List.of());
        for (Result r : mine) {
            todo.addAll(r.todo());
            stale |= r.stale();
            if (r.runs() > 0) last = r;
        }
        return new Result(
                last.found(),
                last.states(),
                last.runs(),
                last.moments(),
                last.merged(),
                todo,
                stale,
                last.audit(),
                last.coverage(),
                last.neverBegun(),
                last.ends());
    }

    static Result sum(Result begun, List<Result> results) {
        List<Result> all = new ArrayList<>(results);
        all.addFirst(begun);
        Map<String, Found> found = new LinkedHashMap<>();
        Coverage coverage = new Coverage();
        Set<String> neverBegun = new TreeSet<>(begun.neverBegun());
        Set<Key> ends = new HashSet<>();
        List<List<Turn>> todo = new ArrayList<>();
        long states = 0, runs = 0, moments = 0, merged = 0;
        @Nullable String audit = null;
        for (Result r : all) {
            for (Found f : r.found()) found.merge(f.id(), f, (a, b) -> Found.SIMPLER.compare(b, a) < 0 ? b : a);
            coverage.add(r.coverage());
            if (r.runs() > 0) neverBegun.retainAll(r.neverBegun());
            ends.addAll(r.ends());
            if (r != begun) todo.addAll(r.todo());
            states += r.states();
            runs += r.runs();
            moments += r.moments();
            merged += r.merged();
            if (audit == null) audit = r.audit();
        }
        return new Result(
                List.copyOf(found.values()),
                states,
                runs,
                moments,
                merged,
                todo,
                false,
                audit,
                coverage,
                neverBegun,
                ends);
    }
}
