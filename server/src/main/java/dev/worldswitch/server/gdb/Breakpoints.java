package dev.worldswitch.server.gdb;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** All breakpoints and watchpoints of a debugger: asked by every vCPU, changed while they are held. */
final class Breakpoints {
    /** Kinds as the packets Z0 to Z4 number them. */
    static final int SOFTWARE = 0, HARDWARE = 1, WRITE = 2, READ = 3, ACCESS = 4;

    /** @param length bytes that are watched; of a breakpoint whatever the debugger says */
    record Point(int kind, long address, int length) {}

    private static final String[] NAMES = {"swbreak:", "hwbreak:", "watch:", "rwatch:", "awatch:"};

    private final Set<Point> all = new LinkedHashSet<>();
    private volatile long[] breaks = {};
    private volatile Point[] watches = {};
    private volatile int generation = 1;

    synchronized void add(Point p) {
        if (all.add(p)) changed();
    }

    synchronized void remove(Point p) {
        if (all.remove(p)) changed();
    }

    synchronized void clear() {
        all.clear();
        changed();
    }

    private void changed() {
        breaks = all.stream()
                .filter(p -> p.kind <= HARDWARE)
                .mapToLong(Point::address)
                .distinct()
                .sorted()
                .toArray();
        watches = all.stream().filter(p -> p.kind > HARDWARE).toArray(Point[]::new);
        generation++;
    }

    int generation() {
        return generation;
    }

    boolean at(long pc) {
        long[] b = breaks;
        return b.length != 0 && Arrays.binarySearch(b, pc) >= 0;
    }

    boolean watching() {
        return watches.length != 0;
    }

    @Nullable
    Point watched(long address, int size, boolean write) {
        for (Point p : watches) {
            boolean kind = p.kind == ACCESS || (p.kind == WRITE) == write;
            if (kind && address < p.address + p.length && p.address < address + size) return p;
        }
        return null;
    }

    /** How a stop reply names the breakpoint at {@code pc}. */
    synchronized String reason(long pc) {
        for (Point p : all) if (p.kind <= HARDWARE && p.address == pc) return NAMES[p.kind] + ";";
        return "";
    }

    static String reason(Point watched) {
        return NAMES[watched.kind] + Long.toHexString(watched.address) + ";";
    }
}
