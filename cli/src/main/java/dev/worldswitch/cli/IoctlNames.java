package dev.worldswitch.cli;

import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.server.HostThread;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Calls and answers in the words of people: names of ioctls, fields of their structures, errnos. */
final class IoctlNames {
    /** asm-generic/errno-base.h and errno.h. */
    private static final Map<Integer, String> ERRNO = Map.ofEntries(
            Map.entry(1, "EPERM"),
            Map.entry(2, "ENOENT"),
            Map.entry(4, "EINTR"),
            Map.entry(5, "EIO"),
            Map.entry(6, "ENXIO"),
            Map.entry(7, "E2BIG"),
            Map.entry(9, "EBADF"),
            Map.entry(11, "EAGAIN"),
            Map.entry(12, "ENOMEM"),
            Map.entry(14, "EFAULT"),
            Map.entry(16, "EBUSY"),
            Map.entry(17, "EEXIST"),
            Map.entry(19, "ENODEV"),
            Map.entry(22, "EINVAL"),
            Map.entry(24, "EMFILE"),
            Map.entry(25, "ENOTTY"),
            Map.entry(28, "ENOSPC"),
            Map.entry(38, "ENOSYS"),
            Map.entry(95, "EOPNOTSUPP"));

    /** uapi linux/kvm.h, KVM_EXIT_*. */
    private static final Map<Integer, String> EXIT = Map.ofEntries(
            Map.entry(0, "UNKNOWN"),
            Map.entry(1, "EXCEPTION"),
            Map.entry(2, "IO"),
            Map.entry(3, "HYPERCALL"),
            Map.entry(4, "DEBUG"),
            Map.entry(5, "HLT"),
            Map.entry(6, "MMIO"),
            Map.entry(7, "IRQ_WINDOW_OPEN"),
            Map.entry(8, "SHUTDOWN"),
            Map.entry(9, "FAIL_ENTRY"),
            Map.entry(10, "INTR"),
            Map.entry(17, "INTERNAL_ERROR"),
            Map.entry(24, "SYSTEM_EVENT"),
            Map.entry(29, "X86_RDMSR"),
            Map.entry(30, "X86_WRMSR"));

    private final IoctlTable table;

    IoctlNames(IoctlTable table) {
        this.table = table;
    }

    String call(HostThread thread, KvmFile file, int command, long argument) {
        IoctlTable.Row row = table.find(file.kind(), command);
        String name = row == null ? "0x" + Integer.toHexString(command) : row.name();
        String decoded = StructDecoder.decode(thread, command, argument);
        String value = decoded != null ? decoded : argument == 0 ? "0" : "0x" + Long.toHexString(argument);
        return "ioctl(" + file.fileName() + ", " + name + ", " + value + ")";
    }

    /** The exit reason, after KVM_RUN. */
    String exit(long reason) {
        return "KVM_EXIT_" + EXIT.getOrDefault((int) reason, Long.toString(reason));
    }

    static String answer(long answer, @Nullable String made) {
        if (made != null) return "<" + made + ">";
        if (answer >= 0) return Long.toString(answer);
        String name = ERRNO.get((int) -answer);
        return "-1 " + (name == null ? "errno " + -answer : name);
    }
}
