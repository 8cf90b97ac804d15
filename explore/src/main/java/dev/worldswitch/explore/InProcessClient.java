package dev.worldswitch.explore;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import java.util.function.BooleanSupplier;

/** A VMM in this process, with one thread: its memory is {@link VmmMemory}, it gets no signals. */
public class InProcessClient implements Client, Caller {
    private final VmmMemory memory;
    private final Task task;
    private final Architecture.Waits waits;
    private final long permission;

    /** @param permission ARCH_GET_XCOMP_GUEST_PERM, 0 where there is none */
    public InProcessClient(VmmMemory memory, Task task, Architecture.Waits waits, long permission) {
        this.waits = waits;
        this.memory = memory;
        this.task = task;
        this.permission = permission;
    }

    /** ioctl(2) by this client. */
    public long ioctl(KvmFile file, int command, long argument, KvmFile.Made made) {
        Session s = memory.session;
        if (s == null) return file.ioctl(this, command, argument, made);
        return s.call(memory, file, command, made, argument, () -> file.ioctl(this, command, argument, made));
    }

    @Override
    public boolean read(long address, byte[] into, int offset, int length) {
        if (!memory.holds(address, length)) return false;
        memory.read(address, into, offset, length);
        return true;
    }

    @Override
    public boolean write(long address, byte[] from, int offset, int length) {
        if (!memory.holds(address, length)) return false;
        memory.write(address, from, offset, length);
        return true;
    }

    @Override
    public long adopt(long address, long size) {
        return memory.holds(address, size) ? 0 : dev.worldswitch.kvm.Errno.EFAULT;
    }

    @Override
    public long hostPage(long address, boolean write) {
        return memory.holds(address, 4096) ? memory.hostAddress(address, write) : 0;
    }

    @Override
    public int memoryGeneration() {
        return memory.generation();
    }

    @Override
    public SharedPages newSharedPages(int bytes) {
        long at = memory.allocate(bytes);
        return new SharedPages() {
            @Override
            public long get(int offset, int size) {
                return memory.get(at + offset, size);
            }

            @Override
            public void set(int offset, int size, long value) {
                memory.set(at + offset, size, value);
            }

            @Override
            public int bytes() {
                return bytes;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public long mm() {
        return 1;
    }

    @Override
    public long xcompGuestPerm() {
        return permission;
    }

    @Override
    public void freezeXcompGuestPerm() {}

    @Override
    public long eventfdError(int fd) {
        return dev.worldswitch.kvm.Errno.EBADF;
    }

    @Override
    public boolean signalEventfd(int fd) {
        return false;
    }

    @Override
    public Client client() {
        return this;
    }

    @Override
    public Task task() {
        return task;
    }

    @Override
    public boolean signalPending() {
        return task.flags().test(Task.TIF_SIGPENDING);
    }

    @Override
    public void runSignalMask(long mask, boolean set) {}

    @Override
    public void block(BooleanSupplier until) {
        waits.until(until);
    }

    @Override
    public void wake() {}

    @Override
    public String toString() {
        return "client of " + task;
    }
}
