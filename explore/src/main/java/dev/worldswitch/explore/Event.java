package dev.worldswitch.explore;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What may happen at a moment besides the next step. */
enum Event {
    INTERRUPT('i', "interrupt", "INTERRUPT, its softirq uses the FPU", Line.INTERRUPT),
    PREEMPT('p', "preempt", "RESCHEDULE, preemption where the kernel allows it", Line.RESCHEDULE),
    KICK('k', "kick", "KICK, an IPI that only makes a guest exit", Line.KICK),
    NMI('n', "nmi", "NMI", Line.NMI),
    PERF_IPI('a', "perf-ipi", "PERF, a cross-call that changes its registers", Line.PERF),
    FPU_INTERRUPT('h', "fpu-interrupt", "FPU, an interrupt that uses it at once", Line.FPU),
    SIGNAL('g', "signal", "a signal for the task: KVM_RUN ends with EINTR and is called again", null) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return subject.maySignal(cpu);
        }

        @Override
        void happen(PhysicalCpu cpu, Subject subject) {
            subject.signal(cpu);
        }
    },
    SAMPLE('r', "sample", "the profiling unit samples an operation", null) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return cpu.maySample();
        }

        @Override
        void happen(PhysicalCpu cpu, Subject subject) {
            cpu.sample();
        }
    },
    WRITE_SAMPLE('d', "write-sample", "the profiling unit writes a record to memory", null) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return cpu.sampleWaits();
        }

        @Override
        void happen(PhysicalCpu cpu, Subject subject) {
            cpu.writeSample();
        }
    },
    TIMER_EXIT('t', "timer-exit", "the guest's timer makes it exit", Line.TIMER) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return cpu.inGuest();
        }
    },
    POWER_CYCLE('x', "power-cycle", "CPUs that no task runs on lose their state and come back", null) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return subject.mayPowerCycle();
        }

        @Override
        void happen(PhysicalCpu cpu, Subject subject) {
            subject.powerCycle();
        }
    },
    SUSPEND('z', "suspend", "the machine sleeps and wakes, its tasks frozen in user mode", null) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return subject.maySuspend();
        }

        @Override
        void happen(PhysicalCpu cpu, Subject subject) {
            subject.suspend();
        }
    },
    SERROR('v', "serror", "a corrected SError while a guest runs (arm64)", Line.SERROR) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return cpu.inGuest();
        }
    },
    MACHINE_CHECK('m', "machine-check", "#MC for memory that the guest used (x86)", Line.MACHINE_CHECK) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return cpu.inGuest();
        }
    },
    EXEC('e', "exec", "the task's user code calls execve()", null) {
        @Override
        boolean possible(PhysicalCpu cpu, Subject subject) {
            return subject.mayExec(cpu);
        }

        @Override
        void happen(PhysicalCpu cpu, Subject subject) {
            subject.exec(cpu);
        }
    };

    final char letter;
    final String id, text;
    private final @Nullable Line line;

    Event(char letter, String id, String text, @Nullable Line line) {
        this.letter = letter;
        this.id = id;
        this.text = text;
        this.line = line;
    }

    private static final Event[] ALL = values();

    /** The event with this letter. */
    static Event of(char letter) {
        for (Event e : ALL) if (e.letter == letter) return e;
        throw new IllegalStateException("'" + letter + "' is no event");
    }

    static Event of(String id) {
        for (Event e : values()) if (e.id.equals(id)) return e;
        throw new IllegalArgumentException("no event '" + id + "'; known: "
                + Stream.of(values()).map(e -> e.id).collect(Collectors.joining(", ")));
    }

    /** The CPU would take it here: unmasked, or it runs a guest, which a line makes exit. */
    boolean possible(PhysicalCpu cpu, Subject subject) {
        return line != null && !line.maskable() || cpu.irqsOn() || cpu.inGuest();
    }

    void happen(PhysicalCpu cpu, Subject subject) {
        if (line != null) cpu.raise(line);
    }
}
