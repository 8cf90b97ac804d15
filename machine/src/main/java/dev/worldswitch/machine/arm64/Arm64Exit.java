package dev.worldswitch.machine.arm64;

/**
 * Why guest execution ended; reused from exit to exit. Registers are in the CPU, PC at the preferred return address. After
 * {@link #SYNC} the syndrome is in ESR_EL2, FAR_EL2 and HPFAR_EL2 of the CPU.
 */
public final class Arm64Exit {
    /** A line is pending on the physical CPU; between instructions. */
    public static final int INTERRUPT = 1;
    /** A synchronous exception to EL2. */
    public static final int SYNC = 2;
    /** An SError to EL2. */
    public static final int SERROR = 3;
    /** Memory behind a slot is not accessible: KVM_RUN answers EFAULT. {@link #ipa}. */
    public static final int FAULT = 4;
    /** An instruction this machine lacks: {@link #instruction}. */
    public static final int UNIMPLEMENTED = 5;

    public static final String[] NAMES = {"none", "IRQ", "TRAP", "SError", "fault", "unimplemented"};

    public int kind;
    public int instruction;
    public long ipa;

    /** One number of all that it says. */
    public long live() {
        return kind + 31L * instruction + 961 * ipa;
    }

    public String name() {
        return NAMES[kind];
    }
}
