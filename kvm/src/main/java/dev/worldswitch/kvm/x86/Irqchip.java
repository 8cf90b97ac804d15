package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.InterruptVm;
import dev.worldswitch.kvm.IrqFd;
import dev.worldswitch.kvm.IrqRouting;
import dev.worldswitch.kvm.IrqRouting.Route;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** PIC, IOAPIC and PIT of a VM with an irqchip, and the routes of its interrupt lines to them and to the local APICs. */
public final class Irqchip {
    /** Numbers of the chips as routes name them; the PICs are 0 and 1. */
    static final int IOAPIC = 2;
    /** The PIT as one who holds an interrupt line, beside those of {@link InterruptVm}. */
    static final int SOURCE_PIT = 2;

    private static final int CHIP_SIZE = 520,
            PIT_SIZE = 72,
            PIT2_SIZE = 112,
            PIT_FLAGS = 72,
            CHIP_WORDS = 64,
            PIC_STATE_WORDS = 2,
            IOAPIC_STATE_WORDS = 27;

    private final Vm vm;
    /** Three chips of 512 bytes. */
    private final Words chips;

    private final Words pitState;
    private final Pic pic;
    private final Ioapic ioapic;
    private final Pit pit;
    /** For each pin of the PICs, then of the IOAPIC, who holds it up: a bit for each source. */
    private final Words lines;

    private final Ref<IrqRouting> routes;

    Irqchip(Region region, Vm vm) {
        this.vm = vm;
        chips = region.words("chips", 3 * CHIP_WORDS);
        pitState = region.words("pit", PIT2_SIZE / 8);
        pic = new Pic(region, this, chips);
        ioapic = new Ioapic(region, this, chips, IOAPIC * CHIP_WORDS);
        pit = new Pit(region, this, pitState);
        lines = region.words("lines", 16 + Ioapic.PINS);
        routes = region.ref("routes", IrqRouting.NONE);
    }

    Vm vm() {
        return vm;
    }

    @Nullable
    Trace trace() {
        return vm.kvm().trace();
    }

    Pic pic() {
        return pic;
    }

    Ioapic ioapic() {
        return ioapic;
    }

    Pit pit() {
        return pit;
    }

    Ref<IrqRouting> routes() {
        return routes;
    }

    // Interrupt lines.

    /** kvm_set_irq: how many local APICs and pins took it, 0 when it was pending everywhere, -1 for nobody. */
    int setIrq(int source, int gsi, boolean level) {
        return setIrq(source, gsi, level, false);
    }

    /** {@code asked}: the client wants to know what became of it (KVM_IRQ_LINE_STATUS). */
    private int setIrq(int source, int gsi, boolean level, boolean asked) {
        Trace t = trace();
        if (t != null) t.kvmSetIrq(vm, gsi, level ? 1 : 0, source);
        int taken = -1;
        for (Route r : routes.get().routes()) {
            if (r.gsi() != gsi) continue;
            int one = switch (r.type()) {
                case IrqRouting.IRQCHIP -> pin(source, r, level, asked);
                case IrqRouting.MSI -> msi(r, level);
                default -> level ? synic(r) : -1;
            };
            if (one >= 0) taken = Math.max(taken, 0) + one;
        }
        return taken;
    }

    /** __kvm_irq_line_state: a line is up while any source holds it. */
    private int pin(int source, Route r, boolean level, boolean asked) {
        if (!vm.picInKernel()) return -1;
        int line = r.chip() * 8 + r.pin();
        if (level) lines.or(line, 1L << source);
        else lines.and(line, ~(1L << source));
        boolean up = lines.get(line) != 0;
        return r.chip() == IOAPIC ? ioapic.setIrq(r.pin(), up, asked) : pic.setIrq(line, up);
    }

    private int msi(Route r, boolean level) {
        return level ? sendMsi(r.address(), r.data()) : -1;
    }

    private int sendMsi(long address, int data) {
        Trace t = trace();
        if (t != null) t.kvmMsiSetIrq(vm, address & 0xffffffffL, data);
        return vm.apicBus().deliver(null, ApicBus.Message.msi(address, data, vm.wideApicIds()));
    }

    /** kvm_notify_acked_irq. */
    void acked(int chip, int pin) {
        int gsi = routes.get().gsi(chip, pin);
        if (gsi == 0) pit.acked();
        if (gsi >= 0) IrqFd.acked(vm, gsi);
    }

    /** kvm_fire_mask_notifiers. */
    void maskChanged(int chip, int pin, boolean masked) {
        if (routes.get().gsi(chip, pin) == 0) pit.maskChanged(masked);
    }

    /** The first vCPU that takes the PIC's interrupts (kvm_apic_accept_pic_intr). */
    @Nullable
    Vcpu picListener() {
        for (Vcpu v : vm.vcpus().get().all()) if (v.lapic().acceptsPic()) return v;
        return null;
    }

    /** pit_do_work: with an LVT0 in NMI mode anywhere the timer's tick is the NMI watchdog's, at all local APICs. */
    void nmiWatchdog() {
        List<Vcpu> all = vm.vcpus().get().all();
        for (Vcpu v : all) {
            if (!v.lapic().watchesByNmi()) continue;
            for (Vcpu w : all) w.lapic().deliverLocal(Lapic.LVT0);
            return;
        }
    }

    void wakePicListener() {
        Vcpu v = picListener();
        if (v != null) v.runLoop().kick(RunState.REQ_EVENT);
    }

    /** kvm_ioapic_send_eoi: a level that the client's IOAPIC holds leaves the guest, ours looks at its pins again. */
    void eoi(Vcpu vcpu, int vector, boolean level, boolean directed) {
        // Without the client's word suppression is offered and has no effect, as it always was.
        boolean suppressed = directed && vm.x2apicApi().test(Capabilities.X2APIC_ENABLE_SUPPRESS_EOI);
        if (vm.picInKernel()) ioapic.eoi(vcpu, vector, level, directed);
        else if (level && !suppressed && clientWaitsFor(vector)) vcpu.runLoop().ioapicEoi(vector);
    }

    /** kvm_scan_ioapic_routes: level-triggered messages among the lines that the client reserved for its IOAPIC. */
    private boolean clientWaitsFor(int vector) {
        long reserved = vm.reservedPins().get();
        for (Route r : routes.get().routes())
            if (r.type() == IrqRouting.MSI && r.gsi() < reserved && (r.data() & 0x80ff) == (0x8000 | vector))
                return true;
        return false;
    }

    /** kvm_hv_set_sint. */
    private int synic(Route r) {
        for (Vcpu v : vm.vcpus().get().all())
            if (v.hyperv().vpIndex() == r.chip()) return v.hyperv().synic().setIrq(r.pin());
        return -1;
    }

    // Ports.

    boolean ownsPort(int port, int size) {
        return vm.picInKernel() && Pic.owns(port, size) || pit.owns(port, size);
    }

    void portWrite(int port, int size, long value) {
        if (Pic.owns(port, size)) pic.write(port, size, (int) value & 0xff);
        else pit.write(port, (int) value & 0xff);
    }

    long portRead(int port, int size) {
        return Pic.owns(port, size) ? pic.read(port, size) : pit.read(port);
    }

    // Ioctls.

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
            if (!vm.chips().takesMsi(b.u64(0))) return Errno.EINVAL;
            // No destination at all is -1, which user space reads as EPERM.
            return vm.chips().sendMsi(b.u64(0), b.u32(8));
        });
        t.vm(
                "KVM_REINJECT_CONTROL",
                io(0x71),
                24,
                "i8254.c",
                (vm, c) -> vm.chips().reinjectControl(c));
        Lapic.rows(t);
    }

    private static final int MSI_VALID_DEVID = 1;

    private long create() {
        if (vm.irqchip().get() != 0) return Errno.EEXIST;
        if (!vm.vcpus().get().all().isEmpty()) return Errno.EINVAL;
        pic.powerUp();
        ioapic.powerUp();
        List<Route> defaults = new ArrayList<>();
        for (int gsi = 0; gsi < Ioapic.PINS; gsi++) {
            if (gsi < 16) defaults.add(Route.chip(gsi, gsi / 8, gsi % 8));
            defaults.add(Route.chip(gsi, IOAPIC, gsi));
        }
        routes.set(new IrqRouting(List.copyOf(defaults)));
        vm.irqchip().set(1);
        return 0;
    }

    private long line(Call call, boolean status) {
        Bytes b = call.in(8);
        if (b == null) return Errno.EFAULT;
        if (!vm.lapicInKernel()) return Errno.ENXIO;
        int r = setIrq(InterruptVm.SOURCE_USER, b.u32(0), b.u32(4) != 0, status);
        return status ? call.out(b.u32(0, r)) : 0;
    }

    private long chip(Call call, boolean store) {
        Bytes b = call.in(CHIP_SIZE);
        if (b == null) return Errno.EFAULT;
        if (!vm.picInKernel()) return Errno.ENXIO;
        int id = b.u32(0);
        if (id < 0 || id > IOAPIC) return Errno.EINVAL;
        for (int i = 0; i < (id == IOAPIC ? IOAPIC_STATE_WORDS : PIC_STATE_WORDS); i++) {
            int at = 8 + i * 8;
            if (store) chips.set(id * CHIP_WORDS + i, b.u64(at));
            else b.u64(at, id == IOAPIC ? ioapic.state(i) : chips.get(id * CHIP_WORDS + i));
        }
        if (!store) return call.out(b);
        if (id == IOAPIC) ioapic.stateSet();
        else pic.stateSet();
        return 0;
    }

    private long createPit() {
        if (pit.isMade()) return Errno.EEXIST;
        if (!vm.picInKernel() && vm.kvm().kernel().has(Patch.X86_PIT_NEEDS_PIC)) return Errno.ENOENT;
        pit.make();
        return 0;
    }

    private long pit(Call call, int size, boolean store) {
        if (store) {
            Bytes b = call.in(size);
            if (b == null) return Errno.EFAULT;
            if (!pit.isMade()) return Errno.ENXIO;
            boolean hpetBefore = pit.hpetLegacy();
            for (int i = 0; i < size / 8; i++) pitState.set(i, b.u64(i * 8));
            pit.stateSet(size == PIT2_SIZE && !hpetBefore && pit.hpetLegacy());
            return 0;
        }
        if (size == PIT_SIZE && call.in(size) == null) return Errno.EFAULT;
        if (!pit.isMade()) return Errno.ENXIO;
        Bytes b = new Bytes(size);
        for (int i = 0; i < size / 8; i++) b.u64(i * 8, pitState.get(i));
        return call.out(b);
    }

    private long reinjectControl(Call call) {
        Bytes b = call.in(32);
        if (b == null) return Errno.EFAULT;
        if (!pit.isMade()) return Errno.ENXIO;
        pit.reinject(b.u8(0) != 0);
        return 0;
    }

    private long setRoutes(Call call) {
        if (call.in(8) == null) return Errno.EFAULT;
        if (!vm.lapicInKernel()) return Errno.EINVAL;
        long[] error = new long[1];
        IrqRouting next = IrqRouting.read(call, this::takes, error);
        if (next == null) return error[0];
        routes.set(next);
        return 0;
    }

    /** kvm_msi_route_invalid: with IDs of 32 bits the upper half of an address has nothing but bits 8 to 31 of one. */
    private boolean takesMsi(long address) {
        return !vm.wideApicIds() || (address >>> 32 & 0xff) == 0;
    }

    /** kvm_set_routing_entry. */
    private boolean takes(Route r) {
        return switch (r.type()) {
            case IrqRouting.IRQCHIP ->
                vm.picInKernel()
                        && r.chip() >= 0
                        && r.chip() <= IOAPIC
                        && r.pin() >= 0
                        && r.pin() < (r.chip() == IOAPIC ? Ioapic.PINS : 8);
            case IrqRouting.MSI -> takesMsi(r.address());
            case IrqRouting.HV_SINT -> vm.kvm().config("hyperv");
            default -> false;
        };
    }
}
