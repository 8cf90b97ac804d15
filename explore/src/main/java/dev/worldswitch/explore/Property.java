package dev.worldswitch.explore;

import dev.worldswitch.kernel.KernelPanic;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.ArrayList;
import java.util.List;

/**
 * Something that must hold in every timing.
 *
 * @param id how scenarios and verdicts name it
 * @param says one sentence
 * @param source where it is demanded
 */
public record Property(String id, String says, String source) {
    public static final Property NO_NM = new Property(
            "no-kernel-nm",
            "the kernel itself never takes #NM",
            "SDM vol. 1, 13.14: #NM by XFD; arch/x86/kernel/traps.c, exc_device_not_available");
    public static final Property NO_WARN =
            new Property("no-warn", "no WARN that a correct kernel would not raise", "include/asm-generic/bug.h");
    public static final Property NO_BUG = new Property("no-bug", "no BUG", "include/asm-generic/bug.h");
    public static final Property NO_PANIC = new Property("no-panic", "no other panic or oops", "kernel/panic.c");
    public static final Property NO_KILL =
            new Property("no-kill", "no task is killed that did nothing wrong", "kernel/signal.c, force_sig");
    public static final Property NO_DEADLOCK =
            new Property("no-deadlock", "some task can always go on", "Documentation/locking");

    /** A second owner shows here before anybody reads a wrong value. */
    public static final Property ONE_OWNER = new Property(
            "one-owner",
            "the live registers of a CPU are a task's or the kernel's own, never both",
            "arch/x86/kernel/fpu/core.c, kernel_fpu_begin_mask; arch/arm64/kernel/fpsimd.c, kernel_neon_begin");

    public static final Property ANSWERS = new Property(
            "client-answers",
            "a recorded client gets the answers that it got",
            "the recording; events of the host are no business of a client");

    public static final Property CLIENT_REGISTERS = new Property(
            "client-registers",
            "a recorded client's vector registers are its own again after each call",
            "the psABIs: a system call keeps vector registers, on arm64 the low 128 bits");

    public static final List<Property> COMMON =
            List.of(NO_NM, NO_WARN, NO_BUG, NO_PANIC, NO_KILL, NO_DEADLOCK, ONE_OWNER, ANSWERS, CLIENT_REGISTERS);

    /** All of them, the architectures' too. */
    public static List<Property> all() {
        List<Property> all = new ArrayList<>(COMMON);
        for (Architecture a : Architecture.ALL) all.addAll(a.properties());
        return List.copyOf(all);
    }

    /** The kernel computes in this CPU's registers while its task is said to have them. */
    public static Violation twoOwners(PhysicalCpu cpu, Task task) {
        return new Violation(
                ONE_OWNER,
                "the registers of CPU " + cpu.id() + " are the kernel's, and those of task "
                        + task.region().name());
    }

    /** The property that a splat breaks. */
    static Property of(KernelPanic p) {
        String splat = String.valueOf(p.getMessage());
        if (splat.startsWith("unexpected #NM")) return NO_NM;
        if (splat.startsWith("WARNING")) return NO_WARN;
        return splat.startsWith("kernel BUG") ? NO_BUG : NO_PANIC;
    }
}
