package dev.worldswitch.kernel;

import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A kernel as its set of patches. {@code name} is a recorded stable release (6.1, 6.12, 6.18, 7.2): its recorded ABI and
 * its FP, XSAVE, debug and profiling code.
 */
public record KernelVersion(String name, Set<Patch> patches, Preempt preempt) {
    /** CONFIG_PREEMPT_* as booted. */
    public enum Preempt {
        FULL,
        VOLUNTARY,
        NONE
    }

    public static final String DEFAULT = "6.12";
    private static final List<String> NAMES = List.of("6.1", "6.12", "6.18", "7.2");

    public KernelVersion {
        for (Patch p : patches)
            for (Patch q : patches)
                if (p.excludes().contains(q.id()))
                    throw new IllegalArgumentException("patches " + p.id() + " and " + q.id()
                            + " exclude each other; leave one out with --without");
        patches =
                Collections.unmodifiableSet(patches.isEmpty() ? EnumSet.noneOf(Patch.class) : EnumSet.copyOf(patches));
    }

    public static List<String> names() {
        return NAMES;
    }

    /** @throws IllegalArgumentException for a name that is not recorded */
    public static KernelVersion of(String name) {
        if (!NAMES.contains(name))
            throw new IllegalArgumentException("no kernel '" + name + "'; known: " + String.join(", ", NAMES));
        return new KernelVersion(name, EnumSet.of(Patch.CLEAR_XSTATE_BV_ON_XFD), Preempt.FULL);
    }

    /** {@code without} taken out first, then {@code with} added. */
    public KernelVersion changed(List<Patch> without, List<Patch> with) {
        Set<Patch> now = patches.isEmpty() ? EnumSet.noneOf(Patch.class) : EnumSet.copyOf(patches);
        without.forEach(now::remove);
        for (Patch p : with) {
            now.removeIf(q -> p.excludes().contains(q.id()));
            now.add(p);
        }
        return new KernelVersion(name, now, preempt);
    }

    public KernelVersion preempted(Preempt mode) {
        return new KernelVersion(name, patches, mode);
    }
}
