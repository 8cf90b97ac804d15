package dev.worldswitch.cli.serve;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** Server-sent events: each page that looks hears of each change; one that is too slow misses some and asks again. */
final class Streams {
    private static final int MOST = 64, BACKLOG = 256;
    private static final long ALIVE_SECONDS = 15;

    private final List<BlockingQueue<String>> open = new CopyOnWriteArrayList<>();

    /** To every page that looks. */
    void tell(String json) {
        for (BlockingQueue<String> q : open)
            if (!q.offer(json)) {
                q.clear();
                q.offer("{\"missed\":true}");
            }
    }

    boolean isFull() {
        return open.size() >= MOST;
    }

    /** Writes until the page is gone. */
    void serve(OutputStream out) {
        BlockingQueue<String> mine = new ArrayBlockingQueue<>(BACKLOG);
        open.add(mine);
        try (out) {
            out.write(": here\n\n".getBytes(StandardCharsets.UTF_8));
            out.flush();
            for (; ; ) {
                String next = mine.poll(ALIVE_SECONDS, TimeUnit.SECONDS);
                // A line now and then: else nobody notices that the page is gone.
                String text = next == null ? ": alive\n\n" : "data: " + next + "\n\n";
                out.write(text.getBytes(StandardCharsets.UTF_8));
                out.flush();
            }
        } catch (IOException e) {
            // The page was closed.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            open.remove(mine);
        }
    }
}
