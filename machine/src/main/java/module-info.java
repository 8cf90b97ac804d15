/** The simulated computer: physical CPUs with their registers and instructions, memory, interrupt lines, clock. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.machine {
    requires static transitive org.jspecify;

    exports dev.worldswitch.machine;
    exports dev.worldswitch.machine.arm64;
    exports dev.worldswitch.machine.cell;
    exports dev.worldswitch.machine.x86;
}
