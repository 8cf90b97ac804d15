package dev.worldswitch.kvm.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;
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
        assertThat(ExitFields.vmx(state, exit)).containsExactly(0x3f80009L, 0, 0, 0);
        assertThat(ExitFields.svm(state, exit)).containsExactly(0x3f80021L, 0x1002, 0, 0);
    }

    @Test
    void a_page_fault_has_its_address_and_error_code() {
        exit.reason = X86Exit.EXCEPTION;
        exit.vector = 14;
        exit.hasErrorCode = true;
        exit.errorCode = 6;
        exit.payload = 0x123456;
        assertThat(ExitFields.vmx(state, exit)).containsExactly(0x123456, 0, 0x80000b0eL, 6);
        assertThat(ExitFields.svm(state, exit)).containsExactly(6, 0x123456, 0, 0);
    }
}
