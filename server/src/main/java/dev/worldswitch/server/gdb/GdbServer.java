package dev.worldswitch.server.gdb;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Listens for GDB on the loopback address, one at a time. */
public final class GdbServer implements AutoCloseable {
    /** Where GDB looks for QEMU's stub too. */
    public static final int DEFAULT_PORT = 1234;

    private static final int END_MILLIS = 1000;

    private final int port;
    private final Stops stops;
    private final IntConsumer listens;
    private final Thread thread;
    private volatile @Nullable ServerSocket socket;
    private volatile @Nullable GdbSession session;

    private GdbServer(int port, Stops stops, IntConsumer listens) {
        this.port = port;
        this.listens = listens;
        this.stops = stops;
        this.thread = new Thread(null, this::serve, "ws-gdb", 0);
        thread.setDaemon(true);
    }

    /**
     * Listens from the first vCPU on: GDB tries again to connect while nobody does, but waits for no answer.
     *
     * @param port 0 for any that is free
     * @throws IllegalArgumentException where it can't listen
     */
    public static GdbServer start(int port, Stops stops) {
        return start(port, stops, p -> {});
    }

    /** @param listens hears of the port once GDB can connect */
    public static GdbServer start(int port, Stops stops, IntConsumer listens) {
        try {
            GdbServer s;
            try (ServerSocket free = listen(port)) {
                s = new GdbServer(free.getLocalPort(), stops, listens);
            }
            s.thread.start();
            return s;
        } catch (IOException e) {
            throw new IllegalArgumentException("--gdb can't listen on port " + port + ": " + e.getMessage());
        }
    }

    private static ServerSocket listen(int port) throws IOException {
        return new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
    }

    public int port() {
        return port;
    }

    private void serve() {
        try {
            stops.awaitFirst();
            ServerSocket listening = socket = listen(port);
            listens.accept(port);
            while (true) {
                try (Socket s = listening.accept()) {
                    s.setTcpNoDelay(true);
                    GdbSession one = new GdbSession(new Packets(s.getInputStream(), s.getOutputStream()), stops);
                    session = one;
                    serve(one);
                }
            }
        } catch (IOException e) {
            ServerSocket listening = socket;
            if (listening == null || !listening.isClosed()) System.err.println("ws: gdb: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void serve(GdbSession one) throws InterruptedException {
        try {
            one.serve();
        } catch (IOException e) {
            // GDB went in the middle of an answer.
            stops.detach();
        } finally {
            session = null;
        }
    }

    /** The client ended: GDB is told. */
    @Override
    public void close() {
        GdbSession s = session;
        try {
            if (s != null) s.ended();
            ServerSocket listening = socket;
            if (listening != null) listening.close();
            else thread.interrupt();
            thread.join(END_MILLIS);
        } catch (IOException e) {
            // Nobody can connect any more, either way.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
