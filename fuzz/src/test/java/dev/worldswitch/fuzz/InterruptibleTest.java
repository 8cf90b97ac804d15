package dev.worldswitch.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.HexFormat;
import java.util.Locale;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** KVM_RUN ends within 10 ms of CPU time after a kick, in the guests that give least occasion for it. */
class InterruptibleTest {
    private static final int RUN = IoctlTable.io(0x80), TRIES = 5;
    private static final long CODE = 0x8000, LIMIT_NS = 10_000_000;
    private static final long MAIR_EL1 = 0x6030_0000_0013_c510L;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final GuardedMemory MEMORY = GuardedMemory.get();

    /** Best of some tries: the first ones are about the JIT, others about whatever else this computer does. */
    private static void endsInTime(String what, InProcess host) {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < TRIES && best > LIMIT_NS; i++) {
            assertThat(host.ioctl(2, RUN, 0)).as(what).isEqualTo(Errno.EINTR);
            best = Math.min(best, InProcess.cpuTimeAfterKick());
        }
        System.out.printf(Locale.ROOT, "%s: %.2f ms%n", what, best / 1e6);
        assertThat(best).as(what).isLessThan(LIMIT_NS);
    }

    private static void code(long gpa, String hex) {
        byte[] b = HexFormat.of().parseHex(hex.replace(" ", ""));
        MEMORY.write(Window.SLOT.address() + gpa, b, 0, b.length);
    }

    /** RSI is 0x9000, RDI 0xa000, all memory from 256 KiB on is absent. */
    @ParameterizedTest
    @CsvSource({
        "an empty loop, ebfe",
        "rep movsb of 192 KiB, b900000300 48c7c600000100 48c7c700000100 fcf3a4 ebe8",
        "rep stosq of 192 KiB, b900600000 48c7c700000100 31c0 fc f348ab ebec",
        "a repe scasb that finds nothing, b900800000 31c0 48c7c700a00000 fcf3ae ebed",
        "a rep cmpsb of two zeroed stretches, b900400000 48c7c600a00000 48c7c700c00000 fcf3a6 ebe8",
        "rep lodsq, b900600000 48c7c600a00000 fc f348ad ebee",
        "a rep insb of nothing, 31c9 f36c ebfa",
        "pushes and pops, 5058 5058 5058 5058 ebf6",
        "code that writes itself, 488d0505000000 c60090 ebf4",
        "xsave and xrstor, b8ffffffff 99 31c9 48c7c700a00000 0fae27 0fae2f ebf8",
        "xsave and xrstor of all components with tiles, 31c931d2b8e70206000f01d1 b8ffffffff 99 48c7c700000200 0fae27 0fae2f ebdf",
        "xsavec of all components, 31c931d2b8e70206000f01d1 b8ffffffff 99 48c7c700000200 0fc727 ebe2",
        "fxsave and fxrstor, 480fae07 480fae0f ebf6",
        "fnsave and frstor, dd37 dd27 ebfa",
        "a rep movsb of 192 KiB backwards, b900000200 48c7c6ffff0200 48c7c7ffff0300 fdf3a4 ebe8",
        "a rep movsq onto itself, b900600000 48c7c600000100 48c7c701000100 fcf348a5 ebe7",
        "gathers of eight words, 31c931d2b8e70206000f01d1 c5f5efc9 c5ed76d2 c4e26d90040e ebe4",
        "scatters of sixteen words, 31c931d2b8e70206000f01d1 c5f5efc9 c5f446c9 62f27d49a0040e ebe3",
        "all translations dropped by CR3, 0f20d8 0f22d8 ebf8",
        "invlpg, 0f0138 ebfb",
        "cpuid, 31c0 0fa2 ebfa",
        "enter of 31 levels, bc00f00300 bd00f00300 c800001f ebf0",
        "a locked access over two pages, f048ff0425fc9f0000 ebf5",
        "a locked cmpxchg16b, f0480fc70e ebf9",
        "pause, f390 ebfc"
    })
    void an_x86_guest_is_left_in_time(String what, String code) {
        x86(what, code, guest -> {});
    }

    /** An exception whose handler is at the same instruction, for ever: faults, traps, breakpoints. */
    @ParameterizedTest
    @CsvSource({"an undefined instruction, 0f0b", "a breakpoint, cc", "a single step, 9c 810c2400010000 9d 90"})
    void an_x86_guest_of_exceptions_alone_is_left_in_time(String what, String code) {
        x86(what, code, guest -> guest.allVectorsTo(CODE));
    }

    private static void x86(String what, String code, Consumer<X86Guest> further) {
        InProcess host = new InProcess("sapphire-rapids", "6.12");
        MEMORY.clear();
        X86Guest guest = new X86Guest(host, MEMORY);
        code(CODE, code);
        guest.longMode(CODE, 0x9000, 0xa000);
        guest.allFeatures();
        further.accept(guest);
        endsInTime(what, host);
        host.closeAll();
    }

    @ParameterizedTest
    @CsvSource({
        "an empty loop, 00000014",
        "a loop of exceptions by an undefined word, 00000000",
        "a vector that is not there, 01000000",
        "gathers of all lanes, e0e31825 00400085 ffffff17",
        "DC ZVA, 20740bd5 ffffff17",
        "exclusives that never succeed, 017c5fc8 017c02c8 feffff17",
        "WFE, 5f2003d5 ffffff17",
        "YIELD, 3f2003d5 ffffff17",
        "TLBI, 1f8708d5 ffffff17",
        "IC IALLU, 1f7508d5 ffffff17",
        "LDFF1 gathers of all lanes, e0e31825 00600085 ffffff17",
        "LDFF1 of a whole vector, e0e31825 00601fa4 ffffff17",
        "scatters of all lanes, e0e31825 008040e5 ffffff17",
        "DC CIVAC, 207e0bd5 ffffff17",
        "AT S1E1R, 007808d5 ffffff17",
        "TLBI of all CPUs and DSB, 1f8308d5 9f3f03d5 feffff17"
    })
    void an_arm64_guest_is_left_in_time(String what, String code) {
        InProcess host = new InProcess("max", "6.12");
        MEMORY.clear();
        Arm64Guest guest = new Arm64Guest(host, MEMORY, true);
        code(CODE, code);
        // VBAR_EL1 at the code itself: the vector of an exception at EL1 with SP_EL1 is 0x200 behind it, zeroes.
        guest.register(Arm64Guest.VBAR_EL1, code.startsWith("0100") ? 0x7000_0000_0000L : CODE);
        guest.register(Arm64Guest.CPACR_EL1, 0x330000);
        guest.register(Arm64Guest.X0, 0xa000);
        guest.register(Arm64Guest.PC, CODE);
        endsInTime(what, host);
        host.closeAll();
    }

    /** A table that is its own next table at each level: an access is four reads of it, and each one is made anew. */
    @Test
    void an_arm64_guest_whose_page_table_is_its_own_next_one_is_left_in_time() {
        InProcess host = new InProcess("max", "6.12");
        MEMORY.clear();
        Arm64Guest guest = new Arm64Guest(host, MEMORY, true);
        // TLBI VMALLE1; DSB; ISB; LDR x1, [x0]; B.
        code(CODE, "1f8708d5 9f3f03d5 df3f03d5 010040f9 fcffff17");
        MEMORY.put(Window.SLOT.address() + 0x10000, 8, 0x10703);
        MEMORY.put(Window.SLOT.address() + 0x10040, 8, CODE | 0x703);
        guest.register(Arm64Guest.TTBR0_EL1, 0x10000);
        guest.register(Arm64Guest.TCR_EL1, 0x80_0010);
        guest.register(MAIR_EL1, 0xff);
        guest.register(Arm64Guest.SCTLR_EL1, 0x30d0_0801);
        guest.register(Arm64Guest.X0, 0);
        guest.register(Arm64Guest.PC, CODE);
        endsInTime("a table that is its own next one", host);
        host.closeAll();
    }

    /** What leaves to the client at each step takes no longer than a kick may. */
    @ParameterizedTest
    @CsvSource({
        "a rep stosb to no memory, b9ffffff7f 48c7c700001000 fcf3aa",
        "a rep movsq from no memory, b9ffffff7f 48c7c600001000 48c7c700a00000 fcf348a5",
        "a rep outsb, b9ffffff7f fcf36e",
        "a rep insb, b9ffffff7f fcf36c"
    })
    void a_string_instruction_gives_the_client_a_turn_at_each_exit(String what, String code) {
        InProcess host = new InProcess("sapphire-rapids", "6.12");
        MEMORY.clear();
        X86Guest guest = new X86Guest(host, MEMORY);
        code(CODE, code);
        guest.longMode(CODE, 0x9000, 0xa000);
        // The client's 1 MiB to 2 MiB are mapped to where there is no slot.
        for (long i = 256; i < 512; i++)
            MEMORY.put(Window.SLOT.address() + X86Guest.PT + 8 * i, 8, (i << 12) + 0x4000_0000L | 7);
        long best = Long.MAX_VALUE;
        for (int tries = 0; tries < 20; tries++) {
            long begun = THREADS.getCurrentThreadCpuTime();
            long answer = host.ioctl(2, RUN, 0);
            long took = THREADS.getCurrentThreadCpuTime() - begun;
            assertThat(answer).as(what).isIn(0L, Errno.EINTR);
            best = Math.min(best, took);
        }
        assertThat(best).as(what).isLessThan(LIMIT_NS);
        host.closeAll();
    }

    /** Page tables that lie where there is no memory: the guest faults for ever, or its run ends; either in time. */
    @ParameterizedTest
    @CsvSource({"sapphire-rapids", "conformance-svm"})
    void an_x86_guest_whose_page_tables_lie_in_no_memory_is_left_in_time(String machine) {
        InProcess host = new InProcess(machine, "6.12");
        MEMORY.clear();
        X86Guest guest = new X86Guest(host, MEMORY);
        // mov rax, [0x200000]; jmp to it.
        code(CODE, "488b042500002000 ebf6");
        guest.longMode(CODE, 0x9000, 0xa000);
        guest.allVectorsTo(CODE);
        MEMORY.put(Window.SLOT.address() + X86Guest.PD + 8, 8, 0x4000_0000L | 7);
        leavesInTime("x86 tables in no memory, " + machine, host);
        host.closeAll();
    }

    @Test
    void an_arm64_guest_whose_page_tables_lie_in_no_memory_is_left_in_time() {
        InProcess host = new InProcess("max", "6.12");
        MEMORY.clear();
        Arm64Guest guest = new Arm64Guest(host, MEMORY, true);
        guest.register(Arm64Guest.TTBR0_EL1, 0x4_0000_0000L);
        guest.register(Arm64Guest.TCR_EL1, 0x80_0010);
        guest.register(Arm64Guest.SCTLR_EL1, 0x30d0_0801);
        guest.register(Arm64Guest.VBAR_EL1, CODE);
        guest.register(Arm64Guest.PC, CODE);
        leavesInTime("arm64 tables in no memory", host);
        host.closeAll();
    }

    /** However KVM_RUN ends: by itself, or some time after a kick. */
    private static void leavesInTime(String what, InProcess host) {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < TRIES && best > LIMIT_NS; i++) {
            long begun = THREADS.getCurrentThreadCpuTime();
            boolean kicked = host.ioctl(2, RUN, 0) == Errno.EINTR;
            long took = kicked ? InProcess.cpuTimeAfterKick() : THREADS.getCurrentThreadCpuTime() - begun;
            best = Math.min(best, took);
        }
        System.out.printf(Locale.ROOT, "%s: %.2f ms%n", what, best / 1e6);
        assertThat(best).as(what).isLessThan(LIMIT_NS);
    }
}
