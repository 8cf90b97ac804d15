package dev.worldswitch.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What the file of a client says about itself (ELF-64, gABI chapters 4 and 5). */
record ClientProgram(
        Path file, Kind kind, Machine machine, @Nullable String interpreter) {
    enum Kind {
        /** Not ELF: a script, whose interpreter loads the shim. */
        OTHER,
        DYNAMIC,
        /** No PT_INTERP: nothing can be preloaded. */
        STATIC
    }

    /** What it was compiled for. */
    enum Machine {
        HOST,
        X86_64,
        ARM64
    }

    private static final int PT_INTERP = 3, EM_AARCH64 = 183, EM_X86_64 = 62, ELFCLASS64 = 2;

    /** Finds the program as execvp(3) does; null when there is none. */
    static @Nullable ClientProgram find(String command) throws IOException {
        if (command.contains("/")) return Files.isRegularFile(Path.of(command)) ? of(Path.of(command)) : null;
        Path found = onPath(command);
        return found == null ? null : of(found);
    }

    /** The file that the shell would run for this command. */
    static @Nullable Path onPath(String command) {
        String path = System.getenv("PATH");
        for (String d : (path == null ? "/usr/bin:/bin" : path).split(":")) {
            Path p = Path.of(d.isEmpty() ? "." : d, command);
            if (Files.isRegularFile(p) && Files.isExecutable(p)) return p;
        }
        return null;
    }

    private static ClientProgram of(Path p) throws IOException {
        try (FileChannel f = FileChannel.open(p)) {
            ByteBuffer b = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
            f.read(b);
            b.flip();
            if (b.limit() < 64 || b.getInt(0) != 0x464c457f || b.get(4) != ELFCLASS64) return other(p);
            Machine machine = switch (b.getShort(18)) {
                case EM_AARCH64 -> Machine.ARM64;
                case EM_X86_64 -> Machine.X86_64;
                default -> Machine.HOST;
            };
            long at = b.getLong(32);
            int size = b.getShort(54), n = b.getShort(56);
            for (int i = 0; i < n; i++) {
                int h = (int) at + i * size;
                if (h + 40 > b.limit() || b.getInt(h) != PT_INTERP) continue;
                return new ClientProgram(p, Kind.DYNAMIC, machine, text(b, (int) b.getLong(h + 8)));
            }
            return new ClientProgram(p, Kind.STATIC, machine, null);
        } catch (java.nio.file.AccessDeniedException e) {
            return other(p);
        }
    }

    private static String text(ByteBuffer b, int at) {
        StringBuilder s = new StringBuilder();
        for (int i = at; i < b.limit() && b.get(i) != 0; i++) s.append((char) b.get(i));
        return s.toString();
    }

    private static ClientProgram other(Path p) {
        return new ClientProgram(p, Kind.OTHER, Machine.HOST, null);
    }

    /** Is it for another architecture than this computer's? */
    boolean isForeign() {
        Machine here = System.getProperty("os.arch").equals("aarch64") ? Machine.ARM64 : Machine.X86_64;
        return machine != Machine.HOST && machine != here;
    }
}
