package dev.worldswitch.machine;

/**
 * What a debugger of guests asks of one virtual CPU's instruction loop. Breakpoints live here: guest memory never shows
 * them. A guest that nobody debugs has no port, and its loop never asks.
 */
public interface DebugPort {
    /** Changes with the breakpoints and watchpoints: what was decoded or translated before is wrong then. */
    int generation();

    /** A breakpoint is at this virtual address: no block of instructions goes on past it. */
    boolean breaksAt(long pc);

    /** Asked before the guest goes on at {@code pc}: true to leave it there. */
    boolean stopsBefore(long pc);

    /** Instructions are executed one at a time, each asked for, and no interrupt comes between. */
    boolean oneByOne();

    /** Each instruction is asked for. */
    default boolean asksEach() {
        return oneByOne() || watches();
    }

    /** There is nothing to ask but at entries: the guest may be translated. Changes with {@link #generation} only. */
    default boolean idle() {
        return false;
    }

    /** There are watchpoints: accesses to memory are told. */
    boolean watches();

    /** The instruction under way accesses memory. */
    void touches(long address, int size, boolean write);
}
