package dev.worldswitch.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import org.junit.jupiter.api.Test;

/** Lists of registers, asked for again and again, keep nothing: -Dworldswitch.lists=2000000 asks for millions. */
class RegisterListsTest {
    private static final int TIMES = Integer.getInteger("worldswitch.lists", 2_000);
    private static final int GET_REG_LIST = IoctlTable.iowr(0xb0, 8), GET_MSR_INDEX_LIST = IoctlTable.iowr(0x02, 4);
    private static final long ARG = Window.STRUCT.address(), ROOM = 8 << 20;
    private static final GuardedMemory MEMORY = GuardedMemory.get();

    private static long used() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    /** Whole lists, too little room, and a number of entries that no memory has. */
    private static void lists(InProcess host, int file, int command, int size, long most) {
        long before = used();
        for (int i = 0; i < TIMES; i++) {
            MEMORY.put(ARG, size, i % 3 == 0 ? most : i % 3 == 1 ? 0 : -1);
            assertThat(host.ioctl(file, command, ARG)).isIn(0L, Errno.E2BIG, Errno.EFAULT);
        }
        assertThat(used()).isLessThan(before + ROOM);
    }

    @Test
    void of_an_arm64_vcpu() {
        InProcess host = new InProcess("max", "6.12");
        MEMORY.clear();
        new Arm64Guest(host, MEMORY, true);
        lists(host, 2, GET_REG_LIST, 8, 8000);
        host.closeAll();
    }

    @Test
    void of_an_x86_host() {
        InProcess host = new InProcess("sapphire-rapids", "6.12");
        MEMORY.clear();
        lists(host, 0, GET_MSR_INDEX_LIST, 4, 16000);
        host.closeAll();
    }
}
