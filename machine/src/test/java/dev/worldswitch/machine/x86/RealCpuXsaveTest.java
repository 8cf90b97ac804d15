package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Our XSAVE, XSAVEC, XRSTOR and LDTILECFG, asked what conformance/x86/uxsave.c asked a real CPU. */
class RealCpuXsaveTest {
    private static final long ALL = 0x600e7;
    private static final int[] COMPONENTS = {0, 1, 2, 5, 6, 7, 18};
    private static final String OK = "ok", GP = "SIGSEGV trapno=13 si_code=128";

    private final XsaveLayout layout = X86Profile.builtIn("conformance-pvm").xsave();
    private final long[] fp = new long[layout.standardSize(-1) / 8];
    private byte[] a = new byte[16384], b = new byte[16384];
    private List<String> transcript = List.of();

    @BeforeEach
    void reset() throws Exception {
        transcript = Files.readAllLines(Path.of("..", "conformance", "x86", "transcripts", "real-cpu-user-xsave.txt"));
        XsaveInstructions.init(fp, layout, -1);
        XsaveInstructions.setMxcsr(fp, XsaveLayout.MXCSR_INIT);
    }

    /** Our answers to a section, which must be lines of the transcript and all of them. */
    private void same(String section, List<String> ours, String... notAsked) {
        List<String> real = transcript.stream()
                .filter(l -> l.startsWith(section + " | "))
                .filter(l -> Arrays.stream(notAsked).noneMatch(l::contains))
                .toList();
        assertThat(ours).isNotEmpty().isEqualTo(real);
    }

    @Test
    void xsave_merges_and_xsavec_overwrites_as_recorded() {
        List<String> ours = new ArrayList<>();
        for (long old : new long[] {0, 0xe7, -1, 1L << 63})
            for (long rfbm : new long[] {0, 2, 4, 0xe0}) {
                String head = "";
                for (int compact = 0; compact < 2; compact++) {
                    image(0xe7);
                    Arrays.fill(a, (byte) 0);
                    put(a, 512, old);
                    put(a, 520, 0x1234);
                    restore(b, 0xe7);
                    save(compact == 1, rfbm);
                    head += compact == 0 ? "XSAVE ok " + header() : "; XSAVEC ok " + header();
                }
                ours.add(String.format(
                        "merge | all in use, old BV=0x%x old XCOMP=0x1234 RFBM=0x%x | %s", old, rfbm, head));
            }
        long[] masks = {1, 2, 4, 6, 0xe0, 0xe7};
        for (long rfbm : masks) ours.add(written(rfbm, true));
        for (long rfbm : masks) ours.add(written(rfbm, false));
        same("merge", ours);
    }

    private String written(long rfbm, boolean inUse) {
        String out = "";
        for (int compact = 0; compact < 2; compact++) {
            image(inUse ? 0xe7 : 0);
            Arrays.fill(a, (byte) 0xa5);
            if (compact == 0) Arrays.fill(a, 512, 576, (byte) 0);
            restore(b, 0xe7);
            save(compact == 1, rfbm);
            out += (compact == 0 ? "XSAVE " : "; XSAVEC ") + (inUse ? "" : header() + " ") + ranges();
        }
        return String.format("merge | bytes written, all %s, RFBM=0x%x | %s", inUse ? "in use" : "init", rfbm, out);
    }

    @Test
    void compacted_offsets_are_a_running_sum_as_recorded() {
        List<String> ours = new ArrayList<>();
        long[] masks = {
            7, 0xe7, 0xe0, 4, 0x24, 0x20, 0x40, 0xc0, 0x60000, 0x40000, 0x20000, ALL, 0x20004, 0x40004, 0x600e0, 0x40020
        };
        for (long rfbm : masks) {
            image(ALL);
            Arrays.fill(a, (byte) 0xa5);
            restore(b, ALL);
            save(true, rfbm);
            StringBuilder o = new StringBuilder();
            for (XsaveLayout.Component c : layout.components()) {
                if ((rfbm >> c.number() & 1) == 0) continue;
                int formula = layout.compactedOffset(c.number(), rfbm), found = find(c);
                o.append(String.format(
                        " c%d@%d(formula %d,std %d,align64=%d)",
                        c.number(), found, formula, c.offset(), c.aligned64() ? 1 : 0));
            }
            ours.add(String.format(
                    "compact | XSAVEC RFBM=0x%x, everything in use | %s total(formula)=%d%s",
                    rfbm, header(), layout.compactedSize(rfbm), o));
        }
        same("compact", ours, "with AVX and AMX init");
    }

    private int find(XsaveLayout.Component c) {
        for (int k = 576; k + c.size() <= a.length; k++)
            if (Arrays.equals(a, k, k + c.size(), b, c.offset(), c.offset() + c.size())) return k;
        return -1;
    }

    @Test
    void xrstor_refuses_headers_and_mxcsr_as_recorded() {
        List<String> ours = new ArrayList<>();
        for (boolean compact : new boolean[] {false, true}) {
            for (long rfbm : new long[] {7, -1, 0}) ours.add(xrstor(compact, "good", rfbm, -1, 0, 0));
            for (long bv : new long[] {8, 0x10, 0x100, 0x200, 0x800, 0x80000, 1L << 62, 1L << 63, 0xe7, 0x27})
                ours.add(xrstor(compact, String.format("XSTATE_BV=0x%x", bv), 7, 512, 8, bv));
            long top = 1L << 63;
            long[] xcomps = {
                0,
                1,
                7,
                1L << 62,
                top,
                top | 3,
                top | 7,
                top | 0xe7,
                top | 8,
                top | ALL,
                top | 0x80000,
                top | 0x100,
                top | 0x800,
                top | 1L << 62
            };
            for (long x : xcomps) ours.add(xrstor(compact, String.format("XCOMP_BV=0x%x", x), 7, 520, 8, x));
            for (int at : new int[] {16, 23, 24, 31, 32, 63})
                ours.add(xrstor(compact, "header byte " + at + "=1", 7, 512 + at, 1, 1));
            for (long rfbm : new long[] {7, 1, 2, 4, 0xe0})
                ours.add(xrstor(compact, "mxcsr=0x10000", rfbm, 24, 4, 0x10000));
            ours.add(xrstor(compact, "mxcsr=0xffff", 3, 24, 4, 0xffff));
            ours.add(xrstor(compact, "mxcsr_mask=0", 3, 28, 1, 0));
            ours.add(xrstor(compact, "fcw low=0xff", 1, 0, 1, 0xff));
            ours.add(xrstor(compact, "byte 470=ff", 7, 470, 1, 0xff));
        }
        same("xrstor", ours, "misaligned", "address 64", "non-canonical");
    }

    private String xrstor(boolean compact, String what, long rfbm, int at, int bytes, long v) {
        operand(compact);
        for (int k = 0; k < bytes && at >= 0; k++) a[at + k] = (byte) (v >>> 8 * k);
        image(7);
        restore(b, 0xe7);
        long r = restore(a, rfbm);
        return String.format(
                "xrstor | %s %s RFBM=0x%x | %s", compact ? "compacted" : "standard", what, rfbm, r == 0 ? OK : GP);
    }

    private void operand(boolean compact) {
        image(7);
        Arrays.fill(a, (byte) 0);
        if (compact) {
            restore(b, 7);
            save(true, 7);
        } else a = b.clone();
    }

    @Test
    void mxcsr_is_loaded_by_the_rules_of_each_format_as_recorded() {
        List<String> ours = new ArrayList<>();
        for (boolean compact : new boolean[] {false, true})
            for (long bv : new long[] {0, 1, 2, 4, 7})
                for (long rfbm : new long[] {1, 2, 4, 6, 0xe0}) {
                    operand(compact);
                    ByteBuffer.wrap(a).order(ByteOrder.LITTLE_ENDIAN).putInt(24, 0x1fbf);
                    put(a, 512, bv);
                    XsaveInstructions.setMxcsr(fp, 0x1fa0);
                    String r = restore(a, rfbm) == 0 ? OK : GP;
                    ours.add(String.format(
                            "mxcsr | %s BV=0x%x RFBM=0x%x | %s mxcsr=%x (image 1fbf, before 1fa0, init 1f80)",
                            compact ? "compacted" : "standard", bv, rfbm, r, XsaveInstructions.mxcsr(fp)));
                    XsaveInstructions.setMxcsr(fp, XsaveLayout.MXCSR_INIT);
                }
        same("mxcsr", ours);
    }

    private record Bad(String name, int at, int value) {}

    @Test
    void tile_configurations_are_refused_or_initialised_as_recorded() {
        Bad[] bad = {
            new Bad("palette 2", 0, 2), new Bad("palette 0, rest non-zero", 0, 0), new Bad("reserved byte 2", 2, 1),
            new Bad("reserved byte 15", 15, 1), new Bad("colsb[8]", 32, 1), new Bad("rows[8]", 56, 1),
            new Bad("colsb 65", 16, 65), new Bad("colsb 3", 16, 3), new Bad("rows 17", 48, 17),
            new Bad("rows 0 cols 64", 48, 0), new Bad("cols 0 rows 16", 16, 0), new Bad("start_row 1", 1, 1),
            new Bad("start_row 200", 1, 200)
        };
        int cfg = layout.component(XsaveLayout.TILECFG).offset() / 8,
                data = layout.component(XsaveLayout.TILEDATA).offset() / 8;
        List<String> ours = new ArrayList<>();
        for (Bad x : bad) {
            byte[] c = config();
            c[x.at] = (byte) x.value;
            long[] words = words(c, 0, 8);
            Amx.load(fp, cfg, data, new long[8]);
            boolean legal = Amx.legal(words, 0);
            if (legal) Amx.load(fp, cfg, data, words);
            long first = fp[XsaveInstructions.BV] & XsaveLayout.XFEATURE_TILE;
            Amx.load(fp, cfg, data, new long[8]);
            image(0x20000);
            System.arraycopy(c, 0, b, 8 * cfg, 64);
            String r = restore(b, 0x60000) == 0 ? OK : GP;
            long second = fp[XsaveInstructions.BV] & XsaveLayout.XFEATURE_TILE;
            long[] back = Arrays.copyOfRange(fp, cfg, cfg + 8);
            ours.add(String.format(
                    "amx | bad tile config: %s | LDTILECFG=%s inuse=0x%x; XRSTOR=%s inuse=0x%x STTILECFG %s",
                    x.name,
                    legal ? OK : GP,
                    first,
                    r,
                    second,
                    Arrays.equals(back, words)
                            ? "== given"
                            : Arrays.stream(back).allMatch(w -> w == 0) ? "all zero" : "other"));
        }
        assertThat(ours)
                .isEqualTo(transcript.stream()
                        .filter(l -> l.startsWith("amx | bad tile config"))
                        .toList());
    }

    @Test
    void under_xfd_tiles_are_saved_as_initial_and_not_loaded() {
        image(0x60000);
        restore(b, 0x60000);
        long xfd = 1L << XsaveLayout.TILEDATA;
        Arrays.fill(a, (byte) 0xa5);
        Arrays.fill(a, 512, 576, (byte) 0);
        XsaveInstructions.xsave(fp, layout, area(a), 0x60000, xfd, false, true);
        assertThat(header()).isEqualTo("BV=0x20000 XCOMP=0x0");
        assertThat(ranges()).isEqualTo("512..575,2752..11007");
        assertThat(XsaveInstructions.xrstor(fp, layout, area(b), 0x60000, ALL, xfd, false, true, true))
                .isEqualTo(xfd);
        put(b, 512, 0x20000);
        assertThat(XsaveInstructions.xrstor(fp, layout, area(b), 0x60000, ALL, xfd, false, true, true))
                .isZero();
    }

    // The helpers of uxsave.c.

    private static byte[] config() {
        byte[] c = new byte[64];
        c[0] = 1;
        for (int t = 0; t < 8; t++) {
            c[16 + 2 * t] = 64;
            c[48 + t] = 16;
        }
        return c;
    }

    /** A standard image with recognisable contents in the components of {@code bv}. */
    private void image(long bv) {
        Arrays.fill(b, (byte) 0);
        b[0] = 0x7f;
        b[1] = 2;
        b[4] = (byte) 0x80;
        b[24] = (byte) 0xa0;
        b[25] = 0x1f;
        for (int c : COMPONENTS) {
            if ((bv >> c & 1) == 0) continue;
            int at = c == 0 ? 32 : c == 1 ? 160 : layout.component(c).offset();
            int size = c == 0 ? 128 : c == 1 ? 256 : layout.component(c).size();
            for (int k = 0; k < size; k++) b[at + k] = (byte) (c * 8 + k % 11 + 1);
        }
        if ((bv >> 17 & 1) != 0)
            System.arraycopy(config(), 0, b, layout.component(17).offset(), 64);
        if ((bv & 1) != 0) for (int i = 0; i < 8; i++) Arrays.fill(b, 32 + 16 * i + 10, 32 + 16 * i + 16, (byte) 0);
        put(b, 512, bv);
    }

    private long restore(byte[] from, long rfbm) {
        return XsaveInstructions.xrstor(fp, layout, area(from), rfbm, ALL, 0, false, true, true);
    }

    private void save(boolean compact, long rfbm) {
        if (compact) XsaveInstructions.xsavec(fp, layout, area(a), rfbm & ALL, 0, true);
        else XsaveInstructions.xsave(fp, layout, area(a), rfbm & ALL, 0, false, true);
    }

    private String header() {
        long[] h = words(a, 512, 2);
        return String.format("BV=0x%x XCOMP=0x%x", h[0], h[1]);
    }

    /** Ranges of bytes that are no longer 0xa5. */
    private String ranges() {
        StringBuilder o = new StringBuilder();
        for (int k = 0; k < a.length; k++) {
            if (a[k] == (byte) 0xa5) continue;
            int end = k;
            while (end + 1 < a.length && a[end + 1] != (byte) 0xa5) end++;
            o.append(o.isEmpty() ? "" : ",").append(k).append("..").append(end);
            k = end;
        }
        return o.toString();
    }

    private static void put(byte[] to, int at, long v) {
        ByteBuffer.wrap(to).order(ByteOrder.LITTLE_ENDIAN).putLong(at, v);
    }

    private static long[] words(byte[] from, int at, int n) {
        long[] w = new long[n];
        ByteBuffer.wrap(from, at, 8 * n)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asLongBuffer()
                .get(w);
        return w;
    }

    private static XsaveInstructions.Area area(byte[] memory) {
        return new XsaveInstructions.Area() {
            @Override
            public void load(int offset, int bytes, long[] to, int at) {
                ByteBuffer.wrap(memory, offset, bytes)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asLongBuffer()
                        .get(to, at, bytes / 8);
            }

            @Override
            public void store(int offset, int bytes, long[] from, int at) {
                ByteBuffer.wrap(memory, offset, bytes)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asLongBuffer()
                        .put(from, at, bytes / 8);
            }
        };
    }
}
