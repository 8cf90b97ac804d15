package dev.worldswitch.fuzz;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * A client's memory: some windows at fixed addresses, inaccessible pages between them. Whoever reaches beyond a window by
 * an address of its own, as guest code does, ends this process by SIGSEGV, which no test overlooks.
 */
public final class GuardedMemory {
    public static final long BASE = 0x2000_0000_0000L;
    static final int PAGE = 4096;

    /** A stretch of accessible pages. */
    public enum Window {
        /** Arguments of ioctls. */
        STRUCT(16, 16),
        /** What arguments point to. */
        DATA(64, 16),
        /** Memory of slots. */
        SLOT(128, 64),
        SMALL(256, 4),
        READONLY(320, 2);
        private final int page, pages;

        Window(int page, int pages) {
            this.page = page;
            this.pages = pages;
        }

        public long address() {
            return BASE + (long) page * PAGE;
        }

        public int size() {
            return pages * PAGE;
        }

        public long end() {
            return address() + size();
        }
    }

    private static final long TOTAL = 512L * PAGE;
    private static final int PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2;
    private static final int MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20, MAP_FIXED_NOREPLACE = 0x100000;
    private static final GuardedMemory ONLY = new GuardedMemory();

    private final MemorySegment all;

    /** All clients of this process share it. */
    public static GuardedMemory get() {
        return ONLY;
    }

    @SuppressWarnings("restricted")
    private GuardedMemory() {
        Linker linker = Linker.nativeLinker();
        MethodHandle mmap = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("mmap"),
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG));
        MethodHandle mprotect = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("mprotect"),
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        try {
            int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
            long at = (long) mmap.invokeExact(BASE, TOTAL, PROT_NONE, flags, -1, 0L);
            if (at != BASE) throw new IllegalStateException("no memory at 0x" + Long.toHexString(BASE));
            for (Window w : Window.values()) {
                int prot = w == Window.READONLY ? PROT_READ : PROT_READ | PROT_WRITE;
                int r = (int) mprotect.invokeExact(w.address(), (long) w.size(), prot);
                if (r != 0) throw new IllegalStateException("mprotect of " + w);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
        all = MemorySegment.ofAddress(BASE).reinterpret(TOTAL, Arena.global(), null);
    }

    /** Is all of the range in one window that may be used so? */
    public boolean holds(long address, long length, boolean write) {
        for (Window w : Window.values())
            if (address >= w.address() && address <= w.end() && length <= w.end() - address)
                return !write || w != Window.READONLY;
        return false;
    }

    /** As copy_from_user: what lies behind a window's end is not there. */
    public boolean read(long address, byte[] into, int offset, int length) {
        if (!holds(address, length, false)) return false;
        MemorySegment.copy(all, ValueLayout.JAVA_BYTE, address - BASE, into, offset, length);
        return true;
    }

    public boolean write(long address, byte[] from, int offset, int length) {
        if (!holds(address, length, true)) return false;
        MemorySegment.copy(from, offset, all, ValueLayout.JAVA_BYTE, address - BASE, length);
        return true;
    }

    public void put(long address, int size, long value) {
        for (int i = 0; i < size; i++) all.set(ValueLayout.JAVA_BYTE, address - BASE + i, (byte) (value >>> 8 * i));
    }

    public long get(long address, int size) {
        long v = 0;
        for (int i = size - 1; i >= 0; i--) v = v << 8 | all.get(ValueLayout.JAVA_BYTE, address - BASE + i) & 0xff;
        return v;
    }

    public void clear() {
        for (Window w : Window.values())
            if (w != Window.READONLY) all.asSlice(w.address() - BASE, w.size()).fill((byte) 0);
    }

    /** A hash of a window's content. */
    public long hash(Window w) {
        long h = 0, from = w.address() - BASE;
        for (long at = from; at < from + w.size(); at += 8)
            h = (h ^ all.get(ValueLayout.JAVA_LONG, at)) * 0x9e3779b97f4a7c15L + (h >>> 29);
        return h;
    }
}
