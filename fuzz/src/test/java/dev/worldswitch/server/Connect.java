package dev.worldswitch.server;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** connect(2), which the server itself does not need. */
final class Connect {
    private static final MethodHandle SYSCALL = link();

    private Connect() {}

    @SuppressWarnings("restricted")
    private static MethodHandle link() {
        Linker linker = Linker.nativeLinker();
        ValueLayout.OfLong l = ValueLayout.JAVA_LONG;
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow("syscall"), FunctionDescriptor.of(l, l, l, l, l));
    }

    static void connect(int number, int fd, MemorySegment address) {
        try {
            long r = (long) SYSCALL.invokeExact((long) number, (long) fd, address.address(), address.byteSize());
            if (r < 0) throw new IllegalStateException("connect");
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }
}
