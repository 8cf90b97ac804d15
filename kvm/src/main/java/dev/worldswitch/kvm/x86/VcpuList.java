package dev.worldswitch.kvm.x86;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The vCPUs of a VM in the order of their creation; swapped whole. */
public record VcpuList(List<Vcpu> all) {
    @Nullable
    Vcpu find(int id) {
        for (Vcpu v : all) if (v.id() == id) return v;
        return null;
    }

    VcpuList minus(Vcpu v) {
        return new VcpuList(all.stream().filter(o -> o != v).toList());
    }

    VcpuList plus(Vcpu v) {
        List<Vcpu> more = new ArrayList<>(all);
        more.add(v);
        return new VcpuList(List.copyOf(more));
    }
}
