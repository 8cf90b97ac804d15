package dev.worldswitch.machine.arm64;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** An arm64 CPU to compare with: {@code native/semantics/a64run.c} under qemu-aarch64. */
final class QemuUser implements AutoCloseable {
    /** Words of a vector in a {@link State}, of a predicate, bytes of a test and of a result. */
    final int z, p;

    private final int test, result;

    /** Registers; vectors and predicates (FFR is the last) of as many words as the reference was started for. */
    record State(long[] x, long sp, long nzcv, long fpcr, long fpsr, long[] v, long[] p) {}

    /** Signal, PC from the start of the code, state and hash of the memory. */
    record Result(long signal, long pc, State state, long memory) {}

    private final Path binary;
    private final Process process;
    private final OutputStream to;
    private final DataInputStream from;

    /** The qemu-aarch64 that {@code tools/newer-qemu} took from a newer Debian, if it did: it has MOPS and QARMA3. */
    static String newer() throws IOException {
        for (String at : new String[] {".build", "../.build"}) {
            Path p = Path.of(at, "qemu-user/usr/bin/qemu-aarch64");
            if (Files.isExecutable(p)) return p.toString();
        }
        throw new IOException("tools/newer-qemu was not run");
    }

    QemuUser(String cpu, int vq) throws IOException, InterruptedException {
        this("qemu-aarch64", cpu, vq);
    }

    /** @throws IOException naming what to install when the cross compiler or qemu-user is missing */
    QemuUser(String qemu, String cpu, int vq) throws IOException, InterruptedException {
        z = 2 * vq;
        p = (z + 7) / 8;
        test = 16 + 35 * 8 + (32 * z + 17 * p) * 8;
        result = test + 8;
        Path source = Path.of("native/semantics/a64run.c");
        if (!Files.exists(source)) source = Path.of("../native/semantics/a64run.c");
        binary = Files.createTempFile("a64run", "");
        try {
            Process cc = new ProcessBuilder(
                            "aarch64-linux-gnu-gcc",
                            "-O2",
                            "-static",
                            // Far from the addresses that tests compute: a load that does not fault sees nothing of the
                            // helper.
                            "-Wl,-Ttext-segment=0x7f0000000000",
                            "-o",
                            binary.toString(),
                            source.toString())
                    .inheritIO()
                    .start();
            if (cc.waitFor() != 0) throw new IOException("aarch64-linux-gnu-gcc failed");
            process = new ProcessBuilder(qemu, "-cpu", cpu, binary.toString(), "" + z)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        } catch (IOException e) {
            throw new IOException(e.getMessage() + "; install qemu-user and gcc-aarch64-linux-gnu", e);
        }
        to = new BufferedOutputStream(process.getOutputStream(), 1 << 16);
        from = new DataInputStream(new BufferedInputStream(process.getInputStream(), 1 << 16));
    }

    /** Every feature, vectors of {@code vq} quadwords. */
    static QemuUser sve(int vq) throws IOException, InterruptedException {
        return new QemuUser("max,sve-max-vq=" + vq + ",sve-default-vector-length=" + 16 * vq + ",sme=off", vq);
    }

    void send(int[] words, State s) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(test).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 4; i++) b.putInt(i < words.length ? words[i] : 0);
        for (long x : s.x) b.putLong(x);
        b.putLong(s.sp).putLong(s.nzcv).putLong(s.fpcr).putLong(s.fpsr);
        for (long x : s.v) b.putLong(x);
        for (long x : s.p) b.putLong(x);
        to.write(b.array());
    }

    /** How many results fit into a pipe: more tests sent at once could wait for each other. */
    int batch() {
        return Math.max(1, 60_000 / result);
    }

    void flush() throws IOException {
        to.flush();
    }

    Result receive() throws IOException {
        byte[] got = new byte[result];
        from.readFully(got);
        ByteBuffer r = ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
        long signal = r.getLong(), pc = r.getLong();
        long[] x = new long[31], v = new long[32 * z], p = new long[17 * this.p];
        for (int i = 0; i < 31; i++) x[i] = r.getLong();
        long sp = r.getLong(), nzcv = r.getLong(), fpcr = r.getLong(), fpsr = r.getLong();
        long memory = r.getLong();
        for (int i = 0; i < v.length; i++) v[i] = r.getLong();
        for (int i = 0; i < p.length; i++) p[i] = r.getLong();
        return new Result(signal, pc, new State(x, sp, nzcv, fpcr, fpsr, v, p), memory);
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        Files.deleteIfExists(binary);
    }
}
