package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class FtraceTest {
    /** How readers of ftrace text take a line apart: task, pid, CPU, flags, time, event, fields. */
    private static final Pattern LINE = Pattern.compile(
            "\\s*(\\S+)-(\\d+)\\s+\\[(\\d{3})\\] ([dDbBX.][NnpLB.][hHsZz.][1-9.][1-9a-f.]) +\\d+\\.\\d{6}: (\\S+): (.*)");

    @Test
    void a_finding_is_text_of_the_kernel_s_trace_file_with_its_tracepoints_and_the_event_as_a_marker() {
        Verdict v = Exploration.of(Scenario.builtIn("xcr0"), Exploration.kernelOf("6.12~kvm-fpu-check-at-entry"))
                .run(n -> {});
        List<String> lines = Exploration.ftrace(
                        v.findings().getFirst().schedule().toString())
                .lines()
                .toList();
        assertThat(lines.getFirst()).isEqualTo("# tracer: nop");
        List<String> content = lines.stream().filter(l -> !l.startsWith("#")).toList();
        assertThat(content).allMatch(l -> LINE.matcher(l).matches());
        assertThat(content)
                .anyMatch(l -> l.matches(".*: kvm_entry: vcpu 0, rip 0x[0-9a-f]+"))
                .anyMatch(l -> l.contains(": kvm_exit: vcpu 0 reason "))
                .anyMatch(l -> l.contains(": sched_switch: prev_comm=swapper prev_pid=0"))
                .anyMatch(l -> l.contains(": tracing_mark_write: event: "))
                .anyMatch(l -> l.contains(": tracing_mark_write: wrong: FIRST WRONG"));
    }
}
