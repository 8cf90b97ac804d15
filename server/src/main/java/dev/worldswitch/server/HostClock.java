package dev.worldswitch.server;

import dev.worldswitch.machine.MachineProfile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Instant;

/**
 * This computer's own clocks, which clients read beside the guests': CLOCK_MONOTONIC and, on x86-64, the time-stamp
 * counter. A machine whose profile says {@code tsc = real} has that counter.
 */
final class HostClock {
    /**
     * lfence; rdtsc; shl rdx, 32; or rax, rdx; ret. Without the fence the counter may be read before a load of the guest's that
     * comes first and waits for another CPU's line: to guests that hand a count around, time would run backwards.
     */
    private static final byte[] READ_TSC = {
        0x0f,
        (byte) 0xae,
        (byte) 0xe8,
        0x0f,
        0x31,
        0x48,
        (byte) 0xc1,
        (byte) 0xe2,
        0x20,
        0x48,
        0x09,
        (byte) 0xd0,
        (byte) 0xc3
    };

    private static final int PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PRIVATE_ANONYMOUS = 0x22, PAGE = 4096;
    private static final long CALIBRATION_NS = 2_000_000;
    /** Two clocks read more than this apart, in nanoseconds, are read again. */
    private static final long CLOSE = 400;

    private static final ThreadLocal<Native> SYS = ThreadLocal.withInitial(Native::new);
    private final MemorySegment readTsc;
    private final long khz;
    /** CLOCK_MONOTONIC at which this machine's clock is 0. An arm64 machine's counter starts with it, as at a fresh boot. */
    private final long start;

    /** Reads the counter only for machines that have it; others count their own kHz of CLOCK_MONOTONIC. */
    HostClock(MachineProfile machine) {
        boolean wanted = "real".equals(machine.find("tsc"))
                && System.getProperty("os.arch").equals("amd64");
        readTsc = wanted ? code(READ_TSC) : MemorySegment.NULL;
        start = machine.arch().equals("arm64") ? System.nanoTime() : 0;
        khz = readTsc.equals(MemorySegment.NULL) ? 0 : calibrate();
    }

    /** The machine with the frequency that its counter really has. */
    MachineProfile calibrated(MachineProfile machine) {
        return khz == 0 ? machine : machine.with("tsc_khz", Long.toString(khz));
    }

    long now() {
        return System.nanoTime() - start;
    }

    long realtime() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000 + now.getNano();
    }

    /** A counter of this frequency. */
    long cycles(long wanted) {
        if (wanted == khz) return tsc();
        long ns = now();
        return ns / 1_000_000 * wanted + ns % 1_000_000 * wanted / 1_000_000;
    }

    private long tsc() {
        return SYS.get().callFunction(readTsc);
    }

    /** NULL where memory can't be made executable: guests then see a counter that only looks like the client's. */
    private static MemorySegment code(byte[] bytes) {
        Native sys = SYS.get();
        long at = sys.call(Native.Nr.MMAP, 0, PAGE, PROT_READ | PROT_WRITE, PRIVATE_ANONYMOUS, -1, 0);
        if (at < 0 && at > -PAGE) return MemorySegment.NULL;
        MemorySegment.copy(bytes, 0, Native.memory(), ValueLayout.JAVA_BYTE, at, bytes.length);
        if (sys.call(Native.Nr.MPROTECT, at, PAGE, PROT_READ | PROT_EXEC) == 0) return MemorySegment.ofAddress(at);
        sys.unmap(at, PAGE);
        return MemorySegment.NULL;
    }

    /** Both clocks at one moment: {nanoseconds, counter}. */
    private long[] both() {
        long[] best = {0, 0};
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 20 && least > CLOSE; i++) {
            long before = now(), counter = tsc(), after = now();
            if (after - before >= least) continue;
            least = after - before;
            best = new long[] {before + least / 2, counter};
        }
        return best;
    }

    private long calibrate() {
        long[] start = both(), end;
        do end = both();
        while (end[0] - start[0] < CALIBRATION_NS);
        return Math.round((end[1] - start[1]) * 1e6 / (end[0] - start[0]) / 100) * 100;
    }
}
