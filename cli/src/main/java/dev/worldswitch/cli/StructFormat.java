package dev.worldswitch.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The layout of a C structure, and how its fields are printed. The syntax is told in the resource {@code trace/kvm.abi}. */
final class StructFormat {
    /** Entries of a list that are printed. */
    private static final int SHOWN = 8;

    /** Where bytes come from: false when they can't be read. */
    interface Source {
        boolean read(long address, byte[] into);
    }

    /**
     * @param size of one number, 0 for a structure
     * @param table of names, or null
     * @param count how many; -1 when {@code countField} says
     */
    private record Field(
            String name,
            int size,
            boolean hex,
            @Nullable String table,
            @Nullable StructFormat type,
            int count,
            @Nullable String countField) {
        boolean isPadding() {
            return name.equals("-");
        }

        int each() {
            return type == null ? size : type.size();
        }
    }

    private final List<Field> fields = new ArrayList<>();

    private StructFormat() {}

    static StructFormat parse(String text, Map<String, StructFormat> types) {
        StructFormat f = new StructFormat();
        for (String word : text.strip().split(" +")) f.fields.add(field(word, types));
        return f;
    }

    private static Field field(String word, Map<String, StructFormat> types) {
        int colon = word.indexOf(':');
        if (colon < 1) throw new IllegalArgumentException("no field: " + word);
        String name = word.substring(0, colon), rest = word.substring(colon + 1), countField = null, table = null;
        int count = 1;
        if (rest.endsWith("]")) {
            countField = rest.substring(rest.indexOf('[') + 1, rest.length() - 1);
            rest = rest.substring(0, rest.indexOf('['));
            count = -1;
        }
        int star = rest.indexOf('*'), at = rest.indexOf('@');
        if (star >= 0) {
            count = Integer.parseInt(rest.substring(star + 1));
            rest = rest.substring(0, star);
        }
        if (at >= 0) {
            table = rest.substring(at + 1);
            rest = rest.substring(0, at);
        }
        if (!Character.isDigit(rest.charAt(0))) {
            StructFormat type = types.get(rest);
            if (type == null) throw new IllegalArgumentException("unknown type in " + word);
            return new Field(name, 0, false, null, type, count, countField);
        }
        boolean hex = rest.endsWith("x");
        int size = Integer.parseInt(hex ? rest.substring(0, rest.length() - 1) : rest);
        return new Field(name, size, hex || table != null, table, null, count, countField);
    }

    /** Bytes of the fixed part. */
    int size() {
        int n = 0;
        for (Field f : fields) if (f.count > 0) n += f.each() * f.count;
        return n;
    }

    /** The structure at {@code address} as text; null when it can't be read. */
    @Nullable
    String print(Source source, long address, Abi abi) {
        StringBuilder out = new StringBuilder("{");
        return append(source, address, abi, out) ? out.append('}').toString() : null;
    }

    private boolean append(Source source, long address, Abi abi, StringBuilder out) {
        byte[] fixed = new byte[size()];
        if (!source.read(address, fixed)) return false;
        Map<String, Long> values = new HashMap<>();
        int at = 0, start = out.length();
        for (Field f : fields) {
            Long counted = f.countField == null ? null : values.get(f.countField);
            int count = counted == null ? f.count : (int) Math.min(counted, 4096);
            if (count < 0) continue;
            if (f.isPadding()) {
                at += f.size;
                continue;
            }
            if (f.count < 0) {
                if (count > 0 && !list(source, address + at, f, count, abi, out)) return false;
                continue;
            }
            if (f.type == null && count == 1) values.put(f.name, number(fixed, at, f.size));
            if (!isZero(fixed, at, f.each() * count)) {
                if (out.length() > start) out.append(' ');
                out.append(f.name).append('=');
                if (!some(source, address + at, f, count, abi, out)) return false;
            }
            at += f.each() * count;
        }
        return true;
    }

    private static boolean list(Source source, long address, Field f, int count, Abi abi, StringBuilder out) {
        out.append(' ').append(f.name).append("=[");
        for (int i = 0; i < Math.min(count, SHOWN); i++) {
            if (i > 0) out.append(", ");
            if (!one(source, address + (long) i * f.each(), f, abi, out)) return false;
        }
        if (count > SHOWN) out.append(", ").append(count - SHOWN).append(" more");
        out.append(']');
        return true;
    }

    private static boolean some(Source source, long address, Field f, int count, Abi abi, StringBuilder out) {
        if (count == 1) return one(source, address, f, abi, out);
        out.append('[');
        for (int i = 0; i < count; i++) {
            if (i > 0) out.append(' ');
            if (!one(source, address + (long) i * f.each(), f, abi, out)) return false;
        }
        out.append(']');
        return true;
    }

    private static boolean one(Source source, long address, Field f, Abi abi, StringBuilder out) {
        if (f.type != null) {
            boolean single = f.type.fields.size() == 1;
            if (single) return one(source, address, f.type.fields.getFirst(), abi, out);
            out.append('{');
            if (!f.type.append(source, address, abi, out)) return false;
            out.append('}');
            return true;
        }
        byte[] b = new byte[f.size];
        if (!source.read(address, b)) return false;
        long v = number(b, 0, f.size);
        String name = f.table == null ? null : abi.name(f.table, v);
        if (name != null) out.append(name);
        else out.append(f.hex ? "0x" + Long.toHexString(v) : Long.toUnsignedString(v));
        return true;
    }

    private static boolean isZero(byte[] b, int at, int n) {
        for (int i = at; i < at + n; i++) if (b[i] != 0) return false;
        return true;
    }

    static long number(byte[] b, int at, int size) {
        long v = 0;
        for (int i = Math.min(size, 8) - 1; i >= 0; i--) v = v << 8 | b[at + i] & 0xff;
        return v;
    }
}
