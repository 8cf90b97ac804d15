package dev.worldswitch.explore;

import dev.worldswitch.machine.MachineProfile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

/** What is explored, as a readable file: machine, what guest and VMM do, bounds, the expected verdict. */
public record Scenario(
        String name,
        String description,
        String machine,
        List<String> guest,
        List<String> vmm,
        int events,
        String expected) {

    public static List<String> names() {
        return resource("index").lines().filter(l -> !l.isBlank()).toList();
    }

    /** @throws IllegalArgumentException when there is no such scenario; names those there are */
    public static Scenario builtIn(String name) {
        if (!names().contains(name))
            throw new IllegalArgumentException("no scenario '" + name + "'; known: " + String.join(", ", names()));
        // Same syntax as machines: lines KEY = VALUE.
        MachineProfile p = MachineProfile.parse(name, resource(name + ".scenario"));
        if (p.number("cpus") != 1) throw new IllegalArgumentException("scenario " + name + ": only cpus = 1 so far");
        return new Scenario(
                name,
                p.text("description"),
                p.text("machine"),
                list(p.text("guest")),
                list(p.text("vmm")),
                (int) p.number("events"),
                p.text("expect"));
    }

    private static List<String> list(String text) {
        return Stream.of(text.split(",")).map(String::strip).toList();
    }

    private static String resource(String file) {
        try (InputStream in = Scenario.class.getResourceAsStream("/scenarios/" + file)) {
            if (in == null) throw new IllegalStateException("resource scenarios/" + file + " is missing");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
