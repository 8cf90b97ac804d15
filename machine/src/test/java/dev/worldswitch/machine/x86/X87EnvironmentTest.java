package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** FNSTENV, FLDENV, FNSAVE, FRSTOR: the layout that SDM vol. 1, 8.1.10 shows. */
class X87EnvironmentTest {
    private static Guest run(String code) {
        Guest g = new Guest().longMode().bytes(0x1000, code + " f4");
        g.state.gpr.set(3, 0x20000);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        return g;
    }

    @Test
    void the_environment_has_control_status_and_tags_and_masks_all_exceptions_afterwards() {
        // fninit; fld1; fldz; fnstenv [rbx]; fnstcw [rbx+32]
        Guest g = run("db e3 d9 e8 d9 ee d9 33 d9 7b 20");
        assertThat(g.word(0x20000) & 0xffff).isEqualTo(0x37f);
        assertThat(g.word(0x20000) >>> 32 & 0xffff).isEqualTo(6 << 11);
        // Registers 7 and 6: a number, a zero; the others are empty.
        assertThat(g.word(0x20008) & 0xffff).isEqualTo(0x1fff);
        assertThat(g.word(0x20020) & 0xffff).isEqualTo(0x37f);
    }

    @Test
    void saved_state_leaves_an_initial_fpu_and_comes_back_whole() {
        // fninit; fldpi; fld1; fnsave [rbx]; fnstsw [rbx+0x70]; frstor [rbx]; fstp [rbx+0x80]; fstp [rbx+0x90]
        Guest g = run("db e3 d9 eb d9 e8 dd 33 dd 7b 70 dd 23 db bb 80 00 00 00 db bb 90 00 00 00");
        assertThat(g.word(0x20070) & 0xffff).isZero();
        assertThat(g.word(0x20000 + 28)).isEqualTo(1L << 63);
        assertThat(g.word(0x20000 + 38)).isEqualTo(0xc90fdaa22168c235L);
        assertThat(g.word(0x20080)).isEqualTo(1L << 63);
        assertThat(g.word(0x20088) & 0xffff).isEqualTo(0x3fff);
        assertThat(g.word(0x20090)).isEqualTo(0xc90fdaa22168c235L);
        assertThat(g.word(0x20098) & 0xffff).isEqualTo(0x4000);
    }

    @Test
    void an_environment_that_is_loaded_turns_the_stack_and_is_stored_again() {
        // fninit; fldpi; fldenv [rbx]; fnstenv [rbx+0x40]
        Guest g = new Guest().longMode().bytes(0x1000, "db e3 d9 eb d9 23 d9 73 40 f4");
        g.state.gpr.set(3, 0x20000);
        g.put(0x20000, 0x0b7fL | (3L << 11 | 0x4100) << 32);
        g.put(0x20008, 0xff3fL | 0x12345678L << 32);
        g.put(0x20010, 0x0123L << 16);
        g.run();
        assertThat(g.word(0x20040) & 0xffff).isEqualTo(0xb7f);
        assertThat(g.word(0x20040) >>> 32 & 0xffff).isEqualTo(3 << 11 | 0x4100);
        // What is not empty has the tag of its contents: register 3, zero.
        assertThat(g.word(0x20048) & 0xffff).isEqualTo(0xff7f);
        assertThat(g.word(0x20048) >>> 32).isEqualTo(0x12345678L);
        assertThat(g.word(0x20050) >>> 16 & 0x7ff).isEqualTo(0x123);
    }

    @Test
    void the_last_instruction_that_is_no_control_instruction_is_recorded() {
        // fninit; fld1; fstp qword [rbx+0x40]; fnstcw [rbx+0x50]; fnstenv [rbx]
        Guest g = run("db e3 d9 e8 dd 5b 40 d9 7b 50 d9 33");
        assertThat(g.word(0x20008) >>> 32).isEqualTo(0x1004);
        // Sapphire Rapids records opcodes and operands of unmasked exceptions only.
        assertThat(g.word(0x20010)).isZero();
    }

    @Test
    void an_unmasked_exception_records_opcode_and_operand() {
        // fninit; fldcw [rbx+0x40] (zero divide unmasked); fld1; fdiv dword [rbx+0x48]; fnstenv [rbx]
        Guest g = new Guest().longMode().bytes(0x1000, "db e3 d9 6b 40 d9 e8 d8 73 48 d9 33 f4");
        g.state.gpr.set(3, 0x20000);
        g.put(0x20040, 0x37b);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.word(0x20008) >>> 32).isEqualTo(0x1007);
        assertThat(g.word(0x20010) >>> 16 & 0x7ff).isEqualTo(0x073);
        assertThat(g.word(0x20010) >>> 32).isEqualTo(0x20048);
    }
}
