package dev.worldswitch.kvm.arm64;

import dev.worldswitch.machine.arm64.SysReg;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The system registers as KVM treats them, in the order of their encodings. Checked when it is built: a bad row stops the
 * program, by name.
 */
final class SysRegTable {
    /** Bits of what {@link Visibility#of} answers. */
    static final int HIDDEN = 1, RAZ = 2, USER_WI = 4;

    /** Who sees a register. */
    @FunctionalInterface
    interface Visibility {
        int of(Vcpu vcpu);
    }

    /** A trapped guest access: the value read; what a write answers does not count. */
    @FunctionalInterface
    interface Access {
        long access(Vcpu vcpu, Row row, boolean write, long value);
    }

    @FunctionalInterface
    interface Reset {
        void reset(Vcpu vcpu, Row row);
    }

    @FunctionalInterface
    interface UserGet {
        long get(Vcpu vcpu, Row row);
    }

    /** 0 or a negative errno. */
    @FunctionalInterface
    interface UserSet {
        long set(Vcpu vcpu, Row row, long value);
    }

    /**
     * One register.
     *
     * @param storage where its value is in a vCPU's context, null where it has none
     * @param value reset value; of an ID register the bits that user space may write
     */
    record Row(
            int encoding,
            @Nullable SysReg storage,
            Access access,
            @Nullable Reset reset,
            long value,
            Visibility visibility,
            @Nullable UserGet get,
            @Nullable UserSet set) {
        String name() {
            return SysReg.nameOf(encoding);
        }

        /** Trapped, but neither saved nor otherwise accessible: no register for user space. */
        boolean forUser() {
            return storage != null || get != null;
        }

        boolean hidden(Vcpu v) {
            return (visibility.of(v) & HIDDEN) != 0;
        }

        boolean raz(Vcpu v) {
            return (visibility.of(v) & RAZ) != 0;
        }

        SysReg stored() {
            if (storage == null) throw new IllegalStateException("register " + name() + " has no storage");
            return storage;
        }
    }

    private final List<Row> rows;
    private final Map<Integer, Row> byEncoding = new HashMap<>();

    SysRegTable(List<Row> rows) {
        this.rows = List.copyOf(rows);
        int last = -1;
        for (Row r : rows) {
            if (r.encoding <= last)
                throw new IllegalStateException("system register " + r.name() + " is out of order or listed twice");
            if (r.storage == null && r.reset != null && r.get == null)
                throw new IllegalStateException("system register " + r.name() + " is reset but has no storage");
            if (r.set != null && r.get == null && r.storage == null)
                throw new IllegalStateException("system register " + r.name() + " can be set but not read");
            last = r.encoding;
            byEncoding.put(r.encoding, r);
        }
    }

    /** All rows by ascending encoding. */
    List<Row> rows() {
        return rows;
    }

    @Nullable
    Row find(int encoding) {
        return byEncoding.get(encoding);
    }
}
