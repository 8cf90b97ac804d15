package dev.worldswitch.kvm;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A vCPU as a debugger sees it. Its registers are asked for only while nothing changes them. */
public interface DebuggedVcpu {
    /** For people: which VM, which vCPU. */
    String name();

    /** As target descriptions name architectures. */
    String architecture();

    /** All registers, in the order in which they are numbered. */
    List<DebugRegister> registers();

    /** XML of the types that a feature's registers have beside the predefined ones. */
    String types(String feature);

    /** Address of the next instruction, as breakpoints name it. */
    long pc();

    /** Where a virtual address is in guest-physical memory by the vCPU's own tables, or -1. */
    long translate(long va);

    GuestMemory memory();

    /** Makes it leave its guest, or look again at what it waits for. */
    void kick();

    /** Reads {@code n} bytes; null where some are not there. */
    default byte @Nullable [] read(long address, int n, boolean physical) {
        byte[] all = new byte[n];
        for (int done = 0; done < n; ) {
            long at = address + done;
            int part = (int) Math.min(n - done, Mm.PAGE_SIZE - (at & Mm.PAGE_SIZE - 1));
            long gpa = physical ? at : translate(at);
            if (gpa == -1 || !memory().peek(gpa, all, done, part)) return null;
            done += part;
        }
        return all;
    }

    /** Writes bytes; false when some can't be written, after what came before them was. */
    default boolean write(long address, byte[] bytes, boolean physical) {
        for (int done = 0; done < bytes.length; ) {
            long at = address + done;
            int part = (int) Math.min(bytes.length - done, Mm.PAGE_SIZE - (at & Mm.PAGE_SIZE - 1));
            long gpa = physical ? at : translate(at);
            if (gpa == -1 || !memory().poke(gpa, bytes, done, part)) return false;
            done += part;
        }
        return true;
    }
}
