package dev.worldswitch.explore;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import java.util.zip.DeflaterOutputStream;

/** Any file for ws replay: it is repeated, or refused in one line, or its difference is told. */
class RecordingFuzzTest {
    private static final byte[] MAGIC = "worldswitch recording\n".getBytes(StandardCharsets.US_ASCII);

    private static byte[] file(byte[] content) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DeflaterOutputStream d = new DeflaterOutputStream(body)) {
            d.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        byte[] packed = body.toByteArray();
        CRC32C crc = new CRC32C();
        crc.update(packed);
        return ByteBuffer.allocate(MAGIC.length + 16 + packed.length)
                .put(MAGIC)
                .putInt(1)
                .putInt((int) crc.getValue())
                .putLong(packed.length)
                .put(packed)
                .array();
    }

    @FuzzTest
    void any_file_is_refused_in_one_line_or_read(byte[] data) {
        try {
            RecordingFile.parse("any.wsrec", data);
        } catch (IllegalArgumentException e) {
            oneLine(e);
        }
    }

    @FuzzTest
    void any_content_of_a_whole_file_is_repeated_or_refused(byte[] content) throws IOException {
        byte[] all = file(content);
        try {
            RecordingFile.parse("any.wsrec", all);
        } catch (IllegalArgumentException e) {
            oneLine(e);
            return;
        }
        Path file = Files.createTempFile("fuzz", ".wsrec");
        try {
            Files.write(file, all);
            Exploration.repeat(file.toString());
        } catch (IllegalArgumentException e) {
            oneLine(e);
        } finally {
            Files.delete(file);
        }
    }

    private static void oneLine(IllegalArgumentException e) {
        String m = e.getMessage();
        if (m == null || m.isBlank()) throw new AssertionError("it does not say why", e);
    }
}
