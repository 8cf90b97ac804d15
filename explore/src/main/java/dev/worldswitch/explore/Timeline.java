package dev.worldswitch.explore;

import dev.worldswitch.explore.Subject.Gauge;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What happened in one schedule, for a person: kernel functions, the events, and what changed where. */
final class Timeline {
    static final int COLUMNS = 72;
    private static final int MOST = 28, BEFORE = 2, AFTER = 6;
    private final List<Gauge> gauges;
    private final boolean severalTasks;
    private final int textWidth;
    private final List<String> lines = new ArrayList<>();
    private final List<Boolean> keep = new ArrayList<>();
    private final List<Integer> events = new ArrayList<>();
    private String lastState = "", lastLine = "";
    private final Trace trace = new Trace();

    Timeline(Subject subject) {
        this.gauges = subject.gauges();
        this.severalTasks = subject.programs().size() > 1;
        int width = 0;
        for (Gauge g : gauges) width += g.name().length() + 1;
        this.textWidth = COLUMNS - width;
    }

    private void add(String line, boolean always) {
        lines.add(line.length() <= COLUMNS ? line.stripTrailing() : line.substring(0, COLUMNS));
        keep.add(always);
    }

    void begins(Context c, String name) {
        add(c.program.task().region().name() + "  " + name, true);
        trace.begins(c.program.task().region().name(), name);
        lastLine = "";
    }

    void step(PhysicalCpu cpu, String step) {
        String state = state();
        trace.step(cpu.id(), function(), step, gauges);
        String line = "cpu" + cpu.id() + "   " + function() + ": " + step;
        boolean changed = !state.equals(lastState);
        if (line.equals(lastLine) && !changed) return;
        add(pad(line, textWidth) + (changed ? state : ""), changed);
        lastLine = line;
        lastState = state;
    }

    void chosen(@Nullable PhysicalCpu cpu, Choice c) {
        String what = switch (c.kind()) {
            case Choice.SWITCH -> "* task " + c.which() + " goes on, on another CPU";
            case Choice.CPU -> "* the task moves to cpu" + c.which();
            case Choice.GIVE_WAY -> "* task " + c.which() + " gets the CPU first";
            default -> "* " + c.event().text;
        };
        events.add(lines.size());
        trace.instant(cpu == null ? -1 : cpu.id(), what);
        add((cpu == null ? "     " : "cpu" + cpu.id() + " ") + what, true);
        lastLine = "";
    }

    /** An outcome that the architecture leaves open, and that is not the usual one. */
    void open(String what, Choice c) {
        events.add(lines.size());
        add("     * " + what + (c.which() == 1 ? "" : ", way " + c.which()), true);
        lastLine = "";
    }

    /** What a guest does. */
    void guest(String what) {
        add("guest  " + what, true);
        trace.begins("guest", what);
        lastLine = "";
    }

    void reported(Violation v) {
        trace.instant(-1, "first wrong value: " + v.what());
        for (String l : wrap("from here on not so: " + v.property().says() + "; " + v.what(), COLUMNS - 6))
            add("!!    " + l, true);
    }

    void end(@Nullable Violation v) {
        if (v != null) trace.instant(-1, v.what());
        if (v != null) for (String l : wrap(v.what(), COLUMNS - 6)) add("!!!!  " + l, true);
        else add("      nothing more goes wrong", true);
    }

    private String state() {
        StringBuilder b = new StringBuilder();
        for (Gauge g : gauges) {
            String v = Long.toHexString(g.value().getAsLong());
            b.append(" ".repeat(Math.max(1, g.name().length() + 1 - v.length())))
                    .append(v);
        }
        return b.toString();
    }

    /** Kernel and KVM functions are named as in the kernel: the Java names are theirs, put back into their spelling. */
    private static String function() {
        return StackWalker.getInstance()
                .walk(frames -> frames.filter(f -> f.getClassName().startsWith("dev.worldswitch.kernel.")
                                || f.getClassName().startsWith("dev.worldswitch.kvm."))
                        .map(StackWalker.StackFrame::getMethodName)
                        .filter(n -> !n.startsWith("lambda") && !n.equals("<init>"))
                        .findFirst()
                        .map(Timeline::kernelSpelling)
                        .orElse("user mode"));
    }

    private static String kernelSpelling(String name) {
        return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }

    private static String pad(String s, int n) {
        return s.length() >= n ? s.substring(0, n - 1) + " " : s + " ".repeat(n - s.length());
    }

    static List<String> wrap(String text, int width) {
        List<String> out = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ")) {
            if (!line.isEmpty() && line.length() + 1 + word.length() > width) {
                out.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        out.add(line.toString());
        return out;
    }

    /**
     * At most two dozen lines: the last ones, and of those before only calls, events and changes; what is left out is
     * counted.
     */
    String text() {
        StringBuilder head = new StringBuilder(pad("who   what", textWidth));
        for (Gauge g : gauges) head.append(' ').append(g.name());
        List<String> out = new ArrayList<>();
        int skipped = 0, close = nearEvents();
        for (int i = 0; i < lines.size(); i++) {
            if (i < close && !keep.get(i) && !nextToEvent(i)) {
                skipped++;
                continue;
            }
            if (skipped > 0) out.add("      (" + skipped + (skipped == 1 ? " step)" : " steps)"));
            skipped = 0;
            out.add(lines.get(i));
        }
        if (out.size() > MOST) {
            int cut = out.size() - MOST + 1;
            out = new ArrayList<>(out.subList(cut, out.size()));
            out.addFirst("      (" + cut + " lines before)");
        }
        out.addFirst(head.toString());
        return String.join("\n", out) + "\n";
    }

    private boolean nextToEvent(int line) {
        for (int i = Math.max(0, line - AFTER); i < Math.min(lines.size(), line + BEFORE + 1); i++)
            if (events.contains(i)) return true;
        return false;
    }

    /** From where on every step is shown: a little before the last lines. */
    private int nearEvents() {
        return Math.max(0, lines.size() - 10);
    }

    /** The same for Perfetto or chrome://tracing. */
    Trace trace() {
        return trace;
    }

    boolean severalTasks() {
        return severalTasks;
    }
}
