package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Repeated string instructions over many pages, and addresses of 57 bits. */
class StringsAndWideAddressesTest {
    private static final long HIGH = 0xff11000000000000L;

    private static Guest at(String code) {
        return new Guest().longMode().bytes(0x1000, code);
    }

    private static int b(Guest g, long at) {
        return g.ram.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    }

    @Test
    void a_repeated_copy_over_pages_copies_every_byte_and_no_other() {
        Guest g = at("f3 a4 f4");
        for (int k = 0; k < 10000; k++) g.ram.set(ValueLayout.JAVA_BYTE, 0x20123 + k, (byte) (k * 7));
        g.state.gpr.set(1, 10000);
        g.state.gpr.set(6, 0x20123);
        g.state.gpr.set(7, 0x30ff5);
        g.run();
        for (int k = 0; k < 10000; k++) assertThat(b(g, 0x30ff5 + k)).isEqualTo(k * 7 & 0xff);
        assertThat(b(g, 0x30ff4)).isZero();
        assertThat(b(g, 0x30ff5 + 10000)).isZero();
        assertThat(g.state.gpr.get(1)).isZero();
        assertThat(g.state.gpr.get(6)).isEqualTo(0x20123 + 10000);
        assertThat(g.state.gpr.get(7)).isEqualTo(0x30ff5 + 10000);
    }

    @Test
    void a_copy_onto_the_bytes_after_its_source_repeats_them() {
        Guest g = at("f3 a4 f4");
        g.bytes(0x20000, "01 02 03");
        g.state.gpr.set(1, 6000);
        g.state.gpr.set(6, 0x20000);
        g.state.gpr.set(7, 0x20003);
        g.run();
        for (int k = 0; k < 6003; k++) assertThat(b(g, 0x20000 + k)).isEqualTo(k % 3 + 1);
    }

    @Test
    void a_repeated_store_of_words_fills_from_an_odd_address() {
        Guest g = at("f3 ab f4");
        g.state.gpr.set(0, 0x44332211);
        g.state.gpr.set(1, 3000);
        g.state.gpr.set(7, 0x20001);
        g.run();
        for (int k = 0; k < 12000; k++) assertThat(b(g, 0x20001 + k)).isEqualTo(0x11 * (k % 4 + 1));
        assertThat(b(g, 0x20001 + 12000)).isZero();
        assertThat(g.state.gpr.get(7)).isEqualTo(0x20001 + 12000);
    }

    @Test
    void a_repeated_store_faults_at_the_page_it_may_not_write_with_its_registers_there() {
        Guest g = at("f3 aa f4").bytes(0x2000, "f4").gate(14, 0x2000, 0, 0);
        g.put(Guest.PT + 8 * 0x22, 0x22000 | 1);
        g.state.gpr.set(1, 0x2000);
        g.state.gpr.set(7, 0x21800);
        g.run();
        assertThat(g.state.cr.get(2)).isEqualTo(0x22000);
        assertThat(g.state.gpr.get(7)).isEqualTo(0x22000);
        assertThat(g.state.gpr.get(1)).isEqualTo(0x2000 - 0x800);
    }

    @Test
    void with_five_levels_57_bits_are_an_address_and_58_are_not() {
        // mov rax,[rsi]; mov [rdi],rax; hlt
        Guest g = at("48 8b 06 48 89 07 f4").bytes(0x2000, "f4").gate(13, 0x2000, 0, 0);
        long pml5 = 0x120000;
        g.put(pml5, Guest.PML4 | 7);
        g.put(pml5 + 8 * (HIGH >>> 48 & 511), Guest.PML4 | 7);
        g.state.cr.set(3, pml5);
        g.state.cr.set(4, g.state.cr.get(4) | X86State.CR4_LA57);
        g.put(0x20000, 0x1234);
        g.state.gpr.set(6, HIGH + 0x20000);
        g.state.gpr.set(7, HIGH + 0x21000);
        g.run();
        assertThat(g.word(0x21000)).isEqualTo(0x1234);
        assertThat(g.state.rip.get()).isEqualTo(0x1007);
        g.state.rip.set(0x1000);
        g.state.gpr.set(6, 0xf011000000020000L);
        g.run();
        assertThat(g.state.rip.get()).isEqualTo(0x2001);
    }
}
