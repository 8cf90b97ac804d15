package dev.worldswitch.machine.arm64;

/** Leaves an operation before it changed anything; one object each, without a stack trace, so throwing is cheap. */
final class Stop extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** A synchronous exception, described in the interpreter's exception fields. */
    static final Stop EXCEPTION = new Stop();
    /** Guest execution ends with the filled {@link Arm64Exit}; PC stays at the instruction. */
    static final Stop EXIT = new Stop();

    private Stop() {
        super(null, null, false, false);
    }
}
