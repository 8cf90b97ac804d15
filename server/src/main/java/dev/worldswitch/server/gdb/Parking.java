package dev.worldswitch.server.gdb;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DebuggedVcpu;
import java.util.function.BooleanSupplier;

/** How a vCPU's thread waits while the debugger holds it. */
public interface Parking {
    /**
     * Waits while {@code held}, off the physical CPU; false when a signal ended it.
     *
     * @param parked to be called once the thread is off its CPU, its guest's registers saved
     */
    boolean park(Caller caller, BooleanSupplier held, Runnable parked);

    /** What the vCPU may do has changed. */
    void kick(DebuggedVcpu vcpu);

    /** In {@code KVM_RUN} of a client: it sleeps as a halted vCPU does, and its signals wake it. */
    Parking BLOCKING = new Parking() {
        @Override
        public boolean park(Caller caller, BooleanSupplier held, Runnable parked) {
            int[] asked = new int[1];
            caller.block(() -> {
                if (!held.getAsBoolean()) return true;
                // The first question comes before the thread gives its CPU up, the second after.
                if (asked[0]++ > 0) parked.run();
                return false;
            });
            return !held.getAsBoolean();
        }

        @Override
        public void kick(DebuggedVcpu vcpu) {
            vcpu.kick();
        }
    };
}
