package dev.worldswitch.server;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/** What a server holds at a moment, a name and a number a line: whoever may connect to its socket may ask ({@code ws status}). */
public final class Figures {
    private Figures() {}

    /** @param collect looks for garbage first, so that the heap's figure is what is in use */
    static String of(HostServer server, boolean collect) {
        if (collect) System.gc();
        StringBuilder s = new StringBuilder();
        line(s, "processes", server.liveProcesses());
        line(s, "threads", server.clientThreads());
        server.openFilesByKind().forEach((kind, n) -> line(s, "files-" + kind, n));
        line(s, "cpus-idle", server.host().idleCpus());
        long[] cells = new long[1];
        server.host().kvm().kernel().region().forEachCell(c -> cells[0]++);
        line(s, "cells", cells[0]);
        line(s, "server-pid", ProcessHandle.current().pid());
        line(s, "server-threads", ofProcess("Threads:"));
        line(s, "server-fds", entries(Path.of("/proc/self/fd")));
        line(s, "server-mappings", mappings());
        line(s, "server-rss-kib", ofProcess("VmRSS:"));
        Runtime r = Runtime.getRuntime();
        line(s, "server-heap-kib", r.totalMemory() - r.freeMemory() >> 10);
        return s.toString();
    }

    private static void line(StringBuilder s, String name, long value) {
        s.append(name).append(' ').append(value).append('\n');
    }

    /** A number of proc(5)'s status. */
    private static long ofProcess(String name) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(l -> l.startsWith(name))
                    .map(l -> Long.valueOf(l.replaceAll("[^0-9]", "")))
                    .findFirst()
                    .orElse(-1L);
        } catch (IOException e) {
            return -1;
        }
    }

    private static long entries(Path folder) {
        try (Stream<Path> s = Files.list(folder)) {
            return s.count();
        } catch (IOException e) {
            return -1;
        }
    }

    /** Of memory that has a descriptor: clients' memory, kvm_run pages. */
    private static long mappings() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(l -> l.contains("/memfd:")).count();
        } catch (IOException e) {
            return -1;
        }
    }

    /**
     * The figures of the server behind a socket.
     *
     * @throws IOException when nobody serves there
     */
    public static Map<String, Long> ask(Path socket, boolean collect) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(Wire.HEAD).order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(0, Wire.HEAD - 4).putInt(4, Wire.STATUS).putLong(8, collect ? 1 : 0);
        String text;
        try (SocketChannel c = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            c.connect(UnixDomainSocketAddress.of(socket));
            while (frame.hasRemaining()) c.write(frame);
            ByteBuffer head = fill(c, Wire.HEAD);
            text = new String(fill(c, head.getInt(0) - (Wire.HEAD - 4)).array(), StandardCharsets.US_ASCII);
        }
        Map<String, Long> all = new LinkedHashMap<>();
        for (String l : text.lines().toList())
            all.put(l.substring(0, l.indexOf(' ')), Long.valueOf(l.substring(l.indexOf(' ') + 1)));
        return all;
    }

    private static ByteBuffer fill(SocketChannel c, int bytes) throws IOException {
        if (bytes < 0 || bytes > Wire.PAYLOAD_MAX) throw new IOException("this is no server of Worldswitch");
        ByteBuffer b = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) if (c.read(b) < 0) throw new EOFException("the server ended");
        return b;
    }
}
