package dev.worldswitch.explore;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * The text of the kernel's tracing/trace file (Documentation/trace/ftrace.rst, output format), which trace viewers read. KVM's
 * tracepoints have the kernel's names and fields; what the kernel has no tracepoint for is a marker.
 */
public final class Ftrace {
    /** As a line that user space wrote into trace_marker. */
    public static final String MARKER = "tracing_mark_write";

    /** Flags of a line where nobody looked: the kernel's letter for an architecture that can't tell. */
    public static final String FLAGS_UNKNOWN = "X....", FLAGS_INTERRUPT = "X.h..";

    private static final String HEAD = """
            # tracer: nop
            #
            #                                _-----=> irqs-off/BH-disabled
            #                               / _----=> need-resched
            #                              | / _---=> hardirq/softirq
            #                              || / _--=> preempt-depth
            #                              ||| / _-=> migrate-disable
            #                              |||| /     delay
            #           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
            #              | |         |   |||||     |         |
            """;

    /** What our tracepoints say behind the kernel's text. */
    private static final Pattern NAME_ADDED = Pattern.compile(" /\\* [^*]* \\*/$");

    private final Appendable out;

    public Ftrace(Appendable out) {
        this.out = out;
        append(HEAD);
    }

    /**
     * One line.
     *
     * @param flags five letters as the head explains them
     * @param event a tracepoint's name, or a function's for what it says
     */
    public void line(String task, int pid, int cpu, String flags, long micros, String event, String text) {
        append(String.format(
                Locale.ROOT,
                "%16s-%-7d [%03d] %s %5d.%06d: %s: %s\n",
                task.replaceAll("\\s", "_"),
                pid,
                cpu,
                flags,
                micros / 1_000_000,
                micros % 1_000_000,
                event,
                NAME_ADDED.matcher(text).replaceFirst("").replaceAll("\\R", " ").strip()));
    }

    private void append(String text) {
        try {
            out.append(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
