package dev.worldswitch.machine.arm64;

/** The local exclusive monitor: what the last load-exclusive saw. A store-exclusive is a compare-and-swap against it. */
final class Monitor {
    long address = -1, low, high;
    int size;

    void set(long host, int bytes, long lowValue, long highValue) {
        address = host;
        size = bytes;
        low = lowValue;
        high = highValue;
    }

    void clear() {
        address = -1;
    }
}
