package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ExitFieldsTest {
    private final X86State state = new X86State(Region.root("test"));
    private final X86Exit exit = new X86Exit();

    @Test
    void a_port_access_is_told_in_each_vendors_format() {
        exit.reason = X86Exit.IO;
        exit.port = 0x3f8;
        exit.size = 2;
        exit.in = true;
        exit.length = 2;
        state.rip.set(0x1000);
        assertThat(ExitFields.vmx(state, exit, false)).containsExactly(0x3f80009L, 0, 0, 0);
        assertThat(ExitFields.svm(state, exit, false)).containsExactly(0x3f80021L, 0x1002, 0, 0);
    }

    @Test
    void a_page_fault_has_its_address_and_error_code() {
        exit.reason = X86Exit.EXCEPTION;
        exit.vector = 14;
        exit.hasErrorCode = true;
        exit.errorCode = 6;
        exit.payload = 0x123456;
        assertThat(ExitFields.vmx(state, exit, false)).containsExactly(0x123456, 0, 0x80000b0eL, 6);
        assertThat(ExitFields.svm(state, exit, false)).containsExactly(6, 0x123456, 0, 0);
    }

    @Test
    void unbacked_memory_is_a_violation_first_and_a_misconfiguration_once_kvm_has_marked_it() {
        exit.reason = X86Exit.UNBACKED;
        exit.gpa = 0xd0000000L;
        exit.errorCode = 2;
        Vmx vmx = new Vmx();
        Svm svm = new Svm();
        assertThat(vmx.exitName(exit, false)).isEqualTo("EPT_VIOLATION");
        assertThat(ExitFields.vmx(state, exit, false)).containsExactly(0x182, 0, 0, 0);
        assertThat(vmx.pageFaultErrorCode(exit, false)).isEqualTo(0x182);
        assertThat(vmx.exitName(exit, true)).isEqualTo("EPT_MISCONFIG");
        assertThat(ExitFields.vmx(state, exit, true)).containsExactly(0, 0, 0, 0);
        assertThat(vmx.pageFaultErrorCode(exit, true)).isEqualTo(-1);
        assertThat(svm.exitName(exit, true)).isEqualTo("npf");
        assertThat(ExitFields.svm(state, exit, true)).containsExactly(0x10000000eL, 0xd0000000L, 0, 0);
    }

    @Test
    void every_exit_of_a_guest_has_the_kernels_name() {
        int[] emulated = {0, X86Exit.MMIO_READ, X86Exit.MMIO_WRITE, X86Exit.IO_NEEDED};
        exit.vector = 0x0f33;
        for (int reason = 1; reason < X86Exit.NAMES.length; reason++) {
            exit.reason = reason;
            int one = reason;
            if (Arrays.stream(emulated).anyMatch(e -> e == one)) continue;
            assertThat(ExitNames.vmx(exit, false)).matches("[A-Z_]+");
            assertThat(ExitNames.svm(exit)).isNotEqualTo(exit.name() + " ").doesNotContain("memory");
        }
    }
}
