package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Exit;

/** The way into the guest and back, on the task's physical CPU. */
final class GuestSwitch {
    private final Vcpu vcpu;

    GuestSwitch(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    void load(Task task) {}

    void put(Task task) {}

    void adjustPc(Vcpu v) {
        PcAdjust.adjustPc(v);
    }

    /** __kvm_vcpu_run: interrupts are off; the exit's syndrome is in {@link Vcpu#fault}. */
    Arm64Exit kvmVcpuRun(Task task) {
        PcAdjust.adjustPc(vcpu);
        Arm64Cpu cpu = (Arm64Cpu) task.cpu();
        throw new UnsupportedOperationException("guest execution on " + cpu.region() + ": the A64 interpreter is missing");
    }
}
