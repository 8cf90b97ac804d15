package dev.worldswitch.machine.x86;

/** Parts of a 64-bit general register, as pure functions (SDM vol. 1, 3.4.1.1): what operands of each size read and keep. */
final class Gpr {
    private Gpr() {}

    static long get32(long r) {
        return r & 0xffffffffL;
    }

    static long get16(long r) {
        return r & 0xffff;
    }

    static long get8(long r) {
        return r & 0xff;
    }

    /** AH, CH, DH or BH. */
    static long getHigh8(long r) {
        return r >>> 8 & 0xff;
    }

    static long put16(long r, long v) {
        return r & ~0xffffL | v & 0xffff;
    }

    static long put8(long r, long v) {
        return r & ~0xffL | v & 0xff;
    }

    static long putHigh8(long r, long v) {
        return r & ~0xff00L | (v & 0xff) << 8;
    }
}
