package dev.worldswitch.machine.x86;

/**
 * Memory-mapped accesses of one guest instruction. A read that is not answered yet ends the instruction with
 * {@link X86Exit#MMIO_READ}; it runs again after {@link #answer} and finds its earlier reads here, in order. Writes are
 * queued, the instruction completes, and the hypervisor hands them out one piece at a time. Pieces are at most 8 bytes
 * and never cross a page.
 */
public final class MmioQueue {
    private static final int LIMIT = 600;
    private final long[] readData = new long[LIMIT];
    private final long[] writeGpa = new long[LIMIT];
    private final long[] writeData = new long[LIMIT];
    private final int[] writeSize = new int[LIMIT];
    private int reads, nextRead, writes, nextWrite;

    /** The instruction starts (again): its reads are answered from the first on, its queued writes forgotten. */
    public void restart() {
        nextRead = 0;
        writes = 0;
        nextWrite = 0;
    }

    /** Continues on another CPU what began on the one of {@code other}. */
    public void takeOver(MmioQueue other) {
        System.arraycopy(other.readData, 0, readData, 0, other.reads);
        System.arraycopy(other.writeGpa, 0, writeGpa, 0, other.writes);
        System.arraycopy(other.writeData, 0, writeData, 0, other.writes);
        System.arraycopy(other.writeSize, 0, writeSize, 0, other.writes);
        reads = other.reads;
        nextRead = other.nextRead;
        writes = other.writes;
        nextWrite = other.nextWrite;
    }

    /** The instruction completed: forget its reads. */
    public void completed() {
        reads = 0;
        nextRead = 0;
    }

    public boolean hasRead() {
        return nextRead < reads;
    }

    public long takeRead() {
        return readData[nextRead++];
    }

    /** Adds the answer to the read that ended the instruction. */
    public void answer(long data) {
        readData[reads++] = data;
    }

    /** Number of reads answered for the instruction under way. */
    public int answered() {
        return reads;
    }

    public void write(long gpa, int size, long data) {
        writeGpa[writes] = gpa;
        writeSize[writes] = size;
        writeData[writes++] = data;
    }

    public boolean hasWrite() {
        return nextWrite < writes;
    }

    public long gpa() {
        return writeGpa[nextWrite];
    }

    public int size() {
        return writeSize[nextWrite];
    }

    public long data() {
        return writeData[nextWrite];
    }

    public void nextWrite() {
        nextWrite++;
    }
}
