package dev.worldswitch.kvm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A C structure on its way between client and KVM: little-endian fields at byte offsets. */
public final class Bytes {
    private final ByteBuffer buffer;

    public Bytes(int size) {
        this(new byte[size]);
    }

    public Bytes(byte[] content) {
        buffer = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    }

    public byte[] array() {
        return buffer.array();
    }

    public int size() {
        return buffer.capacity();
    }

    public int u8(int at) {
        return buffer.get(at) & 0xff;
    }

    public int u16(int at) {
        return buffer.getShort(at) & 0xffff;
    }

    public int u32(int at) {
        return buffer.getInt(at);
    }

    public long u64(int at) {
        return buffer.getLong(at);
    }

    public Bytes u8(int at, long v) {
        buffer.put(at, (byte) v);
        return this;
    }

    public Bytes u16(int at, long v) {
        buffer.putShort(at, (short) v);
        return this;
    }

    public Bytes u32(int at, long v) {
        buffer.putInt(at, (int) v);
        return this;
    }

    public Bytes u64(int at, long v) {
        buffer.putLong(at, v);
        return this;
    }
}
