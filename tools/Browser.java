import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Headless Chromium by its DevTools protocol: pages, real keys, screenshots, what a screen reader is told. */
final class Browser implements AutoCloseable, WebSocket.Listener {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    /** Keys that are no letters, with their virtual key codes. */
    private static final Map<String, Integer> CODES = Map.of(
            "Enter", 13, "Escape", 27, "Tab", 9, "ArrowDown", 40, "ArrowUp", 38, "Home", 36, "End", 35);

    private static final int SHIFT = 8;
    private final Map<Integer, CompletableFuture<String>> asked = new ConcurrentHashMap<>();
    private final StringBuilder text = new StringBuilder();
    private final Path profile = Files.createTempDirectory("ws-chromium");
    private final Process chromium;
    private final WebSocket socket;
    private int next;

    Browser() throws Exception {
        chromium = new ProcessBuilder(
                        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                        "--window-size=1200,900", "--user-data-dir=" + profile, "about:blank")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        BufferedReader said = new BufferedReader(new InputStreamReader(chromium.getErrorStream(), StandardCharsets.UTF_8));
        Matcher at = null;
        for (String l = said.readLine(); l != null; l = said.readLine()) {
            Matcher m = Pattern.compile("ws://([^/]+)/").matcher(l);
            if (m.find()) {
                at = m;
                break;
            }
        }
        if (at == null) throw new IllegalStateException("chromium does not start");
        Thread.ofVirtual().start(() -> swallow(said));
        String pages = HTTP.send(
                        HttpRequest.newBuilder(URI.create("http://" + at.group(1) + "/json")).build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
        Matcher page = Pattern.compile("\"webSocketDebuggerUrl\": \"(ws://[^\"]*/page/[^\"]*)\"").matcher(pages);
        if (!page.find()) throw new IllegalStateException("chromium has no page: " + pages);
        socket = HTTP.newWebSocketBuilder().buildAsync(URI.create(page.group(1)), this).get(30, TimeUnit.SECONDS);
        ask("Page.enable", "");
    }

    @Override
    public void close() throws Exception {
        chromium.descendants().forEach(ProcessHandle::destroyForcibly);
        chromium.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        try (var files = Files.walk(profile)) {
            files.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
        }
    }

    void open(String address) throws Exception {
        ask("Page.navigate", "\"url\":" + quoted(address));
        until("the page is there", "document.readyState === 'complete'");
    }

    /** @param scheme light or dark */
    void colours(String scheme) throws Exception {
        ask("Emulation.setEmulatedMedia", "\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"" + scheme + "\"}]");
    }

    /** @param media print, or empty for the screen */
    void media(String media) throws Exception {
        ask("Emulation.setEmulatedMedia", "\"media\":\"" + media + "\"");
    }

    void size(int width, int height) throws Exception {
        ask("Emulation.setDeviceMetricsOverride",
                "\"width\":" + width + ",\"height\":" + height + ",\"deviceScaleFactor\":1,\"mobile\":false");
    }

    /** A picture of what is seen; null for a folder when none is wanted. */
    void shot(Path folder, String name) throws Exception {
        if (folder != null) write(folder.resolve(name + ".png"), ask("Page.captureScreenshot", "\"format\":\"png\""));
    }

    /** The page as it would be printed. */
    void print(Path folder, String name) throws Exception {
        if (folder != null) write(folder.resolve(name + ".pdf"), ask("Page.printToPDF", "\"printBackground\":false"));
    }

    private static void write(Path file, String answer) throws Exception {
        Matcher m = Pattern.compile("\"data\":\"([^\"]*)\"").matcher(answer);
        if (!m.find()) throw new IllegalStateException("no data: " + answer);
        Files.createDirectories(file.getParent());
        Files.write(file, Base64.getDecoder().decode(m.group(1)));
    }

    /** Real keys, one after the other; {@code Shift+Tab} goes back. */
    void keys(String... all) throws Exception {
        for (String pressed : all) {
            boolean shift = pressed.startsWith("Shift+");
            String k = shift ? pressed.substring("Shift+".length()) : pressed;
            Integer special = CODES.get(k);
            String typed = special == null ? k : k.equals("Enter") ? "\r" : "";
            int code = special == null ? Character.toUpperCase(k.charAt(0)) : special;
            String key = "\"key\":" + quoted(k) + ",\"code\":\"" + (special == null ? "" : k) + "\",\"windowsVirtualKeyCode\":" + code
                    + ",\"modifiers\":" + (shift ? SHIFT : 0);
            ask("Input.dispatchKeyEvent",
                    typed.isEmpty() ? "\"type\":\"rawKeyDown\"," + key : "\"type\":\"keyDown\"," + key + ",\"text\":" + quoted(typed));
            ask("Input.dispatchKeyEvent", "\"type\":\"keyUp\"," + key);
        }
    }

    void type(String words) throws Exception {
        for (char c : words.toCharArray()) keys("" + c);
    }

    /** What the script's value is, as the protocol's JSON says it. */
    String value(String script) throws Exception {
        return ask("Runtime.evaluate", "\"returnByValue\":true,\"awaitPromise\":true,\"expression\":" + quoted(script));
    }

    boolean holds(String script) throws Exception {
        return value("(() => { try { return !!(" + script + "); } catch { return false; } })()").contains("\"value\":true");
    }

    void is(String what, String script) throws Exception {
        if (!holds(script)) throw new AssertionError("not so: " + what + " (" + script + ")");
    }

    void until(String what, String script) throws Exception {
        for (int i = 0; i < 600; i++) {
            if (holds(script)) return;
            Thread.sleep(100);
        }
        throw new AssertionError("not so in a minute: " + what + " (" + script + ")");
    }

    /** The accessibility tree: what a screen reader is told. */
    String accessibility() throws Exception {
        return ask("Accessibility.getFullAXTree", "");
    }

    String ask(String method, String parameters) throws Exception {
        int id = ++next;
        CompletableFuture<String> answer = new CompletableFuture<>();
        asked.put(id, answer);
        socket.sendText("{\"id\":" + id + ",\"method\":\"" + method + "\",\"params\":{" + parameters + "}}", true).join();
        return answer.get(90, TimeUnit.SECONDS);
    }

    private static String quoted(String s) {
        return '"' + s.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\r", "\\r") + '"';
    }

    @Override
    public CompletionStage<?> onText(WebSocket s, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
            String all = text.toString();
            text.setLength(0);
            Matcher m = Pattern.compile("^\\{\"id\":(\\d+)").matcher(all);
            CompletableFuture<String> f = m.find() ? asked.remove(Integer.parseInt(m.group(1))) : null;
            if (f != null) f.complete(all);
        }
        s.request(1);
        return null;
    }

    private static void swallow(BufferedReader said) {
        try (said) {
            said.transferTo(Writer.nullWriter());
        } catch (IOException e) {
            // The browser was ended.
        }
    }
}
