package dev.worldswitch.server.gdb;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Packets of the remote serial protocol (GDB manual, appendix E): framing, checksums, acknowledgements. */
final class Packets {
    /** What {@link #receive} answers for Ctrl-C. */
    static final String INTERRUPT = "\3";

    private static final int ESCAPE = '}';
    private final InputStream in;
    private final OutputStream out;
    private volatile boolean acknowledges = true;

    Packets(InputStream in, OutputStream out) {
        this.in = new BufferedInputStream(in);
        this.out = new BufferedOutputStream(out);
    }

    /** After QStartNoAckMode. */
    void acknowledgeNoMore() {
        acknowledges = false;
    }

    private int next() throws IOException {
        int c = in.read();
        if (c < 0) throw new EOFException();
        return c;
    }

    /** The next packet's contents, a byte a character, or {@link #INTERRUPT}. */
    String receive() throws IOException {
        while (true) {
            int c = next();
            if (c == 3) return INTERRUPT;
            if (c != '$') continue;
            ByteArrayOutputStream b = new ByteArrayOutputStream();
            int sum = 0;
            for (c = next(); c != '#'; c = next()) {
                sum += c;
                if (c == ESCAPE) {
                    c = next();
                    sum += c;
                    c ^= 0x20;
                }
                b.write(c);
            }
            int told = Character.digit(next(), 16) << 4 | Character.digit(next(), 16);
            boolean good = !acknowledges || told == (sum & 0xff);
            if (acknowledges) raw(good ? "+" : "-");
            if (good) return b.toString(StandardCharsets.ISO_8859_1);
        }
    }

    private synchronized void raw(String s) throws IOException {
        out.write(s.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    void send(String contents) throws IOException {
        StringBuilder b = new StringBuilder("$");
        int sum = 0;
        for (int i = 0; i < contents.length(); i++) {
            char c = contents.charAt(i);
            if (c == '$' || c == '#' || c == '*' || c == ESCAPE) {
                b.append((char) ESCAPE);
                sum += ESCAPE;
                c ^= 0x20;
            }
            b.append(c);
            sum += c;
        }
        raw(b.append('#')
                .append(Character.forDigit(sum >> 4 & 15, 16))
                .append(Character.forDigit(sum & 15, 16))
                .toString());
    }

    static String hex(byte[] b) {
        return java.util.HexFormat.of().formatHex(b);
    }

    static byte[] bytes(String hex) {
        return java.util.HexFormat.of().parseHex(hex);
    }

    static String text(byte[] b) {
        return new String(b, StandardCharsets.ISO_8859_1);
    }
}
