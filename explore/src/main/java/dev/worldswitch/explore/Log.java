package dev.worldswitch.explore;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a context has read since its rest, in order: numbers and objects, each in their own row. Its stack is a function
 * of them. Sealed parts are immutable and shared by all logs that went on from there.
 */
final class Log {
    static final long[] NO_LONGS = {};
    private static final long INTERRUPT = 0x696e74L << 32;
    private static final @Nullable Object[] NO_OBJECTS = {};

    /** A sealed part, after {@code before}; counts include all parts before it. */
    record Part(
            @Nullable Part before, long[] longs, @Nullable Object[] objects, int allLongs, int allObjects) {}

    /** A place in a log: its sealed parts, and the rolling hash of what was read since the last point of rest. */
    record Place(@Nullable Part part, long h1, long h2) {}

    private @Nullable Part sealed;
    private long[] longs = new long[64];
    private @Nullable Object[] objects = new @Nullable Object[16];
    private int n, m;
    private long h1, h2;

    private long[] oldLongs = NO_LONGS;
    private @Nullable Object[] oldObjects = NO_OBJECTS;
    private int nextLong, nextObject;

    void add(long v) {
        if (n == longs.length) longs = Arrays.copyOf(longs, 2 * n);
        longs[n++] = v;
        hash(v);
    }

    void add(@Nullable Object o, long digest) {
        if (m == objects.length) objects = Arrays.copyOf(objects, 2 * m);
        objects[m++] = o;
        hash(digest);
    }

    private void hash(long v) {
        h1 = Digests.mix(h1 ^ v, 1);
        h2 = Digests.mix(h2 + v, 2);
    }

    long h1() {
        return h1;
    }

    long h2() {
        return h2;
    }

    /** Nothing was read yet. */
    void clear() {
        sealed = null;
        n = m = 0;
        h1 = h2 = 0;
    }

    /** What was read stays for rebuilding the stack, but two ways to this place are the same from here on. */
    void rest(long where, long live) {
        h1 = h2 = 0;
        hash(where);
        hash(live);
    }

    /** An interrupt comes, {@code since} points after the last rest: what is read from here on is its handler's. */
    void enters(int since) {
        hash(INTERRUPT + since);
    }

    Place place() {
        if (n != 0 || m != 0) {
            Part p = sealed;
            sealed = new Part(
                    p,
                    Arrays.copyOf(longs, n),
                    Arrays.copyOf(objects, m),
                    n + (p == null ? 0 : p.allLongs),
                    m + (p == null ? 0 : p.allObjects));
            Arrays.fill(objects, 0, m, null);
            n = m = 0;
        }
        return new Place(sealed, h1, h2);
    }

    /** Forgets all that was read after {@code p}, or takes up a log that another run left there. */
    void backTo(Place p) {
        sealed = p.part;
        n = m = 0;
        h1 = p.h1;
        h2 = p.h2;
    }

    /** Readies the answers for rebuilding a stack. */
    void rewind() {
        Part p = sealed;
        oldLongs = p == null ? NO_LONGS : new long[p.allLongs];
        oldObjects = p == null ? NO_OBJECTS : new @Nullable Object[p.allObjects];
        for (; p != null; p = p.before) {
            System.arraycopy(p.longs, 0, oldLongs, p.allLongs - p.longs.length, p.longs.length);
            System.arraycopy(p.objects, 0, oldObjects, p.allObjects - p.objects.length, p.objects.length);
        }
        nextLong = nextObject = 0;
    }

    long nextLong() {
        if (nextLong == oldLongs.length) throw new IllegalStateException("the log ends before its stack is rebuilt");
        return oldLongs[nextLong++];
    }

    @Nullable
    Object nextObject() {
        if (nextObject == oldObjects.length)
            throw new IllegalStateException("the log ends before its stack is rebuilt");
        return oldObjects[nextObject++];
    }

    /** All answers were given: the stack is rebuilt. */
    void rebuilt() {
        if (nextLong != oldLongs.length || nextObject != oldObjects.length)
            throw new IllegalStateException("a stack was rebuilt with answers left over: state outside the cells");
        oldLongs = NO_LONGS;
        oldObjects = NO_OBJECTS;
    }
}
