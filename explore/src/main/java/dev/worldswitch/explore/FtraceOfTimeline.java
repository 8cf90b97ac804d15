package dev.worldswitch.explore;

import dev.worldswitch.explore.TimelineStep.Kind;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.Tracepoints;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One timing as ftrace text: a microsecond for each step, KVM's tracepoints where they were passed. */
final class FtraceOfTimeline implements Tracepoints {
    private static final String GUEST_OF = "guest of ", INTERRUPT = "interrupt", IDLE = "swapper";
    private static final int FIRST_PID = 1000;

    private record Hit(int before, String event, String fields) {}

    private final Timeline timeline;
    private final List<Hit> hits = new ArrayList<>();
    private final Map<String, Integer> pids = new LinkedHashMap<>();
    private final Map<Integer, String> current = new HashMap<>();
    private final StringBuilder text = new StringBuilder();
    private final Ftrace out = new Ftrace(text);
    private long now;
    private int lastCpu;

    FtraceOfTimeline(Timeline timeline) {
        this.timeline = timeline;
    }

    @Override
    public void hit(KvmFile file, String event, String fields) {
        hits.add(new Hit(timeline.size(), event, fields));
    }

    String text() {
        int next = 0;
        List<TimelineStep> steps = timeline.steps();
        for (int i = 0; i <= steps.size(); i++) {
            for (; next < hits.size() && hits.get(next).before <= i; next++)
                line(null, hits.get(next).event, hits.get(next).fields);
            if (i < steps.size()) step(steps.get(i));
        }
        return text.toString();
    }

    private void step(TimelineStep s) {
        if (s.cpu() >= 0) lastCpu = s.cpu();
        String task = s.context().startsWith(GUEST_OF) ? s.context().substring(GUEST_OF.length()) : s.context();
        boolean interrupt = task.equals(INTERRUPT);
        if (!interrupt) switchTo(task);
        String marked =
                s.kind() == Kind.STEP ? s.text() : s.kind().name().toLowerCase(java.util.Locale.ROOT) + ": " + s.text();
        line(s, s.function().isEmpty() ? Ftrace.MARKER : s.function(), marked);
        // As systrace's counters are written.
        s.changed().entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(c -> line(s, Ftrace.MARKER, "C|" + FIRST_PID + "|" + c.getKey() + "|" + c.getValue()));
        now++;
    }

    private int pid(String task) {
        return task.equals(IDLE) ? 0 : pids.computeIfAbsent(task, t -> FIRST_PID + pids.size());
    }

    /** include/trace/events/sched.h, sched_switch; priorities are those of an ordinary task. */
    private void switchTo(String task) {
        String before = current.getOrDefault(lastCpu, IDLE);
        if (before.equals(task)) return;
        line(
                null,
                "sched_switch",
                "prev_comm=" + before + " prev_pid=" + pid(before) + " prev_prio=120 prev_state=R ==> next_comm=" + task
                        + " next_pid=" + pid(task) + " next_prio=120");
        current.put(lastCpu, task);
    }

    private void line(@Nullable TimelineStep s, String event, String what) {
        String task = current.getOrDefault(lastCpu, IDLE);
        boolean interrupt = s != null && s.context().equals(INTERRUPT);
        out.line(task, pid(task), lastCpu, interrupt ? Ftrace.FLAGS_INTERRUPT : Ftrace.FLAGS_UNKNOWN, now, event, what);
    }
}
