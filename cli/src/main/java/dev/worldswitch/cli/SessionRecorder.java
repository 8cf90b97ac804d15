package dev.worldswitch.cli;

import dev.worldswitch.explore.Recording;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.server.CallListener;
import dev.worldswitch.server.ClientProcess;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Notes what a client asks and is told, its threads taking {@link RecordedTurns turns}. What it writes to the memory that
 * it shares with its guest is found by comparing the pages that the guest has used so far with what they were, at each KVM_RUN.
 */
final class SessionRecorder implements CallListener {
    private static final int KVM_RUN = IoctlTable.io(0x80), PAGE = Recording.PAGE;
    /** Differences this close to each other are noted as one. */
    private static final int NEAR = 8;

    private final RecordedTurns turns = new RecordedTurns();
    private final List<Recording.Call> calls = new ArrayList<>();

    /** What the memory of a client that repeats the recording holds: its processes' pages, and each file's. */
    private static final class Memory {
        final int process;
        final Map<Long, byte[]> pages = new TreeMap<>();
        final TreeSet<Long> used = new TreeSet<>();

        Memory(int process) {
            this.process = process;
        }
    }

    private final Map<ClientProcess, Memory> processes = new IdentityHashMap<>();
    private final List<Memory> memories = new ArrayList<>();
    private final Map<KvmFile, byte[]> shared = new IdentityHashMap<>();
    private final Map<KvmFile, Integer> files = new IdentityHashMap<>();
    private final Map<HostThread, Integer> threads = new IdentityHashMap<>();
    private final List<Integer> processOf = new ArrayList<>();

    // The call under way.

    private Memory memory = new Memory(0);
    private boolean running;
    private List<Recording.Bytes> before = new ArrayList<>(), after = new ArrayList<>();
    private final List<long[]> written = new ArrayList<>();

    private SessionRecorder() {}

    /** Of all that is done on this host from now on. */
    static SessionRecorder of(SimulatedHost host) {
        SessionRecorder r = new SessionRecorder();
        host.kvm().debug(r.turns);
        return r;
    }

    /** All calls so far. */
    synchronized Recording recording(String machine, String kernel, int cpus, String client) {
        String unrepeatable = calls.isEmpty() ? "the client made no call to KVM" : turns.disorder();
        List<List<Long>> pages =
                memories.stream().map(m -> List.copyOf(m.pages.keySet())).toList();
        return new Recording(
                machine,
                kernel,
                cpus,
                client,
                calls,
                processOf,
                pages.isEmpty() ? List.of(List.of()) : pages,
                unrepeatable);
    }

    @Override
    public void enter(HostThread thread, KvmFile file, int command, long argument) {
        turns.take(thread, file);
        if (turns.has(thread)) begin(thread, file, command);
    }

    private synchronized void begin(HostThread thread, KvmFile file, int command) {
        memory = processes.computeIfAbsent(thread.process(), p -> {
            Memory m = new Memory(memories.size());
            memories.add(m);
            return m;
        });
        running = command == KVM_RUN && file.kind() == KvmFile.Kind.VCPU;
        before = new ArrayList<>();
        after = new ArrayList<>();
        written.clear();
        if (!running) return;
        for (long page : memory.used) comparePage(thread, page, before);
        compareShared(file, before);
    }

    @Override
    public void exit(HostThread thread, KvmFile file, int command, long argument, long answer, @Nullable KvmFile made) {
        if (!turns.has(thread)) return;
        long part = answer == Errno.EINTR ? turns.part(thread) : Recording.WHOLE;
        boolean changed = end(thread, file, command, argument, answer, made, part);
        turns.giveBack(thread, file, part, changed);
    }

    /** False where nothing came of it: a vCPU that waited, and waits again. */
    private synchronized boolean end(
            HostThread thread,
            KvmFile file,
            int command,
            long argument,
            long answer,
            @Nullable KvmFile made,
            long part) {
        for (long[] w : written) after.add(new Recording.Bytes(Recording.MEMORY, w[0], known(w[0], (int) w[1])));
        if (running) {
            for (long page : memory.used) comparePage(thread, page, after);
            compareShared(file, after);
        }
        if (part == Recording.WAITING && turns.waitsStill(file) && before.isEmpty() && after.isEmpty()) return false;
        int number = files.computeIfAbsent(file, f -> files.size());
        int product = Recording.NO_FILE;
        if (made != null) files.put(made, product = files.size());
        int who = threads.computeIfAbsent(thread, t -> {
            processOf.add(memory.process);
            return threads.size();
        });
        long permission = thread.process().xcompGuestPerm();
        long ended = running && answer == Errno.EINTR && part == Recording.WHOLE ? turns.interrupted() : part;
        calls.add(
                new Recording.Call(who, number, command, argument, answer, product, permission, ended, before, after));
        return true;
    }

    @Override
    public boolean again(HostThread thread) {
        return turns.again(thread);
    }

    @Override
    public void waits(HostThread thread) {
        turns.waits(thread);
    }

    @Override
    public void gone(HostThread thread) {
        turns.gone(thread);
    }

    @Override
    public synchronized void copied(HostThread thread, boolean in, long address, byte[] bytes, int offset, int length) {
        if (!turns.has(thread)) return;
        byte[] content = Arrays.copyOfRange(bytes, offset, offset + length);
        if (!in) {
            written.add(new long[] {address, length});
            note(address, content, null);
            return;
        }
        // Pages that the guest uses are compared before it runs; what it writes meanwhile is not the client's.
        for (int done = 0; done < length; ) {
            long at = address + done;
            int n = (int) Math.min(length - done, PAGE - (at & PAGE - 1));
            if (!running || !memory.used.contains(at & -PAGE))
                note(at, Arrays.copyOfRange(content, done, done + n), before);
            done += n;
        }
    }

    @Override
    public synchronized void pageUsed(HostThread thread, long page) {
        if (turns.has(thread) && memory.used.add(page)) comparePage(thread, page, before);
    }

    private byte[] page(long page) {
        return memory.pages.computeIfAbsent(page, p -> new byte[PAGE]);
    }

    private byte[] known(long address, int length) {
        byte[] b = new byte[length];
        for (int i = 0; i < length; i++) b[i] = page(address + i & -PAGE)[(int) (address + i & PAGE - 1)];
        return b;
    }

    /** These bytes are there now; where they were others, {@code into} gets them. */
    private void note(long address, byte[] now, @Nullable List<Recording.Bytes> into) {
        if (into != null) differences(Recording.MEMORY, address, known(address, now.length), now, into);
        for (int i = 0; i < now.length; i++) page(address + i & -PAGE)[(int) (address + i & PAGE - 1)] = now[i];
    }

    private void comparePage(HostThread thread, long page, List<Recording.Bytes> into) {
        byte[] now = new byte[PAGE];
        if (!thread.process().look(page, now)) return;
        differences(Recording.MEMORY, page, page(page), now, into);
        memory.pages.put(page, now);
    }

    private void compareShared(KvmFile file, List<Recording.Bytes> into) {
        SharedPages p = file.pages();
        if (p == null) return;
        byte[] now = new byte[p.bytes()], was = shared.computeIfAbsent(file, f -> new byte[now.length]);
        for (int i = 0; i < now.length; i += 8) {
            long v = p.get(i, 8);
            for (int b = 0; b < 8; b++) now[i + b] = (byte) (v >>> 8 * b);
        }
        differences(files.getOrDefault(file, 0), 0, was, now, into);
        shared.put(file, now);
    }

    private static void differences(int file, long base, byte[] was, byte[] now, List<Recording.Bytes> into) {
        for (int i = 0; i < now.length; ) {
            int from = Arrays.mismatch(was, i, was.length, now, i, now.length);
            if (from < 0) return;
            from += i;
            int to = from + 1;
            for (int j = to; j < now.length && j < to + NEAR; j++) if (was[j] != now[j]) to = j + 1;
            into.add(new Recording.Bytes(file, base + from, Arrays.copyOfRange(now, from, to)));
            i = to;
        }
    }
}
