package dev.worldswitch.kernel.x86;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.Xsave;

/** struct fpstate: an FPU image in memory, its components, and the IA32_XFD that goes with it. */
public final class FpState {
    private final Words image;
    private final Word xfeatures, userXfeatures, xfd, inUse;

    public FpState(Region region, Xsave format, long enabled) {
        image = region.words("image", (format.layout().standardSize(-1) + 7) / 8);
        xfeatures = region.word("xfeatures");
        userXfeatures = region.word("userXfeatures");
        xfd = region.word("xfd");
        inUse = region.word("inUse");
        xfeatures.set(enabled);
        userXfeatures.set(enabled);
        format.init(image, -1);
    }

    /** Standard XSAVE layout of the machine; its XSTATE_BV word tells which components are in use. */
    public Words image() {
        return image;
    }

    /** Components that are saved and restored. */
    public Word xfeatures() {
        return xfeatures;
    }

    /** Components that user space may see. */
    public Word userXfeatures() {
        return userXfeatures;
    }

    public Word xfd() {
        return xfd;
    }

    /** For a guest image: it is the current image of its task, resident or not. */
    public Word inUse() {
        return inUse;
    }
}
