package dev.worldswitch.cli.serve;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.worldswitch.explore.Json;
import dev.worldswitch.explore.Report;
import dev.worldswitch.explore.Schedule;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP side: pages, what they ask, and links to schedules. A request names scenarios of the catalogue or ones that were
 * posted; it never names a file, and nothing that it sends is executed but by the simulated CPUs.
 */
public final class Site implements AutoCloseable {
    private static final int MOST_BYTES = 256 * 1024, REPLAYS_WAITING = 16;
    private static final String HTML = "text/html; charset=utf-8",
            JSON = "application/json",
            TEXT = "text/plain; charset=utf-8";
    /** What a browser loads once, by path. */
    private static final Map<String, String> TYPES =
            Map.of("app.js", "text/javascript; charset=utf-8", "app.css", "text/css; charset=utf-8");

    private final HttpServer server;
    private final Gate gate;
    private final Jobs jobs;
    private final Streams streams = new Streams();
    /** Runs of schedules use coroutines of their own: not in a virtual thread. */
    private final ThreadPoolExecutor replays = new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.MINUTES,
            new ArrayBlockingQueue<>(REPLAYS_WAITING),
            Thread.ofPlatform().daemon().factory());

    /** An answer that is no success. */
    private static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final int status;

        Refused(int status, String why) {
            super(why, null, false, false);
            this.status = status;
        }
    }

    /**
     * Listens and begins with the jobs that wait.
     *
     * @param names hosts by which it may be called, besides localhost and addresses
     * @param state where everything is kept
     * @param recorded recordings that may be explored, and folders of such, beside those in the state
     * @param atOnce how many explorations run at once
     */
    public Site(InetSocketAddress at, Set<String> names, Path state, List<Path> recorded, int atOnce)
            throws IOException {
        // Read once, by the class that makes servers: who sends nothing for so long is no client.
        if (System.getProperty("sun.net.httpserver.maxReqTime") == null)
            System.setProperty("sun.net.httpserver.maxReqTime", "30");
        gate = new Gate(names);
        jobs = new Jobs(state, recorded, atOnce);
        try {
            server = HttpServer.create(at, 0);
        } catch (IOException e) {
            jobs.close();
            throw e;
        }
        server.createContext("/", this::handle);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
        jobs.start(j -> streams.tell(j.json()));
    }

    /** The port it listens on. */
    public int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() throws IOException {
        server.stop(0);
        replays.shutdownNow();
        jobs.close();
    }

    private void handle(HttpExchange x) throws IOException {
        try (x) {
            try {
                String path = x.getRequestURI().getPath();
                if (path == null) throw new Refused(400, "no path");
                boolean page = !path.startsWith("/api/");
                String why = gate.refusal(x.getRequestMethod(), page, x.getRequestHeaders());
                if (why != null) throw new Refused(403, why);
                if (x.getRequestMethod().equals("POST")) post(x, path);
                else get(x, path);
            } catch (Refused e) {
                send(x, e.status, JSON, error(e.getMessage()));
            } catch (IllegalArgumentException e) {
                send(x, 400, JSON, error(e.getMessage()));
            } catch (RuntimeException | Error e) {
                System.err.println("ws: internal error while answering " + x.getRequestURI() + ": " + e);
                send(x, 500, JSON, error("internal error: " + e));
            }
        }
    }

    private static String error(@Nullable String why) {
        return "{\"error\":" + Json.quoted(String.valueOf(why)) + "}";
    }

    private void get(HttpExchange x, String path) throws IOException {
        switch (path) {
            case "/" -> send(x, 200, HTML, Pages.resource("index.html"));
            case "/api/catalogue" -> send(x, 200, JSON, Pages.catalogue(jobs.scenarios()));
            case "/api/jobs" ->
                send(x, 200, JSON, jobs.list().stream().map(Job::json).collect(Collectors.joining(",", "[", "]")));
            case "/api/events" -> events(x);
            case "/replay" -> send(x, 200, HTML, replay(fields(x.getRequestURI().getRawQuery())));
            default -> {
                String name = path.substring(1);
                if (TYPES.containsKey(name)) send(x, 200, TYPES.getOrDefault(name, TEXT), Pages.resource(name));
                else if (path.startsWith("/scenario/")) scenario(x, path.substring("/scenario/".length()));
                else if (path.matches("/jobs/\\d{1,9}/report"))
                    file(x, HTML, job(path).report());
                else if (path.matches("/jobs/\\d{1,9}/verdict.json"))
                    file(x, JSON, job(path).verdictFile());
                else if (path.matches("/api/jobs/\\d{1,9}"))
                    send(x, 200, JSON, job(path).json());
                else throw new Refused(404, "there is no " + path);
            }
        }
    }

    private void post(HttpExchange x, String path) throws IOException {
        Map<String, String> given = fields(body(x));
        if (path.equals("/api/jobs")) {
            Map<String, String> asked = new LinkedHashMap<>(given);
            String text = given.getOrDefault("text", "");
            if (!text.isBlank()) asked.put("scenario", jobs.scenarios().post(text));
            send(x, 201, JSON, jobs.add(new Request(asked)).json());
        } else if (path.matches("/api/jobs/\\d{1,9}/(stop|resume)")) {
            Job j = job(path);
            if (path.endsWith("stop")) jobs.stop(j);
            else jobs.resume(j);
            send(x, 200, JSON, j.json());
        } else throw new Refused(404, "there is no " + path);
    }

    private Job job(String path) {
        Job j = jobs.find(Integer.parseInt(path.replaceAll("\\D", "")));
        if (j == null) throw new Refused(404, "there is no such exploration");
        return j;
    }

    private void scenario(HttpExchange x, String name) throws IOException {
        String text = jobs.scenarios().text(name);
        if (text == null) throw new Refused(404, "no scenario of this name was posted here");
        send(x, 200, TEXT, text);
    }

    /** One timing again, as a page: the link that is passed on. */
    private String replay(Map<String, String> query) {
        String schedule = query.getOrDefault("schedule", "");
        Future<String> page;
        try {
            page = replays.submit(() ->
                    Report.of(jobs.scenarios().find(Schedule.parse(schedule).scenario()), schedule));
        } catch (RejectedExecutionException e) {
            throw new Refused(503, "too many schedules are being repeated; try again");
        }
        try {
            return page.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refused(503, "the server ends");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException r) throw r;
            throw new IllegalStateException(e.getCause());
        }
    }

    private void events(HttpExchange x) throws IOException {
        if (streams.isFull()) throw new Refused(503, "too many pages look");
        headers(x, "text/event-stream", "default-src 'none'");
        x.sendResponseHeaders(200, 0);
        streams.serve(x.getResponseBody());
    }

    private static String body(HttpExchange x) throws IOException {
        try (InputStream in = x.getRequestBody()) {
            byte[] all = in.readNBytes(MOST_BYTES + 1);
            if (all.length > MOST_BYTES) throw new Refused(413, "more than " + MOST_BYTES + " bytes");
            return new String(all, StandardCharsets.UTF_8);
        }
    }

    private static Map<String, String> fields(@Nullable String encoded) {
        Map<String, String> all = new LinkedHashMap<>();
        if (encoded == null || encoded.isEmpty()) return all;
        for (String pair : encoded.split("&")) {
            String[] half = pair.split("=", 2);
            all.put(decoded(half[0]), half.length < 2 ? "" : decoded(half[1]));
        }
        return all;
    }

    private static String decoded(String s) {
        return URLDecoder.decode(s, StandardCharsets.UTF_8);
    }

    private static void file(HttpExchange x, String type, @Nullable Path file) throws IOException {
        if (file == null) throw new Refused(404, "nothing has come out yet");
        send(x, 200, type, Files.readString(file));
    }

    private static void headers(HttpExchange x, String type, String policy) {
        Headers h = x.getResponseHeaders();
        h.set("Content-Type", type);
        h.set("Content-Security-Policy", policy);
        h.set("X-Content-Type-Options", "nosniff");
        h.set("X-Frame-Options", "DENY");
        h.set("Referrer-Policy", "no-referrer");
        h.set("Cross-Origin-Resource-Policy", "same-origin");
        h.set("Cross-Origin-Opener-Policy", "same-origin");
        h.set("Cache-Control", "no-store");
    }

    private static void send(HttpExchange x, int status, String type, String text) throws IOException {
        byte[] all = text.getBytes(StandardCharsets.UTF_8);
        headers(x, type, Pages.policy(type.equals(HTML) ? text : ""));
        boolean head = x.getRequestMethod().equals("HEAD");
        x.sendResponseHeaders(status, head ? -1 : all.length == 0 ? -1 : all.length);
        if (head) return;
        try (OutputStream out = x.getResponseBody()) {
            out.write(all);
        }
    }
}
