package dev.worldswitch.kvm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What each interrupt line of a VM (GSI) leads to: one immutable record, swapped whole by KVM_SET_GSI_ROUTING. */
public record IrqRouting(List<Route> routes) {
    public static final IrqRouting NONE = new IrqRouting(List.of());
    /** KVM_MAX_IRQ_ROUTES. */
    public static final int MAX = 4096;

    /** KVM_IRQ_ROUTING_*. */
    public static final int IRQCHIP = 1, MSI = 2, HV_SINT = 4;

    private static final int HEAD = 8, SIZE = 48, VALID_DEVID = 1;

    /** struct kvm_irq_routing_entry; for other types than IRQCHIP and MSI, chip and pin are its first two numbers. */
    public record Route(int gsi, int type, int flags, int chip, int pin, long address, int data, int devid) {
        public static Route chip(int gsi, int chip, int pin) {
            return new Route(gsi, IRQCHIP, 0, chip, pin, 0, 0, 0);
        }
    }

    /** What an architecture takes as a route: kvm_set_routing_entry. */
    @FunctionalInterface
    public interface Check {
        boolean takes(Route route);
    }

    /** The GSI that leads to a pin of a chip, -1 for none (kvm_irq_map_chip_pin). */
    public int gsi(int chip, int pin) {
        for (Route r : routes) if (r.type == IRQCHIP && r.chip == chip && r.pin == pin) return r.gsi;
        return -1;
    }

    /** Routing from KVM_SET_GSI_ROUTING's argument; null with the errno in {@code error[0]}. */
    public static @Nullable IrqRouting read(Call call, Check check, long[] error) {
        Bytes head = call.in(HEAD);
        error[0] = Errno.EFAULT;
        if (head == null) return null;
        error[0] = Errno.EINVAL;
        if (Integer.compareUnsigned(head.u32(0), MAX) > 0 || head.u32(4) != 0) return null;
        Bytes b = call.in(call.argument() + HEAD, head.u32(0) * SIZE);
        if (b == null) {
            error[0] = Errno.EFAULT;
            return null;
        }
        List<Route> all = new ArrayList<>();
        for (int at = 0; at < b.size(); at += SIZE) {
            Route r = route(b, at);
            boolean legal = r.gsi >= 0 && r.gsi < MAX && (r.flags & ~VALID_DEVID) == 0;
            if (!legal || r.flags != 0 && r.type != MSI || clashes(all, r) || !check.takes(r)) return null;
            all.add(r);
        }
        return new IrqRouting(List.copyOf(all));
    }

    private static Route route(Bytes b, int at) {
        int gsi = b.u32(at), type = b.u32(at + 4), flags = b.u32(at + 8), one = b.u32(at + 16), two = b.u32(at + 20);
        if (type != MSI) return new Route(gsi, type, flags, one, two, 0, 0, 0);
        long address = one & 0xffffffffL | (long) two << 32;
        return new Route(gsi, type, flags, 0, 0, address, b.u32(at + 24), b.u32(at + 28));
    }

    /** One GSI may lead to one pin of each chip, or to one message. */
    private static boolean clashes(List<Route> all, Route route) {
        for (Route r : all)
            if (r.gsi == route.gsi && (r.type != IRQCHIP || route.type != IRQCHIP || r.chip == route.chip)) return true;
        return false;
    }
}
