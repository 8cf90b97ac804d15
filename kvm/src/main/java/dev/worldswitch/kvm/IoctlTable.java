package dev.worldswitch.kvm;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All ioctls, keyed by kind of descriptor and number. Checked when it is built: a bad row stops the program, by name. */
public final class IoctlTable {
    /** What an ioctl does. */
    @FunctionalInterface
    public interface Handler<F extends KvmFile> {
        long handle(F file, Call call);
    }

    /**
     * One ioctl.
     *
     * @param capability of CHECK_EXTENSION that announces it, 0 for none
     * @param source where its rules are written down
     */
    public record Row(
            KvmFile.Kind kind, String name, int number, int capability, String source, Handler<KvmFile> handler) {}

    private final Map<KvmFile.Kind, Map<Integer, Row>> rows = new EnumMap<>(KvmFile.Kind.class);

    private IoctlTable(List<Row> all) {
        for (KvmFile.Kind k : KvmFile.Kind.values()) rows.put(k, new HashMap<>());
        for (Row r : all) {
            Row other = rows.get(r.kind) == null ? null : rows.get(r.kind).putIfAbsent(r.number, r);
            if (other != null)
                throw new IllegalStateException("ioctl rows " + other.name + " and " + r.name + " on " + r.kind
                        + " have the same number 0x" + Integer.toHexString(r.number));
            if (r.source.isBlank()) throw new IllegalStateException("ioctl row " + r.name + " has no source");
        }
    }

    /** The row, or null for an unknown ioctl on this kind of descriptor. */
    public @Nullable Row find(KvmFile.Kind kind, int number) {
        Map<Integer, Row> of = rows.get(kind);
        return of == null ? null : of.get(number);
    }

    /** All rows. */
    public List<Row> all() {
        List<Row> all = new ArrayList<>();
        for (Map<Integer, Row> of : rows.values()) all.addAll(of.values());
        return all;
    }

    /** Numbers as uapi asm-generic/ioctl.h makes them, type KVMIO 0xAE. */
    public static int io(int nr) {
        return 0xAE00 | nr;
    }

    public static int ior(int nr, int size) {
        return 0x8000_AE00 | size << 16 | nr;
    }

    public static int iow(int nr, int size) {
        return 0x4000_AE00 | size << 16 | nr;
    }

    public static int iowr(int nr, int size) {
        return 0xC000_AE00 | size << 16 | nr;
    }

    /** Collects rows. */
    public static final class Builder {
        private final List<Row> rows = new ArrayList<>();

        /** Adds a row for descriptors of {@code kind}, whose file class is {@code type}. */
        public <F extends KvmFile> Builder add(
                Class<F> type,
                KvmFile.Kind kind,
                String name,
                int number,
                int capability,
                String source,
                Handler<F> handler) {
            rows.add(new Row(kind, name, number, capability, source, (f, c) -> handler.handle(type.cast(f), c)));
            return this;
        }

        public IoctlTable build() {
            return new IoctlTable(rows);
        }
    }
}
