package dev.worldswitch.cli;

import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.server.HostThread;

/** Names of ioctls and errnos for people: uapi linux/kvm.h, asm-generic/errno-base.h, asm-generic/errno.h. */
final class IoctlNames {
    private IoctlNames() {}

    static String call(HostThread thread, KvmFile file, int command, long argument) {
        return "ioctl(" + file.fileName() + ", 0x" + Integer.toHexString(command) + ", 0x" + Long.toHexString(argument) + ")";
    }

    static String answer(long answer, boolean descriptor) {
        return descriptor ? "descriptor" : Long.toString(answer);
    }
}
