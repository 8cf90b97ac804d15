package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.VcpuList;
import java.util.HashMap;
import java.util.Map;

/**
 * struct kvm_apic_map: which vCPU answers to which APIC ID, as calculated when a local APIC last changed. Interrupts are
 * delivered by it and not by the registers, so a vCPU that is not in it yet gets none.
 *
 * @param usable false when two vCPUs share a physical ID: then each APIC is asked
 * @param mode how logical destinations read
 * @param physical vCPU id by physical APIC ID
 * @param logical vCPU id by cluster * 16 + member; flat destinations are cluster 0
 */
record ApicMap(boolean usable, long maxId, Mode mode, Map<Long, Integer> physical, Map<Integer, Integer> logical) {
    /** KVM_APIC_MODE_*: no APIC enabled by software yet, one common mode, or a mixture that can't be mapped. */
    enum Mode {
        SW_DISABLED,
        X2APIC,
        FLAT,
        CLUSTER,
        MAP_DISABLED
    }

    static final ApicMap NONE = new ApicMap(false, 0, Mode.SW_DISABLED, Map.of(), Map.of());
    private static final long XAPIC_IDS = 255;

    /** kvm_recalculate_apic_map. */
    static ApicMap of(VcpuList<Vcpu> vcpus, boolean tracksModes) {
        long max = XAPIC_IDS;
        for (Vcpu v : vcpus.all()) if (v.lapic().present()) max = Math.max(max, v.id());
        Map<Long, Integer> physical = new HashMap<>();
        Map<Integer, Integer> logical = new HashMap<>();
        Mode mode = Mode.SW_DISABLED;
        for (Vcpu v : vcpus.all()) {
            Lapic apic = v.lapic();
            if (!apic.present()) continue;
            if (physical.putIfAbsent(apic.apicId(), v.id()) != null && tracksModes) return NONE;
            mode = logical(apic, v.id(), mode, logical, tracksModes);
        }
        if (mode == Mode.SW_DISABLED && !tracksModes) mode = Mode.MAP_DISABLED;
        return new ApicMap(true, max, mode, Map.copyOf(physical), Map.copyOf(logical));
    }

    /** kvm_recalculate_logical_map. */
    private static Mode logical(Lapic apic, int id, Mode mode, Map<Integer, Integer> logical, boolean tracksModes) {
        long ldr = apic.ldr();
        if (mode == Mode.MAP_DISABLED || !apic.softwareEnabled() || ldr == 0) return mode;
        Mode own = apic.x2apic() ? Mode.X2APIC : apic.flat() ? Mode.FLAT : Mode.CLUSTER;
        if (mode != Mode.SW_DISABLED && mode != own) return Mode.MAP_DISABLED;
        if (own == Mode.X2APIC) return own;
        long address = ldr >>> 24, members = own == Mode.FLAT ? address : address & 15;
        int cluster = own == Mode.FLAT ? 0 : (int) (address >>> 4) * 16;
        if (members == 0) return own;
        if (!tracksModes) {
            logical.put(cluster + Long.numberOfTrailingZeros(members), id);
            return own;
        }
        boolean one = (members & members - 1) == 0;
        if (!one || logical.putIfAbsent(cluster + Long.numberOfTrailingZeros(members), id) != null)
            return Mode.MAP_DISABLED;
        return own;
    }

    /** First member number and members of a logical destination, as vCPU ids in the order of their bits; -1 for nobody. */
    int[] destinations(long destination) {
        return switch (mode) {
            case SW_DISABLED, MAP_DISABLED -> new int[0];
            case X2APIC -> {
                long first = (destination >>> 16 & 0xffff) * 16;
                int room = (int) Math.max(0, Math.min(maxId - first + 1, 16));
                int[] of = members(destination & (room == 0 ? 0 : 0xffff >> 16 - room));
                for (int i = 0; i < of.length; i++) of[i] = physical.getOrDefault(first + of[i], -1);
                yield of;
            }
            case FLAT -> named(members(destination & 0xff), 0);
            case CLUSTER -> named(members(destination & 15), (int) (destination >>> 4 & 15) * 16);
        };
    }

    private int[] named(int[] members, int cluster) {
        for (int i = 0; i < members.length; i++) members[i] = logical.getOrDefault(cluster + members[i], -1);
        return members;
    }

    private static int[] members(long mask) {
        int[] bits = new int[Long.bitCount(mask)];
        for (int i = 0; i < bits.length; i++, mask &= mask - 1) bits[i] = Long.numberOfTrailingZeros(mask);
        return bits;
    }
}
