package dev.worldswitch.machine.x86;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The CPU of this computer, through {@code native/semantics}; compiled when first used. */
final class NativeCpu implements AutoCloseable {
    record Case(byte[] code, long[] gpr, long rflags, byte[] data) {}

    record Result(long signal, long[] gpr, long rflags, byte[] data) {}

    private final Process process;
    private final OutputStream to;
    private final DataInputStream from;

    /** @throws IOException when there is no C compiler, or this is not an x86-64 */
    NativeCpu() throws IOException, InterruptedException {
        if (!System.getProperty("os.arch").equals("amd64")) throw new IOException("not an x86-64");
        Path source = Path.of("native/semantics/semantics.c");
        if (!Files.exists(source)) source = Path.of("../native/semantics/semantics.c");
        Path binary = Files.createTempDirectory("semantics").resolve("semantics");
        Process cc = new ProcessBuilder(
                        "cc", "-O1", "-Wall", "-fcf-protection=none", "-o", binary.toString(), source.toString())
                .inheritIO()
                .start();
        if (cc.waitFor() != 0) throw new IOException("cc failed");
        process = new ProcessBuilder(binary.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        to = process.getOutputStream();
        from = new DataInputStream(process.getInputStream());
    }

    /** Cases, and results, that a pipe holds. */
    static final int BATCH = 128;

    /** Runs up to {@link #BATCH} cases. */
    List<Result> run(List<Case> cases) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(456 * cases.size()).order(ByteOrder.LITTLE_ENDIAN);
        for (int k = 0; k < cases.size(); k++) {
            Case c = cases.get(k);
            b.position(456 * k).putInt(c.code.length).put(c.code).position(456 * k + 64);
            for (long v : c.gpr) b.putLong(v);
            b.putLong(c.rflags).put(c.data);
        }
        to.write(b.array());
        to.flush();
        List<Result> results = new ArrayList<>();
        for (int k = 0; k < cases.size(); k++) results.add(result());
        return results;
    }

    private Result result() throws IOException {
        byte[] got = new byte[400];
        from.readFully(got);
        ByteBuffer r = ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
        long signal = r.getLong();
        long[] gpr = new long[16];
        for (int i = 0; i < 16; i++) gpr[i] = r.getLong();
        long flags = r.getLong();
        byte[] data = new byte[256];
        r.get(data);
        return new Result(signal, gpr, flags, data);
    }

    @Override
    public void close() {
        process.destroy();
    }
}
