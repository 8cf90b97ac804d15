import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Uses {@code ws serve} as somebody does who has a keyboard only: real keys in headless Chromium, by its DevTools protocol, in
 * both colour schemes. Arguments: the server's address, and a folder for screenshots (optional). Exit status 1 when something is wrong.
 */
final class ServeCheck implements WebSocket.Listener {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private final Map<Integer, CompletableFuture<String>> asked = new ConcurrentHashMap<>();
    private final StringBuilder text = new StringBuilder();
    private WebSocket socket;
    private int next;

    public static void main(String[] args) throws Exception {
        Path profile = Files.createTempDirectory("ws-chromium");
        Process chromium = new ProcessBuilder(
                        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                        "--window-size=1200,900", "--user-data-dir=" + profile, "about:blank")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            new ServeCheck().run(chromium, args[0], args.length > 1 ? Path.of(args[1]) : null);
        } finally {
            chromium.descendants().forEach(ProcessHandle::destroyForcibly);
            chromium.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
            try (var files = Files.walk(profile)) {
                files.sorted(java.util.Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
            }
        }
        System.exit(0);
    }

    private void run(Process chromium, String site, Path shots) throws Exception {
        BufferedReader said = new BufferedReader(new InputStreamReader(chromium.getErrorStream(), StandardCharsets.UTF_8));
        Matcher at = null;
        for (String l = said.readLine(); l != null; l = said.readLine()) {
            at = Pattern.compile("ws://([^/]+)/").matcher(l);
            if (at.find()) break;
        }
        if (at == null) throw new IllegalStateException("chromium does not start");
        Thread.ofVirtual().start(() -> said.lines().forEach(l -> {}));
        String pages = HTTP.send(
                        HttpRequest.newBuilder(URI.create("http://" + at.group(1) + "/json")).build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
        Matcher page = Pattern.compile("\"webSocketDebuggerUrl\": \"(ws://[^\"]*/page/[^\"]*)\"").matcher(pages);
        if (!page.find()) throw new IllegalStateException("chromium has no page: " + pages);
        socket = HTTP.newWebSocketBuilder().buildAsync(URI.create(page.group(1)), this).get(30, TimeUnit.SECONDS);
        ask("Page.enable", "");
        for (String scheme : new String[] {"light", "dark"}) {
            ask("Emulation.setEmulatedMedia", "\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"" + scheme + "\"}]");
            ask("Page.navigate", "\"url\":\"" + site + "#/jobs\"");
            ask("Page.reload", "");
            until("the page is there", "document.querySelector('h2') && document.querySelector('h2').textContent === 'Explorations'");
            is(scheme, "getComputedStyle(document.body).backgroundColor === '" + (scheme.equals("dark") ? "rgb(20, 23, 27)" : "rgb(255, 255, 255)") + "'");
            through(site, scheme, shots);
        }
        System.out.println("check-serve: keyboard only, light and dark: right");
    }

    private void through(String site, String scheme, Path shots) throws Exception {
        keys("?");
        until("? opens the help", "document.getElementById('help').open");
        keys("j");
        is("keys wait while the help is open", "document.getElementById('help').open");
        keys("Escape");
        until("Esc closes it", "!document.getElementById('help').open");
        for (String[] view : new String[][] {{"p", "Patches"}, {"m", "Machines"}, {"c", "Catalogue"}}) {
            keys(view[0]);
            until(view[0] + " shows " + view[1], "document.querySelector('h2').textContent === '" + view[1] + "'");
        }
        shot(shots, "catalogue-" + scheme);
        is("a line has the focus", "document.activeElement === lines()[0]");
        keys("j", "j", "k");
        is("j and k go through the lines", "document.activeElement === lines()[1]");
        is("a line says what it is", "document.activeElement.getAttribute('aria-label').length > 10");
        keys("l");
        until("l opens a scenario's form", "location.hash.startsWith('#/new/')");
        keys("n");
        until("n is a new one", "location.hash === '#/new' || document.getElementById('scenario') === document.activeElement");
        until("the form has the focus", "document.activeElement.id === 'scenario'");
        is("every field has a label", "[...document.querySelectorAll('input, select, textarea')].every(i => i.labels.length === 1)");
        for (int i = 0; i < 60 && !holds("document.getElementById('scenario').value === 'xcr0'"); i++) keys("ArrowDown");
        is("arrows choose a scenario", "document.getElementById('scenario').value === 'xcr0'");
        keys("Tab", "Tab", "Tab");
        is("Tab comes to the patches", "document.activeElement.id === 'without'");
        type("kvm-fpu-check-at-entry");
        shot(shots, "new-" + scheme);
        keys("Enter");
        until("an exploration is started", "/^#.job.[0-9]+$/.test(location.hash)");
        until("it finds something", "document.querySelectorAll('.line').length === 1");
        shot(shots, "job-" + scheme);
        until("the finding has the focus", "document.activeElement === lines()[0]");
        keys("l");
        until("l opens the finding's timeline", "location.pathname === '/replay' && document.getElementById('list') !== null");
        until("the report begins at what went wrong", "typeof run === 'object' && run.steps[shown[selected]].kind === 'wrong'");
        keys("k");
        is("keys of the report work here", "run.steps[shown[selected]].kind !== 'wrong'");
        shot(shots, "replay-" + scheme);
        ask("Emulation.setEmulatedMedia", "\"media\":\"print\"");
        is("a print has all that is shown and no buttons", "getComputedStyle(document.getElementById('tools')).display === 'none'");
        shot(shots, "print-" + scheme);
        ask("Emulation.setEmulatedMedia", "\"media\":\"\"");
    }

    private void shot(Path folder, String name) throws Exception {
        if (folder == null) return;
        Matcher m = Pattern.compile("\"data\":\"([^\"]*)\"").matcher(ask("Page.captureScreenshot", "\"format\":\"png\""));
        if (m.find()) Files.write(Files.createDirectories(folder).resolve(name + ".png"), Base64.getDecoder().decode(m.group(1)));
    }

    private static final Map<String, Integer> CODES = Map.of("Enter", 13, "Escape", 27, "Tab", 9, "ArrowDown", 40);

    private void keys(String... all) throws Exception {
        for (String k : all) {
            String text = CODES.containsKey(k) ? k.equals("Enter") ? ",\"text\":\"\\r\"" : "" : ",\"text\":\"" + k + "\"";
            int code = CODES.containsKey(k) ? CODES.get(k) : Character.toUpperCase(k.charAt(0));
            String key = "\"key\":\"" + k + "\",\"code\":\"" + (CODES.containsKey(k) ? k : "") + "\",\"windowsVirtualKeyCode\":" + code;
            ask("Input.dispatchKeyEvent", "\"type\":\"" + (text.isEmpty() ? "rawKeyDown" : "keyDown") + "\"," + key + text);
            ask("Input.dispatchKeyEvent", "\"type\":\"keyUp\"," + key);
        }
    }

    private void type(String text) throws Exception {
        for (char c : text.toCharArray()) keys("" + c);
    }

    private boolean holds(String script) throws Exception {
        String inner = script.replace("\\", "\\\\").replace("\"", "\\\"");
        return ask("Runtime.evaluate", "\"returnByValue\":true,\"expression\":\"(() => { try { return !!(" + inner + "); } catch { return false; } })()\"")
                .contains("\"value\":true");
    }

    private void is(String what, String script) throws Exception {
        if (!holds(script)) throw new AssertionError("not so: " + what + " (" + script + ")");
    }

    private void until(String what, String script) throws Exception {
        for (int i = 0; i < 600; i++) {
            if (holds(script)) return;
            Thread.sleep(100);
        }
        throw new AssertionError("not so in a minute: " + what + " (" + script + ")");
    }

    private String ask(String method, String parameters) throws Exception {
        int id = ++next;
        CompletableFuture<String> answer = new CompletableFuture<>();
        asked.put(id, answer);
        socket.sendText("{\"id\":" + id + ",\"method\":\"" + method + "\",\"params\":{" + parameters + "}}", true).join();
        return answer.get(90, TimeUnit.SECONDS);
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
}
