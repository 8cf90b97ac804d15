package dev.worldswitch.explore.migrate;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.machine.MachineProfile;
import java.util.List;
import java.util.stream.Collectors;

/** {@code ws migrate}: does a vCPU's state go from one machine and kernel to another? */
public final class Migration {
    public static final String DOCUMENTED = "documented";

    private Migration() {}

    private static Vmm vmm(String arch) {
        return arch.equals("arm64") ? new Arm64Vmm() : new X86Vmm();
    }

    /** Orders of operations for machines of this architecture, a line each. */
    public static List<String> orders(String arch) {
        return vmm(arch).orders().stream()
                .map(o -> String.format("%-16s %s", o[0], o[1]))
                .toList();
    }

    /** @throws IllegalArgumentException for machines of two architectures, or an unknown order */
    public static Report run(
            MachineProfile from, KernelVersion fromKernel, MachineProfile to, KernelVersion toKernel, String order) {
        if (!from.arch().equals(to.arch()))
            throw new IllegalArgumentException(from.name() + " is " + from.arch() + ", " + to.name() + " is "
                    + to.arch() + ": a vCPU can't move between architectures");
        Vmm vmm = vmm(from.arch());
        if (vmm.orders().stream().noneMatch(o -> o[0].equals(order)))
            throw new IllegalArgumentException("no order '" + order + "'; known: "
                    + vmm.orders().stream().map(o -> o[0]).collect(Collectors.joining(", ")));
        Report report = new Report(from.name() + "/" + fromKernel.name(), to.name() + "/" + toKernel.name(), order);
        List<Item> state = vmm.save(new Host(from, fromKernel), order, report);
        vmm.restore(new Host(to, toKernel), state, order, report);
        return report;
    }

    /** Reports how {@code now} differs from what was saved. */
    static void compare(Item saved, byte[] now, Report report) {
        if (saved.same(now)) report.carried();
        else
            report.add(
                    Report.Kind.DIFFERENT,
                    saved.name(),
                    "reads " + Item.text(now, saved.value()) + ", was " + Item.text(saved.value(), now));
    }

    /** Bytes that tell registers apart. */
    static byte[] pattern(int seed, int length) {
        byte[] b = new byte[length];
        for (int i = 0; i < length; i++) b[i] = (byte) (seed * 31 + i * 7 + 1);
        return b;
    }
}
