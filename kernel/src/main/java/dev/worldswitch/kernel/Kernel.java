package dev.worldswitch.kernel;

import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;

/** One simulated host kernel: its patches, its state's root, its clock. */
public final class Kernel {
    private final Region region;
    private final KernelVersion version;
    private final Timing timing;

    public Kernel(Region region, KernelVersion version, Timing timing) {
        this.region = region;
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

    /** True when the patch, or for a part the whole patch, is in this kernel. */
    public boolean has(Patch patch) {
        Patch whole = patch.whole();
        return version.patches().contains(patch)
                || whole != null && version.patches().contains(whole);
    }
}
