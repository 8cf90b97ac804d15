package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which instructions KVM's emulator knows (arch/x86/kvm/emulate.c: opcode_table, twobyte_table, opcode_map_0f_38 and their
 * groups). Only these can touch memory that no slot backs; all others end in KVM_EXIT_INTERNAL_ERROR.
 */
final class EmulatorTable {
    /** What becomes of an instruction: decoded and executed, refused, refused after its reads, or without progress. */
    enum Answer {
        YES,
        NO,
        AFTER_READS,
        NO_PROGRESS
    }

    private static final int NP = 1, P66 = 2, F3 = 4, F2 = 8, ANY_PREFIX = 15;
    private static final int MEM = 1, REG = 2, BOTH = 3;

    private record Row(int map, int from, int to, int digits, int form, int prefixes, String condition) {}

    private static final List<Row> ROWS = new ArrayList<>();

    static {
        // opcode_table
        rows(0, "00-25 28-2d 2f 30-35 38-3d 40-61 63 68-8e 90-9a 9c-c3 c8-cb d0-d7 e0-ef f1 f4-fd", "");
        rows(0, "8f c6-c7", "/0");
        rows(0, "fe", "/0-1");
        rows(0, "ff", "/0-6");
        rows(0, "c4-c5", "no64");
        rows(0, "cc-cf", "real");
        rows(0, "d9 dd", "/7 mem");
        rows(0, "db", "/4 reg");
        // twobyte_table
        rows(1, "05-06 08-09 0d 18-19 1c-23 30-35 40-4f 80-a5 a8-ad af-b7 bb-c1 c8-cf", "");
        rows(1, "00", "/0-3");
        rows(1, "01", "/0-4");
        rows(1, "01", "/6-7");
        rows(1, "10-11 28-29", "np 66 vex");
        rows(1, "2b", "np 66 mem vex");
        rows(1, "6f 7f", "np 66 f3 vex");
        rows(1, "ae", "/0-1 mem std no64");
        rows(1, "ae", "/7 mem np 66");
        rows(1, "ba", "/4-7");
        rows(1, "c3", "mem");
        rows(1, "c7", "/1 mem");
        rows(1, "c7", "/7 reg f3");
        rows(1, "e7", "66 vex");
        // opcode_map_0f_38
        rows(2, "f0-f1", "mem np");
        rows(2, "f0-f1", "mem 66 movbe16");
    }

    private final boolean avxMoves, movbe16;

    EmulatorTable(Predicate<Patch> kernel) {
        this.avxMoves = kernel.test(Patch.EMULATE_AVX_MOVES);
        this.movbe16 = kernel.test(Patch.EMULATE_MOVBE16);
    }

    private static void rows(int map, String opcodes, String how) {
        int digits = 255, form = BOTH, prefixes = 0;
        String condition = "";
        for (String w : how.isEmpty() ? new String[0] : how.split(" ")) {
            switch (w) {
                case "mem" -> form = MEM;
                case "reg" -> form = REG;
                case "np" -> prefixes |= NP;
                case "66" -> prefixes |= P66;
                case "f3" -> prefixes |= F3;
                case "no64", "real", "std", "vex", "movbe16" -> condition += w + " ";
                default -> {
                    int low = w.charAt(1) - '0', high = w.length() > 2 ? w.charAt(3) - '0' : low;
                    digits = (1 << high + 1) - (1 << low);
                }
            }
        }
        for (String o : opcodes.split(" ")) {
            int from = Integer.parseInt(o.substring(0, 2), 16);
            int to = o.length() > 2 ? Integer.parseInt(o.substring(3), 16) : from;
            ROWS.add(new Row(map, from, to, digits, form, prefixes == 0 ? ANY_PREFIX : prefixes, condition));
        }
    }

    /** An instruction as far as the emulator's decoder looks at it (x86_decode_insn). */
    private static final class Head {
        int map, opcode, modrm, prefix = NP;
        boolean wide, vex;
    }

    /** {@code bytes} as fetched; {@code code} is 16, 32 or 64. */
    Answer answer(byte[] bytes, int count, int code, boolean realMode) {
        Head h = head(bytes, count, code);
        if (h == null) return Answer.NO;
        for (Row r : ROWS) if (fits(r, h)) return answer(r, h, code, realMode);
        return Answer.NO;
    }

    private Answer answer(Row r, Head h, int code, boolean realMode) {
        if (h.vex && (!r.condition.contains("vex") || !avxMoves)) return Answer.NO;
        if (r.condition.contains("no64") && code == 64) return Answer.NO;
        if (r.condition.contains("real") && !realMode) return Answer.NO;
        if (r.condition.contains("movbe16") && !movbe16) return Answer.NO;
        if (r.condition.contains("std")) return Answer.NO_PROGRESS;
        // em_cmpxchg8b refuses the 16-byte form, when its operand is read already.
        return h.map == 1 && h.opcode == 0xc7 && h.wide && (h.modrm & 0xc0) != 0xc0 ? Answer.AFTER_READS : Answer.YES;
    }

    private static boolean fits(Row r, Head h) {
        if (r.map != h.map || h.opcode < r.from || h.opcode > r.to) return false;
        boolean reg = (h.modrm & 0xc0) == 0xc0;
        return (r.digits >> (h.modrm >> 3 & 7) & 1) != 0
                && (r.form & (reg ? REG : MEM)) != 0
                && (r.prefixes & h.prefix) != 0;
    }

    private static @Nullable Head head(byte[] bytes, int count, int code) {
        Head h = new Head();
        boolean p66 = false, rep = false;
        int at = 0, rex = 0, b = 0;
        for (; at < count; at++) {
            b = bytes[at] & 0xff;
            switch (b) {
                case 0x66 -> p66 = true;
                case 0xf2, 0xf3 -> {
                    rep = true;
                    h.prefix = b == 0xf3 ? F3 : F2;
                }
                case 0x67, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 -> {}
                default -> {
                    if (code != 64 || (b & 0xf0) != 0x40) return opcode(h, bytes, count, at, code, p66, rep, rex);
                    rex = b;
                    continue;
                }
            }
            rex = 0;
        }
        return null;
    }

    private static @Nullable Head opcode(
            Head h, byte[] bytes, int count, int at, int code, boolean p66, boolean rep, int rex) {
        int i = at, b = bytes[i++] & 0xff, next = i < count ? bytes[i] & 0xff : 0;
        h.wide = (rex & 8) != 0;
        if ((b == 0xc4 || b == 0xc5) && (code == 64 || (next & 0xc0) == 0xc0)) return vex(h, bytes, count, i, b);
        if (b == 0x0f) {
            h.map = 1;
            b = next;
            i++;
            if (b == 0x38) {
                h.map = 2;
                b = i < count ? bytes[i] & 0xff : 0;
                i++;
            }
        }
        h.opcode = b;
        h.modrm = i < count ? bytes[i] & 0xff : 0;
        if (p66 && rep) {
            // The emulator refuses both where a prefix selects the instruction, and cares for neither elsewhere.
            h.prefix = 0;
            for (Row r : ROWS)
                if (r.map == h.map && r.from <= b && b <= r.to && r.prefixes == ANY_PREFIX) h.prefix = P66;
        } else if (p66) h.prefix = P66;
        return h;
    }

    private static @Nullable Head vex(Head h, byte[] bytes, int count, int at, int b) {
        int last = at + (b == 0xc4 ? 1 : 0);
        if (last + 2 >= count) return null;
        h.vex = true;
        h.map = b == 0xc4 ? bytes[at] & 31 : 1;
        h.prefix = 1 << (bytes[last] & 3);
        h.opcode = bytes[last + 1] & 0xff;
        h.modrm = bytes[last + 2] & 0xff;
        return h;
    }
}
