package dev.worldswitch.kvm;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.PhysicalCpu;
import org.jspecify.annotations.Nullable;

/**
 * A booted host with its KVM, whatever its architecture: all that those who serve clients need. Everything else goes
 * through {@link KvmFile#ioctl}.
 */
public interface KvmHost {
    /** What open("/dev/kvm") opens. */
    AbstractKvm kvm();

    default Kernel kernel() {
        return kvm().kernel();
    }

    /** All ioctls, for names in traces. */
    default IoctlTable ioctls() {
        return kvm().ioctls();
    }

    default Scheduler scheduler() {
        return kvm().scheduler();
    }

    /** A new host task, on no CPU. */
    Task newTask(String name);

    /** Gives the task a CPU: before KVM_RUN, and after it has slept. */
    default void start(Task task) {
        scheduler().start(task);
    }

    /** The task, just started, was in user mode and calls: its own registers are in its CPU, interrupts are on. */
    default void calls(Task task) {
        scheduler().exitToUserMode(task);
        scheduler().enterFromUserMode(task);
    }

    /** The task gives its CPU to others. */
    default void sleep(Task task) {
        scheduler().sleep(task);
    }

    /** A call broke down and left its CPU as it was then: makes it fit for others. */
    default void recover(PhysicalCpu cpu) {}

    /** True for an ioctl of a vCPU other than KVM_RUN that works on the CPU it is called on, and so needs one. */
    default boolean touchesCpu(int command) {
        return false;
    }

    /**
     * A while of a host task in user mode: it gets a CPU, looks at its vector registers, fills them and sleeps again.
     *
     * @param had what it filled them with last, 0 when it never did
     * @return false when something else was in them
     */
    default boolean userMode(Task task, long had, long fills) {
        return scheduler().userTurn(task, had, fills);
    }

    /** The same for a task that has its CPU and keeps it. */
    default boolean inUserMode(Task task, long had, long fills) {
        return scheduler().inUserMode(task, had, fills);
    }

    /** Who hears of entries, exits and what happens between them; null for nobody. */
    default void trace(@Nullable Tracepoints listener) {
        kvm().listen(listener);
    }

    /** Gives the guests a debugger, before there is any. */
    default void debug(Debugger debugger) {
        kvm().debugger().set(debugger);
    }

    /** The name of a model-specific register, for traces; null for an unknown one. */
    default @Nullable String msrName(int index) {
        return null;
    }

    /** The name of a register of KVM_GET_ONE_REG, for traces; null for an unknown one. */
    default @Nullable String registerName(long id) {
        return null;
    }

    /** What a file of /sys/module/kvm* says; null for one that is not there. */
    default @Nullable String moduleParameter(String path) {
        return null;
    }

    /** Dynamic and other XSAVE components that processes of this host may use; 0 where there are none. */
    default long xcompSupported() {
        return 0;
    }

    /** Number of the first XSAVE component that arch_prctl(2) has no name for. */
    default int xcompComponents() {
        return 0;
    }
}
