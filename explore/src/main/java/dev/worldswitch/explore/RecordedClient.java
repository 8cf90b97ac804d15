package dev.worldswitch.explore;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.machine.cell.Word;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** One process of a recorded client: it has the recorded pages at the recorded addresses, and no others. */
final class RecordedClient extends InProcessClient {
    private static final int PAGE = Recording.PAGE;
    private final VmmMemory memory;
    /** First address of each run of pages, with its place in the VMMs' memory and its end. */
    private final TreeMap<Long, long[]> runs = new TreeMap<>();

    static final long WHOLE = 0, TO_WAIT = 1, COUNTED = 2;
    private final int process;
    private final List<@Nullable KvmFile> files;
    private final Word signalled, permission, refused, partOf;

    /**
     * @param files of all processes, by their numbers
     * @param partOf what kind of part of a call is done: {@link #WHOLE}, one {@link #TO_WAIT wait}, {@link #COUNTED}
     */
    RecordedClient(
            Recording of,
            int process,
            List<@Nullable KvmFile> files,
            VmmMemory memory,
            Task task,
            Architecture.Waits waits,
            Word signalled,
            Word permission,
            Word refused,
            Word partOf) {
        super(memory, task, waits, 0);
        this.memory = memory;
        this.signalled = signalled;
        this.permission = permission;
        this.refused = refused;
        this.partOf = partOf;
        this.process = process;
        this.files = files;
        List<Long> pages = of.pages().get(process);
        for (int i = 0; i < pages.size(); ) {
            int n = 1;
            while (i + n < pages.size() && pages.get(i + n) == pages.get(i) + (long) n * PAGE) n++;
            long from = pages.get(i);
            runs.put(from, new long[] {memory.allocate(n * PAGE), from + (long) n * PAGE});
            i += n;
        }
    }

    /** How much memory the clients of a recording need. */
    static int memoryFor(Recording r) {
        int shared = 0;
        for (Recording.Call c : r.calls()) if (c.made() != Recording.NO_FILE) shared += 1 << 16;
        int pages = r.pages().stream().mapToInt(List::size).sum();
        return pages * PAGE + shared + PAGE;
    }

    void opened(int number, @Nullable KvmFile file) {
        while (files.size() <= number) files.add(null);
        files.set(number, file);
    }

    KvmFile file(int number) {
        KvmFile f = number < files.size() ? files.get(number) : null;
        if (f == null) throw new IllegalArgumentException("the recording uses file " + number + " before it is made");
        return f;
    }

    /** The first vCPU, or the device of a client that has none. */
    KvmFile vcpu() {
        for (KvmFile f : files) if (f != null && f.kind() == KvmFile.Kind.VCPU) return f;
        return file(0);
    }

    /** Does {@code length} bytes at the client's {@code address}, a run of pages at a time; false when there are none. */
    private boolean each(long address, int length, Piece piece) {
        for (int done = 0; done < length; ) {
            long at = address + done;
            var run = runs.floorEntry(at);
            if (run == null || at >= run.getValue()[1]) return false;
            int n = (int) Math.min(length - done, run.getValue()[1] - at);
            piece.at(run.getValue()[0] + (at - run.getKey()), done, n);
            done += n;
        }
        return true;
    }

    private interface Piece {
        void at(long place, int done, int n);
    }

    @Override
    public boolean read(long address, byte[] into, int offset, int length) {
        return each(address, length, (place, done, n) -> memory.read(place, into, offset + done, n));
    }

    /** All or nothing: of what a copy that faulted had written the recording knows nothing before KVM reads it. */
    @Override
    public boolean write(long address, byte[] from, int offset, int length) {
        if (!each(address, length, (place, done, n) -> {})) return false;
        return each(address, length, (place, done, n) -> memory.write(place, from, offset + done, n));
    }

    /** The client writes. */
    void put(Recording.Bytes b) {
        byte[] bytes = b.bytes();
        if (b.file() == Recording.MEMORY) {
            if (!write(b.at(), bytes, 0, bytes.length))
                throw new IllegalArgumentException("the recording writes where it has no page");
            return;
        }
        SharedPages pages = pages(b.file());
        for (int i = 0; i < bytes.length; i++) pages.set((int) b.at() + i, 1, bytes[i]);
    }

    /** What the client now finds there. */
    byte[] look(Recording.Bytes where) {
        byte[] now = new byte[where.bytes().length];
        if (where.file() == Recording.MEMORY) {
            if (!read(where.at(), now, 0, now.length)) Arrays.fill(now, (byte) 0);
            return now;
        }
        SharedPages pages = pages(where.file());
        for (int i = 0; i < now.length; i++) now[i] = (byte) pages.get((int) where.at() + i, 1);
        return now;
    }

    private SharedPages pages(int file) {
        SharedPages p = file(file).pages();
        if (p == null) throw new IllegalArgumentException("file " + file + " of the recording has no shared pages");
        return p;
    }

    @Override
    public long adopt(long address, long size) {
        return 0;
    }

    @Override
    public long hostPage(long address, boolean write) {
        long[] place = new long[1];
        if (!each(address & -PAGE, PAGE, (at, done, n) -> place[0] = at))
            throw new Violation(
                    Property.ANSWERS,
                    "the guest uses its client's page 0x" + Long.toHexString(address & -PAGE)
                            + ", which it did not when it was recorded");
        return memory.hostAddress(place[0], write);
    }

    @Override
    public long mm() {
        return process + 1;
    }

    @Override
    public void block(BooleanSupplier until) {
        if (partOf.get() == TO_WAIT && !until.getAsBoolean()) signalled.set(1);
        super.block(until);
    }

    @Override
    public boolean signalPending() {
        return signalled.get() != 0;
    }

    @Override
    public long xcompGuestPerm() {
        return permission.get();
    }

    /** Which of the client's descriptors were eventfds, only the recorded answers tell. */
    @Override
    public long eventfdError(int fd) {
        return refused.get();
    }

    @Override
    public boolean signalEventfd(int fd) {
        return true;
    }
}
