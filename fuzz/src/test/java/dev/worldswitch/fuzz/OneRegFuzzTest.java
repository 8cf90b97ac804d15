package dev.worldswitch.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.machine.MachineProfile;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * KVM_GET_ONE_REG and KVM_SET_ONE_REG of any 64-bit id on every arm64 profile: what has a value has a size, reading changes
 * nothing and writes no more than the register's bytes, an unknown id changes nothing.
 */
class OneRegFuzzTest {
    private static final int GET = IoctlTable.iow(0xab, 16),
            SET = IoctlTable.iow(0xac, 16),
            LIST = IoctlTable.iowr(0xb0, 8);
    private static final int CREATE_VCPU = IoctlTable.io(0x41), TARGET = IoctlTable.ior(0xaf, 32);
    private static final int INIT = IoctlTable.iow(0xae, 32), FINALIZE = IoctlTable.iow(0xc2, 4);
    private static final List<String> MACHINES = MachineProfile.names().stream()
            .filter(n -> MachineProfile.builtIn(n).arch().equals("arm64"))
            .toList();
    private static final GuardedMemory MEMORY = GuardedMemory.get();
    private static final long ARG = Window.STRUCT.address(), VALUE = Window.DATA.address();
    private static final int STALE = 0xee, VALUE_MAX = 256;

    private final Map<String, InProcess> hosts = new HashMap<>();

    @FuzzTest
    void any_register_id_has_a_value_or_an_errno(byte[] data) {
        Input in = new Input(data);
        String machine = MACHINES.get(in.u8() % MACHINES.size()), kernel = IoctlTarget.KERNELS.get(in.u8() & 3);
        InProcess host = hosts.remove(machine + kernel);
        if (host == null) host = new InProcess(machine, kernel);
        MEMORY.clear();
        host.ioctl(0, IoctlTable.io(1), 0);
        host.ioctl(1, CREATE_VCPU, 0);
        host.ioctl(1, TARGET, ARG);
        int features = in.u8();
        MEMORY.put(ARG + 4, 4, features & 0xff);
        boolean usable = host.ioctl(2, INIT, ARG) == 0;
        MEMORY.put(ARG, 4, 4);
        if ((features & 16) != 0 && (features & 0x100) == 0) host.ioctl(2, FINALIZE, ARG);
        MEMORY.put(Window.SLOT.address(), 8, 4000);
        long[] ids = new long[0];
        if (usable && host.ioctl(2, LIST, Window.SLOT.address()) == 0) {
            ids = new long[(int) MEMORY.get(Window.SLOT.address(), 8)];
            for (int i = 0; i < ids.length; i++) ids[i] = MEMORY.get(Window.SLOT.address() + 8 + 8L * i, 8);
        }
        for (int n = 0; n < 24 && !in.isEmpty(); n++) {
            int how = in.u8();
            long id = (how & 2) == 0 || ids.length == 0 ? in.u64() : ids[(int) (in.number(2) % ids.length)];
            if ((how & 4) != 0) id ^= 1L << in.u8();
            if ((how & 1) == 0) get(host, id);
            else set(host, id, in.take(in.u8() & 0x1f), (how & 8) != 0);
        }
        host.closeAll();
        hosts.put(machine + kernel, host);
    }

    private static void argument(long id, long value) {
        MEMORY.put(ARG, 8, id);
        MEMORY.put(ARG + 8, 8, value);
    }

    private static String text(long id, long answer) {
        return "register 0x" + Long.toHexString(id) + " answers " + answer;
    }

    private static void get(InProcess host, long id) {
        for (int i = 0; i < VALUE_MAX + 8; i++) MEMORY.put(VALUE + i, 1, STALE);
        argument(id, VALUE);
        long before = host.stateHash(), r = host.ioctl(2, GET, ARG);
        if (r > 0 || r < -133) throw new AssertionError(text(id, r));
        int size = 1 << (id >>> 52 & 15);
        for (int i = r == 0 ? size : 0; i < VALUE_MAX + 8; i++)
            if (MEMORY.get(VALUE + i, 1) != STALE) throw new AssertionError(text(id, r) + " and wrote byte " + i);
        if (host.stateHash() != before) throw new AssertionError(text(id, r) + " and changed something");
        argument(id, Window.DATA.end() - 1);
        long fault = host.ioctl(2, GET, ARG);
        if (r == 0 && size > 1 && fault != Errno.EFAULT)
            throw new AssertionError(text(id, fault) + " into unmapped memory");
    }

    private static void set(InProcess host, long id, byte[] value, boolean unmapped) {
        for (int i = 0; i < VALUE_MAX; i++) MEMORY.put(VALUE + i, 1, i < value.length ? value[i] : 0);
        argument(id, unmapped ? 0x10 : VALUE);
        long before = host.stateHash(), r = host.ioctl(2, SET, ARG);
        if (r > 0 || r < -133) throw new AssertionError(text(id, r));
        if ((r == Errno.ENOENT || r == Errno.EFAULT) && host.stateHash() != before)
            throw new AssertionError("setting " + text(id, r) + " and changed something");
    }
}
