package dev.worldswitch.kvm;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Every row of an ioctl table with bad arguments: NULL, unmapped and page-crossing pointers, wrong sizes and directions, wrong
 * kinds of descriptor. The rows are the table's own, so that a new ioctl is tried as soon as it is there.
 */
public final class EveryIoctl {
    /** Makes the call as the client under test. */
    @FunctionalInterface
    public interface Caller {
        long ioctl(KvmFile file, int command, long argument);
    }

    private static final int UNKNOWN = 0xaeff, SIZE = 0x3fff_0000, DIRECTION = 0xc000_0000;
    private static final long MAX_ERRNO = 133;

    private final IoctlTable table;
    private final Map<KvmFile.Kind, Supplier<KvmFile>> files;
    private final Caller caller;
    private final long lastByte;
    private final Set<String> onDevices;
    private final List<String> wrong = new ArrayList<>();

    /**
     * @param files makes a fresh descriptor of each kind
     * @param lastByte the last mapped byte: what starts there crosses into an unmapped page
     * @param onDevices names of ioctls that descriptors of devices know by themselves, not from the table
     */
    public EveryIoctl(
            IoctlTable table,
            Map<KvmFile.Kind, Supplier<KvmFile>> files,
            Caller caller,
            long lastByte,
            Set<String> onDevices) {
        this.table = table;
        this.files = files;
        this.caller = caller;
        this.lastByte = lastByte;
        this.onDevices = onDevices;
    }

    /** What went otherwise than it should, by name; empty when all is well. */
    public List<String> wrong() {
        for (IoctlTable.Row row : table.all()) {
            if (files.get(row.kind()) == null) wrong.add(row.name() + ": no descriptor of kind " + row.kind());
            else {
                pointers(row);
                neighbours(row);
                otherKinds(row);
            }
        }
        return wrong;
    }

    private long call(KvmFile.Kind kind, String name, int command, long argument) {
        Supplier<KvmFile> maker = files.get(kind);
        if (maker == null) throw new IllegalArgumentException("no descriptor of kind " + kind);
        try {
            return caller.ioctl(maker.get(), command, argument);
        } catch (RuntimeException e) {
            wrong.add(name + " on " + kind + " with 0x" + Long.toHexString(argument) + ": " + e);
            return -1;
        }
    }

    private void pointers(IoctlTable.Row row) {
        boolean sized = (row.number() & SIZE) != 0;
        for (long pointer : new long[] {0, 1, -1, Long.MIN_VALUE, 0x7fff_0000_0000L, lastByte}) {
            long answer = call(row.kind(), row.name(), row.number(), pointer);
            // KVM_SET_SIGNAL_MASK without an argument takes the mask away (api.rst 4.20).
            boolean none = pointer == 0 && row.name().equals("KVM_SET_SIGNAL_MASK");
            if (answer < -MAX_ERRNO || sized && !none && answer >= 0)
                wrong.add(row.name() + " at 0x" + Long.toHexString(pointer) + " answers " + answer);
        }
    }

    private void neighbours(IoctlTable.Row row) {
        for (int command : new int[] {row.number() + 0x1_0000, row.number() ^ DIRECTION, row.number() ^ 0x100})
            unknown(row, row.kind(), command);
    }

    private void otherKinds(IoctlTable.Row row) {
        for (KvmFile.Kind kind : files.keySet()) {
            boolean known = kind == KvmFile.Kind.DEVICE && onDevices.contains(row.name());
            if (kind != row.kind() && !known) unknown(row, kind, row.number());
        }
    }

    /** No row for it: the errno for a number that nobody has. */
    private void unknown(IoctlTable.Row row, KvmFile.Kind kind, int command) {
        if (table.find(kind, command) != null) return;
        long answer = call(kind, row.name(), command, 0);
        long errno = call(kind, "an unknown ioctl", UNKNOWN, 0);
        if (answer != errno || answer >= 0)
            wrong.add(row.name() + " as 0x" + Integer.toHexString(command) + " on " + kind + " answers " + answer);
    }
}
