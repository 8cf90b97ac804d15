package dev.worldswitch.explore;

import dev.worldswitch.kvm.KvmFile;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one VMM asks of KVM in a run without events, so that a real client can ask the same, and the steps that KVM and
 * the kernel take in answer.
 *
 * <p>The recording is a row of entries, little-endian: {@code P}, address (8 bytes), length (4), bytes: the client's
 * memory becomes so. {@code I}, descriptor (1), command (4), argument (8), descriptor that it makes or 255 (1): a call.
 * Descriptors count from 0, which is /dev/kvm.
 */
public final class Session {
    private static final int NONE = 255;
    private final ByteArrayOutputStream recording = new ByteArrayOutputStream();
    private final List<KvmFile> files = new ArrayList<>();
    private final List<String> steps = new ArrayList<>();
    private byte[] known = {};
    private boolean inCall;

    /** The entries. */
    public byte[] recording() {
        return recording.toByteArray();
    }

    /** Hardware touches within calls, and before each call its number, as "> 0xae80". */
    public List<String> steps() {
        return List.copyOf(steps);
    }

    void step(String name) {
        if (inCall) steps.add(name);
    }

    long call(
            VmmMemory memory,
            KvmFile file,
            int command,
            KvmFile.Made made,
            long argument,
            java.util.function.LongSupplier call) {
        if (files.isEmpty()) files.add(file);
        int fd = files.indexOf(file);
        if (fd < 0) throw new IllegalStateException("a call on a file that no call made");
        changes(memory);
        steps.add("> 0x" + Integer.toHexString(command));
        inCall = true;
        long r = call.getAsLong();
        inCall = false;
        known = memory.copy();
        @Nullable KvmFile product = made.file;
        int to = NONE;
        if (product != null) {
            to = files.size();
            files.add(product);
        }
        ByteBuffer b = entry(15)
                .put((byte) 'I')
                .put((byte) fd)
                .putInt(command)
                .putLong(argument)
                .put((byte) to);
        recording.writeBytes(b.array());
        return r;
    }

    private static ByteBuffer entry(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** What the VMM itself wrote since the last call. */
    private void changes(VmmMemory memory) {
        byte[] now = memory.copy();
        byte[] old = Arrays.copyOf(known, now.length);
        for (int i = 0; i < now.length; ) {
            int from = Arrays.mismatch(now, i, now.length, old, i, old.length);
            if (from < 0) break;
            from += i;
            int to = from;
            while (to < now.length && now[to] != old[to]) to++;
            ByteBuffer b = entry(13 + to - from)
                    .put((byte) 'P')
                    .putLong(VmmMemory.BASE + from)
                    .putInt(to - from);
            recording.writeBytes(b.put(now, from, to - from).array());
            i = to;
        }
    }
}
