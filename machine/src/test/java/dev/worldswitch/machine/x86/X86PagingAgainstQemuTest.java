package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Accesses through random page tables of 2 to 5 levels, here and on QEMU's TCG: faults, values, accessed and dirty bits. */
class X86PagingAgainstQemuTest {
    private static final String[] FIELDS = {"vector", "error code", "CR2", "CR2 high", "EAX", ""};

    @Test
    void random_page_tables_give_what_qemu_gives() throws Exception {
        long seed = Long.getLong("paging.seed", 1);
        BareMetal metal;
        PagingCases cases;
        ByteBuffer qemu;
        try {
            metal = new BareMetal("x86-paging");
            cases = new PagingCases(metal, seed);
            for (int i = Integer.getInteger("paging.count", 4000); i > 0; i--) cases.add();
            qemu = metal.onQemu("max", cases.names.size() * PagingCases.RESULT);
        } catch (IOException e) {
            assumeTrue(false, e.getMessage() + "; install qemu-system-x86");
            return;
        }
        // QEMU's physical addresses have 40 bits, whatever the CPU.
        ByteBuffer ours = metal.here("conformance-svm", cases.names.size() * PagingCases.RESULT);
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < cases.names.size(); i++) {
            String difference = difference(ours, qemu, i * PagingCases.RESULT);
            if (!difference.isEmpty()) wrong.add(cases.names.get(i) + difference);
        }
        assertThat(wrong).as("seed " + seed).isEmpty();
    }

    private static String difference(ByteBuffer ours, ByteBuffer qemu, int at) {
        StringBuilder b = new StringBuilder();
        for (int f = 0; f < FIELDS.length; f++) {
            int a = ours.getInt(at + 4 * f), q = qemu.getInt(at + 4 * f);
            // RSVD is never without P (SDM vol. 3, 4.7); this QEMU leaves P out.
            if (f == 1 && (q & 9) == 8) q |= 1;
            if (a != q) b.append(String.format("%n    %s here %x, qemu %x", FIELDS[f], a, q));
        }
        for (int k = 0; k < 5; k++) {
            long a = ours.getLong(at + 24 + 8 * k), q = qemu.getLong(at + 24 + 8 * k);
            // QEMU marks directory-pointer entries: those of PAE, and those of pages of 1 GiB even when it faults.
            if (q == (a | 0x20) && (a == 0x308001 || (a & 0x80) != 0 && ours.getInt(at) == 14)) q = a;
            if (a != q) b.append(String.format("%n    entry %d here %x, qemu %x", k, a, q));
        }
        return b.toString();
    }
}
