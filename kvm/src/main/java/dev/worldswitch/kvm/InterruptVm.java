package dev.worldswitch.kvm;

import dev.worldswitch.machine.cell.Ref;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A VM with interrupt lines, as code that is the same on all architectures sees it. */
public interface InterruptVm extends MemoryVm {
    /** Who holds an interrupt line: KVM_USERSPACE_IRQ_SOURCE_ID, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID. */
    int SOURCE_USER = 0, SOURCE_RESAMPLE = 1;

    /** kvm_set_irq: how many took it, 0 when it was pending everywhere, -1 for nobody; any thread. */
    int setIrq(int source, int gsi, boolean level);

    /** kvm_arch_intc_initialized. */
    default boolean interruptControllerReady() {
        return true;
    }

    /** kvm_arch_irqfd_allowed. */
    boolean takesIrqFd(boolean resample);

    /** What KVM_IRQFD registered. */
    Ref<List<IrqFd>> irqFds();

    /** Eventfds of all VMs that are irqfds, where one may be that of one VM only; else null. */
    @Nullable
    BoundEventfds boundEventfds();
}
