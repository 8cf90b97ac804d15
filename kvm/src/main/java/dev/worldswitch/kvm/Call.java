package dev.worldswitch.kvm;

import org.jspecify.annotations.Nullable;

/** One ioctl under way: who calls, its argument, and where a new descriptor goes. */
public record Call(Caller caller, long argument, KvmFile.Made made) {
    public Client client() {
        return caller.client();
    }

    /** copy_from_user of a structure at the argument; null for EFAULT. */
    public @Nullable Bytes in(int size) {
        return in(argument, size);
    }

    public @Nullable Bytes in(long address, int size) {
        byte[] b = new byte[size];
        return size == 0 || client().read(address, b, 0, size) ? new Bytes(b) : null;
    }

    /** copy_to_user at the argument: 0 or EFAULT. */
    public long out(Bytes b) {
        return out(argument, b);
    }

    public long out(long address, Bytes b) {
        return b.size() == 0 || client().write(address, b.array(), 0, b.size()) ? 0 : Errno.EFAULT;
    }

    /** Gives the caller a descriptor to {@code file}, its number as the answer. */
    public long open(KvmFile file, int flags) {
        made.file = file;
        made.flags = flags;
        return 0;
    }
}
