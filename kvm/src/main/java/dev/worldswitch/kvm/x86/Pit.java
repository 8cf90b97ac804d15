package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/**
 * The 8254 interval timer and the speaker's port (8254 datasheet; arch/x86/kvm/i8254.c), state as struct kvm_pit_state2.
 * Counters are computed from the time; channel 0's interrupt is due at {@link #deadline()}, which vCPU 0 looks after.
 */
final class Pit {
    /** struct kvm_pit_channel_state and its size; the flags after three of them. */
    private static final int COUNT = 0, LATCHED_COUNT = 4, COUNT_LATCHED = 6, STATUS_LATCHED = 7, STATUS = 8;

    private static final int READ_STATE = 9, WRITE_STATE = 10, WRITE_LATCH = 11, RW_MODE = 12, MODE = 13, BCD = 14;
    private static final int GATE = 15, LOAD_TIME = 16, SIZE = 24, FLAGS = 72;
    private static final long HPET_LEGACY = 1, SPEAKER_ON = 2;
    /** How a counter is read and written. */
    private static final int MSB = 2, WORD0 = 3, WORD1 = 4;

    private static final long FREQUENCY = 1193181, NSEC_PER_SEC = 1_000_000_000, MIN_PERIOD = 200_000;
    private static final int BASE = 0x40, CONTROL = 3, SPEAKER = 0x61;

    private final Irqchip chips;
    private final Mutex lock;
    private final Packed s;
    private final Word made, deadline, period, periodic, noReinject, pending, irqAck;

    Pit(Region region, Irqchip chips, Words words) {
        this.chips = chips;
        this.lock = new Mutex(region, "pitLock");
        this.s = new Packed(words, 0);
        this.made = region.word("pitMade");
        this.deadline = region.word("pitDeadline");
        this.period = region.word("pitPeriod");
        this.periodic = region.word("pitPeriodic");
        this.noReinject = region.word("pitNoReinject");
        this.pending = region.word("pitPending");
        this.irqAck = region.word("pitIrqAck");
    }

    boolean isMade() {
        return made.get() != 0;
    }

    /** Each counter starts at 65536 with mode 0xff and its gate open; counter 2's gate follows port 0x61. */
    void make() {
        for (int i = 0; i < 3; i++) {
            s.u32(i * SIZE + COUNT, 0x10000);
            s.u8(i * SIZE + MODE, 0xff);
            s.u8(i * SIZE + GATE, i != 2 ? 1 : 0);
        }
        irqAck.set(1);
        made.release(1);
    }

    /** kvm_pit_set_reinject. */
    void reinject(boolean on) {
        if (on == (noReinject.get() == 0)) return;
        noReinject.set(on ? 0 : 1);
        resetReinject();
    }

    private void resetReinject() {
        pending.set(0);
        irqAck.set(1);
    }

    /** KVM_SET_PIT and KVM_SET_PIT2 have set the counts; in legacy replacement mode the HPET ticks instead. */
    void stateSet(boolean hpetStarts) {
        lock.lock();
        int mode = s.u8(MODE);
        if (hpetStarts) s.u8(MODE, 0xff);
        load(0, s.u32(COUNT));
        s.u8(MODE, mode);
        for (int i = 1; i < 3; i++) load(i, s.u32(i * SIZE + COUNT));
        lock.unlock();
    }

    boolean hpetLegacy() {
        return (s.u32(FLAGS) & HPET_LEGACY) != 0;
    }

    // Time.

    private long now() {
        return chips.vm().kvm().kernel().timing().now();
    }

    /** When channel 0's interrupt is due next, 0 for never. */
    long deadline() {
        return deadline.acquire();
    }

    /** pit_timer_fn: vCPU 0's thread, at or after the deadline. */
    void serve() {
        long due = deadline.acquire();
        if (due == 0 || now() < due) return;
        lock.lock();
        due = deadline.get();
        long late = now() - due;
        if (due == 0 || late < 0) {
            lock.unlock();
            return;
        }
        long ticks = periodic.get() != 0 ? late / period.get() + 1 : 1;
        deadline.release(periodic.get() != 0 ? due + ticks * period.get() : 0);
        if (noReinject.get() == 0) pending.add(ticks);
        lock.unlock();
        work();
    }

    /** pit_do_work: with re-injection a tick waits until the last one was acknowledged. */
    private void work() {
        if (noReinject.get() == 0 && !irqAck.cas(1, 0)) return;
        chips.setIrq(Irqchip.SOURCE_PIT, 0, true);
        chips.setIrq(Irqchip.SOURCE_PIT, 0, false);
        chips.nmiWatchdog();
    }

    /** kvm_pit_ack_irq: the acknowledge counts before ticks are looked for, which look for it after they are counted. */
    void acked() {
        if (!isMade() || noReinject.get() != 0) return;
        irqAck.release(1);
        long n = pending.acquire();
        while (n > 0 && !pending.cas(n, n - 1)) n = pending.acquire();
        if (n > 1) work();
    }

    /** pit_mask_notifer: ticks from while it was masked are lost. */
    void maskChanged(boolean masked) {
        if (isMade() && noReinject.get() == 0 && !masked) resetReinject();
    }

    private long elapsed(int channel) {
        if (channel != 0) return now() - s.u64(channel * SIZE + LOAD_TIME);
        return period.get() == 0 ? 0 : period.get() - (deadline.get() - now());
    }

    /** Input clocks since the counter was loaded. */
    private long clocks(int channel) {
        long t = elapsed(channel);
        return t / NSEC_PER_SEC * FREQUENCY + t % NSEC_PER_SEC * FREQUENCY / NSEC_PER_SEC;
    }

    private int count(int channel) {
        long d = clocks(channel), count = s.u32(channel * SIZE + COUNT);
        return (int)
                (switch (s.u8(channel * SIZE + MODE)) {
                    case 0, 1, 4, 5 -> count - d & 0xffff;
                    case 3 -> count - 2 * d % count;
                    default -> count - d % count;
                });
    }

    private boolean out(int channel) {
        long d = clocks(channel), count = s.u32(channel * SIZE + COUNT);
        return switch (s.u8(channel * SIZE + MODE)) {
            case 1 -> d < count;
            case 2 -> d % count == 0 && d != 0;
            case 3 -> d % count < count + 1 >> 1;
            case 4, 5 -> d == count;
            default -> d >= count;
        };
    }

    private void load(int channel, long value) {
        long count = value == 0 ? 0x10000 : value;
        s.u32(channel * SIZE + COUNT, count);
        if (channel != 0) {
            s.u64(channel * SIZE + LOAD_TIME, now());
            return;
        }
        switch (s.u8(MODE)) {
            case 0, 1, 4 -> start(count, false);
            case 2, 3 -> start(count, true);
            default -> deadline.release(0);
        }
    }

    /** create_pit_timer: nobody to interrupt, nothing to start; short periods are stretched, as a host bounds them. */
    private void start(long count, boolean again) {
        if (!chips.vm().picInKernel() || hpetLegacy()) return;
        long interval = count * NSEC_PER_SEC / FREQUENCY;
        period.set(again ? Math.max(interval, MIN_PERIOD) : interval);
        periodic.set(again ? 1 : 0);
        resetReinject();
        deadline.release(now() + interval);
    }

    // Ports.

    boolean owns(int port, int size) {
        return isMade() && (port >= BASE && port + size <= BASE + 4 || port == SPEAKER && size == 1);
    }

    void write(int port, int value) {
        lock.lock();
        if (port == SPEAKER) {
            long flags = s.u32(FLAGS);
            s.u32(FLAGS, (value & 2) != 0 ? flags | SPEAKER_ON : flags & ~SPEAKER_ON);
            gate(2, value & 1);
        } else if ((port & 3) == CONTROL) control(value);
        else writeCount(port & 3, value);
        lock.unlock();
    }

    private void gate(int channel, int open) {
        int at = channel * SIZE;
        switch (s.u8(at + MODE)) {
            case 1, 2, 3, 5 -> {
                if (s.u8(at + GATE) < open) s.u64(at + LOAD_TIME, now());
            }
            default -> {}
        }
        s.u8(at + GATE, open);
    }

    private void control(int v) {
        int channel = v >> 6;
        if (channel == 3) {
            for (int i = 0; i < 3; i++) {
                if ((v & 2 << i) == 0) continue;
                if ((v & 0x20) == 0) latchCount(i);
                if ((v & 0x10) == 0) latchStatus(i);
            }
            return;
        }
        int access = v >> 4 & 3, mode = v >> 1 & 7, at = channel * SIZE;
        if (access == 0) {
            latchCount(channel);
            return;
        }
        for (int field : new int[] {RW_MODE, READ_STATE, WRITE_STATE}) s.u8(at + field, access);
        s.u8(at + MODE, mode > 5 ? mode - 4 : mode);
        s.u8(at + BCD, v & 1);
    }

    private void latchCount(int channel) {
        int at = channel * SIZE;
        if (s.u8(at + COUNT_LATCHED) != 0) return;
        s.u16(at + LATCHED_COUNT, count(channel));
        s.u8(at + COUNT_LATCHED, s.u8(at + RW_MODE));
    }

    private void latchStatus(int channel) {
        int at = channel * SIZE;
        if (s.u8(at + STATUS_LATCHED) != 0) return;
        s.u8(at + STATUS, (out(channel) ? 0x80 : 0) | s.u8(at + RW_MODE) << 4 | s.u8(at + MODE) << 1 | s.u8(at + BCD));
        s.u8(at + STATUS_LATCHED, 1);
    }

    private void writeCount(int channel, int v) {
        int at = channel * SIZE;
        switch (s.u8(at + WRITE_STATE)) {
            case MSB -> load(channel, (long) v << 8);
            case WORD0 -> {
                s.u8(at + WRITE_LATCH, v);
                s.u8(at + WRITE_STATE, WORD1);
            }
            case WORD1 -> {
                load(channel, s.u8(at + WRITE_LATCH) | v << 8);
                s.u8(at + WRITE_STATE, WORD0);
            }
            default -> load(channel, v);
        }
    }

    int read(int port) {
        lock.lock();
        int v;
        if (port == SPEAKER) {
            // The refresh clock toggles about every 15 us.
            int refresh = (int) (now() >>> 14 & 1) << 4;
            int data = (s.u32(FLAGS) & SPEAKER_ON) != 0 ? 2 : 0;
            v = data | s.u8(2 * SIZE + GATE) | (out(2) ? 0x20 : 0) | refresh;
        } else v = (port & 3) == CONTROL ? 0 : readCount((port & 3) * SIZE, port & 3);
        lock.unlock();
        return v;
    }

    private int readCount(int at, int channel) {
        if (s.u8(at + STATUS_LATCHED) != 0) {
            s.u8(at + STATUS_LATCHED, 0);
            return s.u8(at + STATUS);
        }
        int latched = s.u8(at + COUNT_LATCHED);
        if (latched != 0) {
            s.u8(at + COUNT_LATCHED, latched == WORD0 ? MSB : 0);
            return s.u16(at + LATCHED_COUNT) >> (latched == MSB ? 8 : 0) & 0xff;
        }
        int state = s.u8(at + READ_STATE);
        if (state == WORD0) s.u8(at + READ_STATE, WORD1);
        if (state == WORD1) s.u8(at + READ_STATE, WORD0);
        return count(channel) >> (state == MSB || state == WORD1 ? 8 : 0) & 0xff;
    }
}
