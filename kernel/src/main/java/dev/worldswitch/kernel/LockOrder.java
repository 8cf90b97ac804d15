package dev.worldswitch.kernel;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds locks that are taken in two orders, as the kernel's lockdep does: at the first time, though nobody had to wait. On in
 * tests and where {@code -Dworldswitch.lockOrder=true} is given; else it costs nothing. Locks of objects of the same kind (all vCPUs'
 * mutexes) are one class.
 */
public final class LockOrder {
    /** A constant for the JIT. */
    public static final boolean CHECKED = Boolean.getBoolean("worldswitch.lockOrder");

    /** Classes that were taken while the key was held, with where that was seen first. */
    private static final Map<String, Map<String, String>> AFTER = new HashMap<>();

    private static final ThreadLocal<ArrayDeque<String>> HELD = ThreadLocal.withInitial(ArrayDeque::new);

    private LockOrder() {}

    /** The class of a lock with this path: numbers of objects do not count. */
    public static String classOf(String path) {
        return path.replaceAll("[0-9]+", "");
    }

    /**
     * The thread is about to wait for a lock of this class.
     *
     * @throws IllegalStateException when one that it holds was taken after this one before
     */
    public static void acquire(String name) {
        ArrayDeque<String> held = HELD.get();
        for (String outer : held) if (!outer.equals(name)) order(outer, name);
        held.push(name);
    }

    public static void release(String name) {
        HELD.get().removeFirstOccurrence(name);
    }

    private static synchronized void order(String outer, String inner) {
        Map<String, String> known = AFTER.computeIfAbsent(outer, k -> new HashMap<>());
        if (known.containsKey(inner)) return;
        List<String> back = path(inner, outer, new HashSet<>());
        if (back != null)
            throw new IllegalStateException("lock order: " + inner + " is taken while " + outer + " is held; elsewhere "
                    + String.join(", then ", back) + " ("
                    + AFTER.get(back.get(0)).get(back.get(1)) + ")");
        known.put(inner, Thread.currentThread().getStackTrace()[4].toString());
    }

    private static @org.jspecify.annotations.Nullable List<String> path(String from, String to, Set<String> seen) {
        if (!seen.add(from)) return null;
        for (String next : AFTER.getOrDefault(from, Map.of()).keySet()) {
            List<String> rest = next.equals(to) ? List.of(to) : path(next, to, seen);
            if (rest == null) continue;
            List<String> all = new ArrayList<>(List.of(from));
            all.addAll(rest);
            return all;
        }
        return null;
    }

    /** What was seen: a line for each pair. */
    public static synchronized List<String> seen() {
        List<String> all = new ArrayList<>();
        AFTER.forEach((outer, inner) -> inner.forEach((i, where) -> all.add(outer + " then " + i)));
        return all.stream().sorted().toList();
    }
}
