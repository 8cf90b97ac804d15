package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.IoctlTable;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * What one client asked of KVM and what it was told, in order: enough to do it again without the client.
 *
 * @param client its command line, for people
 * @param processes for each of the client's threads its process, counted from 0
 * @param pages for each process, addresses of all 4 KiB pages of its memory that KVM or a guest used
 * @param unrepeatable why it can't be done again, empty when it can
 */
public record Recording(
        String machine,
        String kernel,
        int cpus,
        String client,
        List<Call> calls,
        List<Integer> processes,
        List<List<Long>> pages,
        String unrepeatable) {
    public static final int PAGE = 4096;
    static final int KVM_RUN = IoctlTable.io(0x80);
    private static final int SET_REGION = IoctlTable.iow(0x46, 32), SET_REGION2 = IoctlTable.iow(0x49, 160);

    /**
     * Bytes in the client's memory, or in the memory that it shares with a file (the kvm_run page).
     *
     * @param file number of the file; {@link #MEMORY} for the client's own memory, where {@code at} is an address
     */
    public record Bytes(int file, long at, byte[] bytes) {
        public Bytes {
            bytes = bytes.clone();
        }

        @Override
        public byte[] bytes() {
            return bytes.clone();
        }
    }

    public static final int MEMORY = -1, NO_FILE = -1;

    /** How a KVM_RUN gave way to another thread's call: not at all, or where its vCPU had to wait. */
    public static final long WHOLE = -1, WAITING = Long.MAX_VALUE;

    /**
     * One ioctl, or a part of one: calls of several threads come one after the other, and a KVM_RUN that others do not wait for is
     * one call for each part, the client hearing of the last one only. Files are numbered as they were made; 0 is /dev/kvm.
     *
     * @param thread of the client, counted from 0
     * @param made number of the file that it made, or {@link #NO_FILE}
     * @param permission ARCH_GET_XCOMP_GUEST_PERM of the client then
     * @param gaveWay after how many instructions of its guest it gave way to another thread: {@link #WHOLE}, {@link #WAITING}
     * @param before what the client wrote since the call before
     * @param after what KVM or the guest wrote during the call
     */
    public record Call(
            int thread,
            int file,
            int command,
            long argument,
            long answer,
            int made,
            long permission,
            long gaveWay,
            List<Bytes> before,
            List<Bytes> after) {
        public Call {
            before = List.copyOf(before);
            after = List.copyOf(after);
        }

        /** A whole call. */
        public Call(
                int thread,
                int file,
                int command,
                long argument,
                long answer,
                int made,
                long permission,
                List<Bytes> before,
                List<Bytes> after) {
            this(thread, file, command, argument, answer, made, permission, WHOLE, before, after);
        }
    }

    public Recording {
        calls = List.copyOf(calls);
        processes = List.copyOf(processes);
        pages = pages.stream().map(p -> List.copyOf(new TreeSet<>(p))).toList();
    }

    /** Of one process. */
    public Recording(
            String machine,
            String kernel,
            int cpus,
            String client,
            List<Call> calls,
            List<Long> pages,
            String unrepeatable) {
        this(machine, kernel, cpus, client, calls, List.of(), List.of(pages), unrepeatable);
    }

    int threads() {
        return (int) calls.stream().mapToInt(Call::thread).distinct().count();
    }

    /** The process of a call's thread. */
    int process(Call c) {
        return c.thread() < processes.size() ? processes.get(c.thread()) : 0;
    }

    /** Does a part of a KVM_RUN end by its guest's number of instructions? */
    boolean countsInstructions() {
        return calls.stream().anyMatch(c -> c.gaveWay() != WHOLE && c.gaveWay() != WAITING);
    }

    /** The kernel in the form that schedules have. */
    public static String kernelText(KernelVersion kernel) {
        return Exploration.kernelText(kernel);
    }

    public KernelVersion kernelVersion() {
        return Exploration.kernelOf(kernel);
    }

    /** Calls between two that make files or dirty logs, which an explored world can't have more of, from {@code from} to before {@code to}. */
    public record Window(int from, int to) {}

    /** All windows in which a vCPU is used; when none is, the last one. */
    public List<Window> windows() {
        List<Window> all = new ArrayList<>();
        int from = 0;
        for (int i = 0; i <= calls.size(); i++) {
            if (i < calls.size() && calls.get(i).made() == NO_FILE && !logsDirty(i)) continue;
            if (runs(from, i)) all.add(new Window(from, i));
            if (i < calls.size()) from = i + 1;
        }
        return all.isEmpty() ? List.of(new Window(from, calls.size())) : all;
    }

    /** A slot is set with KVM_MEM_LOG_DIRTY_PAGES. */
    private boolean logsDirty(int number) {
        Call c = calls.get(number);
        return (c.command() == SET_REGION || c.command() == SET_REGION2)
                && (written(number, c.argument() + 4) & 1) != 0;
    }

    /** The byte that the client's memory holds at this address as a call begins; 0 where nobody is known to have written. */
    private int written(int number, long at) {
        int process = process(calls.get(number));
        for (int i = number; i >= 0; i--) {
            Call c = calls.get(i);
            if (process(c) != process) continue;
            int b = i == number ? -1 : last(c.after(), at);
            if (b < 0) b = last(c.before(), at);
            if (b >= 0) return b;
        }
        return 0;
    }

    private static int last(List<Bytes> all, long at) {
        for (Bytes b : all.reversed())
            if (b.file == MEMORY && at >= b.at && at < b.at + b.bytes.length) return b.bytes[(int) (at - b.at)] & 0xff;
        return -1;
    }

    private boolean runs(int from, int to) {
        for (Call c : calls.subList(Math.min(from, to), to)) if (c.command() == KVM_RUN) return true;
        return false;
    }

    /** @throws IllegalArgumentException when it can't be done again */
    void checkRepeatable(String name) {
        if (!unrepeatable.isEmpty()) throw new IllegalArgumentException(name + " can't be repeated: " + unrepeatable);
    }
}
