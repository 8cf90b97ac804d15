package dev.worldswitch.fuzz;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What must hold for any calls on a host of one architecture. */
final class IoctlTarget {
    static final List<String> KERNELS = List.of("6.12", "6.1", "6.18", "7.2");
    private static final long MAX_ERRNO = 133;

    private final List<String> machines;
    private final boolean arm;

    IoctlTarget(List<String> machines, boolean arm) {
        this.machines = machines;
        this.arm = arm;
    }

    /** Hosts that have served inputs and may serve more: all that an input made is gone after it. */
    private final Map<String, InProcess> hosts = new HashMap<>();

    void run(byte[] data) {
        Input in = new Input(data);
        int where = in.u8();
        String machine = machines.get((where >>> 2) % machines.size()), kernel = KERNELS.get(where & 3);
        InProcess host = hosts.remove(machine + kernel);
        if (host == null) host = new InProcess(machine, kernel);
        int cells = host.cells();
        new IoctlScript(host, host.host().ioctls(), arm, true, new Checks(host)).run(in);
        host.closeAll();
        if (host.cells() != cells)
            throw new AssertionError("after the last close there are " + (host.cells() - cells) + " cells more");
        hosts.put(machine + kernel, host);
    }

    private record Checks(InProcess host) implements IoctlScript.Listener {
        @Override
        public void after(int file, int command, long argument, long answer) {
            if (answer < -MAX_ERRNO && answer != KvmPath.MADE)
                throw new AssertionError(name(host, file, command) + " answers " + answer);
            if (!mustChangeNothing(answer, command, argument)) return;
            // Once more: what a refused call changes the first time it changes again, or it answers otherwise.
            long before = host.stateHash(), again = host.ioctl(file, command, argument);
            if (again != answer)
                throw new AssertionError(name(host, file, command) + " answers " + answer + ", then " + again);
            if (host.stateHash() != before)
                throw new AssertionError(name(host, file, command) + " answers " + answer + " and changes something");
        }
    }

    private static String name(InProcess host, int file, int command) {
        IoctlTable.Row row = host.host().ioctls().find(host.kind(file), command);
        return row == null ? "ioctl 0x" + Integer.toHexString(command) : row.name();
    }

    /** An unknown number, and an argument that can't be read at all, end a call before it begins. */
    private static boolean mustChangeNothing(long answer, int command, long argument) {
        if (answer == Errno.ENOTTY) return true;
        boolean in = (command & 0x4000_0000) != 0;
        return answer == Errno.EFAULT && in && !GuardedMemory.get().holds(argument, 4, false);
    }
}
