package dev.worldswitch.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What the file of a client says about itself (ELF-64, gABI chapters 4 and 5). */
record ClientProgram(Path file, Kind kind) {
    enum Kind {
        /** Not ELF: a script, whose interpreter loads the shim. */
        OTHER,
        DYNAMIC,
        /** No PT_INTERP: nothing can be preloaded. */
        STATIC,
        ARM64
    }

    private static final int PT_INTERP = 3, EM_AARCH64 = 183, ELFCLASS64 = 2;

    /** Finds the program as execvp(3) does; null when there is none. */
    static @Nullable ClientProgram find(String command) throws IOException {
        if (command.contains("/")) return Files.isRegularFile(Path.of(command)) ? of(Path.of(command)) : null;
        String path = System.getenv("PATH");
        for (String d : (path == null ? "/usr/bin:/bin" : path).split(":")) {
            Path p = Path.of(d.isEmpty() ? "." : d, command);
            if (Files.isRegularFile(p) && Files.isExecutable(p)) return of(p);
        }
        return null;
    }

    private static ClientProgram of(Path p) throws IOException {
        try (FileChannel f = FileChannel.open(p)) {
            ByteBuffer b = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
            f.read(b);
            b.flip();
            if (b.limit() < 64 || b.getInt(0) != 0x464c457f || b.get(4) != ELFCLASS64)
                return new ClientProgram(p, Kind.OTHER);
            if (b.getShort(18) == EM_AARCH64) return new ClientProgram(p, Kind.ARM64);
            long at = b.getLong(32);
            int size = b.getShort(54), n = b.getShort(56);
            for (int i = 0; i < n; i++) {
                long h = at + (long) i * size;
                if (h + 4 <= b.limit() && b.getInt((int) h) == PT_INTERP) return new ClientProgram(p, Kind.DYNAMIC);
            }
            return new ClientProgram(p, Kind.STATIC);
        } catch (java.nio.file.AccessDeniedException e) {
            return new ClientProgram(p, Kind.OTHER);
        }
    }
}
