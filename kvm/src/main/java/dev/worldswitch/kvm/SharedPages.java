package dev.worldswitch.kvm;

/** Memory that client and KVM share, as the kvm_run page. Little-endian; sizes 1, 2, 4, 8. */
public interface SharedPages {
    long get(int at, int size);

    void set(int at, int size, long value);

    int bytes();

    void close();
}
