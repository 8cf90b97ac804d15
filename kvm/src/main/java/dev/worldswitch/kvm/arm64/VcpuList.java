package dev.worldswitch.kvm.arm64;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The vCPUs of a VM in the order of their creation: one immutable record, swapped whole. */
public record VcpuList(List<Vcpu> all) {
    public @Nullable Vcpu find(int id) {
        for (Vcpu v : all) if (v.id() == id) return v;
        return null;
    }

    VcpuList minus(Vcpu v) {
        return new VcpuList(all.stream().filter(o -> o != v).toList());
    }

    VcpuList plus(Vcpu v) {
        return new VcpuList(Stream.concat(all.stream(), Stream.of(v)).toList());
    }
}
