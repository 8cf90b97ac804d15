package dev.worldswitch.explore.x86;

import dev.worldswitch.kvm.x86.Trace;
import dev.worldswitch.kvm.x86.Vcpu;
import java.util.Map;
import java.util.function.Consumer;

/** What a guest does, in a few words for a timeline, from KVM's own tracepoints. */
record GuestWords(Consumer<String> listener) implements Trace {
    private static final Map<Integer, String> MSRS = Map.of(0x1c4, "IA32_XFD", 0x1c5, "IA32_XFD_ERR");

    @Override
    public void kvmEntry(Vcpu vcpu, long rip, boolean immediateExit) {
        listener.accept("is entered at 0x" + Long.toHexString(rip));
    }

    @Override
    public void kvmExit(Vcpu vcpu, String reason, long rip, long[] fields) {
        listener.accept("exits: " + reason);
    }

    @Override
    public void kvmMsr(Vcpu vcpu, boolean write, int index, long value, boolean fault) {
        String name = MSRS.getOrDefault(index, "MSR 0x" + Integer.toHexString(index));
        listener.accept((write ? "has written " : "has read ") + name + " = 0x" + Long.toHexString(value)
                + (fault ? ", which is refused" : ""));
    }

    @Override
    public void kvmInjException(Vcpu vcpu, int vector, boolean hasErrorCode, int errorCode, boolean reinjected) {
        listener.accept("gets exception " + vector);
    }

    @Override
    public String toString() {
        return "timeline";
    }
}
