package dev.worldswitch.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * How a client is started with the shim in it: preloaded; by the loader that traps system calls, for static programs and
 * where that is asked for; or, for an arm64 program on another computer, by qemu-user's emulator with the arm64 form of the
 * shim.
 */
record ClientCommand(List<String> words, Map<String, String> environment) {
    /** Debian's libc6-arm64-cross puts the loader and libc there. */
    private static final Path ARM64_ROOT = Path.of("/usr/aarch64-linux-gnu");

    private static final String SOCKET = "WORLDSWITCH_SOCKET", PRELOAD = "LD_PRELOAD", LD_PREFIX = "QEMU_LD_PREFIX";
    /** qemu-user's own name for assignments that its program sees. */
    private static final String SET_ENV = "QEMU_SET_ENV";

    /** @throws IllegalArgumentException saying what is missing and how to get it */
    static ClientCommand of(ClientProgram program, List<String> client, boolean trap, Path build, Path socket) {
        boolean linked = program.kind() == ClientProgram.Kind.STATIC;
        if (program.isForeign()) {
            if (linked || trap)
                System.err.println("ws: system calls of arm64 programs can't be trapped: " + program.file()
                        + (linked
                                ? " is statically linked and sees the real kernel"
                                : " is caught by preloading only"));
            return emulated(program, client, build, socket);
        }
        if (linked || trap) return trapped(program, client, build, socket);
        Path shim = built(build, "libworldswitch.so", "build it with ./ws doctor");
        String other = System.getenv(PRELOAD);
        String preload = other == null || other.isEmpty() ? shim.toString() : shim + ":" + other;
        return new ClientCommand(client, Map.of(PRELOAD, preload, SOCKET, socket.toString()));
    }

    private static ClientCommand trapped(ClientProgram program, List<String> client, Path build, Path socket) {
        if (!System.getProperty("os.arch").equals("amd64"))
            throw new IllegalArgumentException(program.file()
                    + ": system calls can be trapped on x86-64 only; static programs can't be caught here");
        Path loader = built(build, "ws-trap", "build it with ./ws doctor");
        List<String> words = new ArrayList<>(List.of(loader.toString(), "0", socket.toString()));
        words.add(program.file().toString());
        words.addAll(client);
        return new ClientCommand(words, Map.of(SOCKET, socket.toString()));
    }

    private static ClientCommand emulated(ClientProgram program, List<String> client, Path build, Path socket) {
        if (program.machine() != ClientProgram.Machine.ARM64)
            throw new IllegalArgumentException(
                    program.file() + " is an x86-64 program; this computer can't run it (arm64)");
        Path qemu = ClientProgram.onPath("qemu-aarch64");
        if (qemu == null) qemu = ClientProgram.onPath("qemu-aarch64-static");
        if (qemu == null) throw missing(program, "qemu-aarch64", "sudo apt-get install -y qemu-user");
        Path shim = built(
                build,
                "libworldswitch-arm64.so",
                "sudo apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross, then build again: touch shim");
        List<String> words = new ArrayList<>(List.of(qemu.toString()));
        // qemu-user's own name for the same: the directory with the client's libraries.
        String given = System.getenv(LD_PREFIX);
        Path root = given == null || given.isEmpty() ? ARM64_ROOT : Path.of(given);
        String interpreter = program.interpreter();
        if (interpreter != null && (root != ARM64_ROOT || !Files.exists(Path.of(interpreter)))) {
            if (!Files.exists(root.resolve(interpreter.substring(1))))
                throw missing(
                        program,
                        root.resolve(interpreter.substring(1)).toString(),
                        root == ARM64_ROOT
                                ? "sudo apt-get install -y libc6-arm64-cross"
                                : LD_PREFIX + " names a directory without it");
            words.addAll(List.of("-L", root.toString()));
        }
        words.addAll(List.of(
                "-E", PRELOAD + "=" + shim + emulatedPreloads(), "-E", SOCKET + "=" + socket, "-0", client.getFirst()));
        words.add(program.file().toString());
        words.addAll(client.subList(1, client.size()));
        System.err.println(
                "ws: " + program.file() + " is an arm64 program: started under " + qemu.getFileName() + " (qemu-user)");
        return new ClientCommand(words, Map.of());
    }

    /** Other libraries for an arm64 client: LD_PRELOAD itself would be for this computer's programs. */
    private static String emulatedPreloads() {
        for (String assignment : System.getenv().getOrDefault(SET_ENV, "").split(","))
            if (assignment.startsWith(PRELOAD + "=")) return ":" + assignment.substring(PRELOAD.length() + 1);
        return "";
    }

    private static Path built(Path build, String name, String how) {
        Path p = build.resolve(name).toAbsolutePath();
        if (!Files.exists(p)) throw new IllegalArgumentException("the shim is missing: " + p + "; " + how);
        return p;
    }

    private static IllegalArgumentException missing(ClientProgram program, String what, String how) {
        return new IllegalArgumentException(
                program.file() + " is an arm64 program and " + what + " is missing: " + how);
    }
}
