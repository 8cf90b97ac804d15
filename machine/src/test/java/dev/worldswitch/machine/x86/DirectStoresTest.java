package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** MOVDIRI, MOVDIR64B, UMONITOR, UMWAIT, TPAUSE; what a machine lacks raises #UD. */
class DirectStoresTest {
    private static Guest at(String code) {
        Guest g = new Guest().longMode().bytes(0x1000, code + " f4");
        // Any exception: no IDT, so that the guest shuts down.
        g.state.idtLimit.set(0);
        g.state.gpr.set(3, 0x20000);
        g.state.gpr.set(6, 0x20100);
        return g;
    }

    @Test
    void direct_stores_write_4_8_and_64_bytes() {
        // movdiri [rbx], eax; movdiri [rbx+8], rax; movdir64b rsi, [rbx]
        Guest g = at("0f 38 f9 03 48 0f 38 f9 43 08 66 0f 38 f8 33");
        g.state.gpr.set(0, 0x1122334455667788L);
        g.put(0x20038, 77);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.word(0x20000)).isEqualTo(0x55667788L);
        assertThat(g.word(0x20108)).isEqualTo(0x1122334455667788L);
        assertThat(g.word(0x20138)).isEqualTo(77);
    }

    @Test
    void the_destination_of_64_bytes_is_aligned() {
        Guest g = at("66 0f 38 f8 33");
        g.state.gpr.set(6, 0x20108);
        assertThat(g.run().reason).isEqualTo(X86Exit.SHUTDOWN);
    }

    @Test
    void waiting_ends_at_once_with_flags_clear() {
        // umonitor rbx; umwait ecx; tpause ecx
        Guest g = at("f3 0f ae f3 f2 0f ae f1 66 0f ae f1");
        g.state.gpr.set(1, 1);
        g.state.rflags.set(2 | Flags.STATUS);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.state.rflags.get() & Flags.STATUS).isZero();
        Guest reserved = at("f2 0f ae f1");
        reserved.state.gpr.set(1, 2);
        assertThat(reserved.run().reason).isEqualTo(X86Exit.SHUTDOWN);
    }

    @Test
    void what_cpuid_does_not_tell_of_is_undefined() {
        // enqcmd rsi, [rbx] and ptwrite eax: no such bits on Sapphire Rapids.
        assertThat(at("f2 0f 38 f8 33").run().reason).isEqualTo(X86Exit.SHUTDOWN);
        assertThat(at("f3 0f ae e0").run().reason).isEqualTo(X86Exit.SHUTDOWN);
    }

    @Test
    void every_feature_is_there_or_not_as_the_profile_says() {
        X86Profile old = X86Profile.builtIn("x86-64-v1"), skylake = X86Profile.builtIn("skylake-server");
        X86Profile sapphire = X86Profile.builtIn("sapphire-rapids");
        assertThat(Feature.of(old)).contains(Feature.MMX, Feature.SSE2).doesNotContain(Feature.SSSE3, Feature.AVX512F);
        assertThat(Feature.of(skylake)).contains(Feature.AVX512BW).doesNotContain(Feature.AVX512_VNNI, Feature.MOVDIRI);
        assertThat(Feature.of(sapphire)).contains(Feature.AVX512_FP16, Feature.AVX_VNNI, Feature.WAITPKG);
        assertThat(old.has(java.util.Set.of(Feature.MOVDIR64B))).isFalse();
    }
}
