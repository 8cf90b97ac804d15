package dev.worldswitch.kvm;

import static dev.worldswitch.kvm.IoctlTable.iow;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One KVM_IRQFD: an eventfd of the client whose signals are interrupts. With {@code resample} the line stays up until the
 * guest ends the interrupt, of which the second eventfd tells.
 */
public record IrqFd(int gsi, Eventfd event, @Nullable Eventfd resample) {
    private static final int SIZE = 32, DEASSIGN = 1, RESAMPLE = 2;

    /** Adds its row to an architecture's table. */
    public static void rows(IoctlTable.Builder t) {
        t.add(InterruptVm.class, KvmFile.Kind.VM, "KVM_IRQFD", iow(0x76, SIZE), 32, "api.rst 4.75", IrqFd::set);
    }

    private static long set(InterruptVm vm, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        int fd = b.u32(0), gsi = b.u32(4), flags = b.u32(8);
        if ((flags & ~(DEASSIGN | RESAMPLE)) != 0) return Errno.EINVAL;
        boolean resample = (flags & RESAMPLE) != 0;
        if ((flags & DEASSIGN) == 0 && !vm.interruptControllerReady()) return Errno.EAGAIN;
        if ((flags & DEASSIGN) == 0 && !vm.takesIrqFd(resample)) return Errno.EINVAL;
        long bad = call.client().eventfdError(fd);
        if (bad != 0) return bad;
        if ((flags & DEASSIGN) != 0) return deassign(vm, call, fd, gsi);
        bad = resample ? call.client().eventfdError(b.u32(12)) : 0;
        return bad != 0 ? bad : assign(vm, call, fd, gsi, resample ? b.u32(12) : -1);
    }

    private static long assign(InterruptVm vm, Call call, int fd, int gsi, int resampleFd) {
        Eventfd event = call.client().eventfd(fd);
        if (event == null) return Errno.EBADF;
        boolean known = vm.irqFds().get().stream().anyMatch(other -> other.event.id() == event.id());
        Eventfd resample = resampleFd < 0 || known ? null : call.client().eventfd(resampleFd);
        if (known || resampleFd >= 0 && resample == null) {
            event.close();
            return known ? Errno.EBUSY : Errno.EBADF;
        }
        BoundEventfds bound = vm.boundEventfds();
        if (bound != null && !bound.bind(event)) {
            event.close();
            if (resample != null) resample.close();
            return Errno.EBUSY;
        }
        IrqFd made = new IrqFd(gsi, event, resample);
        List<IrqFd> now = new ArrayList<>(vm.irqFds().get());
        now.add(made);
        vm.irqFds().set(List.copyOf(now));
        // Registered first: a signal that is there already is an interrupt too, and its end must find the line.
        event.onSignal(() -> made.inject(vm));
        return 0;
    }

    private static long deassign(InterruptVm vm, Call call, int fd, int gsi) {
        Eventfd event = call.client().eventfd(fd);
        if (event == null) return Errno.EBADF;
        List<IrqFd> now = new ArrayList<>();
        for (IrqFd f : vm.irqFds().get()) {
            if (f.gsi == gsi && f.event.id() == event.id()) f.shutdown(vm);
            else now.add(f);
        }
        vm.irqFds().set(List.copyOf(now));
        event.close();
        return 0;
    }

    /** irqfd_inject. */
    private void inject(InterruptVm vm) {
        if (resample != null) {
            vm.setIrq(InterruptVm.SOURCE_RESAMPLE, gsi, true);
            return;
        }
        vm.setIrq(InterruptVm.SOURCE_USER, gsi, true);
        vm.setIrq(InterruptVm.SOURCE_USER, gsi, false);
    }

    /** irqfd_resampler_ack: the line goes down, and who still wants it signals again. */
    public static void acked(InterruptVm vm, int gsi) {
        List<IrqFd> all = vm.irqFds().get();
        boolean lowered = false;
        for (IrqFd f : all) {
            if (f.resample == null || f.gsi != gsi) continue;
            if (!lowered) vm.setIrq(InterruptVm.SOURCE_RESAMPLE, gsi, false);
            lowered = true;
            f.resample.signal();
        }
    }

    /** The VM's descriptor is closed: nobody signals any more. */
    public static void releaseAll(InterruptVm vm) {
        for (IrqFd f : vm.irqFds().get()) f.shutdown(vm);
        vm.irqFds().set(List.of());
    }

    private void shutdown(InterruptVm vm) {
        BoundEventfds bound = vm.boundEventfds();
        if (bound != null) bound.unbind(event);
        event.close();
        if (resample != null) resample.close();
    }
}
