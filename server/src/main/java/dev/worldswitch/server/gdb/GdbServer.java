package dev.worldswitch.server.gdb;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.jspecify.annotations.Nullable;

/** Listens for GDB on the loopback address, one at a time. */
public final class GdbServer implements AutoCloseable {
    /** Where GDB looks for QEMU's stub too. */
    public static final int DEFAULT_PORT = 1234;

    private static final int END_MILLIS = 1000;

    private final ServerSocket socket;
    private final Stops stops;
    private final Thread thread;
    private volatile @Nullable GdbSession session;

    private GdbServer(ServerSocket socket, Stops stops) {
        this.socket = socket;
        this.stops = stops;
        this.thread = new Thread(null, this::serve, "ws-gdb", 0);
        thread.setDaemon(true);
    }

    /**
     * @param port 0 for any that is free
     * @throws IllegalArgumentException where it can't listen
     */
    public static GdbServer start(int port, Stops stops) {
        try {
            GdbServer s = new GdbServer(new ServerSocket(port, 1, InetAddress.getLoopbackAddress()), stops);
            s.thread.start();
            return s;
        } catch (IOException e) {
            throw new IllegalArgumentException("--gdb can't listen on port " + port + ": " + e.getMessage());
        }
    }

    public int port() {
        return socket.getLocalPort();
    }

    private void serve() {
        try {
            while (true) {
                try (Socket s = socket.accept()) {
                    s.setTcpNoDelay(true);
                    stops.awaitFirst();
                    GdbSession one =
                            new GdbSession(new Packets(s.getInputStream(), s.getOutputStream()), stops);
                    session = one;
                    serve(one);
                }
            }
        } catch (IOException e) {
            // Closed.
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
            socket.close();
            thread.join(END_MILLIS);
        } catch (IOException e) {
            // Nobody can connect any more, either way.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
