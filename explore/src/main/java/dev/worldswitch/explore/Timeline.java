package dev.worldswitch.explore;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;

/** What happened in one schedule, for a person: kernel functions, the event, and what changed where. */
final class Timeline implements ExploreTiming.Observer {
    static final int COLUMNS = 72;
    private final Workload workload;
    private final List<String> lines = new ArrayList<>();
    private String lastState = "";
    private String lastFunction = "";

    Timeline(Workload workload) {
        this.workload = workload;
    }

    void step(String name) {
        lines.add(cut("VMM  " + name));
        lastFunction = "";
    }

    @Override
    public void moment(PhysicalCpu cpu, String step, boolean event) {
        String function = function();
        if (event) {
            lines.add(cut("cpu0 * INTERRUPT, softirq uses the FPU: in " + function + ", before " + step));
            lastFunction = "";
        }
        String state = state((X86Cpu) cpu);
        boolean hardware = step.startsWith("wrmsr IA32_XFD") || step.startsWith("xrstors") || step.startsWith("xsaves");
        if (!state.equals(lastState) || hardware || function.equals("kernelFpuBegin")) {
            String line = "cpu0   " + function + ": " + step;
            if (!state.equals(lastState) || !line.equals(lastFunction)) lines.add(cut(pad(line, 45) + " " + state));
            lastFunction = line;
            lastState = state;
        }
    }

    void end(String what) {
        for (String l : wrap(what, COLUMNS - 8)) lines.add("!!!!  " + l);
    }

    private String state(X86Cpu cpu) {
        long xfd = cpu.xfd().peek(0) >> XsaveLayout.TILEDATA & 1;
        long bv = workload.guestImage().image().peek(XsaveLayout.XSTATE_BV / 8) >> XsaveLayout.TILEDATA & 1;
        long load = workload.task().flags().peek(0) & Task.TIF_NEED_FPU_LOAD;
        return "   " + xfd + "     " + bv + "       " + load;
    }

    private static String function() {
        return StackWalker.getInstance()
                .walk(frames -> frames.filter(f -> f.getClassName().startsWith("dev.worldswitch.kernel.")
                                || f.getClassName().startsWith("dev.worldswitch.kvm.")
                                || f.getClassName().equals(FpuDriver.class.getName()))
                        .map(StackWalker.StackFrame::getMethodName)
                        .filter(n -> !n.startsWith("lambda"))
                        .findFirst()
                        .orElse("user mode"));
    }

    private static String pad(String s, int n) {
        return s.length() >= n ? s.substring(0, n - 1) + " " : s + " ".repeat(n - s.length());
    }

    private static String cut(String s) {
        return s.length() <= COLUMNS ? s.stripTrailing() : s.substring(0, COLUMNS);
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

    /** The last lines matter: what came long before the event or the end is counted, not shown. */
    String text() {
        int most = 28, first = Math.max(0, lines.size() - most);
        StringBuilder b = new StringBuilder(pad("who  what", 45) + "  XFD XSTATE_BV NEED_LOAD\n");
        if (first > 0) b.append("     (").append(first).append(" lines before)\n");
        for (String l : lines.subList(first, lines.size())) b.append(l).append('\n');
        return b.toString();
    }
}
