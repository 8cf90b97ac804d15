package dev.worldswitch.machine.cell;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** A 64-bit cell with READ_ONCE strength; acquire, release and read-modify-write where the kernel has them. */
public final class Word extends Cell {
    private static final VarHandle VALUE;

    static {
        try {
            VALUE = MethodHandles.lookup().findVarHandle(Word.class, "value", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private long value;

    Word(Region region, String name) {
        super(region, name);
    }

    public long get() {
        long v = (long) VALUE.getOpaque(this);
        return watcher == null ? v : watcher.read(this, 0, v);
    }

    public void set(long v) {
        if (watcher == null || watcher.write(this, 0, value, v)) VALUE.setOpaque(this, v);
    }

    public long acquire() {
        long v = (long) VALUE.getAcquire(this);
        return watcher == null ? v : watcher.read(this, 0, v);
    }

    public void release(long v) {
        if (watcher == null || watcher.write(this, 0, value, v)) VALUE.setRelease(this, v);
    }

    /** smp_store_mb: everybody sees the value before this thread reads anything after it. */
    public void storeMb(long v) {
        set(v);
        VarHandle.fullFence();
    }

    /** smp_mb. */
    public static void fullFence() {
        VarHandle.fullFence();
    }

    public boolean cas(long expected, long v) {
        if (watcher == null) return VALUE.compareAndSet(this, expected, v);
        if (get() != expected) return false;
        set(v);
        return true;
    }

    /** Adds, atomically; the old value. */
    public long add(long delta) {
        long old;
        do old = get();
        while (!cas(old, old + delta));
        return old;
    }

    /** Sets the bits of {@code mask}; the old value. */
    public long or(long mask) {
        if (watcher == null) return (long) VALUE.getAndBitwiseOr(this, mask);
        long old = get();
        set(old | mask);
        return old;
    }

    /** Keeps only the bits of {@code mask}; the old value. */
    public long and(long mask) {
        if (watcher == null) return (long) VALUE.getAndBitwiseAnd(this, mask);
        long old = get();
        set(old & mask);
        return old;
    }

    /** Sets the bits of {@code mask}, whatever they were, as set_ti_thread_flag. */
    public void setBits(long mask) {
        if (watcher == null) VALUE.getAndBitwiseOr(this, mask);
        else if (watcher.writeBits(this, value, value | mask, mask)) value |= mask;
    }

    /** Clears the bits of {@code mask}, whatever they were, as clear_ti_thread_flag. */
    public void clearBits(long mask) {
        if (watcher == null) VALUE.getAndBitwiseAnd(this, ~mask);
        else if (watcher.writeBits(this, value, value & ~mask, mask)) value &= ~mask;
    }

    public boolean test(long mask) {
        long v = (long) VALUE.getOpaque(this);
        return (watcher == null ? v & mask : watcher.readBits(this, v, mask)) != 0;
    }

    @Override
    public int length() {
        return 1;
    }

    @Override
    public long peek(int index) {
        return value;
    }

    @Override
    public void poke(int index, long v) {
        value = v;
    }
}
