package dev.worldswitch.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import java.util.HexFormat;
import java.util.Locale;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** KVM_RUN ends within 10 ms of CPU time after a kick, in the guests that give least occasion for it. */
class InterruptibleTest {
    private static final int RUN = IoctlTable.io(0x80), TRIES = 5;
    private static final long CODE = 0x8000, LIMIT_NS = 10_000_000;
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
        "xsave and xrstor, b8ffffffff 99 31c9 48c7c700a00000 0fae27 0fae2f ebf8"
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
        "IC IALLU, 1f7508d5 ffffff17"
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
}
