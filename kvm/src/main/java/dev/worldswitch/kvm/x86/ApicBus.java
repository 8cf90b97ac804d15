package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Interrupt messages between the local APICs of a VM, and to them (kvm_irq_delivery_to_apic). */
final class ApicBus {
    /** Delivery modes of the ICR and of message-signalled interrupts (SDM vol. 3, 11.6.1 and 11.11.2). */
    static final int FIXED = 0, LOWEST = 1, SMI = 2, NMI = 4, INIT = 5, SIPI = 6;

    private static final int NO_SHORTHAND = 0, SELF = 1, ALL = 2, ALL_BUT_SELF = 3;
    private static final long BROADCAST = 0xff, X2APIC_BROADCAST = 0xffffffffL;

    /** struct kvm_lapic_irq. */
    record Message(
            int vector,
            int mode,
            boolean logical,
            int shorthand,
            long destination,
            boolean level,
            boolean levelTriggered,
            boolean redirectHint) {
        /** From the interrupt command register. */
        static Message icr(long icr, long destination) {
            return new Message(
                    (int) icr & 0xff,
                    (int) icr >> 8 & 7,
                    (icr & 0x800) != 0,
                    (int) icr >> 18 & 3,
                    destination,
                    (icr & 0x4000) != 0,
                    (icr & 0x8000) != 0,
                    false);
        }

        /** kvm_set_msi_irq. */
        static Message msi(long address, int data, boolean wideIds) {
            int addressLow = (int) address;
            long above = wideIds ? address >>> 32 & 0xffffff00L : 0;
            return new Message(
                    data & 0xff,
                    data >> 8 & 7,
                    (addressLow & 4) != 0,
                    NO_SHORTHAND,
                    above | addressLow >>> 12 & 0xff,
                    true,
                    (data & 0x8000) != 0,
                    (addressLow & 8) != 0);
        }

        /** From an entry of the local vector table, for that APIC itself. */
        static Message local(long lvt) {
            return new Message((int) lvt & 0xff, (int) lvt >> 8 & 7, false, SELF, 0, true, (lvt & 0x8000) != 0, false);
        }

        boolean lowestPriority() {
            return mode == LOWEST || redirectHint;
        }
    }

    private final Vm vm;
    private final Ref<ApicMap> map;
    private final Word dirty;
    private final Mutex lock;

    ApicBus(Region r, Vm vm) {
        this.vm = vm;
        this.map = r.ref("map", ApicMap.NONE);
        this.dirty = r.word("mapDirty");
        this.lock = new Mutex(r, "mapLock");
    }

    /** Something of a local APIC changed that the map depends on. */
    void changed() {
        if (vm.lapicInKernel()) dirty.release(1);
    }

    /** kvm_recalculate_apic_map. */
    void recalculate() {
        if (dirty.acquire() == 0) return;
        lock.lock();
        // Cleared before the registers are read: a change during the calculation makes it dirty again.
        dirty.set(0);
        map.set(ApicMap.of(vm.vcpus().get(), vm.kvm().kernel().has(Patch.X86_APIC_MAP_MODES)));
        lock.unlock();
    }

    /** How many local APICs took the message; -1 when there was no destination at all. */
    int deliver(@Nullable Lapic source, Message m) {
        if (m.shorthand == SELF && source != null) return source.accept(m) ? 1 : 0;
        ApicMap now = map.get();
        boolean x2apicIpi = source != null && source.x2apic();
        boolean broadcast = vm.broadcastByMode()
                ? m.destination == X2APIC_BROADCAST || m.destination == BROADCAST && now.mode() != ApicMap.Mode.X2APIC
                : m.destination == (x2apicIpi ? X2APIC_BROADCAST : BROADCAST);
        if (m.shorthand == NO_SHORTHAND && now.usable() && !broadcast) {
            if (!m.logical) return acceptedBy(now.physical().getOrDefault(m.destination, -1), m);
            if (now.mode() != ApicMap.Mode.MAP_DISABLED) return toLogical(now.destinations(m.destination), m);
        }
        return ask(source, m);
    }

    private int toLogical(int[] to, Message m) {
        if (m.lowestPriority()) return to.length == 0 ? 0 : acceptedBy(to[hashed(m, to.length)], m);
        int taken = 0;
        for (int id : to) taken += acceptedBy(id, m);
        return taken;
    }

    /** kvm_vector_to_index: vector hashing chooses among the destinations of a lowest-priority interrupt. */
    private static int hashed(Message m, int destinations) {
        return m.vector % destinations;
    }

    private int acceptedBy(int id, Message m) {
        Vcpu v = id < 0 ? null : vm.vcpus().get().find(id);
        return v != null && v.lapic().accept(m) ? 1 : 0;
    }

    /** Without the map each present local APIC decides whether it is meant. */
    private int ask(@Nullable Lapic source, Message m) {
        int taken = -1;
        List<Lapic> lowest = new ArrayList<>();
        boolean wide = source != null && source.x2apic();
        for (Vcpu v : vm.vcpus().get().all()) {
            Lapic to = v.lapic();
            if (!to.present() || !chosen(source, to, m, wide)) continue;
            if (m.lowestPriority()) {
                if (to.softwareEnabled()) lowest.add(to);
            } else {
                taken = Math.max(taken, 0) + (to.accept(m) ? 1 : 0);
            }
        }
        if (!lowest.isEmpty()) taken = lowest.get(hashed(m, lowest.size())).accept(m) ? 1 : 0;
        return taken;
    }

    private static boolean chosen(@Nullable Lapic source, Lapic to, Message m, boolean wide) {
        return switch (m.shorthand) {
            case SELF -> to == source;
            case ALL -> true;
            case ALL_BUT_SELF -> to != source;
            default -> to.matches(m.destination, m.logical, wide);
        };
    }
}
