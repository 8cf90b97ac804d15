package dev.worldswitch.machine.arm64;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** An arm64 CPU to compare with: {@code native/semantics/a64run.c} under qemu-aarch64. */
final class QemuUser implements AutoCloseable {
    static final int Z = 4;
    static final int TEST = 16 + 31 * 8 + 4 * 8 + 32 * Z * 8 + 17 * 8,
            RESULT = 16 + 31 * 8 + 4 * 8 + 32 * Z * 8 + 17 * 8 + 8;

    /** Registers; vectors of {@link #Z} words each, predicates and FFR of one word. */
    record State(long[] x, long sp, long nzcv, long fpcr, long fpsr, long[] v, long[] p) {}

    /** Signal, PC from the start of the code, state and hash of the memory. */
    record Result(long signal, long pc, State state, long memory) {}

    private final Process process;
    private final OutputStream to;
    private final DataInputStream from;

    /** @throws IOException naming what to install when the cross compiler or qemu-user is missing */
    QemuUser(String cpu) throws IOException, InterruptedException {
        Path source = Path.of("native/semantics/a64run.c");
        if (!Files.exists(source)) source = Path.of("../native/semantics/a64run.c");
        Path binary = Files.createTempDirectory("a64run").resolve("a64run");
        try {
            Process cc = new ProcessBuilder(
                            "aarch64-linux-gnu-gcc", "-O2", "-static", "-o", binary.toString(), source.toString())
                    .inheritIO()
                    .start();
            if (cc.waitFor() != 0) throw new IOException("aarch64-linux-gnu-gcc failed");
            process = new ProcessBuilder("qemu-aarch64", "-cpu", cpu, binary.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        } catch (IOException e) {
            throw new IOException(e.getMessage() + "; install qemu-user and gcc-aarch64-linux-gnu", e);
        }
        to = process.getOutputStream();
        from = new DataInputStream(process.getInputStream());
    }

    void send(int[] words, State s) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(TEST).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 4; i++) b.putInt(i < words.length ? words[i] : 0);
        for (long x : s.x) b.putLong(x);
        b.putLong(s.sp).putLong(s.nzcv).putLong(s.fpcr).putLong(s.fpsr);
        for (long x : s.v) b.putLong(x);
        for (long x : s.p) b.putLong(x);
        to.write(b.array());
    }

    void flush() throws IOException {
        to.flush();
    }

    Result receive() throws IOException {
        byte[] got = new byte[RESULT];
        from.readFully(got);
        ByteBuffer r = ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
        long signal = r.getLong(), pc = r.getLong();
        long[] x = new long[31], v = new long[32 * Z], p = new long[17];
        for (int i = 0; i < 31; i++) x[i] = r.getLong();
        long sp = r.getLong(), nzcv = r.getLong(), fpcr = r.getLong(), fpsr = r.getLong();
        for (int i = 0; i < v.length; i++) v[i] = r.getLong();
        for (int i = 0; i < 17; i++) p[i] = r.getLong();
        return new Result(signal, pc, new State(x, sp, nzcv, fpcr, fpsr, v, p), r.getLong());
    }

    @Override
    public void close() {
        process.destroy();
    }
}
