package dev.worldswitch.server;

import dev.worldswitch.kvm.KvmFile;
import java.util.concurrent.atomic.AtomicInteger;

/** An open file description: alive as long as a client has a descriptor to it or a call on it is under way. */
final class OpenFile {
    private final OrderedLock lock = new OrderedLock("OpenFile");
    private final long handle;
    private final KvmFile file;
    private int peer = -1;
    private final AtomicInteger references = new AtomicInteger(1);
    private final OrderedLock runLock = new OrderedLock("OpenFile.runLock");
    private long position;

    OpenFile(long handle, KvmFile file) {
        this.handle = handle;
        this.file = file;
    }

    /** Before anybody else sees it. */
    void peer(int fd) {
        peer = fd;
    }

    long handle() {
        return handle;
    }

    KvmFile file() {
        return file;
    }

    /** The server's end: it reads end-of-file when the last descriptor of the clients is closed. */
    int peer() {
        return peer;
    }

    /** Held by the thread that is in KVM_RUN of this vCPU. */
    void lockRun() {
        runLock.hold();
    }

    void unlockRun() {
        runLock.close();
    }

    /** False when it is closed already. */
    boolean enter() {
        int n;
        do {
            n = references.get();
            if (n == 0) return false;
        } while (!references.compareAndSet(n, n + 1));
        return true;
    }

    void leave() {
        if (references.decrementAndGet() == 0) file.release();
    }

    /** read(2): continues where the last one ended. */
    long readOn(byte[] into) {
        try (var _ = lock.hold()) {
            long n = file.read(into, position);
            if (n > 0) position += n;
            return n;
        }
    }
}
