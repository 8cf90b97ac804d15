package dev.worldswitch.explore;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Text for programs. */
public final class Json {
    private Json() {}

    static String list(List<String> all) {
        return "[" + all.stream().map(Json::quoted).collect(Collectors.joining(",")) + "]";
    }

    /** Names in order. */
    static <V> String object(Map<String, V> fields, Function<V, String> value) {
        return fields.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(e -> quoted(e.getKey()) + ":" + value.apply(e.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
    }

    /** A string as JSON writes it. */
    public static String quoted(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            switch (c) {
                case '"' -> b.append("\\\"");
                case '\\' -> b.append("\\\\");
                case '\n' -> b.append("\\n");
                default -> {
                    if (c < ' ') b.append(String.format("\\u%04x", (int) c));
                    else b.append(c);
                }
            }
        }
        return b.append('"').toString();
    }
}
