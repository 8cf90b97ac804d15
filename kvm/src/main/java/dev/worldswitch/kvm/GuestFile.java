package dev.worldswitch.kvm;

/** Memory of a guest that is a file of its own: the client has a descriptor of it, and may or may not map it. */
public interface GuestFile {
    /** Host address of the 4 KiB page at this offset; 0 when there is no memory for it. */
    long page(long offset);

    long bytes();

    /** KVM is done with it; what the client has open stays. */
    void close();
}
