package dev.worldswitch.kvm;

/** An eventfd of the client that KVM holds: it stays when the client closes its descriptors. */
public interface Eventfd {
    /** The same for each descriptor of one eventfd, and for no other. */
    long id();

    /** Adds 1; any thread. */
    void signal();

    /** From now on {@code then} runs, on a thread of nobody's, whenever somebody has signalled; the count is taken. */
    void onSignal(Runnable then);

    /** KVM lets go of it. */
    void close();
}
