package dev.worldswitch.machine.x86;

/** Leaves an operation before it changed anything; one object each, without a stack trace, so throwing is cheap. */
public final class Signal extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** An exception of the guest, described in the interpreter's fault fields. */
    static final Signal FAULT = new Signal();
    /** Guest execution ends with the filled {@link X86Exit}; RIP stays at the instruction. */
    static final Signal EXIT = new Signal();
    /** The instruction needs the careful path (memory-mapped I/O, a store to code, a data breakpoint): it is run again. */
    static final Signal CAREFUL = new Signal();

    private Signal() {
        super(null, null, false, false);
    }
}
