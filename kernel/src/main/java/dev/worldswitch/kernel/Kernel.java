package dev.worldswitch.kernel;

import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** One simulated host kernel: its patches, its state's root, its clock. */
public final class Kernel {
    private final Region region;
    private final KernelVersion version;
    private final Timing timing;
    private final List<PerCpu> perCpu;
    private final Ref<@Nullable String> warning;

    public Kernel(Region region, KernelVersion version, Timing timing, int cpus) {
        this.perCpu = IntStream.range(0, cpus)
                .mapToObj(i -> new PerCpu(region.child("percpu" + i)))
                .toList();
        this.region = region;
        this.warning = region.ref("warning", null);
        this.version = version;
        this.timing = timing;
    }

    public Region region() {
        return region;
    }

    public KernelVersion version() {
        return version;
    }

    public Timing timing() {
        return timing;
    }

    /** WARN(): the kernel goes on; the first one is kept. */
    public void warn(String what) {
        if (warning.get() == null) warning.set(what);
    }

    /** The first warning since boot, null for none. */
    public @Nullable String warning() {
        return warning.get();
    }

    /** Variables of {@code cpu}. */
    public PerCpu perCpu(PhysicalCpu cpu) {
        return perCpu.get(cpu.id());
    }

    /** In the order of their CPUs' numbers. */
    public List<PerCpu> perCpus() {
        return perCpu;
    }

    /** True when the patch, or for a part the whole patch, is in this kernel. */
    public boolean has(Patch patch) {
        Patch whole = patch.whole();
        return version.patches().contains(patch)
                || whole != null && version.patches().contains(whole);
    }
}
