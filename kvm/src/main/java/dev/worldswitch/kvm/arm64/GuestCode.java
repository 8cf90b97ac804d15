package dev.worldswitch.kvm.arm64;

import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Exit;

/** Executes a guest on a CPU whose registers are the guest's, until it leaves EL1 and EL0: instructions, or a script. */
@FunctionalInterface
public interface GuestCode {
    Arm64Exit run(Arm64Cpu cpu);
}
