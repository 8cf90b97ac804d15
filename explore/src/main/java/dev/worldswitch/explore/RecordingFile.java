package dev.worldswitch.explore;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;

/**
 * A recording as a file: a line that says what it is, its version, length and CRC-32C of what follows, then the calls,
 * deflated. docs/recordings.md has the format.
 */
public final class RecordingFile {
    private static final byte[] MAGIC = "worldswitch recording\n".getBytes(StandardCharsets.US_ASCII);
    private static final int VERSION = 2, HEAD = MAGIC.length + 16, MOST = 1 << 30;

    private RecordingFile() {}

    /** Is this file a recording, whole or not? */
    public static boolean is(Path file) {
        if (!Files.isRegularFile(file)) return false;
        try (InputStream in = Files.newInputStream(file)) {
            return Arrays.equals(in.readNBytes(MAGIC.length), MAGIC);
        } catch (IOException e) {
            return false;
        }
    }

    /** @throws IllegalArgumentException in one line, for a file that is no recording, or not a whole one */
    public static Recording read(Path file) {
        byte[] all;
        try {
            all = Files.readAllBytes(file);
        } catch (IOException e) {
            throw FileError.of("can't read", file, e);
        }
        return parse(file.toString(), all);
    }

    static Recording parse(String name, byte[] all) {
        if (all.length < MAGIC.length || !Arrays.equals(all, 0, MAGIC.length, MAGIC, 0, MAGIC.length))
            throw new IllegalArgumentException(name + " is not a recording; ws record -o FILE -- CLIENT makes one");
        if (all.length < HEAD) throw new IllegalArgumentException(name + " is cut off: " + all.length + " bytes");
        ByteBuffer head = ByteBuffer.wrap(all, MAGIC.length, 16);
        int version = head.getInt(), crc = head.getInt();
        long length = head.getLong();
        if (version < 1 || version > VERSION)
            throw new IllegalArgumentException(
                    name + " is a recording of version " + version + "; this program reads up to " + VERSION);
        if (all.length - HEAD < length)
            throw new IllegalArgumentException(
                    name + " is cut off: " + (all.length - HEAD) + " of " + length + " bytes");
        if (all.length - HEAD > length || checksum(all) != crc)
            throw new IllegalArgumentException(name + " is damaged: its checksum is another");
        try (DataInputStream in =
                new DataInputStream(new InflaterInputStream(new ByteArrayInputStream(all, HEAD, all.length - HEAD)))) {
            return recording(in, version);
        } catch (IOException | IllegalArgumentException e) {
            throw new IllegalArgumentException(name + " is damaged: " + e.getMessage(), e);
        }
    }

    private static int checksum(byte[] all) {
        CRC32C crc = new CRC32C();
        crc.update(all, HEAD, all.length - HEAD);
        return (int) crc.getValue();
    }

    public static byte[] bytes(Recording r) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(new DeflaterOutputStream(body))) {
            put(out, r);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        byte[] all = Arrays.copyOf(MAGIC, HEAD + body.size());
        System.arraycopy(body.toByteArray(), 0, all, HEAD, body.size());
        ByteBuffer.wrap(all, MAGIC.length, 16)
                .putInt(VERSION)
                .putInt(checksum(all))
                .putLong(body.size());
        return all;
    }

    // ---- the fields, in order; numbers in groups of 7 bits, lowest first, signed ones zigzag

    private static void put(DataOutputStream out, Recording r) throws IOException {
        for (String s : List.of(r.machine(), r.kernel(), r.client(), r.unrepeatable())) text(out, s);
        number(out, r.cpus());
        number(out, r.processes().size());
        for (int p : r.processes()) number(out, p);
        number(out, r.pages().size());
        for (List<Long> pages : r.pages()) {
            number(out, pages.size());
            long last = 0;
            for (long p : pages) {
                number(out, (p - last) / Recording.PAGE);
                last = p;
            }
        }
        number(out, r.calls().size());
        for (Recording.Call c : r.calls()) {
            number(out, c.thread());
            number(out, c.file());
            number(out, c.command() & 0xffffffffL);
            number(out, c.argument());
            number(out, c.answer() << 1 ^ c.answer() >> 63);
            number(out, c.made() + 1);
            number(out, c.permission());
            number(out, c.gaveWay() == Recording.WAITING ? 1 : c.gaveWay() == Recording.WHOLE ? 0 : c.gaveWay() + 2);
            bytes(out, c.before());
            bytes(out, c.after());
        }
    }

    /** Version 1 had one process and whole calls only. */
    private static Recording recording(DataInputStream in, int version) throws IOException {
        String machine = text(in), kernel = text(in), client = text(in), unrepeatable = text(in);
        int cpus = size(in);
        List<Integer> processes = new ArrayList<>();
        List<List<Long>> pages = new ArrayList<>();
        for (int n = version == 1 ? 0 : size(in); n > 0; n--) processes.add(size(in));
        for (int n = version == 1 ? 1 : size(in); n > 0; n--) pages.add(pages(in));
        for (int p : processes) if (p >= pages.size()) throw new IOException("a thread of no process");
        List<Recording.Call> calls = new ArrayList<>();
        for (int n = size(in); n > 0; n--) {
            int thread = size(in), file = size(in), command = (int) number(in);
            long argument = number(in), answer = number(in);
            answer = answer >>> 1 ^ -(answer & 1);
            int made = size(in) - 1;
            long permission = number(in), gaveWay = version == 1 ? 0 : number(in);
            gaveWay = gaveWay == 0 ? Recording.WHOLE : gaveWay == 1 ? Recording.WAITING : gaveWay - 2;
            calls.add(new Recording.Call(
                    thread, file, command, argument, answer, made, permission, gaveWay, bytes(in), bytes(in)));
        }
        if (in.read() >= 0) throw new IOException("there is more in it than its calls");
        return new Recording(machine, kernel, cpus, client, calls, processes, pages, unrepeatable);
    }

    private static List<Long> pages(DataInputStream in) throws IOException {
        List<Long> pages = new ArrayList<>();
        long page = 0;
        for (int n = size(in); n > 0; n--) pages.add(page += number(in) * Recording.PAGE);
        return pages;
    }

    private static void bytes(DataOutputStream out, List<Recording.Bytes> all) throws IOException {
        number(out, all.size());
        for (Recording.Bytes b : all) {
            number(out, b.file() + 1);
            number(out, b.at());
            byte[] content = b.bytes();
            number(out, content.length);
            out.write(content);
        }
    }

    private static List<Recording.Bytes> bytes(DataInputStream in) throws IOException {
        List<Recording.Bytes> all = new ArrayList<>();
        for (int n = size(in); n > 0; n--) {
            int file = size(in) - 1;
            long at = number(in);
            all.add(new Recording.Bytes(file, at, content(in)));
        }
        return all;
    }

    private static byte[] content(DataInputStream in) throws IOException {
        int n = size(in);
        byte[] b = in.readNBytes(n);
        if (b.length != n) throw new IOException("it ends in the middle");
        return b;
    }

    private static void text(DataOutputStream out, String s) throws IOException {
        byte[] b = s.getBytes(StandardCharsets.UTF_8);
        number(out, b.length);
        out.write(b);
    }

    private static String text(DataInputStream in) throws IOException {
        return new String(content(in), StandardCharsets.UTF_8);
    }

    private static void number(DataOutputStream out, long v) throws IOException {
        for (; (v & ~0x7fL) != 0; v >>>= 7) out.write((int) (v & 0x7f | 0x80));
        out.write((int) v);
    }

    private static long number(DataInputStream in) throws IOException {
        long v = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            int b = in.readUnsignedByte();
            v |= (b & 0x7fL) << shift;
            if (b < 0x80) return v;
        }
        throw new IOException("a number has no end");
    }

    private static int size(DataInputStream in) throws IOException {
        long n = number(in);
        if (n < 0 || n > MOST) throw new IOException("a size of " + n);
        return (int) n;
    }
}
