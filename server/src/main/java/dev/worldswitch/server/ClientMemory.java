package dev.worldswitch.server;

import java.util.ArrayList;
import java.util.List;

/** Which of a client's memory is common with the server, and where. Readers never wait: they see one whole map. */
final class ClientMemory {
    private final OrderedLock lock = new OrderedLock("ClientMemory");
    /** A run of the client's address space and its place here. */
    record Piece(long from, long to, long host, boolean writable) {
        Piece part(long f, long t) {
            return new Piece(f, t, host + (f - from), writable);
        }
    }

    /**
     * Server mappings are made in windows of the first of these sizes that finds room: one mapping for many slots, smaller ones where
     * the server's addresses are limited (RLIMIT_AS).
     */
    private static final long[] WINDOWS = {64L << 30, 1L << 30, 2L << 20};

    private static final long FILE_SIZE = 1L << 60;

    /** Of one client: the server's addresses are everybody's. */
    private static final long WINDOWS_MAX = 8L << 40;

    private static final int FALLOC_FL_KEEP_SIZE_PUNCH_HOLE = 3;

    private final Native sys = new Native();
    private final int fd;
    private final List<long[]> windows = new ArrayList<>();
    private final List<long[]> fileMappings = new ArrayList<>();
    private List<long[]> asked = List.of();
    private long nextOffset, inWindows;
    private boolean forked;
    private volatile Piece[] pieces = {};
    private volatile int generation;

    ClientMemory() {
        fd = sys.memfd("worldswitch-memory", FILE_SIZE);
    }

    int descriptor() {
        return fd;
    }

    int generation() {
        return generation;
    }

    private static int find(Piece[] all, long address) {
        int low = 0, high = all.length - 1;
        while (low <= high) {
            int mid = (low + high) >>> 1;
            if (address < all[mid].from) high = mid - 1;
            else if (address >= all[mid].to) low = mid + 1;
            else return mid;
        }
        return -(low + 1);
    }

    /** Address here of the client's page, 0 when it is not common or may not be written. */
    long hostPage(long address, boolean write) {
        Piece[] all = pieces;
        int i = find(all, address);
        if (i < 0 || write && !all[i].writable) return 0;
        return all[i].host + ((address & -4096L) - all[i].from);
    }

    boolean isCommon(long address) {
        return find(pieces, address) >= 0;
    }

    /** Parts of the range that are not common yet, as {from, to}; also remembers that the range was asked for. */
    List<long[]> missing(long from, long to) {
        try (var _ = lock.hold()) {
            remember(from, to);
            List<long[]> gaps = new ArrayList<>();
            Piece[] all = pieces;
            int i = find(all, from);
            if (i < 0) i = -(i + 1);
            long at = from;
            for (; i < all.length && all[i].from < to && at < to; i++) {
                if (all[i].from > at) gaps.add(new long[] {at, all[i].from});
                at = Math.max(at, all[i].to);
            }
            if (at < to) gaps.add(new long[] {at, to});
            return gaps;
        }
    }

    private void remember(long from, long to) {
        List<long[]> now = new ArrayList<>(asked.size() + 1);
        for (long[] r : asked) {
            if (r[1] < from || r[0] > to) now.add(r);
            else {
                from = Math.min(from, r[0]);
                to = Math.max(to, r[1]);
            }
        }
        now.add(new long[] {from, to});
        asked = List.copyOf(now);
    }

    /** The 2 MiB around an address, as far as a slot asked for it; null when none did. */
    long @org.jspecify.annotations.Nullable [] askedAround(long address) {
        try (var _ = lock.hold()) {
            for (long[] r : asked)
                if (address >= r[0] && address < r[1]) {
                    long from = Math.max(r[0], address & -(2L << 20));
                    return new long[] {from, Math.min(r[1], (address & -(2L << 20)) + (2L << 20))};
                }
            return null;
        }
    }

    /** How much the shim may make common behind what it is asked for. */
    static final long ADOPT_AHEAD = 1L << 30;

    /**
     * Room in the common file for a range of the client and what follows it; never given out twice, so a late access
     * hurts nobody.
     */
    long reserve(long size) {
        try (var _ = lock.hold()) {
            long at = nextOffset;
            nextOffset += size + ADOPT_AHEAD;
            if (nextOffset > FILE_SIZE)
                throw new IllegalStateException("a client asked for slots of more than 2^60 bytes");
            return at;
        }
    }

    /** Is this a part of the common file that was ever {@link #reserve reserved}? Windows elsewhere would be the client's to choose. */
    boolean wasReserved(long offset, long size) {
        try (var _ = lock.hold()) {
            return offset >= 0 && (offset & 4095) == 0 && offset <= nextOffset && size <= nextOffset - offset;
        }
    }

    /** The room behind {@code used} bytes was not needed. */
    void giveBack(long at, long size, long used) {
        try (var _ = lock.hold()) {
            if (nextOffset == at + size + ADOPT_AHEAD) nextOffset = at + used;
        }
    }

    /** Where a part of the common file is mapped here. */
    private long place(long offset, long size) {
        for (long[] w : windows) if (offset >= w[0] && offset + size <= w[1]) return w[2] + (offset - w[0]);
        for (long window : WINDOWS) {
            long from = offset & -window, to = (offset + size + window - 1) & -window;
            if (inWindows + (to - from) > WINDOWS_MAX) continue;
            long address = sys.map(fd, from, to - from, Native.PROT_READ_WRITE);
            if (address < 0 && address > -4096) continue;
            windows.add(new long[] {from, to, address});
            inWindows += to - from;
            return address + (offset - from);
        }
        return 0;
    }

    /** The client made this range common with the server's file. @return false when there is no room for it here */
    boolean common(long from, long size, long offset, int prot) {
        try (var _ = lock.hold()) {
            long host = place(offset, size);
            if (host != 0) insert(new Piece(from, from + size, host, (prot & 2) != 0));
            return host != 0;
        }
    }

    /** The client's range is a shared mapping of a file, given by descriptor. @return false when there is no room for it here */
    boolean file(long from, long size, int file, long offset, int prot) {
        try (var _ = lock.hold()) {
            boolean writable = (prot & 2) != 0;
            long host = sys.map(file, offset, size, writable ? Native.PROT_READ_WRITE : 1);
            if (host < 0 && host > -4096) return host != -Native.ENOMEM;
            fileMappings.add(new long[] {host, size});
            insert(new Piece(from, from + size, host, writable));
            return true;
        }
    }

    private void insert(Piece p) {
        int place = find(pieces, p.from);
        int at = -(place + 1);
        // Nearly always it lies between two others and joins neither.
        if (place < 0
                && (at == 0 || !joins(pieces[at - 1], p))
                && (at == pieces.length || pieces[at].from >= p.to && !joins(p, pieces[at]))) {
            Piece[] now = new Piece[pieces.length + 1];
            System.arraycopy(pieces, 0, now, 0, at);
            now[at] = p;
            System.arraycopy(pieces, at, now, at + 1, pieces.length - at);
            publish(now);
            return;
        }
        List<Piece> now = without(p.from, p.to);
        at = 0;
        while (at < now.size() && now.get(at).from < p.from) at++;
        if (at > 0 && joins(now.get(at - 1), p)) {
            Piece before = now.remove(--at);
            p = new Piece(before.from, p.to, before.host, p.writable);
        }
        if (at < now.size() && joins(p, now.get(at))) {
            Piece after = now.remove(at);
            p = new Piece(p.from, after.to, p.host, p.writable);
        }
        now.add(at, p);
        publish(now.toArray(new Piece[0]));
    }

    private static boolean joins(Piece a, Piece b) {
        return a.to == b.from && a.host + (a.to - a.from) == b.host && a.writable == b.writable;
    }

    private List<Piece> without(long from, long to) {
        List<Piece> now = new ArrayList<>(pieces.length + 2);
        for (Piece q : pieces) {
            if (q.to <= from || q.from >= to) {
                now.add(q);
                continue;
            }
            if (q.from < from) now.add(q.part(q.from, from));
            if (q.to > to) now.add(q.part(to, q.to));
        }
        return now;
    }

    // The map before its number: who sees the new number sees the new map.
    private void publish(Piece[] now) {
        pieces = now;
        generation++;
    }

    /** The client unmapped, replaced or protected this range. */
    void changed(long from, long to) {
        try (var _ = lock.hold()) {
            int first = find(pieces, from), next = first < 0 ? -(first + 1) : first;
            if (next < pieces.length && pieces[next].from < to)
                publish(without(from, to).toArray(new Piece[0]));
        }
    }

    /** A child shares the file until it has copied: no holes may be made any more. */
    void forked() {
        try (var _ = lock.hold()) {
            forked = true;
        }
    }

    /** Gives memory back that lies in the common file and that no piece shows any more. */
    void trim(long from, long to) {
        try (var _ = lock.hold()) {
            if (forked) return;
            for (Piece q : pieces)
                if (q.from < to && q.to > from)
                    for (long[] w : windows) {
                        long f = Math.max(q.from, from), t = Math.min(q.to, to);
                        if (f < t && q.host >= w[2] && q.host < w[2] + (w[1] - w[0]))
                            sys.call(
                                    Native.Nr.FALLOCATE,
                                    fd,
                                    FALLOC_FL_KEEP_SIZE_PUNCH_HOLE,
                                    w[0] + (q.host + (f - q.from) - w[2]),
                                    t - f,
                                    0,
                                    0);
                    }
        }
    }

    /** The process is gone and none of its threads runs. */
    void close() {
        try (var _ = lock.hold()) {
            pieces = new Piece[0];
            generation++;
            for (long[] w : windows) sys.unmap(w[2], w[1] - w[0]);
            for (long[] m : fileMappings) sys.unmap(m[0], m[1]);
            windows.clear();
            fileMappings.clear();
            sys.close(fd);
        }
    }
}
