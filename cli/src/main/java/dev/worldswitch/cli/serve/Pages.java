package dev.worldswitch.cli.serve;

import dev.worldswitch.explore.Bounds;
import dev.worldswitch.explore.Json;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What the server shows that is no job: its page, the catalogue, and which scripts a page may run. */
final class Pages {
    private static final Pattern SCRIPT = Pattern.compile("<script>(.*?)</script>", Pattern.DOTALL);

    private Pages() {}

    /** @throws IllegalStateException when the program was built without it */
    static String resource(String name) {
        try (InputStream in = Pages.class.getResourceAsStream("/serve/" + name)) {
            if (in == null) throw new IllegalStateException("resource serve/" + name + " is missing");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Loads nothing, is in no frame, and runs only the scripts that it was made with. */
    static String policy(String page) {
        StringBuilder scripts = new StringBuilder("'self'");
        Matcher m = SCRIPT.matcher(page);
        while (m.find()) scripts.append(" 'sha256-").append(sha256(m.group(1))).append('\'');
        return "default-src 'none'; script-src " + scripts
                + "; style-src 'self' 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                + "frame-ancestors 'none'";
    }

    private static String sha256(String text) {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Scenarios, machines, kernels, patches, properties: what the page offers. */
    static String catalogue(Scenarios all) {
        return "{\"scenarios\":"
                + list(Scenario.names(), n -> scenario(Scenario.builtIn(n)))
                + ",\"recordings\":" + list(all.windows(), n -> scenario(all.find(n)))
                + ",\"machines\":" + list(MachineProfile.names(), Pages::machine)
                + ",\"kernels\":" + list(KernelVersion.names(), Json::quoted)
                + ",\"patches\":" + list(List.of(Patch.values()), Pages::patch)
                + ",\"events\":" + list(Bounds.eventKinds(), Json::quoted)
                + ",\"properties\":"
                + list(Property.all(), p -> object(Map.of("id", p.id(), "says", p.says(), "source", p.source())))
                + "}";
    }

    private static <T> String list(List<T> all, Function<T, String> each) {
        return all.stream().map(each).collect(Collectors.joining(",", "[", "]"));
    }

    private static String object(Map<String, String> fields) {
        return fields.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(e -> Json.quoted(e.getKey()) + ":" + Json.quoted(e.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String scenario(Scenario s) {
        String kernel = s.kernel();
        String own = object(Map.of(
                "name", s.name(),
                "description", s.description(),
                "machine", s.machine(),
                "kernel", kernel == null ? KernelVersion.DEFAULT : kernel,
                "bounds", s.bounds().toString()));
        return own.substring(0, own.length() - 1) + ",\"expect\":"
                + list(s.expectations(), e -> object(Map.of("changes", e.changes(), "verdict", e.verdict()))) + "}";
    }

    private static String machine(String name) {
        MachineProfile m = MachineProfile.builtIn(name);
        String about = m.find("description");
        return object(Map.of("name", name, "arch", m.arch(), "description", about == null ? "" : about));
    }

    private static String patch(Patch p) {
        return object(Map.of(
                "id", p.id(),
                "arch", p.arch().name().toLowerCase(Locale.ROOT),
                "date", "" + p.date(),
                "subject", p.subject(),
                "origin", p.origin()));
    }
}
