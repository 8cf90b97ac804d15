package dev.worldswitch.kvm;

import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One register of a vCPU as a debugger names it.
 *
 * @param feature of the target description that it belongs to
 * @param type as target descriptions name it; empty for an integer
 * @param get its value, little-endian
 */
public record DebugRegister(
        String feature, String name, int bits, String type, Supplier<byte[]> get, Consumer<byte[]> set) {

    public int bytes() {
        return (bits + 7) / 8;
    }

    /** A register of at most 64 bits. */
    public static DebugRegister number(
            String feature,
            String name,
            int bits,
            String type,
            java.util.function.LongSupplier get,
            java.util.function.LongConsumer set) {
        int n = bits / 8;
        return new DebugRegister(
                feature, name, bits, type, () -> little(get.getAsLong(), n), b -> set.accept(little(b)));
    }

    /** The low {@code n} bytes of a number. */
    public static byte[] little(long v, int n) {
        byte[] b = new byte[n];
        for (int i = 0; i < n; i++) b[i] = (byte) (v >>> 8 * i);
        return b;
    }

    public static long little(byte[] b) {
        long v = 0;
        for (int i = 0; i < b.length; i++) v |= (b[i] & 0xffL) << 8 * i;
        return v;
    }
}
