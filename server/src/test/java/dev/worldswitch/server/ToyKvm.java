package dev.worldswitch.server;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.machine.cell.Region;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A /dev/kvm without KVM, for tests of the way to it: the same kinds of files, and ioctls that use each service of a client. */
final class ToyKvm implements KvmFile {
    static final int CREATE_VM = 0xae01, CREATE_VCPU = 0xae41, RUN = 0xae80, SET_SIGNAL_MASK = 0x4004ae8b;
    /** Toy calls: adopt {address, size}; read and write a byte as a guest would; copy 8 bytes in and back out plus one. */
    static final int ADOPT = 0x4010aef0, PEEK = 0x4008aef1, POKE = 0x4008aef2, ADD_ONE = 0xc008aef3, EVENTFD = 0xaef4;
    /** Runs in the guest: a loop, or a halt. */
    static final int RUN_SPINNING = 0, RUN_HALTED = 1, RUN_BREAKING = 2;
    /** Toy calls that end by an exception with a lock held, and that need that lock. */
    static final int BREAK = 0xaef5, TAKE = 0xaef6;
    /** The file's end will break down. */
    static final int BREAK_END = 0xaef7;

    private boolean breaksAtItsEnd;

    private final Mutex lock = new Mutex(Region.root("toy"), "lock");

    final AtomicInteger alive = new AtomicInteger();
    private final Kind kind;
    private final ToyKvm root;
    private final @Nullable SharedPages pages;
    private final @Nullable Client owner;

    ToyKvm() {
        this.kind = Kind.SYSTEM;
        this.root = this;
        this.pages = null;
        this.owner = null;
    }

    private ToyKvm(ToyKvm root, Kind kind, @Nullable SharedPages pages, Client owner) {
        this.root = root;
        this.kind = kind;
        this.pages = pages;
        this.owner = owner;
        root.alive.incrementAndGet();
    }

    @Override
    public Kind kind() {
        return kind;
    }

    @Override
    public String fileName() {
        return "toy-" + kind;
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        Client client = caller.client();
        switch (command) {
            case CREATE_VM -> made.file = new ToyKvm(root, Kind.VM, null, client);
            case CREATE_VCPU -> made.file = new ToyKvm(root, Kind.VCPU, client.newSharedPages(3 * 4096), client);
            default -> {
                return other(caller, client, command, argument);
            }
        }
        made.flags = 0x80002;
        return 0;
    }

    private long other(Caller caller, Client client, int command, long argument) {
        byte[] b = new byte[16];
        switch (command) {
            case ADOPT -> {
                if (!client.read(argument, b, 0, 16)) return Errno.EFAULT;
                return client.adopt(number(b, 0), number(b, 8));
            }
            case PEEK, POKE -> {
                if (!client.read(argument, b, 0, 8)) return Errno.EFAULT;
                long page = client.hostPage(number(b, 0), command == POKE);
                if (page == 0) return Errno.EFAULT;
                long at = page + (number(b, 0) & 4095);
                if (command == PEEK) return Native.memory().get(ValueLayout.JAVA_BYTE, at) & 0xff;
                Native.memory().set(ValueLayout.JAVA_BYTE, at, (byte) 0x5a);
                return 0;
            }
            case ADD_ONE -> {
                if (!client.read(argument, b, 0, 8)) return Errno.EFAULT;
                b[0]++;
                return client.write(argument, b, 0, 8) ? 0 : Errno.EFAULT;
            }
            case EVENTFD -> {
                return client.signalEventfd((int) argument) ? 0 : Errno.EBADF;
            }
            case SET_SIGNAL_MASK -> {
                if (argument != 0 && !client.read(argument, b, 0, 12)) return Errno.EFAULT;
                caller.runSignalMask(number(b, 4), argument != 0);
                return 0;
            }
            case BREAK -> {
                root.lock.lock();
                throw new IllegalStateException("a toy that breaks on purpose");
            }
            case BREAK_END -> {
                breaksAtItsEnd = true;
                return 0;
            }
            case TAKE -> {
                root.lock.lock();
                root.lock.unlock();
                return 0;
            }
            case RUN -> {
                return run(caller, argument);
            }
            default -> {
                return Errno.ENOTTY;
            }
        }
    }

    private long run(Caller caller, long argument) {
        if (pages == null || owner == null) return Errno.EINVAL;
        if (caller.client().mm() != owner.mm()) return Errno.EIO;
        pages.set(16, 8, pages.get(16, 8) + 1);
        if (pages.get(0, 1) == RUN_BREAKING) {
            caller.task().cpu().irqDisable();
            throw new AssertionError("a toy guest that breaks on purpose");
        }
        // Bytes 1 of the page: immediate_exit; 0: what the guest does.
        if (pages.get(0, 1) == RUN_HALTED) caller.block(() -> pages.get(1, 1) != 0);
        else
            while (!caller.signalPending() && pages.get(1, 1) == 0) {
                caller.task().cpu().moment("toy guest");
                Thread.onSpinWait();
            }
        pages.set(8, 4, 10);
        return Errno.EINTR;
    }

    static long number(byte[] b, int at) {
        long v = 0;
        for (int i = 7; i >= 0; i--) v = v << 8 | b[at + i] & 0xff;
        return v;
    }

    @Override
    public @Nullable SharedPages pages() {
        return pages;
    }

    @Override
    public long read(byte[] into, long offset) {
        return Errno.EINVAL;
    }

    @Override
    public void release() {
        if (kind != Kind.SYSTEM) root.alive.decrementAndGet();
        if (pages != null) pages.close();
        if (breaksAtItsEnd) throw new IllegalStateException("a toy whose end breaks on purpose");
    }
}
