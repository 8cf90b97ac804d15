package dev.worldswitch.cli;

import dev.worldswitch.server.HostThread;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Structures of ioctls as text, after the call. One row per structure: uapi linux/kvm.h and asm/kvm.h (x86). */
final class StructDecoder {
    /** A list's head is its count; {@code entry} bytes follow {@code head} bytes for each. */
    private record Row(String fields, int head, int entry, String entryFields) {}

    private static final Map<Integer, Row> ROWS = new HashMap<>();
    private static final int LIST_SHOWN = 6;

    static {
        struct(0x4020ae46, "slot:4 flags:4x guest_phys_addr:8x memory_size:8x userspace_addr:8x");
        String regs = "rax:8x rbx:8x rcx:8x rdx:8x rsi:8x rdi:8x rsp:8x rbp:8x"
                + " r8:8x r9:8x r10:8x r11:8x r12:8x r13:8x r14:8x r15:8x rip:8x rflags:8x";
        struct(0x8090ae81, regs);
        struct(0x4090ae82, regs);
        String sregs = "cs.base:8x -:16 ds.base:8x -:16 es.base:8x -:16 fs.base:8x -:16 gs.base:8x -:16 ss.base:8x -:16"
                + " tr.base:8x -:16 ldt.base:8x -:16 gdt.base:8x gdt.limit:2x -:6 idt.base:8x idt.limit:2x -:6"
                + " cr0:8x cr2:8x cr3:8x cr4:8x cr8:8x efer:8x apic_base:8x";
        struct(0x8138ae83, sregs);
        struct(0x4138ae84, sregs);
        struct(0x8004ae98, "mp_state:4");
        struct(0x4004ae99, "mp_state:4");
        struct(0x4068aea3, "cap:4 flags:4x args[0]:8x");
        struct(0x4018aee1, "flags:4 group:4 attr:8 addr:8x");
        struct(0x4018aee2, "flags:4 group:4 attr:8 addr:8x");
        struct(0x4018aee3, "flags:4 group:4 attr:8 addr:8x");
        struct(0x4048ae9b, "control:4x -:4 debugreg[0]:8x [1]:8x [2]:8x [3]:8x [4]:8x [5]:8x [6]:8x [7]:8x");
        struct(0x8080aea1, "db[0]:8x db[1]:8x db[2]:8x db[3]:8x dr6:8x dr7:8x flags:8x");
        struct(0x4080aea2, "db[0]:8x db[1]:8x db[2]:8x db[3]:8x dr6:8x dr7:8x flags:8x");
        String events =
                "exception.injected:1 nr:1 has_error_code:1 pending:1 error_code:4x interrupt.injected:1 nr:1 soft:1"
                        + " shadow:1 nmi.injected:1 pending:1 masked:1 -:1 sipi_vector:4x flags:4x";
        struct(0x8040ae9f, events);
        struct(0x4040aea0, events);
        struct(0x8188aea6, "nr_xcrs:4 flags:4x xcr:4 -:4 value:8x");
        struct(0x4188aea7, "nr_xcrs:4 flags:4x xcr:4 -:4 value:8x");
        String msr = "index:4x -:4 data:8x", cpuid = "function:4x index:4 flags:4x eax:4x ebx:4x ecx:4x edx:4x";
        list(0xc008ae88, "nmsrs", 8, 16, msr);
        list(0x4008ae89, "nmsrs", 8, 16, msr);
        list(0xc008ae05, "nent", 8, 40, cpuid);
        list(0x4008ae90, "nent", 8, 40, cpuid);
        list(0xc008ae91, "nent", 8, 40, cpuid);
        list(0xc004ae02, "nmsrs", 4, 4, "index:4x");
        list(0xc004ae0a, "nmsrs", 4, 4, "index:4x");
        xsave(0x9000aea4);
        xsave(0x5000aea5);
        xsave(0x9000aecf);
    }

    private StructDecoder() {}

    private static void struct(int command, String fields) {
        ROWS.put(command, new Row(fields, 0, 0, ""));
    }

    private static void list(int command, String count, int head, int entry, String entryFields) {
        ROWS.put(command, new Row(count + ":4", head, entry, entryFields));
    }

    /** struct kvm_xsave: legacy area, then the header at 512. */
    private static void xsave(int command) {
        struct(command, "fcw:2x fsw:2x -:20 mxcsr:4x -:484 xstate_bv:8x xcomp_bv:8x");
    }

    static @Nullable String decode(HostThread thread, int command, long argument) {
        Row row = ROWS.get(command);
        if (row == null) return null;
        StringBuilder out = new StringBuilder("{");
        if (!fields(thread, argument, row.fields, out)) return null;
        if (row.entry != 0) {
            byte[] count = new byte[4];
            if (!thread.client().read(argument, count, 0, 4)) return null;
            long n = number(count, 0, 4);
            for (int i = 0; i < Math.min(n, LIST_SHOWN); i++) {
                out.append(" [");
                if (!fields(thread, argument + row.head + (long) i * row.entry, row.entryFields, out)) return null;
                out.append(']');
            }
            if (n > LIST_SHOWN) out.append(" ...");
        }
        return out.append('}').toString();
    }

    /** {@code name:SIZE} decimal, {@code name:SIZEx} hexadecimal, {@code -:SIZE} skipped; zeros are left out. */
    private static boolean fields(HostThread thread, long address, String fields, StringBuilder out) {
        long at = address;
        boolean first = true;
        for (String f : fields.split(" ")) {
            int colon = f.indexOf(':');
            boolean hex = f.endsWith("x");
            int size = Integer.parseInt(f.substring(colon + 1, f.length() - (hex ? 1 : 0)));
            if (f.charAt(0) != '-') {
                byte[] b = new byte[size];
                if (!thread.client().read(at, b, 0, size)) return false;
                long v = number(b, 0, size);
                if (v != 0 || first) {
                    if (!first) out.append(' ');
                    out.append(f, 0, colon).append('=').append(hex ? "0x" + Long.toHexString(v) : Long.toString(v));
                    first = false;
                }
            }
            at += size;
        }
        return true;
    }

    private static long number(byte[] b, int at, int size) {
        long v = 0;
        for (int i = size - 1; i >= 0; i--) v = v << 8 | b[at + i] & 0xff;
        return v;
    }
}
