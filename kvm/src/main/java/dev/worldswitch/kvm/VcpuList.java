package dev.worldswitch.kvm;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The vCPUs of a VM in the order of their creation: one immutable record, swapped whole. */
public record VcpuList<V extends AbstractVcpu>(List<V> all) {
    public @Nullable V find(int id) {
        for (V v : all) if (v.id() == id) return v;
        return null;
    }

    VcpuList<V> minus(AbstractVcpu v) {
        return new VcpuList<>(all.stream().filter(o -> o != v).toList());
    }

    public VcpuList<V> plus(V v) {
        return new VcpuList<>(Stream.concat(all.stream(), Stream.of(v)).toList());
    }
}
