package dev.worldswitch.kernel;

/** The simulated host died. The message is the first line of its splat; the host's VMs are dead from then on. */
public final class KernelPanic extends RuntimeException {
    private static final long serialVersionUID = 1;

    public KernelPanic(String splat) {
        super(splat, null, false, true);
    }
}
