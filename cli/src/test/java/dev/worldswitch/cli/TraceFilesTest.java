package dev.worldswitch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.worldswitch.explore.Exploration;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code --perfetto} and {@code --ftrace} write, by the rules of their formats. */
class TraceFilesTest {
    private static final String X86 = "ws2:xfd:6.12~clear-xstate-bv-on-xfd:-",
            ARM64 = "ws2:sve-vl-window:6.12~zcr-eager-switch:-";
    private static final Pattern LINE =
            Pattern.compile("\\s*\\S+-\\d+\\s+\\[\\d{3}\\] \\S{5} +\\d+\\.\\d{6}: (\\w+): (.*)");
    /** TP_printk of arch/x86/kvm/trace.h, arch/arm64/kvm/trace_arm.h and include/trace/events/kvm.h of Linux 6.12. */
    private static final Map<String, String> X86_EVENTS = Map.of(
            "kvm_entry", "vcpu \\d+, rip 0x[0-9a-f]+(\\[immediate exit\\])?",
            "kvm_exit",
                    "vcpu \\d+ reason [A-Z_0-9]+ rip 0x[0-9a-f]+ info1 0x[0-9a-f]{16} info2 0x[0-9a-f]{16} intr_info 0x[0-9a-f]{8} error_code 0x[0-9a-f]{8}",
            "kvm_msr", "msr_(read|write) [0-9a-f]+ = 0x[0-9a-f]+( \\(#GP\\))?",
            "kvm_pio", "pio_(read|write) at 0x[0-9a-f]+ size \\d+ count \\d+ val 0x[0-9a-f]+ ?(\\(...\\))?",
            "kvm_fpu", "(un)?load",
            "kvm_userspace_exit", "reason (restart|error|KVM_EXIT_[A-Z0-9_]+) \\(\\d+\\)");

    private static final Map<String, String> ARM64_EVENTS = Map.of(
            "kvm_entry", "PC: 0x[0-9a-f]{16}",
            "kvm_exit", "[A-Z_0-9]+: HSR_EC: 0x[0-9a-f]{4} \\([A-Z_0-9]+\\), PC: 0x[0-9a-f]{16}",
            "kvm_userspace_exit", "reason (restart|error|KVM_EXIT_[A-Z0-9_]+) \\(\\d+\\)");

    @ParameterizedTest
    @ValueSource(strings = {X86, ARM64})
    void a_trace_for_perfetto_is_of_complete_events_that_nest_on_each_track(String schedule) throws IOException {
        JsonNode trace = new ObjectMapper().readTree(Exploration.perfetto(schedule));
        assertThat(trace.get("displayTimeUnit").asText()).isIn("ns", "ms");
        Map<String, List<JsonNode>> slices = new TreeMap<>();
        Map<String, String> tracks = new TreeMap<>();
        for (JsonNode e : trace.get("traceEvents")) {
            assertThat(e.get("name").asText()).isNotEmpty();
            String track = e.get("pid").asInt() + "/" + e.path("tid").asInt();
            switch (e.get("ph").asText()) {
                case "M" -> {
                    assertThat(e.get("name").asText()).isIn("thread_name", "process_name");
                    tracks.put(track, e.get("args").get("name").asText());
                }
                case "X" -> {
                    assertThat(e.get("dur").asLong()).isNotNegative();
                    slices.computeIfAbsent(track, t -> new ArrayList<>()).add(e);
                }
                case "C" -> assertThat(e.get("args").elements()).toIterable().allMatch(JsonNode::isNumber);
                case "i" -> assertThat(e.get("s").asText()).isIn("g", "p", "t");
                default -> throw new AssertionError("phase of " + e);
            }
            if (!e.get("ph").asText().equals("M"))
                assertThat(e.get("ts").isNumber()).as(e.toString()).isTrue();
        }
        assertThat(tracks.keySet()).containsAll(slices.keySet());
        slices.values().forEach(TraceFilesTest::nests);
    }

    /** A slice that begins inside another one of its track ends there too: else Perfetto drops it. */
    private static void nests(List<JsonNode> slices) {
        slices.sort(Comparator.comparingLong((JsonNode e) -> e.get("ts").asLong())
                .thenComparing(e -> -e.get("dur").asLong()));
        Deque<Long> ends = new ArrayDeque<>();
        for (JsonNode e : slices) {
            long begin = e.get("ts").asLong(), end = begin + e.get("dur").asLong();
            while (!ends.isEmpty() && ends.getLast() <= begin) ends.removeLast();
            if (!ends.isEmpty()) assertThat(end).as(e.toString()).isLessThanOrEqualTo(ends.getLast());
            ends.add(end);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {X86, ARM64})
    void tracepoints_are_printed_as_the_kernel_prints_them(String schedule) {
        Map<String, String> formats = schedule.equals(X86) ? X86_EVENTS : ARM64_EVENTS;
        Map<String, Integer> seen = new TreeMap<>();
        Exploration.ftrace(schedule).lines().filter(l -> !l.startsWith("#")).forEach(l -> {
            var m = LINE.matcher(l);
            assertThat(m.matches()).as(l).isTrue();
            String format = formats.get(m.group(1));
            if (format == null) return;
            assertThat(m.group(2)).as(l).matches(format);
            seen.merge(m.group(1), 1, Integer::sum);
        });
        assertThat(seen.keySet()).containsExactlyInAnyOrderElementsOf(formats.keySet());
    }
}
