package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.x86.X86Exit;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names of exits in the kernel's traces: VMX_EXIT_REASONS and SVM_EXIT_REASONS of uapi asm/vmx.h and asm/svm.h. */
final class ExitNames {
    private record Name(String vmx, String svm) {}

    private static final Map<Integer, Name> BY_REASON = Map.ofEntries(
            Map.entry(X86Exit.INTERRUPT, new Name("EXTERNAL_INTERRUPT", "interrupt")),
            Map.entry(X86Exit.IO, new Name("IO_INSTRUCTION", "io")),
            Map.entry(X86Exit.HLT, new Name("HLT", "hlt")),
            Map.entry(X86Exit.CPUID, new Name("CPUID", "cpuid")),
            Map.entry(X86Exit.RDMSR, new Name("MSR_READ", "msr")),
            Map.entry(X86Exit.WRMSR, new Name("MSR_WRITE", "msr")),
            Map.entry(X86Exit.XSETBV, new Name("XSETBV", "xsetbv")),
            Map.entry(X86Exit.HYPERCALL, new Name("VMCALL", "hypercall")),
            Map.entry(X86Exit.SHUTDOWN, new Name("TRIPLE_FAULT", "shutdown")),
            Map.entry(X86Exit.FAULT, new Name("EPT_VIOLATION", "npf")),
            Map.entry(X86Exit.FETCH_MMIO, new Name("EPT_VIOLATION", "npf")),
            Map.entry(X86Exit.UNBACKED, new Name("EPT_VIOLATION", "npf")),
            // A processor without the instruction.
            Map.entry(X86Exit.UNIMPLEMENTED, new Name("EXCEPTION_NMI", "UD excp")),
            Map.entry(X86Exit.TASK_SWITCH, new Name("TASK_SWITCH", "task_switch")),
            Map.entry(X86Exit.INTERRUPT_WINDOW, new Name("INTERRUPT_WINDOW", "vintr")));

    /** {@link X86Exit#OTHER} by the opcode in {@link X86Exit#vector}. */
    private static final Map<Integer, Name> BY_OPCODE = Map.of(
            X86Exit.RSM,
            new Name("EXCEPTION_NMI", "rsm"),
            0x0f08,
            new Name("INVD", "invd"),
            0x0f09,
            new Name("WBINVD", "wbinvd"),
            0x0f33,
            new Name("RDPMC", "rdpmc"),
            0x0f01c8,
            new Name("MONITOR_INSTRUCTION", "monitor"),
            0x0f01c9,
            new Name("MWAIT_INSTRUCTION", "mwait"));

    private static final String[] SVM_EXCEPTIONS = {
        "DE", "DB", null, "BP", "OF", "BR", "UD", "NM", "DF", null, "TS", "NP", "SS", "GP", "PF", null, "MF", "AC",
        "MC", "XF"
    };

    private ExitNames() {}

    /** {@code known}: KVM has marked the page as unbacked before, by an entry that no CPU accepts. */
    static String vmx(X86Exit e, boolean known) {
        return switch (e.reason) {
            case X86Exit.EXCEPTION -> "EXCEPTION_NMI";
            case X86Exit.CR_ACCESS -> "CR_ACCESS";
            case X86Exit.DR_ACCESS -> "DR_ACCESS";
            case X86Exit.UNBACKED, X86Exit.FETCH_MMIO -> known ? "EPT_MISCONFIG" : "EPT_VIOLATION";
            default -> {
                Name n = find(e);
                yield n == null ? e.name() : n.vmx;
            }
        };
    }

    static String svm(X86Exit e) {
        return switch (e.reason) {
            case X86Exit.EXCEPTION ->
                e.vector < SVM_EXCEPTIONS.length && SVM_EXCEPTIONS[e.vector] != null
                        ? SVM_EXCEPTIONS[e.vector] + " excp"
                        : "0x" + Integer.toHexString(0x40 + e.vector);
            case X86Exit.CR_ACCESS -> (e.in ? "read_cr" : "write_cr") + e.vector;
            case X86Exit.DR_ACCESS -> (e.in ? "read_dr" : "write_dr") + e.vector;
            default -> {
                Name n = find(e);
                yield n == null ? e.name() : n.svm;
            }
        };
    }

    private static @Nullable Name find(X86Exit e) {
        return e.reason == X86Exit.OTHER ? BY_OPCODE.get(e.vector) : BY_REASON.get(e.reason);
    }
}
