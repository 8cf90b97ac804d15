package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.Line;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class InterpreterTest {
    private static Guest at(String hex) {
        Guest g = new Guest().longMode().bytes(0x1000, hex);
        // Every handler is: pop the error code where there is one; the tests look at the stack itself.
        for (int v = 0; v < 32; v++) g.gate(v, 0x7000 + v * 16L, 0, 0).bytes(0x7000 + v * 16L, "f4");
        return g;
    }

    private static long frame(Guest g, int word) {
        return g.word(g.state.gpr.get(X86State.RSP) + 8L * word);
    }

    @Test
    void the_smallest_real_mode_client_adds_writes_a_port_and_halts() {
        // mov dx,0x3f8; add al,bl; add al,'0'; out dx,al; hlt
        Guest g = new Guest().realMode().bytes(0x1000, "ba f8 03 00 d8 04 30 ee f4");
        g.state.gpr.set(0, 2);
        g.state.gpr.set(3, 2);
        X86Exit e = g.run();
        assertThat(e.name()).isEqualTo("io");
        assertThat(e.port).isEqualTo(0x3f8);
        assertThat(e.length).isEqualTo(1);
        assertThat(g.rax()).isEqualTo('4');
        g.state.rip.set(g.state.rip.get() + e.length);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.state.rip.get()).isEqualTo(0x1009);
    }

    @Test
    void a_real_mode_interrupt_goes_through_the_vector_table_and_back() {
        // int 0x21; hlt; handler: mov ax,7; iret
        Guest g = new Guest().realMode().bytes(0x1000, "cd 21 f4").bytes(0x2000, "b8 07 00 cf");
        g.put(0x21 * 4, 0x2000);
        g.state.gpr.set(X86State.RSP, 0x800);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.rax()).isEqualTo(7);
        assertThat(g.state.gpr.get(X86State.RSP)).isEqualTo(0x800);
    }

    @Test
    void a_write_to_a_read_only_page_gives_its_error_code_and_cr2() {
        // mov [0x5008],eax by absolute address
        Guest g = at("89 04 25 08 50 00 00 f4");
        g.put(Guest.PT + 8 * 5, 0x5000 | 5);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.state.rip.get()).isEqualTo(0x70e1);
        assertThat(frame(g, 0)).isEqualTo(3);
        assertThat(frame(g, 1)).isEqualTo(0x1000);
        assertThat(g.state.cr.get(2)).isEqualTo(0x5008);
    }

    @Test
    void a_missing_page_a_supervisor_page_and_an_nx_page_each_have_their_code() {
        Guest missing = at("8b 04 25 08 50 00 00 f4");
        missing.put(Guest.PT + 8 * 5, 0);
        missing.run();
        assertThat(frame(missing, 0)).isZero();

        Guest user = at("8b 04 25 08 50 00 00 f4").user();
        user.put(Guest.PT + 8 * 5, 0x5003);
        user.run();
        assertThat(frame(user, 0)).isEqualTo(5);
        assertThat(frame(user, 5)).isEqualTo(0x1b);
        assertThat(user.state.cpl()).isZero();
        assertThat(user.state.gpr.get(X86State.RSP)).isEqualTo(0x8000 - 48);

        // jmp 0x5000
        Guest nx = at("e9 fb 3f 00 00");
        nx.put(Guest.PT + 8 * 5, 0x5007 | 1L << 63);
        nx.run();
        assertThat(frame(nx, 0)).isEqualTo(0x11);
        assertThat(frame(nx, 1)).isEqualTo(0x5000);
    }

    @Test
    void accessed_and_dirty_bits_appear_as_pages_are_used() {
        Guest g = at("8b 04 25 08 50 00 00 89 04 25 08 60 00 00 f4");
        g.run();
        assertThat(g.word(Guest.PT + 8 * 5) & 0x60).isEqualTo(0x20);
        assertThat(g.word(Guest.PT + 8 * 6) & 0x60).isEqualTo(0x60);
        assertThat(g.word(Guest.PML4) & 0x20).isEqualTo(0x20);
    }

    @Test
    void non_canonical_addresses_fault_as_gp_and_through_the_stack_as_ss() {
        // mov eax,[rbx]
        Guest g = at("8b 03 f4");
        g.state.gpr.set(3, 0x800000000000L);
        g.run();
        assertThat(g.state.rip.get()).isEqualTo(0x70d1);
        // mov eax,[rbp+0]
        Guest s = at("8b 45 00 f4");
        s.state.gpr.set(5, 0x800000000000L);
        s.run();
        assertThat(s.state.rip.get()).isEqualTo(0x70c1);
    }

    @Test
    void undefined_and_divide_errors_are_delivered_at_the_instruction() {
        Guest ud = at("90 0f 0b");
        ud.run();
        assertThat(ud.state.rip.get()).isEqualTo(0x7061);
        assertThat(frame(ud, 0)).isEqualTo(0x1001);
        Guest de = at("31 c9 f7 f1");
        de.run();
        assertThat(de.state.rip.get()).isEqualTo(0x7001);
        assertThat(frame(de, 0)).isEqualTo(0x1002);
    }

    @Test
    void without_a_usable_idt_an_exception_ends_in_a_shutdown() {
        Guest g = at("0f 0b");
        g.state.idtLimit.set(0);
        assertThat(g.run().reason).isEqualTo(X86Exit.SHUTDOWN);
    }

    @Test
    void an_exception_comes_back_by_iretq() {
        // ud2; mov eax,5; hlt   handler: add qword [rsp],2; iretq
        Guest g = at("0f 0b b8 05 00 00 00 f4").gate(6, 0x3000, 0, 0).bytes(0x3000, "48 83 04 24 02 48 cf");
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.rax()).isEqualTo(5);
        assertThat(g.state.gpr.get(X86State.RSP)).isEqualTo(0x9000);
    }

    @Test
    void system_calls_go_to_lstar_and_return_to_user_mode() {
        // syscall; jmp $+0 (to 0x1004); hlt in user mode is #GP
        Guest g = at("0f 05 f4").user().bytes(0x3000, "b8 2a 00 00 00 48 0f 07");
        g.state.lstar.set(0x3000);
        g.state.star.set(0x8L << 32 | 0x10L << 48);
        g.state.rflags.set(0x202);
        g.state.sfmask.set(0x200);
        g.run();
        assertThat(g.rax()).isEqualTo(0x2a);
        assertThat(g.state.rip.get()).isEqualTo(0x70d1);
        assertThat(frame(g, 1)).isEqualTo(0x1002);
        assertThat(frame(g, 2)).isEqualTo(0x23);
    }

    @Test
    void the_trap_flag_stops_after_each_instruction() {
        Guest g = at("90 90 f4");
        g.state.rflags.set(X86State.TF | 2);
        g.state.intercepts.set(X86State.EXIT_DB);
        X86Exit e = g.run();
        assertThat(e.reason).isEqualTo(X86Exit.EXCEPTION);
        assertThat(e.vector).isEqualTo(1);
        assertThat(e.payload).isEqualTo(0x4000);
        assertThat(g.state.rip.get()).isEqualTo(0x1001);
    }

    @Test
    void breakpoints_stop_before_code_and_after_data() {
        // nop; mov [0x5000],eax; hlt
        Guest g = at("90 89 04 25 00 50 00 00 f4");
        g.state.intercepts.set(X86State.EXIT_DB);
        g.state.dr.set(0, 0x1001);
        g.state.dr.set(1, 0x5000);
        g.state.dr.set(7, 1 | 4 | 0xdL << 20);
        assertThat(g.run().payload).isEqualTo(1);
        assertThat(g.state.rip.get()).isEqualTo(0x1001);
        g.state.rflags.set(X86State.RF | 2);
        assertThat(g.run().payload).isEqualTo(2);
        assertThat(g.state.rip.get()).isEqualTo(0x1008);
    }

    @Test
    void memory_that_nobody_backs_is_left_before_the_instruction_did_anything_and_emulated() {
        // mov eax,[0x800000]; mov [0x800010],eax; hlt
        Guest g = at("8b 04 25 00 00 80 00 89 04 25 10 00 80 00 f4");
        X86Exit e = g.run();
        assertThat(e.name()).isEqualTo("unbacked memory");
        assertThat(e.gpa).isEqualTo(0x800000);
        assertThat(g.state.rip.get()).isEqualTo(0x1000);
        assertThat(g.m.emulate(false, -1).name()).isEqualTo("mmio read");
        g.m.mmio().answer(0x1234);
        assertThat(g.m.emulate(true, -1).reason).isZero();
        assertThat(g.rax()).isEqualTo(0x1234);
        e = g.run();
        assertThat(e.name()).isEqualTo("unbacked memory");
        assertThat(g.state.rip.get()).isEqualTo(0x1007);
        assertThat(g.m.emulate(false, -1).name()).isEqualTo("mmio write");
        assertThat(g.state.rip.get()).isEqualTo(0x100e);
        assertThat(g.m.mmio().gpa()).isEqualTo(0x800010);
        assertThat(g.m.mmio().data()).isEqualTo(0x1234);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
    }

    @Test
    void a_locked_read_modify_write_of_unbacked_memory_is_one_read_and_one_write() {
        // lock add dword [0x800000],1
        Guest g = at("f0 83 04 25 00 00 80 00 01 f4");
        g.run();
        assertThat(g.m.emulate(false, -1).name()).isEqualTo("mmio read");
        g.m.mmio().answer(7);
        assertThat(g.m.emulate(true, -1).name()).isEqualTo("mmio write");
        assertThat(g.m.mmio().data()).isEqualTo(8);
        g.m.mmio().nextWrite();
        assertThat(g.m.mmio().hasWrite()).isFalse();
    }

    @Test
    void emulated_repeated_strings_stay_at_the_instruction_with_rf_set() {
        // rep stosb to 0x800000
        Guest g = at("f3 aa f4");
        g.state.gpr.set(1, 1);
        g.state.gpr.set(7, 0x800000);
        g.run();
        assertThat(g.m.emulate(false, -1).name()).isEqualTo("mmio write");
        assertThat(g.state.rip.get()).isEqualTo(0x1000);
        assertThat(g.state.gpr.get(1)).isZero();
        assertThat(g.state.rflags.get() & X86State.RF).isNotZero();
        g.m.mmio().nextWrite();
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
    }

    @Test
    void an_emulated_fetch_takes_fifteen_bytes_or_what_the_page_has() {
        Guest g = at("90 f4");
        assertThat(g.m.fetchForEmulation()).isNull();
        assertThat(g.m.exit().byteCount).isEqualTo(15);
        g.state.rip.set(0x1ffd);
        g.bytes(0x1ffd, "90 90 90");
        assertThat(g.m.fetchForEmulation()).isNull();
        assertThat(g.m.exit().byteCount).isEqualTo(3);
    }

    @Test
    void cmpxchg16b_swaps_both_halves_or_reads_both() {
        // lock cmpxchg16b [0x6000]
        Guest g = at("f0 48 0f c7 0c 25 00 60 00 00 f4");
        g.put(0x6000, 5);
        g.put(0x6008, 6);
        g.state.gpr.set(0, 5);
        g.state.gpr.set(2, 6);
        g.state.gpr.set(3, 50);
        g.state.gpr.set(1, 60);
        g.run();
        assertThat(g.ram.get(ValueLayout.JAVA_LONG, 0x6000)).isEqualTo(50);
        assertThat(g.ram.get(ValueLayout.JAVA_LONG, 0x6008)).isEqualTo(60);
        assertThat(g.state.rflags.get() & X86State.ZF).isNotZero();
        g.state.rip.set(0x1000);
        g.run();
        assertThat(g.state.gpr.get(0)).isEqualTo(50);
        assertThat(g.state.gpr.get(2)).isEqualTo(60);
        assertThat(g.state.rflags.get() & X86State.ZF).isZero();
    }

    @Test
    void a_software_interrupt_with_tf_set_is_not_followed_by_a_trap() {
        Guest g = at("cd 40 f4").gate(0x40, 0x3000, 0, 0).bytes(0x3000, "90 f4");
        g.state.intercepts.set(X86State.EXIT_DB);
        g.state.rflags.set(X86State.TF | 2);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.state.rip.get()).isEqualTo(0x3002);
    }

    @Test
    void the_nmi_window_opens_at_iret_and_an_immediate_exit_delivers_the_event_only() {
        Guest g = at("90 f4").gate(2, 0x3000, 0, 0).bytes(0x3000, "48 cf");
        g.state.injectInfo.set(0x80000202L);
        assertThat(g.m.run(Interpreter.IMMEDIATE_EXIT).reason).isEqualTo(X86Exit.INTERRUPT);
        assertThat(g.state.rip.get()).isEqualTo(0x3000);
        assertThat(g.m.run(Interpreter.NMI_WINDOW).reason).isEqualTo(X86Exit.INTERRUPT_WINDOW);
        assertThat(g.state.rip.get()).isEqualTo(0x1000);
    }

    @Test
    void code_that_writes_itself_runs_what_it_wrote() {
        // mov byte [0x100b],7; mov eax,... ; hlt   the immediate of the mov is what is written
        Guest g = at("c6 04 25 09 10 00 00 07 b8 01 00 00 00 f4");
        g.run();
        assertThat(g.rax()).isEqualTo(7);
        g.ram.set(ValueLayout.JAVA_BYTE, 0x1007, (byte) 9);
        g.state.rip.set(0x1000);
        g.run();
        assertThat(g.rax()).isEqualTo(9);
    }

    @Test
    void an_injected_interrupt_is_delivered_first_and_a_pending_line_ends_the_run() {
        Guest g = at("90 f4").gate(0x40, 0x3000, 0, 0).bytes(0x3000, "b8 03 00 00 00 48 cf");
        g.state.injectInfo.set(0x80000040L);
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.rax()).isEqualTo(3);
        assertThat(g.state.injectInfo.get()).isZero();
        g.state.rip.set(0x1000);
        g.cpu.raise(Line.KICK);
        assertThat(g.run().reason).isEqualTo(X86Exit.INTERRUPT);
        assertThat(g.state.rip.get()).isEqualTo(0x1000);
    }

    @Test
    void the_interrupt_window_opens_one_instruction_after_sti() {
        Guest g = at("90 fb 90 90 f4");
        assertThat(g.m.run(Interpreter.INTERRUPT_WINDOW).reason).isEqualTo(X86Exit.INTERRUPT_WINDOW);
        assertThat(g.state.rip.get()).isEqualTo(0x1003);
    }

    @Test
    void one_step_is_one_instruction_with_all_state_in_cells() {
        Guest g = at("b8 01 00 00 00 83 c0 ff f4");
        assertThat(g.m.step().reason).isZero();
        assertThat(g.state.rip.get()).isEqualTo(0x1005);
        g.m.step();
        assertThat(g.state.rflags.get() & X86State.ZF).isEqualTo(X86State.ZF);
        assertThat(g.m.step().reason).isEqualTo(X86Exit.HLT);
    }

    @Test
    void instructions_this_machine_lacks_are_told_by_their_bytes() {
        // wrussd [rbx], eax
        Guest g = at("66 0f 38 f5 03");
        X86Exit e = g.run();
        assertThat(e.name()).isEqualTo("unimplemented");
        assertThat(e.bytes[0]).isEqualTo((byte) 0x66);
    }

    @Test
    void string_instructions_copy_and_count() {
        // mov ecx,16; rep movsb; hlt
        Guest g = at("b9 10 00 00 00 f3 a4 f4");
        g.state.gpr.set(6, 0x1000);
        g.state.gpr.set(7, 0x5000);
        g.run();
        assertThat(g.word(0x5000)).isEqualTo(g.word(0x1000));
        assertThat(g.state.gpr.get(1)).isZero();
        assertThat(g.state.gpr.get(7)).isEqualTo(0x5010);
    }

    @Test
    void protected_mode_with_32_bit_pages_runs_calls_interrupts_and_far_jumps() {
        Guest g = new Guest().realMode();
        g.put(Guest.GDT + 8, 0x00cf9b000000ffffL);
        g.put(Guest.GDT + 16, 0x00cf93000000ffffL);
        g.state.gdtBase.set(Guest.GDT);
        g.state.gdtLimit.set(0x1f);
        // push 5; call 0x1010; int 0x30; ljmp 8:0x1030     0x1010: mov eax,[esp+4]; shl eax,2; ret
        g.bytes(0x1000, "6a 05 e8 09 00 00 00 cd 30 ea 30 10 00 00 08 00").bytes(0x1010, "8b 44 24 04 c1 e0 02 c3");
        g.bytes(0x1030, "f4").bytes(0x2000, "40 cf");
        g.put(Guest.IDT + 8 * 0x30, 0x2000 | 8L << 16 | 0x8e00L << 32);
        g.state.idtBase.set(Guest.IDT);
        // One 4 MiB page for everything.
        g.put(Guest.PML4, 0x87);
        g.state.cr.set(3, Guest.PML4);
        g.state.cr.set(4, X86State.CR4_PSE);
        g.state.cr.set(0, X86State.CR0_PE | X86State.CR0_PG);
        for (int s = 0; s < 6; s++) {
            g.state.segSelector.set(s, s == X86State.CS ? 8 : 16);
            g.state.segLimit.set(s, 0xffffffffL);
            g.state.segAttr.set(s, s == X86State.CS ? 0xc09b : 0xc093);
        }
        g.state.gpr.set(X86State.RSP, 0x9000);
        assertThat(g.run().name()).isEqualTo("hlt");
        assertThat(g.rax()).isEqualTo(21);
        assertThat(g.state.rip.get()).isEqualTo(0x1031);
        assertThat(g.state.gpr.get(X86State.RSP)).isEqualTo(0x8ffc);
    }

    @Test
    void an_instruction_across_two_pages_runs_and_faults_where_its_second_page_is_missing() {
        Guest g = at("e9 fb 0f 00 00")
                .bytes(0x1ffd, "48 b8 01 02 03 04 05 06 07 08 f4")
                .bytes(0x1000, "e9 f8 0f 00 00");
        g.run();
        assertThat(g.rax()).isEqualTo(0x0807060504030201L);
        g.put(Guest.PT + 16, 0);
        g.m.flushTlb();
        g.state.rip.set(0x1000);
        g.run();
        assertThat(g.state.cr.get(2)).isEqualTo(0x2000);
        assertThat(frame(g, 1)).isEqualTo(0x1ffd);
    }

    @Test
    void moves_to_control_registers_msr_and_cpuid_leave_with_their_operands() {
        // mov cr3,rbx; cpuid; wrmsr; mov cr8,rbx; mov rax,cr8; hlt
        Guest g = at("0f 22 db");
        g.state.gpr.set(3, 0x5000);
        X86Exit e = g.run();
        assertThat(e.name()).isEqualTo("cr access");
        assertThat(e.vector).isEqualTo(3);
        assertThat(e.gpr).isEqualTo(3);
        assertThat(e.length).isEqualTo(3);
        Guest c = at("44 0f 22 c3 44 0f 20 c0 0f a2");
        c.state.gpr.set(3, 7);
        assertThat(c.run().name()).isEqualTo("cpuid");
        assertThat(c.rax()).isEqualTo(7);
    }

    @Test
    void forms_that_do_not_exist_are_undefined() {
        // lea eax,eax; lock add eax,ebx; vmread; push es
        for (String hex : new String[] {"8d c0", "f0 01 d8", "0f 78 c0", "06"}) {
            Guest g = at(hex);
            g.run();
            assertThat(g.state.rip.get()).as(hex).isEqualTo(0x7061);
        }
    }

    @Test
    void rdrand_has_a_number_ready_and_says_so_in_the_carry_flag() {
        // rdrand rax; sbb ecx,ecx; hlt
        Guest g = at("48 0f c7 f0 19 c9 f4");
        assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
        assertThat(g.state.gpr.get(1)).isEqualTo(0xffffffffL);
    }

    @Test
    void protection_keys_deny_data_accesses_to_user_pages_with_the_pk_bit_in_the_error_code() {
        // xor ecx,ecx; xor edx,edx; mov eax,N; wrpkru; mov rax,[0x5000]; mov [0x5000],rax; hlt
        String code = "31 c9 31 d2 b8 %s 00 00 00 0f 01 ef 48 8b 04 25 00 50 00 00 48 89 04 25 00 50 00 00 f4";
        for (String[] c : new String[][] {{"00", "none"}, {"20", "write"}, {"10", "read"}}) {
            Guest g = at(String.format(code, c[0])).gate(14, 0x3000, 0, 0).bytes(0x3000, "5b f4");
            g.state.cr.set(4, g.state.cr.get(4) | X86State.CR4_PKE);
            // Key 2 on the page at 0x5000, a page for user mode.
            g.put(Guest.PT + 8 * 5, 0x5007L | 2L << 59);
            assertThat(g.run().reason).isEqualTo(X86Exit.HLT);
            boolean faults = !c[1].equals("none");
            assertThat(g.state.rip.get() == 0x3002).as(c[1]).isEqualTo(faults);
            if (faults) assertThat(g.state.gpr.get(3)).as(c[1]).isEqualTo(c[1].equals("write") ? 0x23 : 0x21);
        }
    }
}
