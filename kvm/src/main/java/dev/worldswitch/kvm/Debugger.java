package dev.worldswitch.kvm;

/** Who debugs the guests of a host. */
public interface Debugger {
    /** A vCPU was made; what its run loop and its instruction loop ask from then on. */
    VcpuPort attach(DebuggedVcpu vcpu);
}
