package dev.worldswitch.kvm;

import dev.worldswitch.machine.cell.Count;
import dev.worldswitch.machine.cell.Region;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The binary statistics of a VM or vCPU: a header, an id, descriptors and values to read (api.rst 4.131). */
public final class Stats implements KvmFile {
    private static final int HEADER = 24, NAME = 48, DESCRIPTOR = 16 + NAME;
    private final String id;
    private final Counts counts;

    /** Statistics of one object, by the names that KVM gives them. */
    public static final class Counts {
        private final List<String> names;
        private final List<Count> counts;

        public Counts(Region region, List<String> names) {
            this.names = names;
            List<Count> all = new ArrayList<>();
            for (String n : names) all.add(region.count(n));
            this.counts = List.copyOf(all);
        }

        /** Adds 1; a name that is not in the list is a mistake of the caller. */
        public void add(String name) {
            counts.get(names.indexOf(name)).add(1);
        }
    }

    public Stats(String id, Counts counts) {
        this.id = id;
        this.counts = counts;
    }

    private byte[] content() {
        int n = counts.names.size(), descriptors = HEADER + NAME, data = descriptors + n * DESCRIPTOR;
        Bytes b = new Bytes(data + n * 8);
        b.u32(4, NAME).u32(8, n).u32(12, HEADER).u32(16, descriptors).u32(20, data);
        text(b, HEADER, id);
        for (int i = 0; i < n; i++) {
            // Flags 0: cumulative, no unit, power of ten; exponent 0, one value, its offset in the data block.
            b.u16(descriptors + i * DESCRIPTOR + 6, 1).u32(descriptors + i * DESCRIPTOR + 8, i * 8);
            text(b, descriptors + i * DESCRIPTOR + 16, counts.names.get(i));
            b.u64(data + i * 8, counts.counts.get(i).report());
        }
        return b.array();
    }

    private static void text(Bytes b, int at, String s) {
        byte[] ascii = s.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < Math.min(ascii.length, NAME - 1); i++) b.u8(at + i, ascii[i]);
    }

    @Override
    public Kind kind() {
        return Kind.STATS;
    }

    @Override
    public String fileName() {
        return id.contains("/") ? "kvm-vcpu-stats:" + id.substring(id.lastIndexOf('-') + 1) : "kvm-vm-stats";
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        return Errno.ENOTTY;
    }

    @Override
    public long read(byte[] into, long offset) {
        byte[] all = content();
        if (offset < 0) return Errno.EINVAL;
        if (offset >= all.length) return 0;
        int n = (int) Math.min(into.length, all.length - offset);
        System.arraycopy(all, (int) offset, into, 0, n);
        return n;
    }

    @Override
    public void release() {}
}
