package dev.worldswitch.server;

import dev.worldswitch.kvm.KvmFile;
import org.jspecify.annotations.Nullable;

/** Sees every call of every client; any thread. */
public interface CallListener {
    /** Nobody looks. */
    CallListener NONE = new CallListener() {};

    /** The ioctl is about to be done; {@code process} lets the client's memory be read. */
    default void enter(HostThread thread, KvmFile file, int command, long argument) {}

    /** The ioctl is done. {@code made} is what a new descriptor stands for. */
    default void exit(
            HostThread thread, KvmFile file, int command, long argument, long answer, @Nullable KvmFile made) {}

    /** Shall the ioctl be done again before the client hears of it? Where {@link HostThread#giveWay} ended it. */
    default boolean again(HostThread thread) {
        return false;
    }

    /** The thread's vCPU waits for something to do. */
    default void waits(HostThread thread) {}

    /** The thread makes no more calls. */
    default void gone(HostThread thread) {}

    /** KVM copied from ({@code in}) or to the memory of the thread's process. */
    default void copied(HostThread thread, boolean in, long address, byte[] bytes, int offset, int length) {}

    /** KVM or a guest uses this page of the thread's process from now on; asked again when mappings changed. */
    default void pageUsed(HostThread thread, long page) {}

    /** /dev/kvm was opened, a descriptor mapped, and such. */
    default void other(HostThread thread, String what, long answer) {}
}
