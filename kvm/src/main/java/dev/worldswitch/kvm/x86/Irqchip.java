package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;

/** PIC, IOAPIC, PIT and interrupt routes as state: saved, restored, set; they deliver no interrupts yet. */
public final class Irqchip {
    static final int MAX_ROUTES = 4096;
    private static final int CHIP_SIZE = 520,
            PIT_SIZE = 72,
            PIT2_SIZE = 112,
            ROUTE_SIZE = 48,
            IOAPIC_PINS = 24,
            HV_SINT = 4;

    /** struct kvm_irq_routing_entry. */
    public record Route(int gsi, int type, int chip, int pin, long address, int data) {}

    private final Vm vm;
    /** Three chips of 512 bytes. */
    private final Words chips;

    private final Words pit;
    private final Word pitMade;
    /** Levels of the GSIs as user space set them last. */
    private final Words levels;

    private final Ref<List<Route>> routes;

    Irqchip(Region region, Vm vm) {
        this.vm = vm;
        chips = region.words("chips", 3 * 64);
        pit = region.words("pit", PIT2_SIZE / 8);
        pitMade = region.word("pitMade");
        levels = region.words("levels", MAX_ROUTES / 64);
        routes = region.ref("routes", List.of());
    }

    /** The IOAPIC as the guest reaches it. */
    Ioapic ioapic() {
        return new Ioapic(chips, 128);
    }

    public Ref<List<Route>> routes() {
        return routes;
    }

    static void rows(Rows t) {
        t.vm(
                "KVM_CREATE_IRQCHIP",
                io(0x60),
                0,
                "api.rst 4.24",
                (vm, c) -> vm.chips().create());
        t.vm(
                "KVM_IRQ_LINE",
                iow(0x61, 8),
                0,
                "api.rst 4.25",
                (vm, c) -> vm.chips().line(c, false));
        t.vm(
                "KVM_IRQ_LINE_STATUS",
                iowr(0x67, 8),
                26,
                "api.rst 4.25",
                (vm, c) -> vm.chips().line(c, true));
        t.vm(
                "KVM_GET_IRQCHIP",
                iowr(0x62, CHIP_SIZE),
                0,
                "api.rst 4.26",
                (vm, c) -> vm.chips().chip(c, false));
        t.vm(
                "KVM_SET_IRQCHIP",
                ior(0x63, CHIP_SIZE),
                0,
                "api.rst 4.27",
                (vm, c) -> vm.chips().chip(c, true));
        t.vm("KVM_CREATE_PIT", io(0x64), 11, "i8254.c", (vm, c) -> vm.chips().createPit());
        t.vm(
                "KVM_CREATE_PIT2",
                iow(0x77, 64),
                33,
                "api.rst 4.71",
                (vm, c) -> c.in(64) == null ? Errno.EFAULT : vm.chips().createPit());
        t.vm(
                "KVM_GET_PIT",
                iowr(0x65, PIT_SIZE),
                0,
                "i8254.c",
                (vm, c) -> vm.chips().pit(c, PIT_SIZE, false));
        t.vm(
                "KVM_SET_PIT",
                ior(0x66, PIT_SIZE),
                0,
                "i8254.c",
                (vm, c) -> vm.chips().pit(c, PIT_SIZE, true));
        t.vm(
                "KVM_GET_PIT2",
                ior(0x9f, PIT2_SIZE),
                35,
                "api.rst 4.72",
                (vm, c) -> vm.chips().pit(c, PIT2_SIZE, false));
        t.vm(
                "KVM_SET_PIT2",
                iow(0xa0, PIT2_SIZE),
                35,
                "api.rst 4.73",
                (vm, c) -> vm.chips().pit(c, PIT2_SIZE, true));
        t.vm(
                "KVM_SET_GSI_ROUTING",
                iow(0x6a, 8),
                25,
                "api.rst 4.52",
                (vm, c) -> vm.chips().setRoutes(c));
        t.vm("KVM_SIGNAL_MSI", iow(0xa5, 32), 77, "api.rst 4.70", (vm, c) -> {
            Bytes b = c.in(32);
            if (b == null) return Errno.EFAULT;
            if (!vm.lapicInKernel() || (b.u32(12) & ~MSI_VALID_DEVID) != 0) return Errno.EINVAL;
            Trace trace = vm.kvm().trace();
            if (trace != null) trace.kvmMsiSetIrq(vm, b.u32(0) & 0xffffffffL, b.u32(8));
            // No destination at all is -1, which user space reads as EPERM.
            return vm.apicBus().deliver(null, ApicBus.Message.msi(b.u32(0), b.u32(8)));
        });
        Lapic.rows(t);
    }

    private static final int MSI_VALID_DEVID = 1;

    boolean hasPit() {
        return pitMade.get() != 0;
    }

    private long create() {
        if (vm.irqchip().get() != 0) return Errno.EEXIST;
        if (!vm.vcpus().get().all().isEmpty()) return Errno.EINVAL;
        chips.set(1, 0xf8L << 56);
        chips.set(64 + 1, 0xdeL << 56);
        chips.set(128, 0xfec00000L);
        for (int pin = 0; pin < IOAPIC_PINS; pin++) chips.set(128 + 3 + pin, 0x10000);
        List<Route> defaults = new ArrayList<>();
        for (int gsi = 0; gsi < IOAPIC_PINS; gsi++) {
            if (gsi < 16) defaults.add(new Route(gsi, 1, gsi / 8, gsi % 8, 0, 0));
            defaults.add(new Route(gsi, 1, 2, gsi, 0, 0));
        }
        routes.set(List.copyOf(defaults));
        vm.irqchip().set(1);
        return 0;
    }

    private long line(Call call, boolean status) {
        Bytes b = call.in(8);
        if (b == null) return Errno.EFAULT;
        if (!vm.lapicInKernel()) return Errno.ENXIO;
        int gsi = b.u32(0), hits = 0;
        Trace t = vm.kvm().trace();
        if (t != null) t.kvmSetIrq(vm, gsi, b.u32(4) != 0 ? 1 : 0);
        for (Route r : routes.get()) if (r.gsi == gsi) hits++;
        if (gsi >= 0 && gsi < MAX_ROUTES) {
            if (b.u32(4) != 0) levels.or(gsi / 64, 1L << gsi);
            else levels.and(gsi / 64, ~(1L << gsi));
        }
        return status ? call.out(b.u32(0, hits == 0 ? -1 : hits)) : 0;
    }

    private long chip(Call call, boolean store) {
        Bytes b = call.in(CHIP_SIZE);
        if (b == null) return Errno.EFAULT;
        if (!vm.picInKernel()) return Errno.ENXIO;
        int id = b.u32(0);
        if (id < 0 || id > 2) return Errno.EINVAL;
        for (int i = 0; i < 64; i++) {
            if (store) chips.set(id * 64 + i, b.u64(8 + i * 8));
            else b.u64(8 + i * 8, chips.get(id * 64 + i));
        }
        return store ? 0 : call.out(b);
    }

    private long createPit() {
        if (pitMade.get() != 0) return Errno.EEXIST;
        // 6.1 lets a PIT be that has nobody to interrupt.
        if (!vm.picInKernel() && vm.kvm().kernel().version().atLeast("6.12")) return Errno.ENOENT;
        pitMade.set(1);
        // Each counter starts at 65536 with mode 0xff and its gate open; counter 2's gate follows port 0x61.
        for (int i = 0; i < 3; i++) {
            pit.set(i * 3, 0x10000);
            pit.set(i * 3 + 1, 0xffL << 40 | (i != 2 ? 1L << 56 : 0));
        }
        return 0;
    }

    private long pit(Call call, int size, boolean store) {
        if (store) {
            Bytes b = call.in(size);
            if (b == null) return Errno.EFAULT;
            if (pitMade.get() == 0) return Errno.ENXIO;
            for (int i = 0; i < size / 8; i++) pit.set(i, b.u64(i * 8));
            return 0;
        }
        if (size == PIT_SIZE && call.in(size) == null) return Errno.EFAULT;
        if (pitMade.get() == 0) return Errno.ENXIO;
        Bytes b = new Bytes(size);
        for (int i = 0; i < size / 8; i++) b.u64(i * 8, pit.get(i));
        return call.out(b);
    }

    private long setRoutes(Call call) {
        Bytes head = call.in(8);
        if (head == null) return Errno.EFAULT;
        if (!vm.lapicInKernel()) return Errno.EINVAL;
        if (Integer.compareUnsigned(head.u32(0), MAX_ROUTES) > 0 || head.u32(4) != 0) return Errno.EINVAL;
        Bytes b = call.in(call.argument() + 8, head.u32(0) * ROUTE_SIZE);
        if (b == null) return Errno.EFAULT;
        List<Route> all = new ArrayList<>();
        for (int at = 0; at < b.size(); at += ROUTE_SIZE) {
            int gsi = b.u32(at), type = b.u32(at + 4), flags = b.u32(at + 8);
            if (gsi < 0 || gsi >= MAX_ROUTES || (flags & ~1) != 0 || flags != 0 && type != 2) return Errno.EINVAL;
            for (Route r : all)
                if (r.gsi == gsi && (r.type != 1 || type != 1 || r.chip == b.u32(at + 16))) return Errno.EINVAL;
            if (type == 1) {
                if (!vm.picInKernel()) return Errno.EINVAL;
                int chip = b.u32(at + 16), pin = b.u32(at + 20);
                if (chip < 0 || chip > 2 || pin < 0 || pin >= (chip == 2 ? IOAPIC_PINS : 8)) return Errno.EINVAL;
                all.add(new Route(gsi, type, chip, pin, 0, 0));
            } else if (type == 2) {
                long address = b.u32(at + 16) & 0xffffffffL | (long) b.u32(at + 20) << 32;
                all.add(new Route(gsi, type, 0, 0, address, b.u32(at + 24)));
            } else if (type == HV_SINT && vm.kvm().config("hyperv")) {
                all.add(new Route(gsi, type, b.u32(at + 16), b.u32(at + 20), 0, 0));
            } else {
                return Errno.EINVAL;
            }
        }
        routes.set(List.copyOf(all));
        return 0;
    }
}
