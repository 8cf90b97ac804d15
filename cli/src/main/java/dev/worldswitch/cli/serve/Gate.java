package dev.worldswitch.cli.serve;

import com.sun.net.httpserver.Headers;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who may ask: this server's own pages, links that somebody follows, and programs that are no browsers. Not a page of another
 * site, whether by a request of its own (Origin, Sec-Fetch-Site, a header that no form can send) or by a name of its own
 * that means this computer (Host).
 */
final class Gate {
    /** Our script sends it with each POST; a page of another site would have to ask first, and gets no answer. */
    static final String OWN_HEADER = "X-Worldswitch";

    private static final String FORM = "application/x-www-form-urlencoded";
    private final Set<String> names;

    /** @param names hosts by which this server may be called, besides localhost and addresses */
    Gate(Set<String> names) {
        this.names = Set.copyOf(names);
    }

    /** Null when the request may pass; else why not. */
    @Nullable
    String refusal(String method, boolean page, Headers headers) {
        List<String> hosts = headers.getOrDefault("Host", List.of());
        if (hosts.size() != 1) return "exactly one Host header, please";
        String host = hosts.getFirst();
        if (!isOurs(host)) return "this server is not called " + printable(host) + "; --name allows one more name";
        for (String origin : headers.getOrDefault("Origin", List.of()))
            if (!origin.equals("http://" + host)) return "pages of " + printable(origin) + " may not ask";
        String site = headers.getFirst("Sec-Fetch-Site");
        boolean own = site == null || site.equals("same-origin") || site.equals("none");
        boolean followed = page && "navigate".equals(headers.getFirst("Sec-Fetch-Mode"));
        if (method.equals("POST")) {
            if (!own) return "other sites may not ask";
            if (headers.getFirst(OWN_HEADER) == null) return "a POST needs the header " + OWN_HEADER;
            String type = headers.getFirst("Content-Type");
            if (type == null || !type.toLowerCase(Locale.ROOT).startsWith(FORM)) return "a POST is " + FORM;
            return null;
        }
        if (!method.equals("GET") && !method.equals("HEAD")) return "no " + printable(method);
        return own || followed ? null : "other sites may not ask";
    }

    /** An address can't be another site's name for this computer. */
    private boolean isOurs(String host) {
        String name = host.replaceFirst(":\\d{1,5}$", "").toLowerCase(Locale.ROOT);
        return name.equals("localhost")
                || name.matches("\\d{1,3}(\\.\\d{1,3}){3}")
                || name.matches("\\[[0-9a-f:.]+\\]")
                || names.contains(name);
    }

    private static String printable(String s) {
        return s.replaceAll("[^\\x20-\\x7e]", "?");
    }
}
